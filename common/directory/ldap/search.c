/* One search; see ldap/search.h. */
#include "directory/ldap/search.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "directory/ldap/range.h"
#include "directory/ldap/words.h"

#define DOMAIN_SCOPE "1.2.840.113556.1.4.1339"
#define EMPTY_PAGES_MAX 1000 /* in a row: a server that turns pages for ever */
#define PAGE_SIZE_MIN 10

/* Where a search is. */
struct progress {
        struct berval cookie;       /* libldap's; bv_val NULL: the first page, or after the last */
        uint32_t page_size;
        uint64_t entries, page_entries;
        unsigned empty_pages;
        bool referred;              /* a continuation reference came */
        bool complete;
};

static int fail(struct sbuf *why, int error, const char *text) {
        sbuf_add(why, text);
        return error;
}

int search_error_of(int code) {
        switch (code) {
        case LDAP_NO_SUCH_OBJECT:
                return -ENOENT;
        case LDAP_SIZELIMIT_EXCEEDED:
        case LDAP_TIMELIMIT_EXCEEDED:
        case LDAP_ADMINLIMIT_EXCEEDED:
                return -EFBIG;
        case LDAP_REFERRAL:
                return -EREMOTE;
        case LDAP_INSUFFICIENT_ACCESS:
        case LDAP_INAPPROPRIATE_AUTH:
        case LDAP_STRONG_AUTH_REQUIRED:
        case LDAP_CONFIDENTIALITY_REQUIRED:
                return -EACCES;
        case LDAP_BUSY:
        case LDAP_UNAVAILABLE:
                return -EAGAIN;
        case LDAP_UNWILLING_TO_PERFORM: /* also what whoever must change the password hears */
        case LDAP_OPERATIONS_ERROR:
        case LDAP_OTHER:
                return -ECANCELED;
        default:
                return -EPROTO;
        }
}

/* A server sends the subtypes of what it was asked for, too ("displayName;lang-de"), as many as somebody wrote into the entry: they are not it. */
static bool was_asked_for(const struct search *search, const struct berval *name) {
        struct range range;
        if (range_parse(name->bv_val, name->bv_len, &range) < 0)
                return false;
        for (const char *const *asked = search->attributes; *asked; asked++)
                if (strcspn(*asked, ";") == range.name_len && strncasecmp(*asked, name->bv_val, range.name_len) == 0)
                        return true;
        return false;
}

static void keep(struct ldap_entry *entry, const struct berval *name, const struct berval *values) {
        struct ldap_attribute *attribute = &entry->attributes[entry->count++];
        *attribute = (struct ldap_attribute){ .name = *name, .values = values };
        while (values && values[attribute->count].bv_val)
                attribute->count++;
}

/* The attributes that were asked for. values: libldap's, of each, for the caller to free. 0, or -EPROTO. */
static int read_attributes(struct link *link, const struct search *search, LDAPMessage *message, BerElement *ber, struct ldap_entry *entry,
                           struct berval *values[LDAP_ATTRIBUTES_MAX]) {
        for (;;) {
                struct berval name = { 0 }, *here = NULL;
                int code = ldap_get_attribute_ber(link->ld, message, ber, &name, &here);
                if (code != LDAP_SUCCESS)
                        return -EPROTO;
                if (!name.bv_val)
                        return 0;
                bool wanted = was_asked_for(search, &name), fits = entry->count < LDAP_ATTRIBUTES_MAX;
                if (wanted && fits) {
                        values[entry->count] = here;
                        keep(entry, &name, here);
                } else
                        ber_memfree(here);
                if (wanted && !fits)
                        return -EPROTO;
        }
}

static void complain(struct sbuf *why, const struct berval *dn) {
        char text[200] = "", words[200];
        if (dn && dn->bv_val)
                (void)snprintf(text, sizeof text, ": %.*s", (int)(dn->bv_len < sizeof text ? dn->bv_len : sizeof text), dn->bv_val);
        words_copy(text, words, sizeof words);
        sbuf_printf(why, "the server sent an entry that is not well formed%s", words);
}

/* What libldap allocates for it is freed here. */
int search_take_entry(struct link *link, const struct search *search, LDAPMessage *message, struct sbuf *why) {
        struct ldap_entry entry;
        struct berval *values[LDAP_ATTRIBUTES_MAX];
        BerElement *ber = NULL;
        entry.count = 0;
        int code = ldap_get_dn_ber(link->ld, message, &ber, &entry.dn);
        int r = code == LDAP_SUCCESS && entry.dn.bv_val ? read_attributes(link, search, message, ber, &entry, values) : -EPROTO;
        if (r == 0)
                r = search->entry(search->userdata, &entry);
        else
                complain(why, code == LDAP_SUCCESS ? &entry.dn : NULL);
        for (size_t i = 0; i < entry.count; i++)
                ber_memfree(values[i]);
        ber_free(ber, 0);
        return r;
}

/* RFC 2696: the server's control says where the next page begins. An answer without it is the whole only if it would have fitted a page. */
static int take_page(struct link *link, struct progress *progress, LDAPControl **controls, struct sbuf *why) {
        LDAPControl *control = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL);
        ber_int_t estimate = 0;
        ber_memfree(progress->cookie.bv_val);
        progress->cookie = (struct berval){ 0 };
        progress->complete = true;
        if (!control && progress->page_size > 0 && progress->page_entries >= progress->page_size)
                return fail(why, -EFBIG, "the server does not page although it was asked to, and may have sent only a part: paged = no");
        if (!control)
                return 0;
        if (ldap_parse_pageresponse_control(link->ld, control, &estimate, &progress->cookie) != LDAP_SUCCESS)
                return fail(why, -EPROTO, "the server's paging control is not well formed");
        progress->complete = !progress->cookie.bv_val || progress->cookie.bv_len == 0;
        progress->empty_pages = progress->page_entries == 0 ? progress->empty_pages + 1 : 0;
        return progress->empty_pages > EMPTY_PAGES_MAX ? fail(why, -EFBIG, "the server sends one empty page after the other") : 0;
}

/* The page ended with an error: some of them mean "ask for less", most that the search has failed. */
static int take_error(struct progress *progress, int code, const char *diagnostic, struct sbuf *why) {
        if (code == LDAP_ADMINLIMIT_EXCEEDED && progress->entries == 0 && progress->page_size >= 2 * PAGE_SIZE_MIN) {
                progress->page_size /= 2;
                return 0;
        }
        link_describe(why, code, diagnostic);
        if (progress->entries > 0)
                sbuf_printf(why, ", after %llu entries", (unsigned long long)progress->entries);
        return search_error_of(code);
}

static int take_result(struct link *link, struct progress *progress, LDAPMessage *message, struct sbuf *why) {
        LDAPControl **controls = NULL;
        char *diagnostic = NULL;
        int code = LDAP_OTHER, r;
        if (ldap_parse_result(link->ld, message, &code, NULL, &diagnostic, NULL, &controls, 0) != LDAP_SUCCESS)
                r = fail(why, -ECONNRESET, "the server's answer is not well formed");
        else if (code != LDAP_SUCCESS)
                r = take_error(progress, code, diagnostic, why);
        else if (progress->referred)
                r = fail(why, -EREMOTE, "a part of the tree is on another server (referral): set the base below it, or ask a server that has all of it");
        else
                r = take_page(link, progress, controls, why);
        ldap_controls_free(controls);
        ldap_memfree(diagnostic);
        return r;
}

static int start(struct link *link, const struct search *search, const struct progress *progress, int *id) {
        static char domain_scope_oid[] = DOMAIN_SCOPE, paged_oid[] = LDAP_CONTROL_PAGEDRESULTS;
        LDAPControl domain_scope = { .ldctl_oid = domain_scope_oid }, page = { .ldctl_oid = paged_oid };
        LDAPControl further = { .ldctl_oid = (char *)(uintptr_t)search->control, .ldctl_iscritical = 1 };
        LDAPControl *controls[4] = { NULL };
        size_t count = 0;
        struct berval cookie = progress->cookie;
        if (progress->page_size > 0) {
                if (ldap_create_page_control_value(link->ld, (ber_int_t)progress->page_size, cookie.bv_val ? &cookie : NULL, &page.ldctl_value) != LDAP_SUCCESS)
                        return -ENOMEM;
                controls[count++] = &page;
        }
        if (search->domain_scope)
                controls[count++] = &domain_scope;
        if (search->control)
                controls[count++] = &further;
        /* libldap takes the list without const, and only reads it. */
        int code = ldap_search_ext(link->ld, search->base, search->scope, search->filter, (char **)(uintptr_t)search->attributes, 0, controls, NULL, NULL,
                                   search->size_limit, id);
        ber_memfree(page.ldctl_value.bv_val);
        return code == LDAP_SUCCESS ? 0 : code == LDAP_FILTER_ERROR ? -EINVAL : -ECONNRESET;
}

static int take_message(struct link *link, const struct search *search, struct progress *progress, LDAPMessage *message, bool *done, struct sbuf *why) {
        switch (ldap_msgtype(message)) {
        case LDAP_RES_SEARCH_ENTRY:
                progress->entries++;
                progress->page_entries++;
                if (search->size_limit > 0 && progress->entries > (uint64_t)search->size_limit)
                        return fail(why, -EFBIG, "the server sends more entries than were asked for");
                return search_take_entry(link, search, message, why);
        case LDAP_RES_SEARCH_REFERENCE:
                progress->referred = true;
                return 0;
        case LDAP_RES_SEARCH_RESULT:
                *done = true;
                return take_result(link, progress, message, why);
        case LDAP_RES_EXTENDED: /* Samba's answer to a control that it does not know */
                *done = true;
                return fail(why, -EPROTO, "the server does not take the search's controls");
        default:
                return 0; /* RFC 4511 lets intermediate responses come */
        }
}

static int run_page(struct link *link, const struct search *search, struct progress *progress, uint64_t deadline_ms, struct sbuf *why) {
        bool done = false;
        int id = -1, r = start(link, search, progress, &id);
        if (r < 0)
                return fail(why, r, r == -EINVAL ? "the filter is not well formed" : "the search could not be sent");
        progress->page_entries = 0;
        while (r == 0 && !done) {
                LDAPMessage *message = NULL;
                uint64_t limit = search->silence_ms > 0 ? clock_monotonic_ms() + search->silence_ms : deadline_ms;
                r = link_wait(link, id, LDAP_MSG_ONE, limit < deadline_ms ? limit : deadline_ms, &message);
                if (r < 0) {
                        (void)fail(why, r, r == -ETIMEDOUT ? "the server does not go on" : "the connection was lost");
                        break;
                }
                r = take_message(link, search, progress, message, &done, why);
                (void)ldap_msgfree(message);
                /* One that sends for ever always has something that is there already. */
                if (r == 0 && !done && link->used_ms >= deadline_ms)
                        r = fail(why, -ETIMEDOUT, "the server does not come to an end");
        }
        if (r < 0 && !done)
                (void)ldap_abandon_ext(link->ld, id, NULL, NULL);
        return r;
}

int search_run(struct link *link, const struct search *search, uint64_t deadline_ms, struct sbuf *why) {
        struct progress progress = { .page_size = search->page_size };
        int r = 0;
        while (r == 0 && !progress.complete) {
                r = run_page(link, search, &progress, deadline_ms, why);
                /* The deadline counts for a server that always has one more page ready, too. */
                if (r == 0 && !progress.complete && clock_monotonic_ms() >= deadline_ms)
                        r = fail(why, -ETIMEDOUT, "the server does not come to an end");
        }
        ber_memfree(progress.cookie.bv_val);
        return r;
}
