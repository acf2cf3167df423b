/* Fuzz target of the frames and of every message: the first byte of the input chooses the parser.
 * Relies on: libFuzzer.
 * Must never: accept bytes that are not the encoding of what was read from them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE(word) \
        static size_t word##_again(const uint8_t *payload, size_t len, struct wire_writer *writer) { \
                struct wire_##word message; \
                if (wire_get_##word(payload, len, &message) < 0) \
                        return 0; \
                wire_put_##word(writer, &message); \
                return 1; \
        }
MESSAGE(authenticate)
MESSAGE(authenticated)
MESSAGE(change_password)
MESSAGE(changed)
MESSAGE(session)

static size_t (*const parsers[])(const uint8_t *payload, size_t len, struct wire_writer *writer) = {
        authenticate_again, authenticated_again, change_password_again, changed_again, session_again,
};
#define PARSERS (sizeof parsers / sizeof parsers[0])

static void try_header(const uint8_t *data, size_t size) {
        unsigned char again[WIRE_HEADER];
        struct wire_frame frame;
        if (size < WIRE_HEADER || wire_parse_header(data, WIRE_ADMIN_MAX, &frame) < 0)
                return;
        wire_make_header(again, frame.type, frame.len);
        if (memcmp(again, data, WIRE_HEADER) != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        unsigned char again[WIRE_AUTH_MAX];
        struct wire_writer writer = { .bytes = again, .size = sizeof again };
        if (size == 0)
                return 0;
        if (data[0] % (PARSERS + 1) == PARSERS) {
                try_header(data + 1, size - 1);
                return 0;
        }
        if (parsers[data[0] % (PARSERS + 1)](data + 1, size - 1, &writer) &&
            (writer.bad || writer.len != size - 1 || memcmp(again, data + 1, writer.len) != 0))
                abort();
        return 0;
}
