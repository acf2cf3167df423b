/* The compiler's last part: published groups and users with their memberships and texts, into the writer (M2 to M5, M10, M11, N5).
 * Relies on: rules/membership, model/name, view/writer.
 * Must never: list a masked or unpublished user; publish an entry without recording its id. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sbuf.h"
#include "model/name.h"
#include "view/compile_internal.h"

enum { GECOS_SIZE = 1024, PATH_SIZE = 4096 };

/* The user at hand, and the room that each user's texts are made in. */
struct person {
        const struct directory_settings *directory;
        const struct replica *replica;
        const struct replica_user *user;
        struct facts facts;
        struct sbuf keys;
        uint32_t *extra;
        char name[NAME_LENGTH_MAX + 1], gecos[GECOS_SIZE], home[PATH_SIZE], shell[PATH_SIZE];
};

static int group_write(struct compiler *c, uint32_t number, const struct facts *facts) {
        char name[NAME_LENGTH_MAX + 1];
        struct entry *entry = &c->groups.entries[number];
        name_publish(facts->directory->name_case, facts->name, name);
        int r = view_writer_add_group(c->writer, name, entry->id, &entry->out);
        if (r < 0)
                return r;
        c->out_count++;
        return registry_record(c, &c->groups, number, facts);
}

int groups_write(struct compiler *c) {
        uint32_t most = 0;
        int r = 0;
        for (uint32_t place = 0; place < c->host->count; place++) {
                uint32_t count = side_count(&c->groups, place);
                most = count > most ? count : most;
                for (uint32_t i = 0; r == 0 && i < count; i++) {
                        struct facts facts;
                        uint32_t number = c->groups.base[place] + i;
                        if (c->groups.entries[number].state != ENTRY_CLAIMED)
                                continue;
                        facts_of(c, &c->groups, place, i, &facts);
                        r = group_write(c, number, &facts);
                }
        }
        /* A lower directory's group of a published name is that group (M4). */
        for (uint32_t i = 0; i < c->groups.base[c->host->count]; i++)
                c->groups.entries[i].out = c->groups.entries[c->groups.entries[i].owner].out;
        c->found = calloc((size_t)most + 1, sizeof *c->found);
        c->group_list = calloc((size_t)c->out_count + 1, sizeof *c->group_list);
        c->group_stamps = calloc((size_t)c->out_count + 1, sizeof *c->group_stamps);
        return r < 0 ? r : c->found && c->group_list && c->group_stamps ? 0 : -ENOMEM;
}

/* Adds the groups of one copy of the user (M1) to group_list; count: how many there are. Returns how many are then. */
static uint32_t copy_groups(struct compiler *c, uint32_t place, uint32_t index, uint32_t count) {
        size_t direct_count;
        uint32_t directory = c->host->places[place].directory;
        struct prepared *prepared = &c->prepared[directory];
        const uint32_t *direct = direct_of(c, directory, index, &direct_count);
        const struct entry *groups = c->groups.entries + c->groups.base[place];
        if (direct_count == 0)
                return count;
        size_t found = membership_in_directory(prepared->closure, direct, direct_count, prepared->scratch, ++prepared->stamp, c->found);
        for (size_t i = 0; i < found; i++) {
                uint32_t out = groups[c->found[i]].out;
                if (out == NOBODY || c->group_stamps[out] == c->group_stamp)
                        continue;
                c->group_stamps[out] = c->group_stamp;
                c->group_list[count++] = out;
        }
        return count;
}

/* M2, M3: the published groups of a user, into group_list. */
static uint32_t user_groups(struct compiler *c, uint32_t owner_place, uint32_t index, const char *name) {
        uint32_t count = 0;
        c->group_stamp++;
        for (uint32_t place = owner_place; place < c->host->count; place++) {
                if (!membership_counts(c->host_application->membership, owner_place, place))
                        break;
                uint32_t copy = place == owner_place ? index : replica_find_user(place_replica(c, place), name);
                if (copy != REPLICA_NONE)
                        count = copy_groups(c, place, copy, count);
        }
        return count;
}

/* N4, M11: the local groups that the user's membership in the owner directory gives, into extra. */
static uint32_t local_gids(const struct compiler *c, uint32_t directory, uint32_t index, uint32_t *extra) {
        uint32_t count = 0;
        size_t direct_count;
        const uint32_t *direct = direct_of(c, directory, index, &direct_count);
        for (size_t g = 0; g < c->grant_count; g++) {
                bool in = false;
                for (size_t i = 0; c->grants[g].directory == directory && !in && i < direct_count; i++)
                        in = c->grants[g].reaches[direct[i]];
                if (in)
                        extra[count++] = c->grants[g].gid;
        }
        return count;
}

/* N5: a home or shell, the entry's own if it is fit, else the directory's default, which `masked` then says. last: what stays when the
 * default itself is unfit for this user. */
static int person_path(struct compiler *c, struct person *person, const char *own, const char *template, const char *what, const char *last,
                       char out[PATH_SIZE]) {
        if (own[0] && path_is_publishable(own)) {
                memcpy(out, own, strlen(own) + 1);
                return 0;
        }
        if (path_expand(template, person->name, person->directory->name, out, PATH_SIZE) < 0 || !path_is_publishable(out))
                memcpy(out, last, strlen(last) + 1);
        if (!own[0])
                return 0;
        return add_row(c, &c->users, &person->facts, 0, NOBODY, REASON_OK, "published with the default %s: the entry's is not an absolute path without ':', '..' "
                       "and control characters (N5)", what);
}

/* SSH keys, one per line; what is no key line is left out (N5). */
static int person_keys(struct compiler *c, struct person *person, const char *keys) {
        bool refused = false;
        person->keys.len = 0;
        for (const char *line = keys; *line;) {
                size_t len = strcspn(line, "\n");
                if (ssh_key_is_publishable(line, len)) {
                        sbuf_add_bytes(&person->keys, line, len);
                        sbuf_add_bytes(&person->keys, "\n", 1);
                } else
                        refused |= len > 0;
                line += len + (line[len] == '\n');
        }
        if (person->keys.failed)
                return -ENOMEM;
        return refused ? add_row(c, &c->users, &person->facts, 0, NOBODY, REASON_OK, "published without an SSH key that is not one key line (N5)") : 0;
}

static int person_texts(struct compiler *c, struct person *person) {
        const struct replica *replica = person->replica;
        const struct replica_user *user = person->user;
        const struct directory_settings *directory = person->directory;
        name_publish(directory->name_case, person->facts.name, person->name);
        gecos_publish(replica_text(replica, user->display_name), person->gecos, sizeof person->gecos);
        int r = person_path(c, person, replica_text(replica, user->home), directory->home, "home", "/nonexistent", person->home);
        if (r == 0)
                r = person_path(c, person, replica_text(replica, user->shell), directory->shell, "shell", "/usr/sbin/nologin", person->shell);
        return r == 0 ? person_keys(c, person, replica_text(replica, user->ssh_keys)) : r;
}

/* Host first, as the view's readers expect; then the others in their order. */
static void person_access(struct compiler *c, uint32_t directory, uint32_t index, const char *name) {
        uint32_t next = 1;
        access_of(c, c->settings->host, name, directory, index, &c->access[0]);
        for (size_t a = 0; a < c->settings->application_count; a++)
                if (a != c->settings->host)
                        access_of(c, a, name, directory, index, &c->access[next++]);
}

static int user_write(struct compiler *c, struct person *person, uint32_t number, uint32_t index) {
        const char *why;
        uint32_t gid, place = person->facts.place, directory = c->host->places[place].directory;
        bool private_group;
        struct entry *entry = &c->users.entries[number];
        bool accepting = registry_is_accepted(c->input->registry, NAME_OF_USER, person->facts.name);
        if (primary_group(c, number, &person->facts, &gid, &private_group, &why) < 0) {
                entry->state = ENTRY_REFUSED;
                return add_row(c, &c->users, &person->facts, entry->id, NOBODY, REASON_ID_CONFLICT, "%s", why);
        }
        int r = person_texts(c, person);
        if (r < 0)
                return r;
        person_access(c, directory, index, person->facts.name);
        struct view_writer_user user = {
                .name = person->name, .gecos = person->gecos, .home = person->home, .shell = person->shell, .keys = sbuf_text(&person->keys),
                .uid = entry->id, .gid = gid, .private_group = private_group,
                .groups = c->group_list, .group_count = user_groups(c, place, index, person->facts.name),
                .extra_gids = person->extra, .extra_gid_count = local_gids(c, directory, index, person->extra),
                .access = c->access,
        };
        if (person->keys.len == 0)
                user.keys = "";
        r = view_writer_add_user(c->writer, &user, &entry->out);
        if (r < 0)
                return r;
        c->result.user_count++;
        r = private_group && accepting ? private_record(c, entry->id, &person->facts) : 0;
        return r == 0 ? registry_record(c, &c->users, number, &person->facts) : r;
}

int users_write(struct compiler *c) {
        struct person *person = calloc(1, sizeof *person);
        uint32_t *extra = calloc(c->grant_count + 1, sizeof *extra);
        int r = person && extra ? 0 : -ENOMEM;
        for (uint32_t place = 0; r == 0 && place < c->host->count; place++) {
                person->extra = extra;
                person->replica = place_replica(c, place);
                person->directory = &c->settings->directories[c->host->places[place].directory];
                for (uint32_t i = 0; r == 0 && i < side_count(&c->users, place); i++) {
                        uint32_t number = c->users.base[place] + i;
                        if (c->users.entries[number].state != ENTRY_CLAIMED)
                                continue;
                        facts_of(c, &c->users, place, i, &person->facts);
                        person->user = &person->replica->users[i];
                        r = user_write(c, person, number, i);
                }
        }
        if (person)
                sbuf_done(&person->keys);
        free(person);
        free(extra);
        return r;
}
