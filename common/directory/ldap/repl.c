/* RFC 4533: a run; see ldap/feed.h. Two searches on one connection, which then go on: users and groups. Whatever changes at the server while one of them
 * gives its entries waits in libldap until its turn has come. A third one, of what holds entries, is a plain one that ends each time. It comes before the two:
 * what is moved while they are under way is found by the next. */
#include "directory/ldap/repl.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define MAX_SIZE 0x7fffffff /* asks for what the account may have at most, where none would be the usual limit */

const char *repl_base(const struct repl *repl, size_t which) {
        const struct directory *directory = repl->reading->directory;
        return which == USERS ? sbuf_text(&directory->user_base) : which == GROUPS ? sbuf_text(&directory->group_base) : directory->ldap->base;
}

static const char *filter_of(const struct repl *repl, size_t which) {
        const struct directory *directory = repl->reading->directory;
        return which == USERS ? sbuf_text(&directory->user_filter) : which == GROUPS ? sbuf_text(&directory->group_filter) : FEED_CONTAINERS;
}

int repl_start(struct repl *repl, size_t which) {
        static char oid[] = LDAP_CONTROL_SYNC;
        struct stream *stream = &repl->streams[which];
        unsigned char value[SYNC_REQUEST_MAX];
        size_t len = sync_request_value(repl->persist, &stream->cookie, value);
        LDAPControl sync = { .ldctl_oid = oid, .ldctl_value = { .bv_len = len, .bv_val = (char *)value }, .ldctl_iscritical = 1 };
        LDAPControl *controls[] = { which == CONTAINERS ? NULL : &sync, NULL };
        if (which == CONTAINERS)
                feed_holders_begin(&repl->holders, repl->reading->directory->ldap, &stream->cookie);
        int code = ldap_search_ext(repl->reading->link->ld, repl_base(repl, which), LDAP_SCOPE_SUBTREE, filter_of(repl, which),
                                   (char **)(uintptr_t)repl->attributes[which].names, 0, controls, NULL, NULL, MAX_SIZE, &stream->id);
        if (code == LDAP_SUCCESS)
                return 0;
        stream->id = -1;
        sbuf_add(repl->reading->why, code == LDAP_FILTER_ERROR ? "the filter is not well formed" : "the search could not be sent");
        return code == LDAP_FILTER_ERROR ? -EINVAL : -ECONNRESET;
}

static int wait_for(struct repl *repl, size_t which, LDAPMessage **message) {
        struct stream *stream = &repl->streams[which];
        uint64_t limit = clock_monotonic_ms() + READ_SILENCE_MS, deadline = repl->reading->deadline_ms;
        if (stream->peeked) {
                *message = TAKE_PTR(stream->peeked);
                return 0;
        }
        int r = link_wait(repl->reading->link, stream->id, LDAP_MSG_ONE, limit < deadline ? limit : deadline, message);
        if (r < 0)
                sbuf_add(repl->reading->why, r == -ETIMEDOUT ? "the server does not go on" : "the connection was lost");
        return r;
}

static int refresh(struct repl *repl, size_t which) {
        int r = 0;
        while (r == 0 && !repl->streams[which].refreshed) {
                LDAPMessage *message = NULL;
                r = wait_for(repl, which, &message);
                if (r == 0)
                        r = repl_take(repl, which, message);
                (void)ldap_msgfree(message);
                if (r == 0 && clock_monotonic_ms() >= repl->reading->deadline_ms) {
                        sbuf_add(repl->reading->why, "the server does not come to an end");
                        r = -ETIMEDOUT;
                }
        }
        return r;
}

/* Whether this message, the first of its search, is the beginning of a list of those that are there. */
static bool names_present(struct repl *repl, LDAPMessage *message) {
        struct sync_info_value info = { 0 };
        struct berval *data = NULL;
        char *oid = NULL;
        bool present = ldap_msgtype(message) == LDAP_RES_INTERMEDIATE &&
                       ldap_parse_intermediate(repl->reading->link->ld, message, &oid, &data, NULL, 0) == LDAP_SUCCESS && oid && data &&
                       strcmp(oid, LDAP_SYNC_INFO) == 0 && sync_parse_info(data, &info) == 0 &&
                       ((info.kind == SYNC_INFO_ID_SET && !info.deletes) || info.kind == SYNC_INFO_PRESENT);
        ldap_memfree(oid);
        ber_bvfree(data);
        if (ldap_msgtype(message) == LDAP_RES_SEARCH_ENTRY) {
                LDAPControl **controls = NULL;
                struct sync_state_value state;
                const LDAPControl *control = NULL;
                if (ldap_get_entry_controls(repl->reading->link->ld, message, &controls) == LDAP_SUCCESS)
                        control = ldap_control_find(LDAP_CONTROL_SYNC_STATE, controls, NULL);
                present = control && sync_parse_state(&control->ldctl_value, &state) == 0 && state.state == SYNC_ENTRY_PRESENT;
                ldap_controls_free(controls);
        }
        return present;
}

int repl_begin_delta(struct repl *repl, bool sweep_users, bool sweep_groups) {
        const struct sync_begin begin = { .delta = true, .from = repl->from, .sweep_users = sweep_users, .sweep_groups = sweep_groups, .unknown_ok = true };
        repl->open = repl->feed->began = true;
        repl->full = false;
        return reading_begin(repl->reading, &begin);
}

static void cookie_now(const struct repl *repl, char text[SYNC_COOKIE_MAX + 1]) {
        struct feed_cookie cookie = { .method = FEED_REPL, .identity = repl->feed->server->identity, .form = repl->form, .end_s = repl->reading->end_s };
        bool all = repl->form != SYNC_ID_UNKNOWN && !repl->reading->dynamic;
        for (size_t i = 0; i < SEARCHES; i++) {
                cookie.fields[i] = repl->streams[i].cookie;
                all = all && (cookie.fields[i].len > 0 || (i == GROUPS && !repl->reading->directory->ldap->group_name[0]));
        }
        text[0] = 0;
        if (all)
                feed_cookie_write(&cookie, text);
}

int repl_end(struct repl *repl) {
        char text[SYNC_COOKIE_MAX + 1];
        cookie_now(repl, text);
        repl->feed->request->end_s = repl->reading->end_s;
        repl->feed->request->keeping = repl->persist && text[0] ? SYNC_KEPT_WATCH : text[0] ? SYNC_KEPT_CHANGES : SYNC_KEPT_FULL;
        int r = repl->full ? reading_full_end(repl->reading, text) : reading_end(repl->reading, text);
        /* Who watches needs none of what a full run has gathered. */
        if (repl->full && r == 0) {
                reading_reset(repl->reading);
                (void)malloc_trim(0);
        }
        repl->open = false;
        repl->told_ms = clock_monotonic_ms();
        memcpy(repl->from, text, sizeof repl->from);
        return r;
}

/* All are asked before the run begins: its beginning must say which of them name all that is there. */
static int refresh_delta(struct repl *repl) {
        int r = repl_start(repl, CONTAINERS);
        if (r == 0)
                r = refresh(repl, CONTAINERS);
        for (size_t i = USERS; i < SEARCHES && r == 0; i++)
                r = repl->streams[i].refreshed ? 0 : repl_start(repl, i);
        for (size_t i = USERS; i < SEARCHES && r == 0; i++) {
                if (repl->streams[i].refreshed)
                        continue;
                r = wait_for(repl, i, &repl->streams[i].peeked);
                repl->streams[i].present = r == 0 && names_present(repl, repl->streams[i].peeked);
        }
        /* A search that was refused is told before anything has begun. */
        for (size_t i = USERS; i < SEARCHES && r == 0; i++)
                if (repl->streams[i].peeked && ldap_msgtype(repl->streams[i].peeked) == LDAP_RES_SEARCH_RESULT) {
                        LDAPMessage *message = TAKE_PTR(repl->streams[i].peeked);
                        r = repl_take(repl, i, message);
                        (void)ldap_msgfree(message);
                }
        if (r == 0)
                r = repl_begin_delta(repl, repl->streams[USERS].present, repl->streams[GROUPS].present);
        if (r == 0)
                r = refresh(repl, USERS);
        if (r == 0)
                r = refresh(repl, GROUPS);
        return r == 0 ? repl_end(repl) : r;
}

static int refresh_full(struct repl *repl) {
        int r = repl_start(repl, CONTAINERS);
        if (r == 0)
                r = refresh(repl, CONTAINERS);
        if (r == 0 && !repl->open) {
                repl->open = repl->feed->began = true;
                r = reading_begin(repl->reading, &(struct sync_begin){ 0 });
        }
        for (size_t i = USERS; i < SEARCHES && r == 0; i++) {
                if (repl->streams[i].refreshed)
                        continue;
                r = repl_start(repl, i);
                if (r == 0)
                        r = refresh(repl, i);
        }
        return r == 0 ? repl_end(repl) : r;
}

static void stop(struct repl *repl) {
        for (size_t i = 0; i < SEARCHES; i++) {
                (void)ldap_msgfree(repl->streams[i].peeked);
                if (repl->streams[i].id >= 0)
                        (void)ldap_abandon_ext(repl->reading->link->ld, repl->streams[i].id, NULL, NULL);
        }
        free(repl);
}

int feed_repl(struct feed *feed, const struct feed_cookie *cookie, const char *from) {
        struct repl *repl = calloc(1, sizeof *repl);
        if (!repl)
                return -ENOMEM;
        *repl = (struct repl){ .feed = feed, .reading = feed->reading, .full = !cookie, .persist = feed->request->watch };
        for (size_t i = 0; i < SEARCHES; i++) {
                repl->streams[i].id = -1;
                if (cookie)
                        repl->streams[i].cookie = cookie->fields[i];
        }
        repl->streams[GROUPS].refreshed = !feed->reading->directory->ldap->group_name[0];
        reading_user_attributes(repl->reading, &repl->attributes[USERS]);
        reading_group_attributes(repl->reading, &repl->attributes[GROUPS]);
        feed_holders_attributes(repl->reading->directory->ldap, &repl->attributes[CONTAINERS]);
        if (cookie) {
                repl->form = cookie->form;
                (void)snprintf(repl->from, sizeof repl->from, "%s", from);
        }
        int r = cookie ? refresh_delta(repl) : refresh_full(repl);
        /* Only what was swept or told can be watched; and nobody goes on from a run that no delta can follow. */
        if (r == 0 && repl->persist && repl->from[0]) {
                repl->watching = true;
                r = repl_watch(repl);
        }
        stop(repl);
        return r;
}
