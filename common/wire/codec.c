/* The one length-checked codec; see codec.h. */
#include "wire/codec.h"

#include <string.h>

/* The next len bytes, or NULL (and bad) when there are not that many. */
static const unsigned char *reader_take(struct wire_reader *reader, size_t len) {
        if (reader->bad || reader->at > reader->len || len > reader->len - reader->at) {
                reader->bad = true;
                return NULL;
        }
        const unsigned char *bytes = reader->bytes + reader->at;
        reader->at += len;
        return bytes;
}

/* A little-endian number of width bytes; 0 when bad. */
static uint64_t reader_number(struct wire_reader *reader, size_t width) {
        const unsigned char *bytes = reader_take(reader, width);
        uint64_t value = 0;
        for (size_t i = 0; bytes && i < width; i++)
                value |= (uint64_t)bytes[i] << (8 * i);
        return value;
}

uint8_t wire_get_u8(struct wire_reader *reader) {
        return (uint8_t)reader_number(reader, 1);
}

uint32_t wire_get_u32(struct wire_reader *reader) {
        return (uint32_t)reader_number(reader, 4);
}

uint64_t wire_get_u64(struct wire_reader *reader) {
        return reader_number(reader, 8);
}

const unsigned char *wire_get_bytes(struct wire_reader *reader, size_t max, size_t *len) {
        uint32_t length = wire_get_u32(reader);
        *len = 0;
        if (length > max)
                reader->bad = true;
        const unsigned char *bytes = reader_take(reader, length);
        if (bytes)
                *len = length;
        return bytes;
}

void wire_get_text(struct wire_reader *reader, char *out, size_t max) {
        size_t len;
        const unsigned char *bytes = wire_get_bytes(reader, max, &len);
        out[0] = 0;
        if (!bytes)
                return;
        if (len > 0 && memchr(bytes, 0, len)) {
                reader->bad = true;
                return;
        }
        if (len > 0)
                memcpy(out, bytes, len);
        out[len] = 0;
}

bool wire_read_end(const struct wire_reader *reader) {
        return !reader->bad && reader->at == reader->len;
}

/* Room for len more bytes, or NULL (and bad). */
static unsigned char *writer_room(struct wire_writer *writer, size_t len) {
        if (writer->bad || writer->len > writer->size || len > writer->size - writer->len) {
                writer->bad = true;
                return NULL;
        }
        unsigned char *room = writer->bytes + writer->len;
        writer->len += len;
        return room;
}

static void writer_number(struct wire_writer *writer, uint64_t value, size_t width) {
        unsigned char *room = writer_room(writer, width);
        for (size_t i = 0; room && i < width; i++)
                room[i] = (unsigned char)(value >> (8 * i));
}

void wire_put_u8(struct wire_writer *writer, uint8_t value) {
        writer_number(writer, value, 1);
}

void wire_put_u32(struct wire_writer *writer, uint32_t value) {
        writer_number(writer, value, 4);
}

void wire_put_u64(struct wire_writer *writer, uint64_t value) {
        writer_number(writer, value, 8);
}

void wire_put_bytes(struct wire_writer *writer, const void *bytes, size_t len) {
        if (len > UINT32_MAX) {
                writer->bad = true;
                return;
        }
        wire_put_u32(writer, (uint32_t)len);
        unsigned char *room = writer_room(writer, len);
        if (room && len > 0)
                memcpy(room, bytes, len);
}

void wire_put_text(struct wire_writer *writer, const char *text) {
        wire_put_bytes(writer, text, strlen(text));
}
