/* Changes at servers as messages (U12): what goes in comes out, and nothing else is taken.
 * Relies on: cmocka.
 * Must never: need a process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "multidird/channel/update.h"

static const struct directory_change whole = {
        .operation = CHANGE_MODIFY_USER, .name = "ann", .entry_id = "id-1", .display_name = "Ann", .email = "", .home = "/h", .shell = "/s",
        .ssh_keys = "a\nb", .has_uid = true, .uid = 7, .has_gid = true, .gid = 8, .has_active = true, .active = true,
        .attributes = { "title=Boss", "x=" }, .attribute_count = 2,
};

static void same_text(const char *a, const char *b) {
        assert_true((!a && !b) || (a && b && strcmp(a, b) == 0));
}

static void same_change(const struct directory_change *a, const struct directory_change *b) {
        assert_int_equal(a->operation, b->operation);
        const char *const texts[][2] = { { a->name, b->name }, { a->entry_id, b->entry_id }, { a->new_name, b->new_name }, { a->member, b->member },
                                         { a->member_id, b->member_id }, { a->display_name, b->display_name }, { a->email, b->email },
                                         { a->home, b->home }, { a->shell, b->shell }, { a->ssh_keys, b->ssh_keys }, { a->description, b->description } };
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                same_text(texts[i][0], texts[i][1]);
        assert_true(a->has_uid == b->has_uid && a->uid == b->uid && a->has_gid == b->has_gid && a->gid == b->gid && a->has_active == b->has_active &&
                    a->active == b->active && a->member_is_group == b->member_is_group && a->attribute_count == b->attribute_count);
        for (size_t i = 0; i < a->attribute_count; i++)
                same_text(a->attributes[i], b->attributes[i]);
}

static void there_and_back(void **state) {
        const struct directory_change changes[] = {
                whole,
                { .operation = CHANGE_ADD_USER, .name = "ann", .entry_id = "" },
                { .operation = CHANGE_RENAME_USER, .name = "ann", .entry_id = "1", .new_name = "anna" },
                { .operation = CHANGE_ADD_MEMBER, .name = "ops", .entry_id = "g", .member = "devs", .member_id = "h", .member_is_group = true },
                { .operation = CHANGE_MODIFY_GROUP, .name = "ops", .entry_id = "g", .description = "" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
                size_t len;
                struct directory_change got;
                unsigned char *bytes = update_pack(&changes[i], &len);
                assert_non_null(bytes);
                assert_int_equal(update_unpack(bytes, len, &got), 0);
                same_change(&changes[i], &got);
                /* No shorter one is whole, and nothing may follow. */
                for (size_t cut = 0; cut < len; cut++) {
                        unsigned char *part = malloc(cut + 1);
                        memcpy(part, bytes, cut);
                        assert_int_equal(update_unpack(part, cut, &got), -EBADMSG);
                        assert_null(got.name);
                        free(part);
                }
                free(bytes);
        }
}

static void what_is_no_change(void **state) {
        struct directory_change rows[] = {
                { .operation = CHANGE_NONE, .name = "a", .entry_id = "" },
                { .operation = CHANGE_MAX, .name = "a", .entry_id = "" },
                { .operation = CHANGE_ADD_USER, .entry_id = "" },
                { .operation = CHANGE_ADD_USER, .name = "", .entry_id = "" },
                { .operation = CHANGE_ADD_USER, .name = "a" },
                { .operation = CHANGE_RENAME_USER, .name = "a", .entry_id = "" },
                { .operation = CHANGE_RENAME_USER, .name = "a", .entry_id = "", .new_name = "" },
                { .operation = CHANGE_ADD_MEMBER, .name = "a", .entry_id = "" },
                { .operation = CHANGE_REMOVE_MEMBER, .name = "a", .entry_id = "", .member = "b" },
                { .operation = CHANGE_MODIFY_USER, .name = "a", .entry_id = "", .attributes = { "no sign" }, .attribute_count = 1 },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                size_t len;
                struct directory_change got;
                unsigned char *bytes = update_pack(&rows[i], &len);
                assert_non_null(bytes);
                if (update_unpack(bytes, len, &got) != -EBADMSG)
                        fail_msg("row %zu is taken", i);
                free(bytes);
        }
}

/* A pair of channels, and one message through them. */
static struct channel *ends[2];
static int open_ends(void **state) {
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        assert_int_equal(channel_new(fds[0], PROTOCOL_MAX, 0, &ends[0]), 0);
        assert_int_equal(channel_new(fds[1], PROTOCOL_MAX, 0, &ends[1]), 0);
        return 0;
}
static int close_ends(void **state) {
        channel_free(ends[0]);
        channel_free(ends[1]);
        return 0;
}
static struct channel_frame pass(unsigned type) {
        struct channel_frame frame;
        assert_int_equal(channel_write(ends[0]), 0);
        assert_int_equal(channel_read(ends[1]), 0);
        assert_int_equal(channel_next(ends[1], &frame), 1);
        assert_int_equal(frame.type, type);
        return frame;
}

static void messages(void **state) {
        size_t len;
        unsigned char *bytes = update_pack(&whole, &len);
        struct update_step steps[] = { { "corp", "modify-user", true, bytes, len }, { "staff", "add-group", false, bytes, len } };
        struct protocol_planned planned = { .connection = 5, .request = 6, .subject = { NAME_OF_GROUP, true, "ops" }, .skipped = "[]", .steps = steps, .step_count = 2 };
        struct protocol_apply apply = { .id = 9, .subject = { NAME_OF_USER, false, "" }, .steps = steps, .step_count = 1 };
        struct protocol_change change = { .id = 11, .change = bytes, .change_len = len };
        assert_int_equal(secret_set(&planned.password, "s\0t", 3), 0);
        assert_int_equal(secret_set(&change.password, "pw", 2), 0);

        struct protocol_planned got;
        assert_int_equal(protocol_send_planned(ends[0], &planned), 0);
        struct channel_frame frame = pass(KEEPER_PLANNED);
        for (size_t cut = 0; cut < frame.len; cut++)
                assert_int_equal(protocol_get_planned(frame.payload, cut, &got), -EBADMSG);
        assert_int_equal(protocol_get_planned(frame.payload, frame.len, &got), 0);
        assert_true(got.connection == 5 && got.request == 6 && got.subject.kind == NAME_OF_GROUP && got.subject.accept && got.step_count == 2);
        assert_string_equal(got.subject.name, "ops");
        assert_string_equal(got.skipped, "[]");
        assert_true(got.password.len == 3 && memcmp(got.password.bytes, "s\0t", 3) == 0);
        assert_string_equal(got.steps[0].directory, "corp");
        assert_string_equal(got.steps[1].what, "add-group");
        assert_true(got.steps[0].at_server && !got.steps[1].at_server && got.steps[1].change_len == len && memcmp(got.steps[1].change, bytes, len) == 0);
        protocol_planned_done(&got);

        struct protocol_apply got_apply;
        assert_int_equal(protocol_send_apply(ends[0], &apply), 0);
        frame = pass(KEEPER_APPLY);
        for (size_t cut = 0; cut < frame.len; cut++)
                assert_int_equal(protocol_get_apply(frame.payload, cut, &got_apply), -EBADMSG);
        assert_int_equal(protocol_get_apply(frame.payload, frame.len, &got_apply), 0);
        assert_true(got_apply.id == 9 && got_apply.step_count == 1);
        protocol_apply_done(&got_apply);

        struct protocol_change got_change;
        assert_int_equal(protocol_send_change(ends[0], &change), 0);
        frame = pass(WORKER_CHANGE);
        for (size_t cut = 0; cut < frame.len; cut++)
                assert_int_equal(protocol_get_change(frame.payload, cut, &got_change), -EBADMSG);
        assert_int_equal(protocol_get_change(frame.payload, frame.len, &got_change), 0);
        assert_true(got_change.id == 11 && got_change.change_len == len && got_change.password.len == (change_takes_password(whole.operation) ? 2 : 0));

        struct protocol_applied applied = { 12, "{}", 2 }, got_applied;
        assert_int_equal(protocol_send_applied(ends[0], &applied), 0);
        frame = pass(KEEPER_APPLIED);
        for (size_t cut = 0; cut < frame.len; cut++)
                assert_int_equal(protocol_get_applied(frame.payload, cut, &got_applied), -EBADMSG);
        assert_int_equal(protocol_get_applied(frame.payload, frame.len, &got_applied), 0);
        assert_true(got_applied.id == 12 && got_applied.json_len == 2);
        free(bytes);
}

/* L2: a password is sent with what sets one, and with nothing else; and what came with anything else is not taken. */
static void whose_password(void **state) {
        static const struct { struct directory_change change; size_t len; } rows[] = {
                { { .operation = CHANGE_SET_PASSWORD, .name = "a", .entry_id = "1" }, 2 },
                { { .operation = CHANGE_ADD_USER, .name = "a", .entry_id = "" }, 2 },
                { { .operation = CHANGE_MODIFY_USER, .name = "a", .entry_id = "1", .attributes = { "title=x" }, .attribute_count = 1 }, 0 },
                { { .operation = CHANGE_RENAME_USER, .name = "a", .entry_id = "1", .new_name = "b" }, 0 },
                { { .operation = CHANGE_ADD_MEMBER, .name = "g", .entry_id = "1", .member = "a", .member_id = "2" }, 0 },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct protocol_change change = { .id = 1 }, got;
                struct wire_writer writer;
                unsigned char *bytes = update_pack(&rows[i].change, &change.change_len);
                change.change = bytes;
                assert_int_equal(secret_set(&change.password, "pw", 2), 0);
                assert_int_equal(protocol_send_change(ends[0], &change), 0);
                struct channel_frame frame = pass(WORKER_CHANGE);
                assert_int_equal(frame.len, 8 + 4 + change.change_len + 4 + rows[i].len);
                assert_int_equal(protocol_get_change(frame.payload, frame.len, &got), 0);
                assert_int_equal(got.password.len, rows[i].len);
                /* The same from a supervisor that sends it with everything. */
                assert_int_equal(channel_begin(ends[0], WORKER_CHANGE, 18 + change.change_len, &writer), 0);
                wire_put_u64(&writer, 1);
                wire_put_bytes(&writer, bytes, change.change_len);
                wire_put_bytes(&writer, (const unsigned char *)"pw", 2);
                assert_int_equal(channel_end(ends[0], &writer, -1), 0);
                frame = pass(WORKER_CHANGE);
                assert_int_equal(protocol_get_change(frame.payload, frame.len, &got), 0);
                assert_int_equal(got.password.len, rows[i].len);
                secret_done(&got.password);
                secret_done(&change.password);
                free(bytes);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(there_and_back), cmocka_unit_test(what_is_no_change), cmocka_unit_test_setup_teardown(messages, open_ends, close_ends),
                cmocka_unit_test_setup_teardown(whose_password, open_ends, close_ends),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
