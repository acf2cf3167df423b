/* A synchronisation while it comes: its entries are checked and kept. See store_sync.h.
 * Relies on: replica/store_sync_internal, replica/store_delta.
 * Must never: keep more than the bounds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/sync_key.h"
#include "replica/store_delta.h"
#include "replica/store_sync_internal.h"

int sync_check_entry(struct store_sync *sync, const char *what, uint32_t count, uint32_t most, const char *name, const char *entry_id, const char *dn) {
        if (sync->bad)
                return -EINVAL;
        if (!name || !*name)
                return sync_refuse(sync, -EINVAL, "a %s came without a name", what);
        if (!entry_id || !*entry_id || strlen(entry_id) > SYNC_ENTRY_ID_MAX)
                return sync_refuse(sync, -EINVAL, "%s %.100s has no immutable id, or one over %d bytes", what, name, SYNC_ENTRY_ID_MAX);
        if (dn && strlen(dn) > SYNC_DN_MAX)
                return sync_refuse(sync, -EINVAL, "%s %.100s: its DN is over %d bytes", what, name, SYNC_DN_MAX);
        if (count >= most)
                return sync_refuse(sync, -EFBIG, "there are more than %u %ss", most, what);
        if (sync->replica->text_len + sync->texts.total > STORE_SYNC_TEXT_MAX)
                return sync_refuse(sync, -EFBIG, "the texts of all entries are more than %d MiB", STORE_SYNC_TEXT_MAX >> 20);
        return 0;
}

static int out_of_memory(struct store_sync *sync, int r) {
        return r < 0 ? sync_refuse(sync, r, "%s", strerror(-r)) : 0;
}

static int take_begin(void *userdata, const struct sync_begin *begin) {
        struct store_sync *sync = userdata;
        if (sync->bad || sync->begin.from || sync->users.count > 0 || sync->groups.count > 0)
                return sync_refuse(sync, -EINVAL, "a run began within another");
        sync->begin = *begin;
        sync->begin.nested = begin->nested && begin->references == SYNC_REFERENCES_DN;
        sync->begin.linked = begin->linked && begin->references == SYNC_REFERENCES_DN;
        sync->begin.from = NULL;
        if (!begin->delta)
                return 0;
        if (!begin->from || !*begin->from || strlen(begin->from) > SYNC_COOKIE_MAX || begin->references == SYNC_REFERENCES_NONE)
                return sync_refuse(sync, -EINVAL, "a delta began nowhere");
        sync->begin.from = arena_strdup(&sync->texts, begin->from);
        sync->delta = store_delta_new();
        return out_of_memory(sync, sync->begin.from && sync->delta ? 0 : -ENOMEM);
}

/* Many users have one primary group: its text is kept once in a row. */
static int add_text(struct store_sync *sync, struct sync_texts *texts, uint32_t number, const char *text) {
        void *array = texts->texts;
        int r = sync_room(&array, &texts->size, number, sizeof *texts->texts);
        texts->texts = array;
        if (r < 0)
                return r;
        texts->texts[number] = NULL;
        if (!text || !*text)
                return 0;
        const char *before = number > 0 ? texts->texts[number - 1] : NULL;
        texts->texts[number] = before && strcmp(before, text) == 0 ? before : arena_strdup(&sync->texts, text);
        return texts->texts[number] ? 0 : -ENOMEM;
}

static int take_user(void *userdata, const struct sync_user *user) {
        struct store_sync *sync = userdata;
        struct replica *replica = sync->replica;
        struct replica_user row = { .uid = sync_id_of(user->uid), .gid = sync_id_of(user->gid), .active = user->active, .posix_primary = user->posix_primary };
        const struct { const char *text; text_ref *ref; } texts[] = {
                { user->name, &row.name }, { user->entry_id, &row.entry_id }, { user->display_name, &row.display_name }, { user->email, &row.email },
                { user->home, &row.home }, { user->shell, &row.shell }, { user->ssh_keys, &row.ssh_keys }, { user->sid, &row.sid },
        };
        int r = sync_check_entry(sync, "user", sync->users.count, STORE_SYNC_USERS_MAX, user->name, user->entry_id, user->dn);
        if (r < 0)
                return r;
        if (sync->delta)
                return store_delta_user(sync, user);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++)
                r = replica_add_text(replica, texts[i].text, texts[i].ref);
        if (r == 0)
                r = add_text(sync, &sync->user_dns, sync->users.count, user->dn);
        if (r == 0)
                r = add_text(sync, &sync->user_primaries, sync->users.count, user->primary_group_sid);
        if (r == 0)
                r = replica_add_user(replica, &row, &(uint32_t){ 0 });
        if (r < 0)
                return out_of_memory(sync, r);
        r = sync->ahead.on ? sync_ahead_user(sync, user) : 0;
        sync->users.count += r == 0;
        return r;
}

static int take_group(void *userdata, const struct sync_group *group) {
        struct store_sync *sync = userdata;
        struct replica *replica = sync->replica;
        struct replica_group row = { .gid = sync_id_of(group->gid), .active = group->active };
        const struct { const char *text; text_ref *ref; } texts[] = {
                { group->name, &row.name }, { group->entry_id, &row.entry_id }, { group->description, &row.description }, { group->sid, &row.sid },
        };
        int r = sync_check_entry(sync, "group", sync->groups.count, STORE_SYNC_GROUPS_MAX, group->name, group->entry_id, group->dn);
        if (r < 0)
                return r;
        if (sync->delta)
                return store_delta_group(sync, group);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++)
                r = replica_add_text(replica, texts[i].text, texts[i].ref);
        if (r == 0)
                r = add_text(sync, &sync->group_dns, sync->groups.count, group->dn);
        if (r == 0)
                r = replica_add_group(replica, &row, &(uint32_t){ 0 });
        if (r < 0)
                return out_of_memory(sync, r);
        r = sync->ahead.on ? sync_ahead_group(sync, group) : 0;
        sync->groups.count += r == 0;
        return r;
}

static int check_edge(struct store_sync *sync, uint32_t member, uint32_t members, uint32_t group) {
        if (sync->bad)
                return -EINVAL;
        if (member >= members || group >= sync->groups.count)
                return sync_refuse(sync, -EINVAL, "a membership came of an entry that did not");
        if (sync->replica->user_edge_count + sync->replica->group_edge_count >= STORE_SYNC_EDGES_MAX)
                return sync_refuse(sync, -EFBIG, "there are more than %d memberships", STORE_SYNC_EDGES_MAX);
        return 0;
}

static int take_member(void *userdata, uint32_t user, uint32_t group) {
        struct store_sync *sync = userdata;
        int r = check_edge(sync, user, sync->users.count, group);
        if (r == 0)
                r = out_of_memory(sync, replica_add_user_edge(sync->replica, user, group));
        return r == 0 && sync->ahead.on ? sync_ahead_member(sync, user, group) : r;
}

static int take_child(void *userdata, uint32_t child, uint32_t parent) {
        struct store_sync *sync = userdata;
        int r = check_edge(sync, child, sync->groups.count, parent);
        return r < 0 ? r : out_of_memory(sync, replica_add_group_edge(sync->replica, child, parent));
}

static int take_stray(void *userdata, uint32_t group, const char *key) {
        struct store_sync *sync = userdata;
        size_t len = strlen(key);
        if (sync->bad)
                return -EINVAL;
        if (group >= sync->groups.count || len == 0 || len > SYNC_KEY_MAX || sync->begin.references == SYNC_REFERENCES_NONE)
                return sync_refuse(sync, -EINVAL, "a value came of a group that did not, or that is none");
        if (sync->stray_count >= SYNC_STRAYS_MAX || sync->replica->text_len + sync->texts.total > STORE_SYNC_TEXT_MAX)
                return sync_refuse(sync, -EFBIG, "there are more than %u values of groups that name nobody", SYNC_STRAYS_MAX);
        void *strays = sync->strays;
        int r = sync_room(&strays, &sync->stray_size, sync->stray_count, sizeof *sync->strays);
        sync->strays = strays;
        char *copy = r == 0 ? arena_copy(&sync->texts, key, len) : NULL;
        if (!copy)
                return out_of_memory(sync, -ENOMEM);
        sync->strays[sync->stray_count++] = (struct sync_stray){ group, sync_key_hash(copy), copy };
        return 0;
}

static int take_reference(void *userdata, const char *key) {
        struct store_sync *sync = userdata;
        if (sync->bad || !sync->delta)
                return sync_refuse(sync, -EINVAL, "a group's value came outside of a delta");
        return store_delta_reference(sync, key);
}

static int take_word(struct store_sync *sync, enum sync_kind kind, const char *entry_id, bool gone) {
        if (sync->bad || !sync->delta || (kind != SYNC_KIND_USER && kind != SYNC_KIND_GROUP) || !*entry_id || strlen(entry_id) > SYNC_ENTRY_ID_MAX)
                return sync_refuse(sync, -EINVAL, "what is gone or present came outside of a delta, or without an id");
        return store_delta_word(sync, kind, entry_id, gone);
}

static int take_gone(void *userdata, enum sync_kind kind, const char *entry_id) {
        return take_word(userdata, kind, entry_id, true);
}

static int take_present(void *userdata, enum sync_kind kind, const char *entry_id) {
        return take_word(userdata, kind, entry_id, false);
}

static int take_end(void *userdata, const char *cookie) {
        struct store_sync *sync = userdata;
        size_t len = strlen(cookie);
        if (sync->bad || sync->ended || len > SYNC_COOKIE_MAX || (len > 0 && sync->begin.references == SYNC_REFERENCES_NONE))
                return sync_refuse(sync, -EINVAL, "a run ended twice, or where no other one can begin");
        memcpy(sync->cookie, cookie, len + 1);
        sync->ended = true;
        return 0;
}

const struct sync_sink sync_sink_functions = {
        .begin = take_begin, .user = take_user, .group = take_group, .member = take_member, .child = take_child, .stray = take_stray,
        .reference = take_reference, .gone = take_gone, .present = take_present, .end = take_end,
};
