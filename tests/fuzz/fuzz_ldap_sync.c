/* RFC 4533's controls and messages as a server sends them, Active Directory's replPropertyMetaData, and cookies as a store keeps them. The first byte says which.
 * Relies on: ldap/sync_control, ldap/feed.
 * Must never: accept what would not be written the same way again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "directory/ldap/feed.h"

static void inside(const struct berval *part, const struct berval *whole) {
        if (part->bv_val && (part->bv_val < whole->bv_val || part->bv_len > whole->bv_len - (size_t)(part->bv_val - whole->bv_val)))
                abort();
}

static void info(const struct berval *value) {
        struct sync_info_value info;
        unsigned char uuid[SYNC_UUID_BYTES];
        char text[SYNC_ID_TEXT];
        size_t count = 0;
        if (sync_parse_info(value, &info) < 0)
                return;
        inside(&info.cookie, value);
        inside(&info.set, value);
        while (sync_next_id(&info.set, uuid)) {
                sync_id_text(count % 2 ? SYNC_ID_UUID : SYNC_ID_NSUNIQUE, uuid, text);
                if (sync_id_form_of(uuid, text) != (count % 2 ? SYNC_ID_UUID : SYNC_ID_NSUNIQUE))
                        abort();
                count++;
        }
        if (info.set.bv_len > 0 || count > value->bv_len / SYNC_UUID_BYTES)
                abort();
}

static void cookie(const struct berval *value) {
        static struct feed_cookie read, again;
        char written[SYNC_COOKIE_MAX + 1];
        char *text = strndup(value->bv_val, value->bv_len);
        if (text && feed_cookie_read(text, &read) == 0) {
                feed_cookie_write(&read, written);
                if (written[0] && (feed_cookie_read(written, &again) < 0 || again.identity != read.identity || again.method != read.method ||
                                   again.end_s != read.end_s))
                        abort();
                for (size_t i = 0; written[0] && i < FEED_FIELDS; i++)
                        if (again.fields[i].len != read.fields[i].len || memcmp(again.fields[i].bytes, read.fields[i].bytes, read.fields[i].len) != 0)
                                abort();
        }
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct sync_state_value state;
        struct sync_done_value done;
        static struct sync_cookie kept;
        unsigned char request[SYNC_REQUEST_MAX];
        if (size == 0)
                return 0;
        /* A copy of the exact size: whoever reads past it is seen. */
        char *copy = malloc(size);
        if (!copy)
                return 0;
        memcpy(copy, data + 1, size - 1);
        const struct berval value = { .bv_val = copy, .bv_len = size - 1 };
        if (data[0] == 'm') {
                struct active_stamp stamp;
                if (active_stamp_of(&value, ACTIVE_NAME, &stamp) == 0 && size - 1 < 64)
                        abort();
                free(copy);
                return 0;
        }
        switch (data[0] % 4) {
        case 0:
                if (sync_parse_state(&value, &state) == 0) {
                        inside(&state.cookie, &value);
                        if (sync_cookie_set(&kept, &state.cookie) == 0 && sync_request_value(true, &kept, request) > sizeof request)
                                abort();
                }
                break;
        case 1:
                if (sync_parse_done(&value, &done) == 0)
                        inside(&done.cookie, &value);
                break;
        case 2:
                info(&value);
                break;
        default:
                cookie(&value);
        }
        free(copy);
        return 0;
}
