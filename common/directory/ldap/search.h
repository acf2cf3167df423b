/* One search, paged if the settings say so, entry by entry (D5: complete, or an error that says why it is not).
 * Relies on: ldap/link.
 * Must never: take a result that is only a part for the whole: size and time limits, referrals, a server that forgets its own paging. */
#pragma once

#include <lber.h>
#include <stddef.h>
#include <stdint.h>

#include "directory/ldap/link.h"

/* An entry: of what came, the attributes whose names were asked for, bare or with a range, and no other subtype. All of it lives until the callback
 * returns. Values are bytes with a length; nothing about them was checked. */
struct ldap_attribute {
        struct berval name;           /* with its options: "member;range=0-1499" */
        const struct berval *values;
        size_t count;
};
#define LDAP_ATTRIBUTES_MAX 64
struct ldap_entry {
        struct berval dn;
        struct ldap_attribute attributes[LDAP_ATTRIBUTES_MAX];
        size_t count;
};

struct search {
        const char *base;
        int scope;                        /* LDAP_SCOPE_SUBTREE, LDAP_SCOPE_ONELEVEL, LDAP_SCOPE_BASE */
        const char *filter;
        const char *const *attributes;    /* NULL-terminated */
        uint32_t page_size;               /* RFC 2696; 0: unpaged */
        int size_limit;                   /* 0: none of ours */
        bool domain_scope;                /* ask Active Directory for no referrals to its other partitions */
        const char *control;              /* the OID of one that has no value, and without which there is to be no answer; NULL: none */
        uint32_t silence_ms;              /* no message for so long ends it; 0: only the deadline does */
        /* Each entry. 0, or a negative errno that ends the search and is its result (*why is then the callback's business). */
        int (*entry)(void *userdata, const struct ldap_entry *entry);
        void *userdata;
};

/* Runs it to its end. 0: complete. Else, with a sentence in *why: -ENOENT: no such base; -EFBIG: a limit of the server's, of ours (size_limit) or of the
 * paging, what came is a part; -EREMOTE: a referral; -EACCES: not allowed; -ETIMEDOUT and -ECONNRESET: the link must be closed (after
 * -ETIMEDOUT only where the server is to be taken for one that hangs: the search itself is given up); -EAGAIN: the server is busy or unavailable;
 * -ECANCELED: it does not want to, or cannot, for other reasons of its own; -EPROTO: anything else. */
int search_run(struct link *link, const struct search *search, uint64_t deadline_ms, struct sbuf *why);

/* Hands one entry of such a search to its callback; attributes is what was asked for. 0, -EPROTO (it is not well formed), or what the callback says. */
int search_take_entry(struct link *link, const struct search *search, LDAPMessage *message, struct sbuf *why);
/* The errors above, of a result code that is none of success. */
int search_error_of(int code);
