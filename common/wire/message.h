/* Messages: frames on SOCK_STREAM sockets, the same on auth.sock, admin.sock and the socket pairs to keeper and workers.
 * Relies on: wire/codec.
 * Must never: be changed without a new WIRE_VERSION.
 *
 * frame = magic u16 'MD' | version u8 | type u8 | length u32 (of the payload) | payload.  Little-endian. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"
#include "base/secret.h"
#include "wire/codec.h"

#define WIRE_VERSION 1
#define WIRE_HEADER 8
#define WIRE_AUTH_MAX 4096              /* payload bytes on auth.sock */
#define WIRE_ADMIN_MAX (16u << 20)      /* payload bytes on admin.sock and the socket pairs */

#define WIRE_NAME_MAX 255
#define WIRE_TEXT_MAX 512

enum wire_type {
        WIRE_NONE = 0,
        /* auth.sock, from pam_multidir.so (peer uid 0 only) */
        WIRE_AUTHENTICATE = 1,   /* struct wire_authenticate -> WIRE_AUTHENTICATED */
        WIRE_AUTHENTICATED = 2,
        WIRE_CHANGE_PASSWORD = 3,/* struct wire_change_password -> WIRE_CHANGED */
        WIRE_CHANGED = 4,
        WIRE_SESSION = 5,        /* struct wire_session -> WIRE_SESSION_NOTED */
        WIRE_SESSION_NOTED = 6,
        /* admin.sock, from multidirctl (peer uid 0 only): payload is one JSON object each way */
        WIRE_ADMIN = 16,         /* -> zero or more WIRE_ADMIN_PROGRESS, then one WIRE_ADMIN_REPLY */
        WIRE_ADMIN_PROGRESS = 17,
        WIRE_ADMIN_REPLY = 18,
        /* 32 and above: between the service's own processes, see multidird/ */
        WIRE_INTERNAL_FIRST = 32,
};

struct wire_frame { enum wire_type type; size_t len; };

/* Checks a header. 0, -EBADMSG (magic, length above max), -EPROTONOSUPPORT (version). */
int wire_parse_header(const unsigned char header[WIRE_HEADER], size_t max, struct wire_frame *frame);
void wire_make_header(unsigned char header[WIRE_HEADER], enum wire_type type, size_t len);

struct wire_authenticate {
        char user[WIRE_NAME_MAX + 1];        /* as typed; longer ones the module refuses itself, after a prompt */
        char service[WIRE_NAME_MAX + 1];     /* PAM_SERVICE */
        char application[WIRE_NAME_MAX + 1]; /* the option, "" for none */
        char rhost[WIRE_NAME_MAX + 1], tty[WIRE_NAME_MAX + 1]; /* for the log */
        struct secret password;
};
struct wire_authenticated {
        enum reason reason;                  /* REASON_OK: let in. Never more than that on a denial (L9): the true reason is in the log */
        uint8_t must_change;
        char name[WIRE_NAME_MAX + 1];        /* published spelling */
        char directory[WIRE_NAME_MAX + 1];   /* the entry that was checked (L12), on REASON_OK only */
        char entry_id[WIRE_NAME_MAX + 1];
        char text[WIRE_TEXT_MAX + 1];        /* for the user, may be empty */
};
struct wire_change_password {
        char user[WIRE_NAME_MAX + 1], service[WIRE_NAME_MAX + 1], application[WIRE_NAME_MAX + 1];
        uint8_t as_root;                     /* the old password was not asked for (getuid() == 0) */
        uint8_t check_only;                  /* PAM_PRELIM_CHECK: only say whether it could be changed, and check the old one */
        struct secret old_password, new_password;
};
struct wire_changed { enum reason reason; char text[WIRE_TEXT_MAX + 1]; }; /* text: P6, or the server's policy text */
struct wire_session { char user[WIRE_NAME_MAX + 1], service[WIRE_NAME_MAX + 1], application[WIRE_NAME_MAX + 1]; };

/* Payloads. put: writes to the writer (check writer->bad). get: 0 or -EBADMSG; *out is zeroed on failure (secrets wiped). */
void wire_put_authenticate(struct wire_writer *writer, const struct wire_authenticate *message);
int wire_get_authenticate(const unsigned char *payload, size_t len, struct wire_authenticate *out);
void wire_put_authenticated(struct wire_writer *writer, const struct wire_authenticated *message);
int wire_get_authenticated(const unsigned char *payload, size_t len, struct wire_authenticated *out);
void wire_put_change_password(struct wire_writer *writer, const struct wire_change_password *message);
int wire_get_change_password(const unsigned char *payload, size_t len, struct wire_change_password *out);
void wire_put_changed(struct wire_writer *writer, const struct wire_changed *message);
int wire_get_changed(const unsigned char *payload, size_t len, struct wire_changed *out);
void wire_put_session(struct wire_writer *writer, const struct wire_session *message);
int wire_get_session(const unsigned char *payload, size_t len, struct wire_session *out);
