/* The one length-checked codec: every number and text that crosses a process boundary goes through here.
 * Relies on: libc. Used by the PAM module: links nothing else.
 * Must never: read past its buffer, or give a text that holds a NUL inside its length. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reading: after the first failure `bad` is set and every later read gives 0 or "". Check wire_read_end() once. */
struct wire_reader { const unsigned char *bytes; size_t len, at; bool bad; };
/* Writing into a buffer that is given: `bad` on overflow. */
struct wire_writer { unsigned char *bytes; size_t size, len; bool bad; };

/* Little-endian. */
uint8_t wire_get_u8(struct wire_reader *reader);
uint32_t wire_get_u32(struct wire_reader *reader);
uint64_t wire_get_u64(struct wire_reader *reader);
/* A text of at most max bytes: copied with its NUL into out[max + 1]. A NUL inside, or more than max: bad. */
void wire_get_text(struct wire_reader *reader, char *out, size_t max);
/* Bytes, pointing into the reader's buffer; any content. */
const unsigned char *wire_get_bytes(struct wire_reader *reader, size_t max, size_t *len);
/* Whether everything was read, and nothing was bad. */
bool wire_read_end(const struct wire_reader *reader);

/* As they are read. */
void wire_put_u8(struct wire_writer *writer, uint8_t value);
void wire_put_u32(struct wire_writer *writer, uint32_t value);
void wire_put_u64(struct wire_writer *writer, uint64_t value);
void wire_put_text(struct wire_writer *writer, const char *text);            /* u32 length, bytes */
void wire_put_bytes(struct wire_writer *writer, const void *bytes, size_t len);
