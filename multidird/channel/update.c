/* Changes at directories' servers as bytes; see channel/update.h.
 * Relies on: wire/codec.
 * Must never: accept a message with bytes left over, a number outside its enum, or a text without its end. */
#include "multidird/channel/update.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define TEXT_SIZE(text) (4 + strlen(text))
#define FLAG_UID 1u
#define FLAG_GID 2u
#define FLAG_SETS_ACTIVE 4u
#define FLAG_ACTIVE 8u
#define FLAG_GROUP_MEMBER 16u
#define FLAGS_ALL 31u

/* A text with its NUL; no bytes at all: there is none. */
static void put_text(struct wire_writer *writer, const char *text) {
        wire_put_bytes(writer, text ? text : "", text ? strlen(text) + 1 : 0);
}

static const char *get_text(struct wire_reader *reader) {
        size_t len;
        const unsigned char *bytes = wire_get_bytes(reader, UPDATE_BLOB_MAX, &len);
        if (!bytes || len == 0)
                return NULL;
        if (memchr(bytes, 0, len) == bytes + len - 1)
                return (const char *)bytes;
        reader->bad = true;
        return NULL;
}

#define TEXT_FIELDS 11
static void text_fields(struct directory_change *change, const char **fields[TEXT_FIELDS]) {
        const char **all[TEXT_FIELDS] = { &change->name, &change->entry_id, &change->new_name, &change->member, &change->member_id, &change->display_name,
                                          &change->email, &change->home, &change->shell, &change->ssh_keys, &change->description };
        memcpy(fields, all, sizeof all);
}

static size_t packed_size(const struct directory_change *change, const char **fields[TEXT_FIELDS]) {
        size_t size = 4 + 4 + 4 + 4 + 4;
        for (size_t i = 0; i < TEXT_FIELDS; i++)
                size += 5 + (*fields[i] ? strlen(*fields[i]) : 0);
        for (size_t i = 0; i < change->attribute_count; i++)
                size += 5 + strlen(change->attributes[i]);
        return size;
}

unsigned char *update_pack(const struct directory_change *change, size_t *len) {
        struct directory_change copy = *change;
        const char **fields[TEXT_FIELDS];
        text_fields(&copy, fields);
        size_t size = packed_size(change, fields);
        struct wire_writer writer = { .bytes = size <= UPDATE_BLOB_MAX ? malloc(size) : NULL, .size = size };
        if (!writer.bytes)
                return NULL;
        wire_put_u32(&writer, (uint32_t)change->operation);
        for (size_t i = 0; i < TEXT_FIELDS; i++)
                put_text(&writer, *fields[i]);
        wire_put_u32(&writer, (change->has_uid ? FLAG_UID : 0) | (change->has_gid ? FLAG_GID : 0) | (change->has_active ? FLAG_SETS_ACTIVE : 0) |
                              (change->active ? FLAG_ACTIVE : 0) | (change->member_is_group ? FLAG_GROUP_MEMBER : 0));
        wire_put_u32(&writer, change->uid);
        wire_put_u32(&writer, change->gid);
        wire_put_u32(&writer, (uint32_t)change->attribute_count);
        for (size_t i = 0; i < change->attribute_count; i++)
                put_text(&writer, change->attributes[i]);
        *len = writer.len;
        if (!writer.bad)
                return writer.bytes;
        free(writer.bytes);
        return NULL;
}

static void get_flags(struct wire_reader *reader, struct directory_change *change) {
        uint32_t flags = wire_get_u32(reader);
        if (flags & ~FLAGS_ALL)
                reader->bad = true;
        change->has_uid = (flags & FLAG_UID) != 0;
        change->has_gid = (flags & FLAG_GID) != 0;
        change->has_active = (flags & FLAG_SETS_ACTIVE) != 0;
        change->active = (flags & FLAG_ACTIVE) != 0;
        change->member_is_group = (flags & FLAG_GROUP_MEMBER) != 0;
}

/* What each change must have. */
static bool is_whole(const struct directory_change *change) {
        bool of_member = change->operation == CHANGE_ADD_MEMBER || change->operation == CHANGE_REMOVE_MEMBER;
        return change->operation != CHANGE_NONE && change->operation < CHANGE_MAX && change->name && change->name[0] && change->entry_id &&
               (!of_member || (change->member && change->member[0] && change->member_id)) &&
               (change->operation != CHANGE_RENAME_USER || (change->new_name && change->new_name[0]));
}

int update_unpack(const unsigned char *bytes, size_t len, struct directory_change *change) {
        struct wire_reader reader = { .bytes = bytes, .len = len };
        const char **fields[TEXT_FIELDS];
        *change = (struct directory_change){ 0 };
        uint32_t operation = wire_get_u32(&reader);
        change->operation = operation < CHANGE_MAX ? (enum entry_change)operation : CHANGE_NONE;
        text_fields(change, fields);
        for (size_t i = 0; i < TEXT_FIELDS; i++)
                *fields[i] = get_text(&reader);
        get_flags(&reader, change);
        change->uid = wire_get_u32(&reader);
        change->gid = wire_get_u32(&reader);
        uint32_t count = wire_get_u32(&reader);
        if (count > CHANGE_ATTRIBUTES_MAX)
                reader.bad = true;
        for (uint32_t i = 0; i < count && !reader.bad; i++) {
                change->attributes[i] = get_text(&reader);
                if (!change->attributes[i] || !strchr(change->attributes[i], '='))
                        reader.bad = true;
        }
        change->attribute_count = reader.bad ? 0 : count;
        if (wire_read_end(&reader) && is_whole(change))
                return 0;
        *change = (struct directory_change){ 0 };
        return -EBADMSG;
}

static void put_subject(struct wire_writer *writer, const struct update_subject *subject) {
        wire_put_u8(writer, (uint8_t)subject->kind);
        wire_put_u8(writer, subject->accept);
        wire_put_text(writer, subject->name);
}

static void get_subject(struct wire_reader *reader, struct update_subject *subject) {
        uint8_t kind = wire_get_u8(reader), accept = wire_get_u8(reader);
        wire_get_text(reader, subject->name, WIRE_NAME_MAX);
        if (kind > NAME_OF_GROUP || accept > 1)
                reader->bad = true;
        subject->kind = kind == NAME_OF_GROUP ? NAME_OF_GROUP : NAME_OF_USER;
        subject->accept = accept == 1;
}

static size_t steps_size(const struct update_step *steps, size_t count) {
        size_t size = 4;
        for (size_t i = 0; i < count; i++)
                size += 5 + strlen(steps[i].directory) + 5 + strlen(steps[i].what) + 1 + 4 + steps[i].change_len;
        return size;
}

static void put_steps(struct wire_writer *writer, const struct update_step *steps, size_t count) {
        wire_put_u32(writer, (uint32_t)count);
        for (size_t i = 0; i < count; i++) {
                put_text(writer, steps[i].directory);
                put_text(writer, steps[i].what);
                wire_put_u8(writer, steps[i].at_server);
                wire_put_bytes(writer, steps[i].change, steps[i].change_len);
        }
}

static void get_step(struct wire_reader *reader, struct update_step *step) {
        step->directory = get_text(reader);
        step->what = get_text(reader);
        uint8_t at_server = wire_get_u8(reader);
        step->at_server = at_server == 1;
        step->change = wire_get_bytes(reader, UPDATE_BLOB_MAX, &step->change_len);
        if (!step->directory || strlen(step->directory) > WIRE_NAME_MAX || !step->what || strlen(step->what) > UPDATE_WHAT_MAX || at_server > 1)
                reader->bad = true;
}

static void get_steps(struct wire_reader *reader, struct update_step **steps, size_t *count) {
        uint32_t said = wire_get_u32(reader);
        *steps = NULL;
        *count = 0;
        if (said > UPDATE_STEPS_MAX)
                reader->bad = true;
        if (reader->bad)
                return;
        *steps = calloc((size_t)said + 1, sizeof **steps);
        if (!*steps)
                reader->bad = true;
        for (; *count < said && !reader->bad; ++*count)
                get_step(reader, &(*steps)[*count]);
}

static void get_secret(struct wire_reader *reader, struct secret *secret) {
        size_t len = 0;
        const unsigned char *bytes = wire_get_bytes(reader, SECRET_MAX, &len);
        if (reader->bad || secret_set(secret, bytes, len) < 0)
                reader->bad = true;
}

int protocol_send_planned(struct channel *channel, const struct protocol_planned *planned) {
        struct wire_writer writer;
        size_t size = 16 + 2 + TEXT_SIZE(planned->subject.name) + 5 + strlen(planned->skipped) + 4 + planned->password.len +
                      steps_size(planned->steps, planned->step_count);
        int r = channel_begin(channel, KEEPER_PLANNED, size, &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, planned->connection);
        wire_put_u64(&writer, planned->request);
        put_subject(&writer, &planned->subject);
        put_text(&writer, planned->skipped);
        wire_put_bytes(&writer, planned->password.bytes, planned->password.len);
        put_steps(&writer, planned->steps, planned->step_count);
        return channel_end(channel, &writer, -1);
}

int protocol_get_planned(const unsigned char *payload, size_t len, struct protocol_planned *planned) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *planned = (struct protocol_planned){ .connection = wire_get_u64(&reader) };
        planned->request = wire_get_u64(&reader);
        get_subject(&reader, &planned->subject);
        planned->skipped = get_text(&reader);
        get_secret(&reader, &planned->password);
        get_steps(&reader, &planned->steps, &planned->step_count);
        if (wire_read_end(&reader) && planned->skipped && planned->step_count > 0)
                return 0;
        protocol_planned_done(planned);
        return -EBADMSG;
}

void protocol_planned_done(struct protocol_planned *planned) {
        secret_done(&planned->password);
        free(planned->steps);
        *planned = (struct protocol_planned){ 0 };
}

int protocol_send_apply(struct channel *channel, const struct protocol_apply *apply) {
        struct wire_writer writer;
        int r = channel_begin(channel, KEEPER_APPLY, 10 + TEXT_SIZE(apply->subject.name) + steps_size(apply->steps, apply->step_count), &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, apply->id);
        put_subject(&writer, &apply->subject);
        put_steps(&writer, apply->steps, apply->step_count);
        return channel_end(channel, &writer, -1);
}

int protocol_get_apply(const unsigned char *payload, size_t len, struct protocol_apply *apply) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *apply = (struct protocol_apply){ .id = wire_get_u64(&reader) };
        get_subject(&reader, &apply->subject);
        get_steps(&reader, &apply->steps, &apply->step_count);
        if (wire_read_end(&reader))
                return 0;
        protocol_apply_done(apply);
        return -EBADMSG;
}

void protocol_apply_done(struct protocol_apply *apply) {
        free(apply->steps);
        *apply = (struct protocol_apply){ 0 };
}

int protocol_send_applied(struct channel *channel, const struct protocol_applied *applied) {
        struct wire_writer writer;
        int r = channel_begin(channel, KEEPER_APPLIED, 12 + applied->json_len, &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, applied->id);
        wire_put_bytes(&writer, applied->json, applied->json_len);
        return channel_end(channel, &writer, -1);
}

int protocol_get_applied(const unsigned char *payload, size_t len, struct protocol_applied *applied) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *applied = (struct protocol_applied){ .id = wire_get_u64(&reader) };
        applied->json = (const char *)wire_get_bytes(&reader, WIRE_ADMIN_MAX, &applied->json_len);
        if (wire_read_end(&reader) && applied->json)
                return 0;
        *applied = (struct protocol_applied){ 0 };
        return -EBADMSG;
}

static bool takes_password(const struct protocol_change *change) {
        struct directory_change read;
        return update_unpack(change->change, change->change_len, &read) == 0 && change_takes_password(read.operation);
}

int protocol_send_change(struct channel *channel, const struct protocol_change *change) {
        struct wire_writer writer;
        size_t password_len = takes_password(change) ? change->password.len : 0;
        int r = channel_begin(channel, WORKER_CHANGE, 16 + change->change_len + password_len, &writer);
        if (r < 0)
                return r;
        wire_put_u64(&writer, change->id);
        wire_put_bytes(&writer, change->change, change->change_len);
        wire_put_bytes(&writer, change->password.bytes, password_len);
        return channel_end(channel, &writer, -1);
}

int protocol_get_change(const unsigned char *payload, size_t len, struct protocol_change *change) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        *change = (struct protocol_change){ .id = wire_get_u64(&reader) };
        change->change = wire_get_bytes(&reader, UPDATE_BLOB_MAX, &change->change_len);
        get_secret(&reader, &change->password);
        if (wire_read_end(&reader) && change->change) {
                if (!takes_password(change))
                        secret_done(&change->password);
                return 0;
        }
        explicit_bzero(change, sizeof *change);
        return -EBADMSG;
}
