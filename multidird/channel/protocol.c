/* The internal messages as bytes; see channel/protocol.h.
 * Relies on: wire/codec.
 * Must never: accept a message with bytes left over, or a number outside its enum. */
#include "multidird/channel/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE(text) (4 + strlen(text))
#define SECRET_SIZE(secret) (4 + (secret).len)

static void put_secret(struct wire_writer *writer, const struct secret *secret) {
        wire_put_bytes(writer, secret->bytes, secret->len);
}

static void get_secret(struct wire_reader *reader, struct secret *secret) {
        size_t len = 0;
        const unsigned char *bytes = wire_get_bytes(reader, SECRET_MAX, &len);
        if (reader->bad || secret_set(secret, bytes, len) < 0)
                reader->bad = true;
}

static bool get_flag(struct wire_reader *reader) {
        uint8_t flag = wire_get_u8(reader);
        if (flag > 1)
                reader->bad = true;
        return flag == 1;
}

/* A NUL-terminated copy of a text of any length; NULL with reader->bad unset: memory is out. */
static char *get_copy(struct wire_reader *reader, size_t *len) {
        size_t n = 0;
        const unsigned char *bytes = wire_get_bytes(reader, PROTOCOL_MAX, &n);
        if (reader->bad)
                return NULL;
        char *copy = malloc(n + 1);
        if (!copy)
                return NULL;
        if (n > 0)
                memcpy(copy, bytes, n);
        copy[n] = 0;
        if (len)
                *len = n;
        return copy;
}

int protocol_send_config(struct channel *channel, const struct config_sources *sources) {
        struct wire_writer writer;
        size_t size = 4;
        for (size_t i = 0; i < sources->count; i++)
                size += TEXT_SIZE(sources->items[i].path) + 4 + sources->items[i].len;
        int r = channel_begin(channel, PROTOCOL_CONFIG, size, &writer);
        if (r < 0)
                return r;
        wire_put_u32(&writer, (uint32_t)sources->count);
        for (size_t i = 0; i < sources->count; i++) {
                wire_put_text(&writer, sources->items[i].path);
                wire_put_bytes(&writer, sources->items[i].text, sources->items[i].len);
        }
        return channel_end(channel, &writer, -1);
}

int protocol_get_config(const unsigned char *payload, size_t len, struct config_sources *sources) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        struct config_sources got = { 0 };
        uint32_t count = wire_get_u32(&reader);
        *sources = got;
        /* Each source takes eight bytes at least: a count that the payload cannot hold allocates nothing. */
        if (reader.bad || count > len / 8)
                return -EBADMSG;
        got.items = calloc(count + 1, sizeof *got.items);
        if (!got.items)
                return -ENOMEM;
        for (got.count = 0; got.count < count; got.count++) {
                struct config_source *item = &got.items[got.count];
                item->path = get_copy(&reader, NULL);
                item->text = get_copy(&reader, &item->len);
                if (!item->path || !item->text) {
                        got.count++;
                        config_sources_done(&got);
                        return reader.bad ? -EBADMSG : -ENOMEM;
                }
        }
        if (!wire_read_end(&reader)) {
                config_sources_done(&got);
                return -EBADMSG;
        }
        *sources = got;
        return 0;
}

int protocol_send_local(struct channel *channel, const struct protocol_local *local) {
        const char *texts[] = { local->passwd, local->group, local->subuid, local->subgid };
        struct wire_writer writer;
        size_t size = 0;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                size += texts[i] ? TEXT_SIZE(texts[i]) : 4;
        int r = channel_begin(channel, KEEPER_LOCAL, size, &writer);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                wire_put_text(&writer, texts[i] ? texts[i] : "");
        return channel_end(channel, &writer, -1);
}

int protocol_get_local(const unsigned char *payload, size_t len, struct protocol_local_copy *local) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *local = (struct protocol_local_copy){ 0 };
        local->passwd = get_copy(&reader, NULL);
        local->group = get_copy(&reader, NULL);
        local->subuid = get_copy(&reader, NULL);
        local->subgid = get_copy(&reader, NULL);
        if (local->passwd && local->group && local->subuid && local->subgid && wire_read_end(&reader))
                return 0;
        protocol_local_done(local);
        return wire_read_end(&reader) ? -ENOMEM : -EBADMSG;
}

void protocol_local_done(struct protocol_local_copy *local) {
        free(local->passwd);
        free(local->group);
        free(local->subuid);
        free(local->subgid);
        *local = (struct protocol_local_copy){ 0 };
}

int protocol_send_admin(struct channel *channel, enum protocol_type type, const struct protocol_admin *admin) {
        struct wire_writer writer;
        int r = channel_begin(channel, type, 20 + admin->json_len, &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, admin->connection);
        wire_put_u64(&writer, admin->id);
        wire_put_bytes(&writer, admin->json, admin->json_len);
        return channel_end(channel, &writer, -1);
}

int protocol_get_admin(const unsigned char *payload, size_t len, struct protocol_admin *admin) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        struct protocol_admin got = { .connection = wire_get_u64(&reader) };
        got.id = wire_get_u64(&reader);
        got.json = (const char *)wire_get_bytes(&reader, PROTOCOL_MAX, &got.json_len);
        *admin = wire_read_end(&reader) ? got : (struct protocol_admin){ 0 };
        return wire_read_end(&reader) ? 0 : -EBADMSG;
}

int protocol_send_number(struct channel *channel, enum protocol_type type, uint64_t number, int fd) {
        _cleanup_close_ int owned = fd;
        struct wire_writer writer;
        int r = channel_begin(channel, type, 8, &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, number);
        return channel_end(channel, &writer, TAKE_FD(owned));
}

int protocol_get_number(const unsigned char *payload, size_t len, uint64_t *number) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        uint64_t got = wire_get_u64(&reader);
        *number = wire_read_end(&reader) ? got : 0;
        return wire_read_end(&reader) ? 0 : -EBADMSG;
}

int protocol_send_installed(struct channel *channel, const struct protocol_installed *installed) {
        struct wire_writer writer;
        int r = channel_begin(channel, KEEPER_INSTALLED, 12 + TEXT_SIZE(installed->text), &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, installed->generation);
        wire_put_u32(&writer, (uint32_t)-installed->error);
        wire_put_text(&writer, installed->text);
        return channel_end(channel, &writer, -1);
}

int protocol_get_installed(const unsigned char *payload, size_t len, struct protocol_installed *installed) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *installed = (struct protocol_installed){ .generation = wire_get_u64(&reader) };
        uint32_t error = wire_get_u32(&reader);
        wire_get_text(&reader, installed->text, WIRE_TEXT_MAX);
        if (wire_read_end(&reader) && error <= 4095) {
                installed->error = -(int)error;
                return 0;
        }
        *installed = (struct protocol_installed){ 0 };
        return -EBADMSG;
}

int protocol_send_gate(struct channel *channel, const struct protocol_gate *gate) {
        struct wire_writer writer;
        size_t size = 16 + TEXT_SIZE(gate->application) + TEXT_SIZE(gate->directory) + TEXT_SIZE(gate->user) + TEXT_SIZE(gate->entry_id);
        int r = channel_begin(channel, KEEPER_GATE, size, &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, gate->id);
        wire_put_u64(&writer, gate->gates);
        wire_put_text(&writer, gate->application);
        wire_put_text(&writer, gate->directory);
        wire_put_text(&writer, gate->user);
        wire_put_text(&writer, gate->entry_id);
        return channel_end(channel, &writer, -1);
}

int protocol_get_gate(const unsigned char *payload, size_t len, struct protocol_gate *gate) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *gate = (struct protocol_gate){ .id = wire_get_u64(&reader) };
        gate->gates = wire_get_u64(&reader);
        wire_get_text(&reader, gate->application, WIRE_NAME_MAX);
        wire_get_text(&reader, gate->directory, WIRE_NAME_MAX);
        wire_get_text(&reader, gate->user, WIRE_NAME_MAX);
        wire_get_text(&reader, gate->entry_id, WIRE_NAME_MAX);
        if (wire_read_end(&reader))
                return 0;
        *gate = (struct protocol_gate){ 0 };
        return -EBADMSG;
}

int protocol_send_gate_reply(struct channel *channel, const struct protocol_gate_reply *reply) {
        struct wire_writer writer;
        int r = channel_begin(channel, KEEPER_GATE_REPLY, 9, &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, reply->id);
        wire_put_u8(&writer, (uint8_t)reply->answer);
        return channel_end(channel, &writer, -1);
}

int protocol_get_gate_reply(const unsigned char *payload, size_t len, struct protocol_gate_reply *reply) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        struct protocol_gate_reply got = { .id = wire_get_u64(&reader) };
        uint8_t answer = wire_get_u8(&reader);
        if (answer >= GATE_ANSWER_END)
                reader.bad = true;
        got.answer = answer < GATE_ANSWER_END ? (enum gate_answer)answer : GATE_UNAVAILABLE;
        *reply = wire_read_end(&reader) ? got : (struct protocol_gate_reply){ 0 };
        return wire_read_end(&reader) ? 0 : -EBADMSG;
}

int protocol_send_session(struct channel *channel, const struct protocol_session *session) {
        struct wire_writer writer;
        size_t size = TEXT_SIZE(session->application) + TEXT_SIZE(session->directory) + TEXT_SIZE(session->entry_id) +
                      TEXT_SIZE(session->user) + TEXT_SIZE(session->service);
        int r = channel_begin(channel, KEEPER_SESSION, size, &writer);
        if (r < 0)
                return r;
        wire_put_text(&writer, session->application);
        wire_put_text(&writer, session->directory);
        wire_put_text(&writer, session->entry_id);
        wire_put_text(&writer, session->user);
        wire_put_text(&writer, session->service);
        return channel_end(channel, &writer, -1);
}

int protocol_get_session(const unsigned char *payload, size_t len, struct protocol_session *session) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *session = (struct protocol_session){ 0 };
        wire_get_text(&reader, session->application, WIRE_NAME_MAX);
        wire_get_text(&reader, session->directory, WIRE_NAME_MAX);
        wire_get_text(&reader, session->entry_id, WIRE_NAME_MAX);
        wire_get_text(&reader, session->user, WIRE_NAME_MAX);
        wire_get_text(&reader, session->service, WIRE_NAME_MAX);
        if (wire_read_end(&reader))
                return 0;
        *session = (struct protocol_session){ 0 };
        return -EBADMSG;
}

int protocol_send_change_password(struct channel *channel, const struct protocol_change_password *change) {
        struct wire_writer writer;
        size_t size = 10 + TEXT_SIZE(change->application) + TEXT_SIZE(change->user) + TEXT_SIZE(change->directory) +
                      TEXT_SIZE(change->entry_id) + SECRET_SIZE(change->new_password);
        int r = channel_begin(channel, KEEPER_CHANGE_PASSWORD, size, &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, change->id);
        wire_put_text(&writer, change->application);
        wire_put_text(&writer, change->user);
        wire_put_text(&writer, change->directory);
        wire_put_text(&writer, change->entry_id);
        wire_put_u8(&writer, change->check_only);
        wire_put_u8(&writer, change->as_administrator);
        put_secret(&writer, &change->new_password);
        return channel_end(channel, &writer, -1);
}

int protocol_get_change_password(const unsigned char *payload, size_t len, struct protocol_change_password *change) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *change = (struct protocol_change_password){ .id = wire_get_u64(&reader) };
        wire_get_text(&reader, change->application, WIRE_NAME_MAX);
        wire_get_text(&reader, change->user, WIRE_NAME_MAX);
        wire_get_text(&reader, change->directory, WIRE_NAME_MAX);
        wire_get_text(&reader, change->entry_id, WIRE_NAME_MAX);
        change->check_only = wire_get_u8(&reader);
        change->as_administrator = wire_get_u8(&reader);
        get_secret(&reader, &change->new_password);
        if (wire_read_end(&reader) && change->check_only <= 1 && change->as_administrator <= change->check_only)
                return 0;
        explicit_bzero(change, sizeof *change);
        return -EBADMSG;
}

int protocol_send_password_changed(struct channel *channel, const struct protocol_password_changed *changed) {
        struct wire_writer writer;
        int r = channel_begin(channel, KEEPER_PASSWORD_CHANGED, 12 + TEXT_SIZE(changed->text) + TEXT_SIZE(changed->directory) +
                              TEXT_SIZE(changed->entry_id), &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, changed->id);
        wire_put_u32(&writer, (uint32_t)changed->reason);
        wire_put_text(&writer, changed->text);
        wire_put_text(&writer, changed->directory);
        wire_put_text(&writer, changed->entry_id);
        return channel_end(channel, &writer, -1);
}

int protocol_get_password_changed(const unsigned char *payload, size_t len, struct protocol_password_changed *changed) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *changed = (struct protocol_password_changed){ .id = wire_get_u64(&reader) };
        uint32_t reason = wire_get_u32(&reader);
        wire_get_text(&reader, changed->text, WIRE_TEXT_MAX);
        wire_get_text(&reader, changed->directory, WIRE_NAME_MAX);
        wire_get_text(&reader, changed->entry_id, WIRE_NAME_MAX);
        if (wire_read_end(&reader) && reason < REASON_MAX) {
                changed->reason = (enum reason)reason;
                return 0;
        }
        *changed = (struct protocol_password_changed){ 0 };
        return -EBADMSG;
}

int protocol_send_state(struct channel *channel, const char *json, size_t len) {
        return channel_send(channel, KEEPER_STATE, json, len);
}

int protocol_send_sync(struct channel *channel, const struct protocol_sync *sync, int fd) {
        _cleanup_close_ int owned = fd;
        struct wire_writer writer;
        int r = channel_begin(channel, KEEPER_SYNC, 17 + TEXT_SIZE(sync->directory), &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, sync->id);
        wire_put_u64(&writer, sync->began_s);
        wire_put_u8(&writer, sync->full);
        wire_put_text(&writer, sync->directory);
        return channel_end(channel, &writer, TAKE_FD(owned));
}

int protocol_get_sync(const unsigned char *payload, size_t len, struct protocol_sync *sync) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *sync = (struct protocol_sync){ .id = wire_get_u64(&reader) };
        sync->began_s = wire_get_u64(&reader);
        sync->full = get_flag(&reader);
        wire_get_text(&reader, sync->directory, WIRE_NAME_MAX);
        if (wire_read_end(&reader))
                return 0;
        *sync = (struct protocol_sync){ 0 };
        return -EBADMSG;
}

int protocol_send_keeper_synced(struct channel *channel, const struct protocol_keeper_synced *synced) {
        struct wire_writer writer;
        int r = channel_begin(channel, KEEPER_SYNCED, 27 + TEXT_SIZE(synced->directory) + TEXT_SIZE(synced->error), &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, synced->id);
        wire_put_u8(&writer, synced->complete);
        wire_put_u8(&writer, synced->delta);
        wire_put_u8(&writer, synced->full_needed);
        wire_put_u32(&writer, synced->users);
        wire_put_u32(&writer, synced->groups);
        wire_put_u64(&writer, synced->full_s);
        wire_put_text(&writer, synced->directory);
        wire_put_text(&writer, synced->error);
        return channel_end(channel, &writer, -1);
}

int protocol_get_keeper_synced(const unsigned char *payload, size_t len, struct protocol_keeper_synced *synced) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *synced = (struct protocol_keeper_synced){ .id = wire_get_u64(&reader) };
        synced->complete = get_flag(&reader);
        synced->delta = get_flag(&reader);
        synced->full_needed = get_flag(&reader);
        synced->users = wire_get_u32(&reader);
        synced->groups = wire_get_u32(&reader);
        synced->full_s = wire_get_u64(&reader);
        wire_get_text(&reader, synced->directory, WIRE_NAME_MAX);
        wire_get_text(&reader, synced->error, WIRE_TEXT_MAX);
        if (wire_read_end(&reader))
                return 0;
        *synced = (struct protocol_keeper_synced){ 0 };
        return -EBADMSG;
}
