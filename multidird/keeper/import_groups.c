/* A user's groups; see keeper/import_groups.h. */
#include "multidird/keeper/import_groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/text.h"
#include "multidird/keeper/change.h"

/* One that was imported by this login or an earlier one. */
struct imported { const char *name, *external_id; bool member, wanted, gone; };

/* One that the server says the user is in. */
struct listed {
        const char *external_id, *name;
        uint32_t gid;
        struct imported *known; /* NULL: not imported yet */
        bool refused;           /* nobody joins it */
};

struct importing {
        struct keeper *keeper;
        size_t directory;
        struct store *store;
        const char *user;
        struct arena arena;
        struct imported *groups;
        size_t count, size;
        struct listed *list;
        size_t listed;
        bool visible;
};

static const char *directory_name(const struct importing *importing) {
        return keeper_settings(importing->keeper)->directories[importing->directory].name;
}

static int note(void *userdata, const char *name, const char *external_id, bool member) {
        struct importing *importing = userdata;
        if (importing->count == importing->size) {
                size_t size = importing->size > 0 ? 2 * importing->size : 64;
                struct imported *groups = reallocarray(importing->groups, size, sizeof *groups);
                if (!groups)
                        return -ENOMEM;
                importing->groups = groups;
                importing->size = size;
        }
        struct imported one = { .name = arena_strdup(&importing->arena, name), .external_id = arena_strdup(&importing->arena, external_id), .member = member };
        if (!one.name || !one.external_id)
                return -ENOMEM;
        importing->groups[importing->count++] = one;
        return 0;
}

static struct imported *find(struct importing *importing, const char *external_id) {
        for (size_t i = 0; i < importing->count; i++)
                if (strcmp(importing->groups[i].external_id, external_id) == 0)
                        return &importing->groups[i];
        return NULL;
}

/* NULL: who has the name, if anybody has, was not imported. */
static struct imported *find_holder(struct importing *importing, const char *name) {
        for (size_t i = 0; i < importing->count; i++)
                if (!importing->groups[i].gone && text_same_name(importing->groups[i].name, name))
                        return &importing->groups[i];
        return NULL;
}

/* The next line, ended in place; NULL: there is none. */
static char *next_line(char **text) {
        char *line = *text, *end = strchr(line, '\n');
        if (!end)
                return NULL;
        *end = 0;
        *text = end + 1;
        return line;
}

static int read_list(struct importing *importing, const char *groups) {
        char *text = arena_strdup(&importing->arena, groups);
        size_t lines = 0;
        for (const char *p = groups; *p; p++)
                lines += *p == '\n';
        importing->list = arena_alloc(&importing->arena, (lines / 3 + 1) * sizeof *importing->list);
        if (!text || !importing->list)
                return -ENOMEM;
        while (*text) {
                char *external_id = next_line(&text), *digits = external_id ? next_line(&text) : NULL, *name = digits ? next_line(&text) : NULL;
                uint32_t gid = 0;
                if (!name || !*external_id || strlen(external_id) > SYNC_ENTRY_ID_MAX || !*name || text_to_u32(digits, UINT32_MAX, &gid) < 0)
                        return -EBADMSG;
                importing->list[importing->listed++] = (struct listed){ .external_id = external_id, .name = name, .gid = gid, .known = find(importing, external_id) };
        }
        return 0;
}

static int by_id(const void *a, const void *b) {
        const struct listed *one = a, *other = b;
        return strcmp(one->external_id, other->external_id);
}

static int by_name(const void *a, const void *b) {
        const struct listed *one = a, *other = b;
        return text_compare_names(one->name, other->name);
}

/* Each entry once. -EBADMSG: one has two names. */
static int drop_repeated(struct importing *importing) {
        struct listed *list = importing->list;
        size_t kept = 0;
        qsort(list, importing->listed, sizeof *list, by_id);
        for (size_t i = 0; i < importing->listed; i++) {
                bool again = kept > 0 && by_id(&list[kept - 1], &list[i]) == 0;
                if (again && strcmp(list[kept - 1].name, list[i].name) != 0)
                        return -EBADMSG;
                if (!again)
                        list[kept++] = list[i];
        }
        importing->listed = kept;
        return 0;
}

/* N2: two entries of one name are nobody's group. */
static void refuse_ambiguous(struct importing *importing) {
        struct listed *list = importing->list;
        qsort(list, importing->listed, sizeof *list, by_name);
        for (size_t i = 1; i < importing->listed; i++) {
                if (by_name(&list[i - 1], &list[i]) != 0)
                        continue;
                list[i - 1].refused = list[i].refused = true;
                log_warning("directory %s: groups %s (%s) and %s (%s) of the server have the same name: nobody is in either of them (N2)", directory_name(importing),
                            list[i - 1].name, list[i - 1].external_id, list[i].name, list[i].external_id);
        }
}

/* It is not what its name here says, and has no other: it opens nothing from now on. Those who are in it come back with their next logins, if it has a
 * name by then. */
static int lose(struct importing *importing, struct imported *group) {
        group->gone = importing->visible = true;
        return store_remove_group(importing->store, group->name);
}

/* A name of this host's own is not given up, nor is one taken that could not be published. */
static int refuse(struct importing *importing, struct listed *one, const char *former) {
        one->refused = true;
        if (!one->known)
                return 0;
        log_notice("directory %s: group %s (%s) is called %s at the server, which it cannot be here: it is removed", directory_name(importing), former,
                   one->external_id, one->name);
        return lose(importing, one->known);
}

/* The server gives the name to the entry that is listed, so that another imported one which still has it here is called something else by now, or is gone.
 * True: it has been removed. *r: what became of that. */
static bool take_from_holder(struct importing *importing, const struct listed *one, int *r) {
        struct imported *holder = find_holder(importing, one->name);
        if (!holder)
                return false;
        log_notice("directory %s: group %s (%s) is removed: at the server another entry (%s) has the name", directory_name(importing), holder->name,
                   holder->external_id, one->external_id);
        *r = lose(importing, holder);
        return true;
}

/* The group under the name that it has at the server. -EEXIST: it is taken. */
static int write_name(struct importing *importing, const struct listed *one) {
        bool has_ids = keeper_settings(importing->keeper)->directories[importing->directory].ids == IDS_ATTRIBUTE;
        const struct store_group group = { .name = one->name, .entry_id = one->external_id, .external_id = one->external_id,
                                           .has_gid = has_ids && one->gid != 0, .gid = one->gid };
        int r = one->known ? store_rename_group(importing->store, one->known->name, one->name) : store_add_group(importing->store, &group);
        importing->visible = importing->visible || r == 0;
        return r;
}

static int claim_name(struct importing *importing, struct listed *one, const char *former) {
        int r = write_name(importing, one), removed = 0;
        if (r == -EEXIST && take_from_holder(importing, one, &removed))
                r = removed == 0 ? write_name(importing, one) : removed;
        if (r == -EEXIST) {
                log_notice("directory %s: group %s (%s) of the server is not imported: the group %s of this host keeps the name", directory_name(importing),
                           one->name, one->external_id, one->name);
                return refuse(importing, one, former);
        }
        if (r == 0 && one->known)
                one->known->name = one->name;
        return r;
}

/* Out of the way of each other: two may have exchanged their names. No group has a line break in its name, and none is left with one. */
static int set_aside(struct importing *importing, struct imported *group) {
        size_t size = strlen(group->external_id) + 2;
        char *name = arena_alloc(&importing->arena, size);
        if (!name)
                return -ENOMEM;
        name[0] = '\n';
        memcpy(name + 1, group->external_id, size - 1);
        int r = store_rename_group(importing->store, group->name, name);
        group->name = name;
        return r;
}

static bool may_be_called(const struct importing *importing, const char *name) {
        const char *why;
        return change_check_name(importing->keeper, NAME_OF_GROUP, name, &why) == REASON_OK;
}

/* Every group that is listed has the server's name afterwards, or is refused. */
static int settle_names(struct importing *importing) {
        const char **former = arena_alloc(&importing->arena, (importing->listed + 1) * sizeof *former);
        int r = former ? 0 : -ENOMEM;
        for (size_t i = 0; r == 0 && i < importing->listed; i++) {
                struct listed *one = &importing->list[i];
                former[i] = one->known ? one->known->name : NULL;
                if (one->refused || (one->known && text_same_name(one->known->name, one->name)))
                        continue;
                if (!may_be_called(importing, one->name))
                        r = refuse(importing, one, former[i]);
                else if (one->known)
                        r = set_aside(importing, one->known);
        }
        for (size_t i = 0; r == 0 && i < importing->listed; i++) {
                struct listed *one = &importing->list[i];
                if (one->refused || (one->known && strcmp(one->known->name, one->name) == 0))
                        continue;
                r = claim_name(importing, one, former[i]);
                if (r == 0 && one->known && !one->refused)
                        log_info("directory %s: group %s (%s) is called %s at the server, and here from now on", directory_name(importing), former[i],
                                 one->external_id, one->name);
        }
        return r;
}

static int join(struct importing *importing) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < importing->listed; i++) {
                const struct listed *one = &importing->list[i];
                if (one->refused)
                        continue;
                if (one->known)
                        one->known->wanted = true;
                if (one->known && one->known->member)
                        continue;
                importing->visible = true;
                r = store_add_member(importing->store, one->name, importing->user);
        }
        return r;
}

static int leave_others(struct importing *importing) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < importing->count; i++) {
                const struct imported *group = &importing->groups[i];
                if (!group->member || group->wanted || group->gone)
                        continue;
                importing->visible = true;
                r = store_remove_member(importing->store, group->name, importing->user);
        }
        return r;
}

int import_user_groups(struct keeper *keeper, size_t directory, const char *user, const struct user_profile *profile, bool *visible) {
        struct importing importing = { .keeper = keeper, .directory = directory, .store = keeper->directories[directory].store, .user = user };
        int r = profile->has_groups ? store_imported_groups(importing.store, user, note, &importing) : -EBADMSG;
        if (r == 0)
                r = read_list(&importing, profile->groups);
        if (r == 0)
                r = drop_repeated(&importing);
        if (r == 0) {
                refuse_ambiguous(&importing);
                r = settle_names(&importing);
        }
        if (r == 0)
                r = join(&importing);
        if (r == 0)
                r = leave_others(&importing);
        *visible = *visible || importing.visible;
        free(importing.groups);
        arena_done(&importing.arena);
        return r;
}
