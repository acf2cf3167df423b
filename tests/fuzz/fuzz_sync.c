/* Fuzz target of the sync stream, from its frames to the store: what the receiver lets through keeps the promises of model/sync.h, a run that is whole is
 * written to a store, full or delta, and a load gives what the synchronisation gave; what was refused leaves the store as it was.
 * The input is frames: a byte for the type, two for the length (little-endian), the payload. An END without payload gets the right one, with the cookie "c".
 * With the highest bit of its first byte it goes to a new store, and a full run is written while it comes.
 * Relies on: libFuzzer; a store whose files are unlinked as soon as they are open.
 * Must never: leave a file behind. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "multidird/channel/sync_wire.h"
#include "replica/store_rows.h"
#include "replica/store_sync.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct checked { struct store *store; struct store_sync *sync; uint32_t users, groups; bool begun, delta, with_cookie, in_group; };

static const struct sync_sink *sink_of(const struct checked *checked) {
        return store_sync_sink(checked->sync);
}

static void expect(bool good) {
        if (!good)
                abort();
}

static void expect_text(const char *text, size_t max, bool must) {
        expect(text ? *text && strlen(text) <= max : !must);
}

static int check_begin(void *userdata, const struct sync_begin *begin) {
        struct checked *checked = userdata;
        expect(!checked->begun && begin->references <= SYNC_REFERENCES_NAME);
        expect_text(begin->from, SYNC_COOKIE_MAX, begin->delta);
        expect(begin->delta || (!begin->from && !begin->sweep_users && !begin->sweep_groups && !begin->unknown_ok));
        checked->begun = true;
        checked->delta = begin->delta;
        checked->with_cookie = begin->references != SYNC_REFERENCES_NONE;
        int r = sink_of(checked)->begin(sink_of(checked)->userdata, begin);
        return r == 0 && !begin->delta ? store_sync_ahead(checked->sync, checked->store) : r;
}

static int check_user(void *userdata, const struct sync_user *user) {
        struct checked *checked = userdata;
        const char *const texts[] = { user->display_name, user->email, user->home, user->shell, user->ssh_keys, user->sid, user->primary_group_sid };
        expect_text(user->name, SYNC_TEXT_MAX, true);
        expect_text(user->entry_id, SYNC_ENTRY_ID_MAX, true);
        expect_text(user->dn, SYNC_DN_MAX, false);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                expect_text(texts[i], SYNC_TEXT_MAX, false);
        expect(checked->begun);
        checked->users++;
        checked->in_group = false;
        return sink_of(checked)->user(sink_of(checked)->userdata, user);
}

static int check_group(void *userdata, const struct sync_group *group) {
        struct checked *checked = userdata;
        expect_text(group->name, SYNC_TEXT_MAX, true);
        expect_text(group->entry_id, SYNC_ENTRY_ID_MAX, true);
        expect_text(group->description, SYNC_TEXT_MAX, false);
        expect_text(group->sid, SYNC_TEXT_MAX, false);
        expect_text(group->dn, SYNC_DN_MAX, false);
        expect(checked->begun);
        checked->groups++;
        checked->in_group = true;
        return sink_of(checked)->group(sink_of(checked)->userdata, group);
}

static int check_member(void *userdata, uint32_t user, uint32_t group) {
        struct checked *checked = userdata;
        expect(user < checked->users && group < checked->groups);
        return sink_of(checked)->member(sink_of(checked)->userdata, user, group);
}

static int check_stray(void *userdata, uint32_t group, const char *key) {
        struct checked *checked = userdata;
        expect(group < checked->groups && !checked->delta);
        expect_text(key, SYNC_KEY_MAX, true);
        return sink_of(checked)->stray(sink_of(checked)->userdata, group, key);
}

static int check_reference(void *userdata, const char *key) {
        struct checked *checked = userdata;
        expect(checked->delta && checked->in_group);
        expect_text(key, SYNC_KEY_MAX, true);
        return sink_of(checked)->reference(sink_of(checked)->userdata, key);
}

static void check_id(struct checked *checked, enum sync_kind kind, const char *entry_id) {
        expect(checked->delta && (kind == SYNC_KIND_USER || kind == SYNC_KIND_GROUP));
        expect_text(entry_id, SYNC_ENTRY_ID_MAX, true);
        checked->in_group = false;
}

static int check_gone(void *userdata, enum sync_kind kind, const char *entry_id) {
        check_id(userdata, kind, entry_id);
        return sink_of(userdata)->gone(sink_of(userdata)->userdata, kind, entry_id);
}

static int check_present(void *userdata, enum sync_kind kind, const char *entry_id) {
        check_id(userdata, kind, entry_id);
        return sink_of(userdata)->present(sink_of(userdata)->userdata, kind, entry_id);
}

static int check_end(void *userdata, const char *cookie) {
        struct checked *checked = userdata;
        expect(checked->begun && strlen(cookie) <= SYNC_COOKIE_MAX);
        checked->begun = checked->in_group = false;
        checked->users = checked->groups = 0;
        return sink_of(checked)->end(sink_of(checked)->userdata, cookie);
}

static int check_child(void *userdata, uint32_t child, uint32_t parent) {
        struct checked *checked = userdata;
        expect(child < checked->groups && parent < checked->groups);
        return sink_of(checked)->child(sink_of(checked)->userdata, child, parent);
}

static struct store *new_store(void) {
        struct store *store = NULL;
        static const char *const files[] = { "fuzz.db", "fuzz.db-wal", "fuzz.db-shm" };
        char folder[] = "/dev/shm/multidir-fuzz-XXXXXX", path[64];
        expect(mkdtemp(folder) && store_open(folder, "fuzz", DIRECTORY_LDAP, STORE_READ_WRITE, &store) == 0);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                (void)snprintf(path, sizeof path, "%s/%s", folder, files[i]);
                (void)unlink(path);
        }
        (void)rmdir(folder);
        return store;
}

/* One store for most inputs: each finds what the last one left. */
static struct store *the_store(void) {
        static struct store *store;
        if (!store)
                store = new_store();
        return store;
}

static void expect_same(const struct replica *a, const struct replica *b) {
        expect(a->user_count == b->user_count && a->group_count == b->group_count && a->user_edge_count == b->user_edge_count &&
               a->group_edge_count == b->group_edge_count && a->revision == b->revision && a->synchronised_s == b->synchronised_s);
        for (uint32_t i = 0; i < a->user_count; i++)
                expect(strcmp(replica_text(a, a->users[i].name), replica_text(b, b->users[i].name)) == 0 &&
                       strcmp(replica_text(a, a->users[i].entry_id), replica_text(b, b->users[i].entry_id)) == 0 &&
                       strcmp(replica_text(a, a->users[i].ssh_keys), replica_text(b, b->users[i].ssh_keys)) == 0 &&
                       a->users[i].uid == b->users[i].uid && a->users[i].gid == b->users[i].gid && a->users[i].active == b->users[i].active &&
                       a->users[i].ambiguous == b->users[i].ambiguous);
        if (a->user_edge_count > 0)
                expect(memcmp(a->user_edges, b->user_edges, a->user_edge_count * sizeof *a->user_edges) == 0);
        if (a->group_edge_count > 0)
                expect(memcmp(a->group_edges, b->group_edges, a->group_edge_count * sizeof *a->group_edges) == 0);
}

static struct replica *load(struct store *store) {
        struct replica *replica = NULL;
        expect(store_load(store, &replica) == 0);
        return replica;
}

/* Without its run: as before, or still without anything. */
static void expect_given_up(struct checked *checked, const struct replica *before) {
        store_sync_free(checked->sync);
        checked->sync = NULL;
        struct replica *loaded = load(checked->store);
        if (before && before->synchronised_s > 0)
                expect_same(before, loaded);
        expect(loaded->synchronised_s > 0 || loaded->user_count + loaded->group_count + loaded->user_edge_count == 0);
        replica_free(loaded);
}

static void follow(struct store *store, struct replica *replica) {
        struct name_map names = { 0 };
        struct arena arena = { 0 };
        expect(store_follow(store, replica, &names, &arena) == 0);
        name_map_done(&names);
        arena_done(&arena);
}

static void take_in(struct checked *checked) {
        struct store_sync_changes changes;
        /* The replica of before, to compare with: of the store as the last run left it; or with what was written of this one. */
        struct replica *given = NULL, *before = load(checked->store);
        const uint64_t revision = before->revision;
        if (store_sync_prepare(checked->sync, checked->store, &changes) < 0) {
                expect(*store_sync_error(checked->sync) != 0);
                expect_given_up(checked, before);
        } else {
                expect(changes.lost_users <= changes.old_users && changes.lost_groups <= changes.old_groups && changes.lost_memberships <= changes.old_memberships);
                expect(store_sync_commit(checked->sync, 1, &given) == 0);
                /* Few rows: who has the replica follows them. */
                if (!given && changes.content)
                        follow(checked->store, before);
                expect(given || changes.delta);
                struct replica *loaded = load(checked->store);
                expect(loaded->revision == revision + changes.content);
                expect_same(given ? given : before, loaded);
                replica_free(loaded);
        }
        replica_free(given);
        replica_free(before);
}

static int right_end(struct sync_receiver *receiver, bool with_cookie, const struct sync_sink *sink) {
        unsigned char bytes[64];
        struct wire_writer writer = { .bytes = bytes, .size = sizeof bytes };
        wire_put_u32(&writer, receiver->users);
        wire_put_u32(&writer, receiver->groups);
        wire_put_u64(&writer, receiver->members);
        wire_put_u64(&writer, receiver->children);
        wire_put_u64(&writer, receiver->others);
        wire_put_text(&writer, "");
        wire_put_bytes(&writer, "c", with_cookie ? 2 : 0);
        return sync_receiver_frame(receiver, SYNC_END, bytes, writer.len, sink);
}

/* Several runs, one after the other, each into the store before the next. 0: go on. */
static int take_frame(struct checked *checked, struct sync_receiver *receiver, unsigned type, const uint8_t *payload, size_t len, const struct sync_sink *sink) {
        if (!checked->sync && !(checked->sync = store_sync_new()))
                return -1;
        /* A run without references has no cookie. */
        int r = type == SYNC_END && len == 0 ? right_end(receiver, checked->with_cookie, sink) : sync_receiver_frame(receiver, type, payload, len, sink);
        if (r < 0 || !receiver->ended)
                return r;
        if (!receiver->error[0])
                take_in(checked);
        store_sync_free(checked->sync);
        checked->sync = NULL;
        if (receiver->error[0])
                return -1;
        sync_receiver_next(receiver);
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        bool fresh = size > 0 && data[0] & 0x80;
        struct checked checked = { .store = fresh ? new_store() : the_store() };
        const struct sync_sink sink = { .begin = check_begin, .user = check_user, .group = check_group, .member = check_member, .child = check_child,
                                        .stray = check_stray, .reference = check_reference, .gone = check_gone, .present = check_present, .end = check_end,
                                        .userdata = &checked };
        struct sync_receiver receiver = { 0 };
        int r = 0;
        while (r == 0 && size >= 3) {
                unsigned type = SYNC_BEGIN + data[0] % (SYNC_END - SYNC_BEGIN + 1);
                size_t len = (size_t)data[1] | (size_t)data[2] << 8;
                data += 3;
                size -= 3;
                if (len > size)
                        len = size;
                r = take_frame(&checked, &receiver, type, data, len, &sink);
                data += len;
                size -= len;
        }
        expect_given_up(&checked, NULL);
        if (fresh)
                store_close(checked.store);
        return 0;
}
