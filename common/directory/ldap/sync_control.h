/* RFC 4533's controls and messages as bytes, and the text in which their cookies are kept with a replica.
 * Relies on: nothing; BER, not DER: 389 DS writes long lengths.
 * Must never: allocate; believe a length. */
#pragma once

#include <lber.h>
#include <stdbool.h>
#include <stddef.h>

#define SYNC_UUID_BYTES 16u
#define SYNC_COOKIE_BYTES_MAX 2048u   /* of one search */

/* A cookie of the server's: opaque. */
struct sync_cookie { size_t len; char bytes[SYNC_COOKIE_BYTES_MAX]; };
/* 0, or -E2BIG: *cookie is none then. */
int sync_cookie_set(struct sync_cookie *cookie, const struct berval *value);

/* The value of the Sync Request control: refreshAndPersist, or refreshOnly; cookie of length 0: none. The length. */
#define SYNC_REQUEST_MAX (SYNC_COOKIE_BYTES_MAX + 32u)
size_t sync_request_value(bool persist, const struct sync_cookie *cookie, unsigned char value[SYNC_REQUEST_MAX]);

enum sync_entry_state { SYNC_ENTRY_PRESENT = 0, SYNC_ENTRY_ADD, SYNC_ENTRY_MODIFY, SYNC_ENTRY_DELETE };
/* What comes with an entry. Cookies point into the value; bv_val NULL: none. */
struct sync_state_value {
        enum sync_entry_state state;
        unsigned char uuid[SYNC_UUID_BYTES];
        struct berval cookie;
};
/* These three: 0 or -EBADMSG. */
int sync_parse_state(const struct berval *value, struct sync_state_value *state);

struct sync_done_value { struct berval cookie; bool deletes; };
int sync_parse_done(const struct berval *value, struct sync_done_value *done);

enum sync_info_kind { SYNC_INFO_COOKIE = 0, SYNC_INFO_DELETE, SYNC_INFO_PRESENT, SYNC_INFO_ID_SET };
struct sync_info_value {
        enum sync_info_kind kind;
        struct berval cookie;
        bool done;            /* DELETE, PRESENT: the refresh is over */
        bool deletes;         /* ID_SET: those that are gone; else: that are there */
        struct berval set;    /* ID_SET: for sync_next_id */
};
int sync_parse_info(const struct berval *value, struct sync_info_value *info);
/* The next id of a set; false: there is none. The whole set was checked by sync_parse_info. */
bool sync_next_id(struct berval *set, unsigned char uuid[SYNC_UUID_BYTES]);

/* How a server's sync UUID is written in its external_id attribute. */
enum sync_id_form { SYNC_ID_UNKNOWN = 0, SYNC_ID_UUID, SYNC_ID_NSUNIQUE };
#define SYNC_ID_TEXT 37u
/* "8-4-4-4-12" or 389's "8-8-8-8", in lower case. form must be known. */
void sync_id_text(enum sync_id_form form, const unsigned char uuid[SYNC_UUID_BYTES], char text[SYNC_ID_TEXT]);
/* The form in which that text is that UUID; SYNC_ID_UNKNOWN: in none. */
enum sync_id_form sync_id_form_of(const unsigned char uuid[SYNC_UUID_BYTES], const char *text);
