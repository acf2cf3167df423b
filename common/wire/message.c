/* Messages; see message.h. Each put and its get list the same fields in the same order. */
#include "wire/message.h"

#include <errno.h>
#include <string.h>

static const unsigned char magic[2] = { 'M', 'D' };

int wire_parse_header(const unsigned char header[WIRE_HEADER], size_t max, struct wire_frame *frame) {
        if (memcmp(header, magic, sizeof magic) != 0)
                return -EBADMSG;
        if (header[2] != WIRE_VERSION)
                return -EPROTONOSUPPORT;
        struct wire_reader reader = { .bytes = header + 4, .len = 4 };
        uint32_t len = wire_get_u32(&reader);
        if (len > max || header[3] == WIRE_NONE)
                return -EBADMSG;
        *frame = (struct wire_frame) { .type = (enum wire_type)header[3], .len = len };
        return 0;
}

void wire_make_header(unsigned char header[WIRE_HEADER], enum wire_type type, size_t len) {
        struct wire_writer writer = { .bytes = header + 4, .size = 4 };
        memcpy(header, magic, sizeof magic);
        header[2] = WIRE_VERSION;
        header[3] = (unsigned char)type;
        wire_put_u32(&writer, (uint32_t)len);
}

static enum reason get_reason(struct wire_reader *reader) {
        uint8_t number = wire_get_u8(reader);
        if (number >= REASON_MAX)
                reader->bad = true;
        return reader->bad ? REASON_UNAVAILABLE : (enum reason)number;
}

static uint8_t get_flag(struct wire_reader *reader) {
        uint8_t flag = wire_get_u8(reader);
        if (flag > 1)
                reader->bad = true;
        return flag;
}

static void get_secret(struct wire_reader *reader, struct secret *secret) {
        size_t len;
        const unsigned char *bytes = wire_get_bytes(reader, SECRET_MAX, &len);
        if (!bytes || secret_set(secret, bytes, len) < 0)
                reader->bad = true;
}

static void put_secret(struct wire_writer *writer, const struct secret *secret) {
        if (secret->len > SECRET_MAX) {
                writer->bad = true;
                return;
        }
        wire_put_bytes(writer, secret->bytes, secret->len);
}

/* The end of every get: all or nothing, so that no half-read message (or secret in it) reaches the caller. */
static int get_end(const struct wire_reader *reader, void *out, size_t size) {
        if (wire_read_end(reader))
                return 0;
        explicit_bzero(out, size);
        return -EBADMSG;
}

void wire_put_authenticate(struct wire_writer *writer, const struct wire_authenticate *message) {
        wire_put_text(writer, message->user);
        wire_put_text(writer, message->service);
        wire_put_text(writer, message->application);
        wire_put_text(writer, message->rhost);
        wire_put_text(writer, message->tty);
        put_secret(writer, &message->password);
}

int wire_get_authenticate(const unsigned char *payload, size_t len, struct wire_authenticate *out) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        memset(out, 0, sizeof *out);
        wire_get_text(&reader, out->user, WIRE_NAME_MAX);
        wire_get_text(&reader, out->service, WIRE_NAME_MAX);
        wire_get_text(&reader, out->application, WIRE_NAME_MAX);
        wire_get_text(&reader, out->rhost, WIRE_NAME_MAX);
        wire_get_text(&reader, out->tty, WIRE_NAME_MAX);
        get_secret(&reader, &out->password);
        return get_end(&reader, out, sizeof *out);
}

void wire_put_authenticated(struct wire_writer *writer, const struct wire_authenticated *message) {
        wire_put_u8(writer, (uint8_t)message->reason);
        wire_put_u8(writer, message->must_change);
        wire_put_text(writer, message->name);
        wire_put_text(writer, message->directory);
        wire_put_text(writer, message->entry_id);
        wire_put_text(writer, message->text);
}

int wire_get_authenticated(const unsigned char *payload, size_t len, struct wire_authenticated *out) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        memset(out, 0, sizeof *out);
        out->reason = get_reason(&reader);
        out->must_change = get_flag(&reader);
        wire_get_text(&reader, out->name, WIRE_NAME_MAX);
        wire_get_text(&reader, out->directory, WIRE_NAME_MAX);
        wire_get_text(&reader, out->entry_id, WIRE_NAME_MAX);
        wire_get_text(&reader, out->text, WIRE_TEXT_MAX);
        return get_end(&reader, out, sizeof *out);
}

void wire_put_change_password(struct wire_writer *writer, const struct wire_change_password *message) {
        wire_put_text(writer, message->user);
        wire_put_text(writer, message->service);
        wire_put_text(writer, message->application);
        wire_put_u8(writer, message->as_root);
        wire_put_u8(writer, message->check_only);
        put_secret(writer, &message->old_password);
        put_secret(writer, &message->new_password);
}

int wire_get_change_password(const unsigned char *payload, size_t len, struct wire_change_password *out) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        memset(out, 0, sizeof *out);
        wire_get_text(&reader, out->user, WIRE_NAME_MAX);
        wire_get_text(&reader, out->service, WIRE_NAME_MAX);
        wire_get_text(&reader, out->application, WIRE_NAME_MAX);
        out->as_root = get_flag(&reader);
        out->check_only = get_flag(&reader);
        get_secret(&reader, &out->old_password);
        get_secret(&reader, &out->new_password);
        return get_end(&reader, out, sizeof *out);
}

void wire_put_changed(struct wire_writer *writer, const struct wire_changed *message) {
        wire_put_u8(writer, (uint8_t)message->reason);
        wire_put_text(writer, message->text);
}

int wire_get_changed(const unsigned char *payload, size_t len, struct wire_changed *out) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        memset(out, 0, sizeof *out);
        out->reason = get_reason(&reader);
        wire_get_text(&reader, out->text, WIRE_TEXT_MAX);
        return get_end(&reader, out, sizeof *out);
}

void wire_put_session(struct wire_writer *writer, const struct wire_session *message) {
        wire_put_text(writer, message->user);
        wire_put_text(writer, message->service);
        wire_put_text(writer, message->application);
}

int wire_get_session(const unsigned char *payload, size_t len, struct wire_session *out) {
        struct wire_reader reader = { .bytes = payload, .len = len };
        memset(out, 0, sizeof *out);
        wire_get_text(&reader, out->user, WIRE_NAME_MAX);
        wire_get_text(&reader, out->service, WIRE_NAME_MAX);
        wire_get_text(&reader, out->application, WIRE_NAME_MAX);
        return get_end(&reader, out, sizeof *out);
}
