/* Fuzz target of the sync stream, from its frames to the store: what the receiver lets through keeps the promises of model/sync.h, a stream that is whole
 * is written to a store, and a load gives what the synchronisation gave.
 * The input is frames: a byte for the type, two for the length (little-endian), the payload. An END without payload gets the right one.
 * Relies on: libFuzzer; a store whose files are unlinked as soon as they are open.
 * Must never: leave a file behind. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "multidird/channel/sync_wire.h"
#include "replica/store_sync.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct checked { struct store_sync *sync; uint32_t users, groups; };

static void expect(bool good) {
        if (!good)
                abort();
}

static void expect_text(const char *text, size_t max, bool must) {
        expect(text ? *text && strlen(text) <= max : !must);
}

static int check_user(void *userdata, const struct sync_user *user) {
        struct checked *checked = userdata;
        const char *const texts[] = { user->display_name, user->email, user->home, user->shell, user->ssh_keys, user->sid };
        expect_text(user->name, SYNC_TEXT_MAX, true);
        expect_text(user->entry_id, SYNC_ENTRY_ID_MAX, true);
        expect_text(user->dn, SYNC_DN_MAX, false);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                expect_text(texts[i], SYNC_TEXT_MAX, false);
        checked->users++;
        return store_sync_sink(checked->sync)->user(store_sync_sink(checked->sync)->userdata, user);
}

static int check_group(void *userdata, const struct sync_group *group) {
        struct checked *checked = userdata;
        expect_text(group->name, SYNC_TEXT_MAX, true);
        expect_text(group->entry_id, SYNC_ENTRY_ID_MAX, true);
        expect_text(group->description, SYNC_TEXT_MAX, false);
        expect_text(group->sid, SYNC_TEXT_MAX, false);
        checked->groups++;
        return store_sync_sink(checked->sync)->group(store_sync_sink(checked->sync)->userdata, group);
}

static int check_member(void *userdata, uint32_t user, uint32_t group) {
        struct checked *checked = userdata;
        expect(user < checked->users && group < checked->groups);
        return store_sync_sink(checked->sync)->member(store_sync_sink(checked->sync)->userdata, user, group);
}

static int check_child(void *userdata, uint32_t child, uint32_t parent) {
        struct checked *checked = userdata;
        expect(child < checked->groups && parent < checked->groups);
        return store_sync_sink(checked->sync)->child(store_sync_sink(checked->sync)->userdata, child, parent);
}

/* One store for all inputs: each finds what the last one left. */
static struct store *the_store(void) {
        static struct store *store;
        static const char *const files[] = { "fuzz.db", "fuzz.db-wal", "fuzz.db-shm" };
        char folder[] = "/dev/shm/multidir-fuzz-XXXXXX", path[64];
        if (store)
                return store;
        expect(mkdtemp(folder) && store_open(folder, "fuzz", DIRECTORY_LDAP, STORE_READ_WRITE, &store) == 0);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                (void)snprintf(path, sizeof path, "%s/%s", folder, files[i]);
                (void)unlink(path);
        }
        (void)rmdir(folder);
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

static void take_in(struct store_sync *sync) {
        struct store_sync_changes changes;
        struct replica *given = NULL, *loaded = NULL;
        if (store_sync_prepare(sync, the_store(), &changes) < 0) {
                expect(*store_sync_error(sync) != 0);
                return;
        }
        expect(changes.lost_users <= changes.old_users && changes.lost_groups <= changes.old_groups);
        expect(store_sync_commit(sync, 1, &given) == 0 && store_load(the_store(), &loaded) == 0);
        expect_same(given, loaded);
        replica_free(given);
        replica_free(loaded);
}

static int right_end(struct sync_receiver *receiver, const struct sync_sink *sink) {
        unsigned char bytes[64];
        struct wire_writer writer = { .bytes = bytes, .size = sizeof bytes };
        wire_put_u32(&writer, receiver->users);
        wire_put_u32(&writer, receiver->groups);
        wire_put_u64(&writer, receiver->members);
        wire_put_u64(&writer, receiver->children);
        wire_put_text(&writer, "");
        return sync_receiver_frame(receiver, SYNC_END, bytes, writer.len, sink);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct checked checked = { .sync = store_sync_new() };
        const struct sync_sink sink = { .user = check_user, .group = check_group, .member = check_member, .child = check_child, .userdata = &checked };
        struct sync_receiver receiver = { 0 };
        int r = checked.sync ? 0 : -1;
        while (r == 0 && size >= 3) {
                unsigned type = SYNC_USERS + data[0] % 6;
                size_t len = (size_t)data[1] | (size_t)data[2] << 8;
                data += 3;
                size -= 3;
                if (len > size)
                        len = size;
                r = type == SYNC_END && len == 0 ? right_end(&receiver, &sink) : sync_receiver_frame(&receiver, type, data, len, &sink);
                data += len;
                size -= len;
        }
        if (r == 0 && receiver.ended && !receiver.error[0])
                take_in(checked.sync);
        store_sync_free(checked.sync);
        return 0;
}
