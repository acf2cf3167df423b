/* The choice of a way; see ldap/feed.h. */
#include "directory/ldap/feed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"
#include "directory/ldap/computed.h"

#define SETTINGS_VERSION UINT64_C(2) /* another one when the same entries are read as other users and groups */
#define DSE_MS 15000u
#define USN "highestCommittedUSN"
#define COMPUTES_STATE "(&(objectClass=ldapsubentry)(cosAttribute=nsAccountLock*))" /* 389 DS hides subentries from who does not ask for that class */

struct asked { struct reading *reading; struct feed_server *server; const char *external_id; bool repl, usn; char service[SYNC_DN_MAX + 1]; };

static bool has_value(const struct ldap_entry *entry, const char *name, const char *text) {
        const struct ldap_attribute *attribute = entry_find(entry, name);
        for (size_t i = 0; attribute && i < attribute->count; i++)
                if (attribute->values[i].bv_len == strlen(text) && memcmp(attribute->values[i].bv_val, text, strlen(text)) == 0)
                        return true;
        return false;
}

static void mix(uint64_t *identity, const void *bytes, size_t len) {
        *identity = hash_bytes(bytes, len, *identity);
}

static void mix_first(uint64_t *identity, const struct ldap_entry *entry, const char *name) {
        const struct ldap_attribute *attribute = entry_find(entry, name);
        if (attribute && attribute->count > 0)
                mix(identity, attribute->values[0].bv_val, attribute->values[0].bv_len);
}

static int take_number(void *userdata, const struct ldap_entry *entry) {
        struct asked *asked = userdata;
        const struct ldap_attribute *usn = entry_find(entry, USN);
        char digits[24];
        if (usn && usn->count == 1 && usn->values[0].bv_len < sizeof digits) {
                memcpy(digits, usn->values[0].bv_val, usn->values[0].bv_len);
                digits[usn->values[0].bv_len] = 0;
                asked->usn = text_to_u64(digits, INT64_MAX, &asked->server->usn) == 0;
        }
        return 0;
}

static int take_root(void *userdata, const struct ldap_entry *entry) {
        struct asked *asked = userdata;
        /* Apache Directory Server says that it can; but it never says that the refresh is done, and sends what nobody asked for, pwdHistory with it. */
        asked->repl = has_value(entry, "supportedControl", LDAP_CONTROL_SYNC) && !has_value(entry, "vendorName", "Apache Software Foundation");
        asked->server->writes = has_value(entry, "vendorName", "389 Project");
        active_read_root(asked->reading, entry_find(entry, "supportedControl"), entry_find(entry, ACTIVE_NAMING_CONTEXTS), &asked->server->active);
        /* Each domain controller counts for itself. */
        const struct ldap_attribute *service = entry_find(entry, "dsServiceName");
        mix_first(&asked->server->identity, entry, "dsServiceName");
        if (service && service->count == 1 && service->values[0].bv_len < sizeof asked->service)
                (void)snprintf(asked->service, sizeof asked->service, "%.*s", (int)service->values[0].bv_len, service->values[0].bv_val);
        return take_number(userdata, entry);
}

/* ... and anew after it was restored from a backup. */
static int take_service(void *userdata, const struct ldap_entry *entry) {
        struct asked *asked = userdata;
        mix_first(&asked->server->identity, entry, "invocationId");
        return 0;
}

/* A server that was filled anew has another entry at the base. */
static int take_base(void *userdata, const struct ldap_entry *entry) {
        struct asked *asked = userdata;
        mix_first(&asked->server->identity, entry, asked->external_id);
        return 0;
}

static uint64_t identity_of_settings(const struct directory *directory) {
        const struct ldap_settings *l = directory->ldap;
        const char *const texts[] = {
                l->base, sbuf_text(&directory->user_base), sbuf_text(&directory->group_base), sbuf_text(&directory->user_filter),
                sbuf_text(&directory->group_filter), l->user_name, l->user_first_name, l->user_last_name, l->user_display_name, l->user_email,
                l->user_member_of, l->user_uid, l->user_gid, l->user_home, l->user_shell, l->user_ssh_keys, l->user_sid, l->user_primary_group_id,
                l->group_name, l->group_description, l->group_member, l->group_gid, l->group_sid, l->external_id, l->bind_dn,
        };
        const uint32_t numbers[] = { (uint32_t)l->members, (uint32_t)directory->settings->ids, directory->settings->nested_groups, l->active_directory };
        uint64_t identity = SETTINGS_VERSION;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                mix(&identity, texts[i], strlen(texts[i]));
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                identity = hash_mix(identity ^ HASH_K0, numbers[i] + 1);
        return identity;
}

/* An answer that is no answer leaves us as wise as before; without one there is nobody to read from. */
static int ask(struct reading *reading, const struct search *search) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        int r = search_run(reading->link, search, reading->deadline_ms, &why);
        if (r != -ETIMEDOUT && r != -ECONNRESET)
                return 0;
        sbuf_add(reading->why, sbuf_text(&why));
        return r;
}

/* An entry that comes into such a filter, or leaves it, is not told of. Who asks for all ids, by the filter, sees it. */
static bool is_computed(const struct directory *directory, bool told) {
        return computed_in_filter(sbuf_text(&directory->user_filter), told) || computed_in_filter(sbuf_text(&directory->group_filter), told);
}

/* A class of service, as the roles of those that are switched off have one: who gets it has no news of its own. */
static int take_definition(void *userdata, const struct ldap_entry *entry) {
        (void)entry;
        *(bool *)userdata = true;
        return 0;
}

int feed_ask_state(struct reading *reading, const struct feed_server *server, uint64_t deadline_ms, bool *computed, struct sbuf *why) {
        const char *const attributes[] = { LDAP_NO_ATTRS, NULL };
        const char *const bases[] = { server->active.context, reading->directory->ldap->base }; /* it holds for all that is below its own parent */
        int r = -ENOENT;
        *computed = false;
        if (reading->directory->ldap->active_directory)
                return 0;
        for (size_t i = bases[0][0] ? 0 : 1; i < ARRAY_SIZE(bases) && r < 0; i++) {
                const struct search search = { .base = bases[i], .scope = LDAP_SCOPE_SUBTREE, .filter = COMPUTES_STATE, .attributes = attributes, .size_limit = 1,
                                               .silence_ms = DSE_MS, .entry = take_definition, .userdata = computed };
                _cleanup_sbuf_ struct sbuf words = { 0 };
                r = search_run(reading->link, &search, deadline_ms, &words);
                if (r == -ECONNRESET) {
                        sbuf_add(why, sbuf_text(&words));
                        return r;
                }
                if (*computed || r == -ETIMEDOUT)
                        return 0; /* however many more there are; and who looks for so long does not know */
        }
        return 0; /* nor does who may not read it */
}

static int choose(struct reading *reading, struct feed_server *server, const struct asked *asked) {
        const struct directory *directory = reading->directory;
        reading->shows_computed = !server->writes && !directory->ldap->active_directory;
        if (directory->ldap->active_directory)
                server->method = asked->usn ? FEED_USN : FEED_NONE;
        else
                server->method = asked->repl && !is_computed(directory, server->writes) ? FEED_REPL : FEED_TIMES;
        if (server->method == FEED_USN)
                return active_prove(reading, &server->active);
        bool computed;
        int r = feed_ask_state(reading, server, reading->deadline_ms, &computed, reading->why);
        if (computed)
                server->method = FEED_NONE;
        return r;
}

int feed_ask(struct reading *reading, struct feed_server *server) {
        const struct ldap_settings *ldap = reading->directory->ldap;
        const char *const of_root[] = { "supportedControl", "vendorName", USN, "dsServiceName", ACTIVE_NAMING_CONTEXTS, NULL };
        const char *const of_base[] = { ldap->external_id, NULL };
        const char *const of_service[] = { "invocationId", NULL };
        struct asked asked = { .reading = reading, .server = server, .external_id = ldap->external_id };
        *server = (struct feed_server){ .identity = identity_of_settings(reading->directory) };
        /* memberOf tells of a user what has changed in a group: no single entry's news are enough. */
        if (ldap->user_member_of[0])
                return 0;
        struct search search = { .base = "", .scope = LDAP_SCOPE_BASE, .filter = "(objectClass=*)", .attributes = of_root, .size_limit = 1, .silence_ms = DSE_MS,
                                 .entry = take_root, .userdata = &asked };
        int r = ask(reading, &search);
        search.base = ldap->base;
        search.attributes = of_base;
        search.entry = take_base;
        if (r == 0)
                r = ask(reading, &search);
        search.base = asked.service;
        search.attributes = of_service;
        search.entry = take_service;
        if (r == 0 && asked.service[0] && ldap->active_directory)
                r = ask(reading, &search);
        return r == 0 ? choose(reading, server, &asked) : r;
}

int feed_ask_number(struct reading *reading, struct feed_server *server) {
        const char *const attributes[] = { USN, NULL };
        struct asked asked = { .reading = reading, .server = server };
        const struct search search = { .base = "", .scope = LDAP_SCOPE_BASE, .filter = "(objectClass=*)", .attributes = attributes, .size_limit = 1,
                                       .silence_ms = DSE_MS, .entry = take_number, .userdata = &asked };
        int r = ask(reading, &search);
        return r == 0 && !asked.usn ? -ESTALE : r;
}

static int read_full(struct feed *feed) {
        int r = -EOPNOTSUPP;
        if (feed->server->method == FEED_REPL && feed->request->watch)
                r = feed_repl(feed, NULL, NULL);
        return r == -EOPNOTSUPP ? feed_changes_full(feed) : r;
}

static int read_delta(struct feed *feed) {
        struct feed_cookie cookie;
        const char *from = feed->request->cookie;
        if (feed->server->method == FEED_NONE || !from || !from[0] || feed_cookie_read(from, &cookie) < 0 || cookie.identity != feed->server->identity)
                return -ESTALE;
        feed->reading->end_s = cookie.end_s;
        if (reading_has_end(feed->reading))
                return -ESTALE;
        /* A server that could not do what it promises goes on the other way until the next full run. */
        if (cookie.method == FEED_REPL)
                return feed->server->method == FEED_REPL ? feed_repl(feed, &cookie, from) : -ESTALE;
        return feed_changes_delta(feed, &cookie, from);
}

int ldap_kind_sync(struct directory *directory, struct directory_sync *request, const struct sync_sink *sink, struct sbuf *why) {
        struct feed_server server;
        struct reading *reading = NULL;
        int r = reading_open(directory, sink, why, &reading);
        if (r < 0)
                return r;
        r = feed_ask(reading, &server);
        struct feed feed = { .reading = reading, .server = &server, .request = request, .notice = -1 };
        if (r == 0) {
                active_listen(&feed);
                r = read_delta(&feed);
        }
        if (r == -ESTALE && !feed.began) {
                reading_reset(reading);
                reading->end_s = 0;
                r = read_full(&feed);
        }
        if (r == 0 && feed.notice >= 0 && request->keeping == SYNC_KEPT_WATCH)
                r = active_watch(&feed);
        request->full_needed = r == -ESTALE;
        if (r == -ESTALE)
                sbuf_printf(why, "%s: the directory is read in full",
                            reading_has_end(reading) ? "an account has come to its end" : "what has changed cannot be told exactly");
        reading_free(reading);
        return r;
}
