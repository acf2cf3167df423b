/* A user's groups; see keeper/import_groups.h. */
#include "multidird/keeper/import_groups.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "multidird/keeper/change.h"

/* One that was imported by this login or an earlier one. */
struct imported { const char *name, *external_id; bool member, wanted; };

struct importing {
        struct keeper *keeper;
        size_t directory;
        struct store *store;
        const char *user;
        struct arena arena;
        struct imported *groups;
        size_t count, size;
        bool visible;
};

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

static int join(struct importing *importing, const char *name) {
        importing->visible = true;
        return store_add_member(importing->store, name, importing->user);
}

/* A group of that name that was not imported stays as it is: it is refused as the name is taken. */
static int make(struct importing *importing, const char *external_id, uint32_t gid, const char *name) {
        bool has_ids = keeper_settings(importing->keeper)->directories[importing->directory].ids == IDS_ATTRIBUTE;
        const struct store_group group = { .name = name, .entry_id = external_id, .external_id = external_id, .has_gid = has_ids && gid != 0, .gid = gid };
        const char *why;
        if (change_check_name(importing->keeper, NAME_OF_GROUP, name, &why) != REASON_OK)
                return 0;
        int r = store_add_group(importing->store, &group);
        return r == 0 ? join(importing, name) : r == -EEXIST ? 0 : r;
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

static int take_list(struct importing *importing, const char *groups) {
        char *text = arena_strdup(&importing->arena, groups);
        int r = text ? 0 : -ENOMEM;
        while (r == 0 && *text) {
                char *external_id = next_line(&text), *digits = external_id ? next_line(&text) : NULL, *name = digits ? next_line(&text) : NULL;
                uint32_t gid = 0;
                if (!name || !*external_id || strlen(external_id) > SYNC_ENTRY_ID_MAX || !*name || text_to_u32(digits, UINT32_MAX, &gid) < 0)
                        return -EBADMSG;
                struct imported *known = find(importing, external_id);
                if (known)
                        known->wanted = true;
                r = !known ? make(importing, external_id, gid, name) : known->member ? 0 : join(importing, known->name);
                if (r == -EEXIST) /* twice in the list */
                        r = 0;
        }
        return r;
}

static int leave_others(struct importing *importing) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < importing->count; i++) {
                const struct imported *group = &importing->groups[i];
                if (!group->member || group->wanted)
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
                r = take_list(&importing, profile->groups);
        if (r == 0)
                r = leave_others(&importing);
        *visible = *visible || importing.visible;
        free(importing.groups);
        arena_done(&importing.arena);
        return r;
}
