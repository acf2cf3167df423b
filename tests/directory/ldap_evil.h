/* A server for the tests of hostile and broken ones: it speaks just enough BER to be taken for an LDAP server, and then does what its mode says.
 * Relies on: fork; sockets.
 * Must never: be used for what a real server can show. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

enum evil_mode {
        STALL, CLOSE, PARTIAL, DRIP, GARBAGE, HUGE_MESSAGE, DEEP, RANDOM, TLS_STALL, TLS_DRIP, STARTTLS_STALL, STARTTLS_INJECT, BIND_BUSY, BIND_REFERRAL, BIND_NO_CODE,
        SEARCH_STALL, SEARCH_ENDLESS, SEARCH_PAGES_FOR_EVER, SEARCH_EMPTY_PAGES, SEARCH_NO_PAGING, SEARCH_REFERENCE, SEARCH_BAD_ENTRY, SEARCH_OTHER_ID, SEARCH_UNSOLICITED,
        SEARCH_TIME_LIMIT, SEARCH_CUT, SEARCH_GOOD, SEARCH_NUL,
        RANGES, RANGES_REPEATED, RANGES_SHRUNK, RANGES_UNANSWERED, MEMBER_OF_PARTS,
        /* Users and a group, to whoever asks for them. */
        SMALL, MANY_MEMBERS, MANY_MAILS,
        /* Alice is there, and whoever binds is let in; then a change of a password is … */
        SET_UNKNOWN, SET_NEITHER, SET_STALL, SET_CUT, SET_GARBAGE,
};

struct bytes { size_t len; unsigned char data[4096]; };

static void put(struct bytes *b, const void *data, size_t len) {
        if (len > sizeof b->data - b->len)
                abort();
        if (len > 0)
                memcpy(b->data + b->len, data, len);
        b->len += len;
}
static void tlv(struct bytes *out, unsigned char tag, const void *data, size_t len) {
        unsigned char header[4] = { tag, 0x82, (unsigned char)(len >> 8), (unsigned char)len };
        put(out, header, sizeof header);
        put(out, data, len);
}
static void text(struct bytes *out, unsigned char tag, const char *value) { tlv(out, tag, value, strlen(value)); }

/* An LDAPMessage around an operation, with controls if there are any. */
static void message(struct bytes *out, unsigned id, const struct bytes *operation, const struct bytes *controls) {
        struct bytes inner = { 0 };
        unsigned char number[4] = { (unsigned char)(id >> 24), (unsigned char)(id >> 16), (unsigned char)(id >> 8), (unsigned char)id };
        tlv(&inner, 0x02, number, sizeof number);
        put(&inner, operation->data, operation->len);
        if (controls)
                tlv(&inner, 0xa0, controls->data, controls->len);
        tlv(out, 0x30, inner.data, inner.len);
}
static void result(struct bytes *out, unsigned id, unsigned char tag, unsigned char code, const struct bytes *controls) {
        struct bytes body = { 0 }, operation = { 0 };
        tlv(&body, 0x0a, &code, 1);
        text(&body, 0x04, "");
        text(&body, 0x04, "");
        tlv(&operation, tag, body.data, body.len);
        message(out, id, &operation, controls);
}
static void attribute(struct bytes *out, const char *name, const void *value, size_t len) {
        struct bytes set = { 0 }, one = { 0 };
        tlv(&set, 0x04, value, len);
        text(&one, 0x04, name);
        tlv(&one, 0x31, set.data, set.len);
        tlv(out, 0x30, one.data, one.len);
}
static void entry(struct bytes *out, unsigned id, const char *name, const void *uid, size_t uid_len) {
        struct bytes attributes = { 0 }, body = { 0 }, operation = { 0 };
        char dn[128], uuid[64];
        (void)snprintf(dn, sizeof dn, "uid=%s,ou=people,dc=example,dc=org", name);
        (void)snprintf(uuid, sizeof uuid, "id-of-%s", name);
        attribute(&attributes, "uid", uid, uid_len);
        attribute(&attributes, "entryUUID", uuid, strlen(uuid));
        text(&body, 0x04, dn);
        tlv(&body, 0x30, attributes.data, attributes.len);
        tlv(&operation, 0x64, body.data, body.len);
        message(out, id, &operation, NULL);
}
/* A group, the members of which are what the range says: "cn=NUMBER,dc=x" each; without a range none are given. */
static void ranged_group(struct bytes *out, unsigned id, const char *range, unsigned from, unsigned to) {
        struct bytes set = { 0 }, one = { 0 }, attributes = { 0 }, body = { 0 }, operation = { 0 };
        char member[64];
        attribute(&attributes, "cn", "big", 3);
        attribute(&attributes, "entryUUID", "id-of-big", 9);
        for (unsigned i = from; i <= to; i++) {
                (void)snprintf(member, sizeof member, "uid=u%u,ou=people,dc=example,dc=org", i);
                text(&set, 0x04, member);
        }
        text(&one, 0x04, range);
        tlv(&one, 0x31, set.data, set.len);
        if (range[0])
                tlv(&attributes, 0x30, one.data, one.len);
        text(&body, 0x04, "cn=big,dc=x");
        tlv(&body, 0x30, attributes.data, attributes.len);
        tlv(&operation, 0x64, body.data, body.len);
        message(out, id, &operation, NULL);
}

/* The first search gets users, the second one the group with its first members, the others the next ones. */
static void ranges_answer(struct bytes *out, enum evil_mode mode, unsigned id) {
        static unsigned asked, searches;
        /* Before it reads: the root entry, the base, what computes who is active, and what holds entries. */
        if (asked++ < 4) {
                result(out, id, 0x65, 0, NULL);
                return;
        }
        switch (searches++) {
        case 0:
                for (unsigned i = 0; i < 5; i++) {
                        char name[8];
                        (void)snprintf(name, sizeof name, "u%u", i);
                        entry(out, id, name, name, strlen(name));
                }
                break;
        case 1:
                ranged_group(out, id, "uniqueMember;range=0-1", 0, 1);
                break;
        case 2:
                if (mode != RANGES_UNANSWERED)
                        ranged_group(out, id, mode == RANGES ? "uniqueMember;range=2-3" : mode == RANGES_SHRUNK ? "" : "uniqueMember;range=0-1", 2, 3);
                break;
        default:
                ranged_group(out, id, "uniqueMember;range=4-*", 4, 4);
        }
        result(out, id, 0x65, 0, NULL);
}

/* RFC 2696's control with a cookie. */
static struct bytes page(const char *cookie) {
        struct bytes value = { 0 }, sequence = { 0 }, control = { 0 }, controls = { 0 };
        unsigned char zero = 0;
        tlv(&value, 0x02, &zero, 1);
        text(&value, 0x04, cookie);
        tlv(&sequence, 0x30, value.data, value.len);
        text(&control, 0x04, "1.2.840.113556.1.4.319");
        tlv(&control, 0x04, sequence.data, sequence.len);
        tlv(&controls, 0x30, control.data, control.len);
        return controls;
}

/* A connection is cut after so many bytes of answers; 0: never. Each is served by a process of its own. */
static size_t evil_limit, evil_sent;

static bool send_some(int fd, const void *data, size_t len);
static bool send_all(int fd, const void *data, size_t len) {
        bool cut = evil_limit > 0 && len > evil_limit - evil_sent;
        if (cut)
                len = evil_limit - evil_sent;
        evil_sent += len;
        bool sent = send_some(fd, data, len);
        if (cut)
                (void)shutdown(fd, SHUT_RDWR);
        return sent && !cut;
}
static bool send_some(int fd, const void *data, size_t len) {
        for (size_t done = 0; done < len;) {
                ssize_t n = send(fd, (const char *)data + done, len - done, MSG_NOSIGNAL);
                if (n <= 0)
                        return false;
                done += (size_t)n;
        }
        return true;
}
static void send_slowly(int fd, const struct bytes *b) {
        for (size_t i = 0; i < b->len && send_all(fd, b->data + i, 1); i++)
                (void)usleep(200000);
}

/* The last request. Those of these tests have lengths below 2^16. */
static unsigned char asked[65536];
static size_t asked_len;

/* Reads one: its message id and its operation's tag. False: none any more. */
static bool request(int fd, unsigned *id, unsigned char *tag) {
        unsigned char *b = asked;
        size_t have = 0, header = 2, need = 2;
        while (have < need) {
                ssize_t n = recv(fd, b + have, need - have, 0);
                if (n <= 0)
                        return false;
                have += (size_t)n;
                if (have == 2 && need == 2 && b[1] & 0x80)
                        need = header = 2u + (b[1] & 0x7fu);
                if (have == header && need == header) {
                        size_t len = b[1];
                        if (b[1] & 0x80)
                                for (len = 0, need = 2; need < header; need++)
                                        len = len << 8 | b[need];
                        need = header + len;
                }
                if (need > sizeof asked)
                        return false;
        }
        asked_len = have;
        *id = 0;
        for (size_t i = 0; i < b[header + 1]; i++)
                *id = *id << 8 | b[header + 2 + i];
        *tag = b[header + 2 + b[header + 1]];
        return true;
}

static bool asks_for(const char *word) {
        return memmem(asked, asked_len, word, strlen(word)) != NULL;
}

static void long_header(struct bytes *out, unsigned char tag, size_t len) {
        unsigned char header[6] = { tag, 0x84, (unsigned char)(len >> 24), (unsigned char)(len >> 16), (unsigned char)(len >> 8), (unsigned char)len };
        put(out, header, sizeof header);
}

#define MANY 1000000u
#define MANY_LONG 40 /* bytes of a value */

/* An entry with that many values of the attribute, each another one, of nobody; and last the value, if there is one. */
static void send_many(int fd, unsigned id, const char *dn, const char *name, const char *attribute_name, const char *last) {
        struct bytes others = { 0 }, named = { 0 }, out = { 0 }, end = { 0 };
        unsigned char number[4] = { (unsigned char)(id >> 24), (unsigned char)(id >> 16), (unsigned char)(id >> 8), (unsigned char)id };
        attribute(&others, "uid", name, strlen(name));
        attribute(&others, "cn", name, strlen(name));
        attribute(&others, "entryUUID", dn, strlen(dn));
        text(&named, 0x04, attribute_name);
        if (last)
                text(&end, 0x04, last);
        /* From within outward: the values, their set, the attribute, all of them, the entry. */
        size_t values = (size_t)MANY * (2 + MANY_LONG) + end.len, one = named.len + 6 + values, all = others.len + 6 + one, body = 4 + strlen(dn) + 6 + all;
        long_header(&out, 0x30, 4 + sizeof number + 6 + body);
        tlv(&out, 0x02, number, sizeof number);
        long_header(&out, 0x64, body);
        text(&out, 0x04, dn);
        long_header(&out, 0x30, all);
        put(&out, others.data, others.len);
        long_header(&out, 0x30, one);
        put(&out, named.data, named.len);
        long_header(&out, 0x31, values);
        (void)send_all(fd, out.data, out.len);
        char *block = calloc(MANY, 2 + MANY_LONG + 1), *at = block;
        for (unsigned i = 0; block && i < MANY; i++) {
                at[0] = 0x04;
                at[1] = MANY_LONG;
                at += 2 + snprintf(at + 2, MANY_LONG + 1, "uid=m%07u,ou=people,dc=example,dc=org", i);
        }
        (void)send_all(fd, block, block ? (size_t)(at - block) : 0);
        free(block);
        (void)send_all(fd, end.data, end.len);
}

static void hang(void) {
        for (;;)
                (void)pause();
}

/* Whatever else is asked for: nothing. */
static void small_answer(int fd, enum evil_mode mode, unsigned id) {
        struct bytes out = { 0 };
        bool people = asks_for("inetorgperson"), groups = asks_for("groupOfUniqueNames");
        for (unsigned i = 0; people && i < 3; i++) {
                char name[8];
                (void)snprintf(name, sizeof name, "u%u", i);
                entry(&out, id, name, name, strlen(name));
        }
        if (groups && mode == SMALL)
                ranged_group(&out, id, "uniqueMember", 0, 1);
        (void)send_all(fd, out.data, out.len);
        if (people && mode == MANY_MAILS)
                send_many(fd, id, "uid=many,ou=people,dc=example,dc=org", "many", "mail", NULL);
        if (groups && mode == MANY_MEMBERS)
                send_many(fd, id, "cn=many,ou=groups,dc=example,dc=org", "many", "uniqueMember", "uid=u0,ou=people,dc=example,dc=org");
        out.len = 0;
        result(&out, id, 0x65, 0, NULL);
        (void)send_all(fd, out.data, out.len);
}

/* One page of a search, again and again as long as it is asked for. */
static void search_answer(int fd, enum evil_mode mode, unsigned id) {
        static unsigned pages;
        struct bytes out = { 0 }, controls = { 0 };
        char name[32];
        switch (mode) {
        case SEARCH_ENDLESS:
                for (unsigned i = 0;; i++) {
                        out.len = 0;
                        (void)snprintf(name, sizeof name, "user%u", i);
                        entry(&out, id, name, name, strlen(name));
                        if (!send_all(fd, out.data, out.len))
                                return;
                }
        case SEARCH_PAGES_FOR_EVER:
                (void)snprintf(name, sizeof name, "page%u", pages++);
                entry(&out, id, name, name, strlen(name));
                controls = page("more");
                result(&out, id, 0x65, 0, &controls);
                break;
        case SEARCH_EMPTY_PAGES:
                controls = page("more");
                result(&out, id, 0x65, 0, &controls);
                break;
        case SEARCH_NO_PAGING:
                for (unsigned i = 0; i < 5; i++) {
                        (void)snprintf(name, sizeof name, "user%u", i);
                        entry(&out, id, name, name, strlen(name));
                }
                result(&out, id, 0x65, 0, NULL);
                break;
        case SEARCH_REFERENCE: {
                struct bytes uri = { 0 }, operation = { 0 };
                text(&uri, 0x04, "ldap://127.0.0.1:1/dc=example");
                tlv(&operation, 0x73, uri.data, uri.len);
                message(&out, id, &operation, NULL);
                result(&out, id, 0x65, 0, NULL);
                break;
        }
        case SEARCH_BAD_ENTRY: {
                struct bytes operation = { 0 };
                tlv(&operation, 0x64, "\x04\x7f""abc", 5);
                message(&out, id, &operation, NULL);
                result(&out, id, 0x65, 0, NULL);
                break;
        }
        case SEARCH_OTHER_ID:
                entry(&out, id + 1000, "alice", "alice", 5);
                result(&out, id + 1000, 0x65, 0, NULL);
                break;
        case SEARCH_UNSOLICITED:
                entry(&out, 0, "alice", "alice", 5);
                result(&out, 0, 0x78, 52, NULL);
                result(&out, id, 0x65, 0, NULL);
                break;
        case SEARCH_TIME_LIMIT:
                entry(&out, id, "alice", "alice", 5);
                result(&out, id, 0x65, 3, NULL);
                break;
        case SEARCH_CUT:
                entry(&out, id, "alice", "alice", 5);
                (void)send_all(fd, out.data, out.len);
                (void)shutdown(fd, SHUT_RDWR);
                return;
        case SEARCH_GOOD:
                entry(&out, id, "alice", "alice", 5);
                result(&out, id, 0x65, 0, NULL);
                break;
        case SEARCH_NUL:
                entry(&out, id, "root", "root\0x", 6);
                result(&out, id, 0x65, 0, NULL);
                break;
        case MEMBER_OF_PARTS: /* to all searches */
                ranged_group(&out, id, "memberOf;range=0-1", 0, 1);
                result(&out, id, 0x65, 0, NULL);
                break;
        case SMALL:
        case MANY_MEMBERS:
        case MANY_MAILS:
                small_answer(fd, mode, id);
                return;
        case RANGES:
        case RANGES_REPEATED:
        case RANGES_SHRUNK:
        case RANGES_UNANSWERED:
                ranges_answer(&out, mode, id);
                break;
        default:
                hang();
        }
        (void)send_all(fd, out.data, out.len);
}

static void bind_answer(int fd, enum evil_mode mode, unsigned id) {
        struct bytes out = { 0 };
        result(&out, id, 0x61, mode == BIND_BUSY ? 51 : mode == BIND_REFERRAL ? 10 : 0, NULL);
        if (mode == BIND_NO_CODE) {
                struct bytes operation = { 0 };
                out.len = 0;
                tlv(&operation, 0x61, "", 0);
                message(&out, id, &operation, NULL);
        }
        switch (mode) {
        case STALL:
                hang();
                break;
        case CLOSE:
                (void)shutdown(fd, SHUT_RDWR);
                return;
        case PARTIAL:
                (void)send_all(fd, out.data, out.len - 3);
                hang();
                break;
        case DRIP:
                send_slowly(fd, &out);
                hang();
                break;
        case GARBAGE:
                (void)send_all(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
                hang();
                break;
        case HUGE_MESSAGE: {
                static const unsigned char zeros[65536];
                unsigned char header[] = { 0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x02, 0x01, (unsigned char)id };
                (void)send_all(fd, header, sizeof header);
                while (send_all(fd, zeros, sizeof zeros))
                        ;
                break;
        }
        case DEEP:
                for (int i = 0; i < 100000 && send_all(fd, "\x30\x80", 2); i++)
                        ;
                hang();
                break;
        case RANDOM:
                for (unsigned i = 1;; i = i * 1103515245u + 12345u)
                        if (!send_all(fd, &i, sizeof i))
                                return;
        default:
                (void)send_all(fd, out.data, out.len);
        }
}

/* RFC 3062 (0x77), then a modification (0x66); a removal (0x4a). False: the line is cut. */
static bool set_answer(int fd, enum evil_mode mode, unsigned id, unsigned char tag) {
        struct bytes out = { 0 };
        if (mode == SET_STALL)
                hang();
        if (mode == SET_CUT)
                return false;
        if (mode == SET_GARBAGE)
                put(&out, "HTTP/1.1 400", 12);
        else if (tag == 0x77)
                result(&out, id, 0x78, 2, NULL);
        else
                result(&out, id, 0x67, mode == SET_NEITHER ? 50 : 0, NULL);
        return send_all(fd, out.data, out.len);
}

_unused_ static void evil_serve(int fd, enum evil_mode mode) {
        unsigned id;
        unsigned char tag;
        if (mode == TLS_STALL)
                hang();
        if (mode == TLS_DRIP) {
                struct bytes hello = { .len = 64, .data = { 0x16, 3, 3, 0, 59, 2, 0, 0, 55, 3, 3 } };
                send_slowly(fd, &hello);
                hang();
        }
        while (request(fd, &id, &tag)) {
                struct bytes out = { 0 };
                if (mode >= SET_UNKNOWN && (tag == 0x77 || tag == 0x66 || tag == 0x4a)) {
                        if (!set_answer(fd, mode, id, tag))
                                return;
                } else if (tag == 0x77) {
                        result(&out, id, 0x78, 0, NULL);
                        /* What comes in the clear behind the answer must not count as what came inside TLS. */
                        if (mode == STARTTLS_INJECT)
                                result(&out, id + 1, 0x61, 0, NULL);
                        (void)send_all(fd, out.data, out.len);
                        hang();
                } else if (tag == 0x60)
                        bind_answer(fd, mode, id);
                else if (tag == 0x63)
                        search_answer(fd, mode >= SET_UNKNOWN ? SEARCH_GOOD : mode, id);
        }
}
