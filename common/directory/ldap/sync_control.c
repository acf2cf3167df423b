/* RFC 4533's encodings; see ldap/sync_control.h. */
#include "directory/ldap/sync_control.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { TAG_BOOLEAN = 0x01, TAG_OCTETS = 0x04, TAG_ENUMERATED = 0x0a, TAG_SEQUENCE = 0x30, TAG_SET = 0x31,
       TAG_NEW_COOKIE = 0x80, TAG_REFRESH_DELETE = 0xa1, TAG_REFRESH_PRESENT = 0xa2, TAG_ID_SET = 0xa3 };
#define MODE_REFRESH_ONLY 1
#define MODE_PERSIST 3

int sync_cookie_set(struct sync_cookie *cookie, const struct berval *value) {
        cookie->len = 0;
        if (value->bv_len > sizeof cookie->bytes)
                return -E2BIG;
        if (value->bv_len > 0)
                memcpy(cookie->bytes, value->bv_val, value->bv_len);
        cookie->len = value->bv_len;
        return 0;
}

/* ---- Reading ---- */

struct reader { const unsigned char *at, *end; bool bad; };

static struct reader reader_of(const struct berval *value) {
        const unsigned char *bytes = (const unsigned char *)value->bv_val;
        return (struct reader){ .at = bytes, .end = bytes ? bytes + value->bv_len : NULL };
}

/* The length behind a tag, which is at most what is left. */
static size_t take_length(struct reader *reader) {
        size_t left = (size_t)(reader->end - reader->at), length = 0;
        if (left > 0 && reader->at[0] < 0x80) {
                length = *reader->at++;
        } else if (left > 0 && reader->at[0] > 0x80 && reader->at[0] <= 0x84 && left > (size_t)(reader->at[0] - 0x80)) {
                unsigned bytes = *reader->at++ - 0x80u;
                while (bytes-- > 0)
                        length = length << 8 | *reader->at++;
        } else {
                reader->bad = true;
        }
        if (length > (size_t)(reader->end - reader->at))
                reader->bad = true;
        return reader->bad ? 0 : length;
}

/* The next element, if it has that tag; else nothing is taken and false is given. */
static bool take(struct reader *reader, unsigned tag, struct reader *content) {
        if (reader->bad || reader->at == reader->end || *reader->at != tag)
                return false;
        reader->at++;
        size_t length = take_length(reader);
        *content = (struct reader){ .at = reader->at, .end = reader->at + length };
        reader->at += length;
        return !reader->bad;
}

static bool at_end(const struct reader *reader) {
        return !reader->bad && reader->at == reader->end;
}

static struct berval bytes_of(const struct reader *content) {
        return (struct berval){ .bv_val = (char *)(uintptr_t)content->at, .bv_len = (ber_len_t)(content->end - content->at) };
}

static void take_cookie(struct reader *reader, struct berval *cookie) {
        struct reader content;
        if (take(reader, TAG_OCTETS, &content))
                *cookie = bytes_of(&content);
}

static bool take_boolean(struct reader *reader, bool otherwise) {
        struct reader content;
        if (!take(reader, TAG_BOOLEAN, &content))
                return otherwise;
        if (content.end - content.at != 1)
                reader->bad = true;
        return !reader->bad && *content.at != 0;
}

int sync_parse_state(const struct berval *value, struct sync_state_value *state) {
        struct reader all = reader_of(value), sequence, content;
        *state = (struct sync_state_value){ 0 };
        if (!take(&all, TAG_SEQUENCE, &sequence) || !take(&sequence, TAG_ENUMERATED, &content) || content.end - content.at != 1 || *content.at > SYNC_ENTRY_DELETE)
                return -EBADMSG;
        state->state = (enum sync_entry_state)*content.at;
        if (!take(&sequence, TAG_OCTETS, &content) || content.end - content.at != SYNC_UUID_BYTES)
                return -EBADMSG;
        memcpy(state->uuid, content.at, SYNC_UUID_BYTES);
        take_cookie(&sequence, &state->cookie);
        return at_end(&sequence) && at_end(&all) ? 0 : -EBADMSG;
}

int sync_parse_done(const struct berval *value, struct sync_done_value *done) {
        struct reader all = reader_of(value), sequence;
        *done = (struct sync_done_value){ 0 };
        if (!take(&all, TAG_SEQUENCE, &sequence))
                return -EBADMSG;
        take_cookie(&sequence, &done->cookie);
        done->deletes = take_boolean(&sequence, false);
        return at_end(&sequence) && at_end(&all) ? 0 : -EBADMSG;
}

/* Every one of them is looked at before any is used. */
static int check_set(const struct reader *set) {
        struct reader ids = *set, id;
        while (take(&ids, TAG_OCTETS, &id))
                if (id.end - id.at != SYNC_UUID_BYTES)
                        return -EBADMSG;
        return at_end(&ids) ? 0 : -EBADMSG;
}

static int parse_id_set(struct reader *sequence, struct sync_info_value *info) {
        struct reader set;
        info->kind = SYNC_INFO_ID_SET;
        take_cookie(sequence, &info->cookie);
        info->deletes = take_boolean(sequence, false);
        if (!take(sequence, TAG_SET, &set) || !at_end(sequence))
                return -EBADMSG;
        info->set = bytes_of(&set);
        return check_set(&set);
}

int sync_parse_info(const struct berval *value, struct sync_info_value *info) {
        struct reader all = reader_of(value), content;
        *info = (struct sync_info_value){ 0 };
        int r = -EBADMSG;
        if (take(&all, TAG_NEW_COOKIE, &content)) {
                info->cookie = bytes_of(&content);
                r = 0;
        } else if (take(&all, TAG_ID_SET, &content)) {
                r = parse_id_set(&content, info);
        } else {
                bool deletes = take(&all, TAG_REFRESH_DELETE, &content);
                if (!deletes && !take(&all, TAG_REFRESH_PRESENT, &content))
                        return -EBADMSG;
                info->kind = deletes ? SYNC_INFO_DELETE : SYNC_INFO_PRESENT;
                take_cookie(&content, &info->cookie);
                info->done = take_boolean(&content, true);
                r = at_end(&content) ? 0 : -EBADMSG;
        }
        return r == 0 && at_end(&all) ? 0 : -EBADMSG;
}

bool sync_next_id(struct berval *set, unsigned char uuid[SYNC_UUID_BYTES]) {
        struct reader ids = reader_of(set), id;
        if (!take(&ids, TAG_OCTETS, &id) || id.end - id.at != SYNC_UUID_BYTES)
                return false;
        memcpy(uuid, id.at, SYNC_UUID_BYTES);
        *set = bytes_of(&ids);
        return true;
}

/* ---- Writing ---- */

static size_t put_length(unsigned char *at, size_t length) {
        at[0] = 0x82; /* two bytes of length: BER lets them be there for short ones too */
        at[1] = (unsigned char)(length >> 8);
        at[2] = (unsigned char)length;
        return 3;
}

size_t sync_request_value(bool persist, const struct sync_cookie *cookie, unsigned char value[SYNC_REQUEST_MAX]) {
        size_t at = 4;
        value[at++] = TAG_ENUMERATED;
        value[at++] = 1;
        value[at++] = persist ? MODE_PERSIST : MODE_REFRESH_ONLY;
        if (cookie->len > 0) {
                value[at++] = TAG_OCTETS;
                at += put_length(value + at, cookie->len);
                memcpy(value + at, cookie->bytes, cookie->len);
                at += cookie->len;
        }
        value[0] = TAG_SEQUENCE;
        (void)put_length(value + 1, at - 4);
        return at;
}

/* ---- Ids ---- */

void sync_id_text(enum sync_id_form form, const unsigned char uuid[SYNC_UUID_BYTES], char text[SYNC_ID_TEXT]) {
        const char *dashes = form == SYNC_ID_NSUNIQUE ? "\4\10\14" : "\4\6\10\12";
        size_t used = 0;
        for (size_t i = 0; i < SYNC_UUID_BYTES; i++) {
                bool dash = i > 0 && strchr(dashes, (int)i) != NULL;
                used += (size_t)snprintf(text + used, SYNC_ID_TEXT - used, "%s%02x", dash ? "-" : "", uuid[i]);
        }
}

enum sync_id_form sync_id_form_of(const unsigned char uuid[SYNC_UUID_BYTES], const char *text) {
        char expected[SYNC_ID_TEXT];
        for (enum sync_id_form form = SYNC_ID_UUID; form <= SYNC_ID_NSUNIQUE; form++) {
                sync_id_text(form, uuid, expected);
                if (strcmp(expected, text) == 0)
                        return form;
        }
        return SYNC_ID_UNKNOWN;
}
