/* The messages of checkers and workers as bytes; see channel/jobs.h.
 * Relies on: wire/codec.
 * Must never: accept a message with bytes left over, or a number outside its enum. */
#include "multidird/channel/jobs.h"

#include <errno.h>
#include <string.h>

#define TEXT_SIZE(text) (4 + strlen(text))

static void get_secret(struct wire_reader *reader, struct secret *secret) {
        size_t len = 0;
        const unsigned char *bytes = wire_get_bytes(reader, SECRET_MAX, &len);
        if (reader->bad || secret_set(secret, bytes, len) < 0)
                reader->bad = true;
}

int protocol_send_check(struct channel *channel, enum protocol_type type, const struct protocol_check *check) {
        struct wire_writer writer;
        size_t size = 16 + TEXT_SIZE(check->user) + TEXT_SIZE(check->entry_id) + TEXT_SIZE(check->dn) + check->password.len + check->new_password.len;
        int r = channel_begin(channel, type, size, &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, check->id);
        wire_put_text(&writer, check->user);
        wire_put_text(&writer, check->entry_id);
        wire_put_text(&writer, check->dn);
        wire_put_bytes(&writer, check->password.bytes, check->password.len);
        wire_put_bytes(&writer, check->new_password.bytes, check->new_password.len);
        return channel_end(channel, &writer, -1);
}

int protocol_get_check(const unsigned char *payload, size_t len, struct protocol_check *check) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *check = (struct protocol_check){ .id = wire_get_u64(&reader) };
        wire_get_text(&reader, check->user, WIRE_NAME_MAX);
        wire_get_text(&reader, check->entry_id, WIRE_NAME_MAX);
        wire_get_text(&reader, check->dn, SYNC_DN_MAX);
        get_secret(&reader, &check->password);
        get_secret(&reader, &check->new_password);
        if (wire_read_end(&reader))
                return 0;
        explicit_bzero(check, sizeof *check);
        return -EBADMSG;
}

enum { SAID_NOTHING, SAID_REFUSED, SAID_TAKEN };

static uint8_t account_of(bool refused, bool taken) {
        return refused ? SAID_REFUSED : taken ? SAID_TAKEN : SAID_NOTHING;
}

int protocol_send_answer(struct channel *channel, const struct protocol_answer *answer) {
        struct wire_writer writer;
        size_t size = 49 + TEXT_SIZE(answer->entry_id) + TEXT_SIZE(answer->dn) + TEXT_SIZE(answer->external_id) + profile_size(&answer->profile) +
                      TEXT_SIZE(answer->text);
        int r = channel_begin(channel, CHECKER_ANSWER, size, &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, answer->id);
        wire_put_u32(&writer, (uint32_t)answer->presence);
        wire_put_u32(&writer, (uint32_t)answer->password);
        wire_put_u8(&writer, answer->active);
        wire_put_u32(&writer, (uint32_t)answer->set);
        wire_put_u8(&writer, answer->notice.grace);
        wire_put_u32(&writer, answer->notice.grace_left);
        wire_put_u32(&writer, answer->notice.expires_s);
        wire_put_u64(&writer, answer->synchronised_s);
        wire_put_u8(&writer, answer->unreachable);
        wire_put_u8(&writer, account_of(answer->refused, answer->taken));
        wire_put_u32(&writer, (uint32_t)answer->change);
        wire_put_u32(&writer, (uint32_t)answer->reason);
        wire_put_u8(&writer, answer->by_right);
        wire_put_text(&writer, answer->entry_id);
        wire_put_text(&writer, answer->dn);
        wire_put_text(&writer, answer->external_id);
        profile_put(&writer, &answer->profile);
        wire_put_text(&writer, answer->text);
        return channel_end(channel, &writer, -1);
}

int protocol_get_answer(const unsigned char *payload, size_t len, struct protocol_answer *answer) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *answer = (struct protocol_answer){ .id = wire_get_u64(&reader) };
        uint32_t presence = wire_get_u32(&reader), password = wire_get_u32(&reader);
        uint8_t active = wire_get_u8(&reader);
        uint32_t set = wire_get_u32(&reader);
        uint8_t grace = wire_get_u8(&reader);
        answer->notice.grace_left = wire_get_u32(&reader);
        answer->notice.expires_s = wire_get_u32(&reader);
        answer->synchronised_s = wire_get_u64(&reader);
        uint8_t unreachable = wire_get_u8(&reader), account = wire_get_u8(&reader);
        uint32_t change = wire_get_u32(&reader), reason = wire_get_u32(&reader);
        uint8_t by_right = wire_get_u8(&reader);
        wire_get_text(&reader, answer->entry_id, WIRE_NAME_MAX);
        wire_get_text(&reader, answer->dn, SYNC_DN_MAX);
        wire_get_text(&reader, answer->external_id, SYNC_ENTRY_ID_MAX);
        profile_get(&reader, &answer->profile);
        wire_get_text(&reader, answer->text, JOB_TEXT_MAX);
        if (wire_read_end(&reader) && presence <= PRESENCE_NOT_FOUND && password <= CHECK_DENIED && active <= 1 && set <= PASSWORD_SET_NOT_FOUND &&
            grace <= 1 && unreachable <= 1 && account <= SAID_TAKEN && change < CHANGE_STATE_MAX && reason < REASON_MAX && by_right <= 1) {
                answer->presence = (enum presence)presence;
                answer->password = (enum password_result)password;
                answer->active = active == 1;
                answer->unreachable = unreachable == 1;
                answer->refused = account == SAID_REFUSED;
                answer->taken = account == SAID_TAKEN;
                answer->set = (enum password_set)set;
                answer->change = (enum change_state)change;
                answer->reason = (enum reason)reason;
                answer->by_right = by_right == 1;
                answer->notice.grace = grace == 1;
                return 0;
        }
        *answer = (struct protocol_answer){ 0 };
        return -EBADMSG;
}

int protocol_send_secret(struct channel *channel, const struct secret *secret) {
        struct wire_writer writer;
        int r = channel_begin(channel, WORKER_SECRET, 4 + secret->len, &writer);
        if (r < 0)
                return r;
        wire_put_bytes(&writer, secret->bytes, secret->len);
        return channel_end(channel, &writer, -1);
}

int protocol_get_secret(const unsigned char *payload, size_t len, struct secret *secret) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *secret = (struct secret){ 0 };
        get_secret(&reader, secret);
        if (wire_read_end(&reader))
                return 0;
        secret_done(secret);
        return -EBADMSG;
}

int protocol_send_progress(struct channel *channel, const struct protocol_progress *progress) {
        struct wire_writer writer;
        int r = channel_begin(channel, WORKER_PROGRESS, 24, &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, progress->id);
        wire_put_u64(&writer, progress->done);
        wire_put_u64(&writer, progress->total);
        return channel_end(channel, &writer, -1);
}

int protocol_get_progress(const unsigned char *payload, size_t len, struct protocol_progress *progress) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        struct protocol_progress got = { .id = wire_get_u64(&reader) };
        got.done = wire_get_u64(&reader);
        got.total = wire_get_u64(&reader);
        *progress = wire_read_end(&reader) ? got : (struct protocol_progress){ 0 };
        return wire_read_end(&reader) ? 0 : -EBADMSG;
}

int protocol_send_run(struct channel *channel, const struct protocol_run *run) {
        struct wire_writer writer;
        int r = channel_begin(channel, WORKER_RUN, 17, &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, run->id);
        wire_put_u8(&writer, (uint8_t)run->keeping);
        wire_put_u64(&writer, run->end_s);
        return channel_end(channel, &writer, -1);
}

int protocol_get_run(const unsigned char *payload, size_t len, struct protocol_run *run) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *run = (struct protocol_run){ .id = wire_get_u64(&reader) };
        uint8_t keeping = wire_get_u8(&reader);
        run->end_s = wire_get_u64(&reader);
        if (wire_read_end(&reader) && keeping <= SYNC_KEPT_WATCH) {
                run->keeping = (enum sync_keeping)keeping;
                return 0;
        }
        *run = (struct protocol_run){ 0 };
        return -EBADMSG;
}

enum { SYNCED_FULL_NEEDED = 1, SYNCED_LOST = 2 };

int protocol_send_synced(struct channel *channel, const struct protocol_synced *synced) {
        struct wire_writer writer;
        int r = channel_begin(channel, WORKER_SYNCED, 9 + TEXT_SIZE(synced->text), &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, synced->id);
        wire_put_u8(&writer, (uint8_t)((synced->full_needed ? SYNCED_FULL_NEEDED : 0) | (synced->lost ? SYNCED_LOST : 0)));
        wire_put_text(&writer, synced->text);
        return channel_end(channel, &writer, -1);
}

int protocol_get_synced(const unsigned char *payload, size_t len, struct protocol_synced *synced) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *synced = (struct protocol_synced){ .id = wire_get_u64(&reader) };
        uint8_t flags = wire_get_u8(&reader);
        synced->full_needed = flags & SYNCED_FULL_NEEDED;
        synced->lost = flags & SYNCED_LOST;
        wire_get_text(&reader, synced->text, WIRE_TEXT_MAX);
        if (wire_read_end(&reader) && (flags & ~(SYNCED_FULL_NEEDED | SYNCED_LOST)) == 0)
                return 0;
        *synced = (struct protocol_synced){ 0 };
        return -EBADMSG;
}

int protocol_send_note(struct channel *channel, const struct protocol_note *note) {
        struct wire_writer writer;
        int r = channel_begin(channel, WORKER_NOTE, 9 + TEXT_SIZE(note->text), &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, note->id);
        wire_put_u8(&writer, account_of(note->refused, note->taken));
        wire_put_text(&writer, note->text);
        return channel_end(channel, &writer, -1);
}

int protocol_get_note(const unsigned char *payload, size_t len, struct protocol_note *note) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *note = (struct protocol_note){ .id = wire_get_u64(&reader) };
        uint8_t account = wire_get_u8(&reader);
        wire_get_text(&reader, note->text, WIRE_TEXT_MAX);
        note->refused = account == SAID_REFUSED;
        note->taken = account == SAID_TAKEN;
        if (wire_read_end(&reader) && account <= SAID_TAKEN)
                return 0;
        *note = (struct protocol_note){ 0 };
        return -EBADMSG;
}
