/* A watch by notifications; see ldap/active.h. A notification says only that something has changed: what comes within a moment is one delta by uSNChanged, on the
 * same connection. Now and then the server is asked for its number: that it answers proves that the connection lives, and a notification that never came is made up
 * for. Where bind_dn does not see what is deleted, the entries that there are are listed every `refresh`.
 * Must never: believe what a notification says. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>

#include "base/clock.h"
#include "directory/ldap/feed.h"

#define NOTIFICATION "1.2.840.113556.1.4.528"
#define QUIET_MS 50u        /* this long without a word, and the server is asked what has changed */
#define MOST_MS 200u        /* ... and so it is after this, however much still comes */
#define PAUSE_MS 500u       /* from the end of one delta to the next */
#define ASK_MS 20000u       /* between two questions, when nothing comes */
#define ANSWER_MS 10000u    /* for the answer */
#define TOLD_MS 60000u      /* the replica is said to be as old as that at most, also when nothing changes (L6) */
#define LOOKS_MAX 1000u     /* messages in one look at what has come */

struct watch {
        struct feed *feed;
        uint64_t woken_ms, heard_ms;  /* the first notification since the last delta, and the last one */
        uint64_t asked_ms;            /* the last question */
        uint64_t told_ms, swept_ms;   /* the last run; the last one that named all that is there, or was proven to see what is deleted */
};

void active_listen(struct feed *feed) {
        static char notification_oid[] = NOTIFICATION, nothing[] = LDAP_NO_ATTRS;
        char *attributes[] = { nothing, NULL };
        const struct active *active = &feed->server->active;
        LDAPControl notification = { .ldctl_oid = notification_oid, .ldctl_iscritical = 1 };
        LDAPControl deleted = { .ldctl_oid = (char *)(uintptr_t)active->deleted, .ldctl_iscritical = 1 };
        LDAPControl *controls[] = { &notification, active->deleted ? &deleted : NULL, NULL };
        feed->notice = -1;
        if (feed->server->method != FEED_USN || !feed->request->watch || !active->tells)
                return;
        if (ldap_search_ext(feed->reading->link->ld, active->context, LDAP_SCOPE_SUBTREE, "(objectClass=*)", attributes, 0, controls, NULL, NULL, 0,
                            &feed->notice) != LDAP_SUCCESS)
                feed->notice = -1;
}

/* One message. 0, or -ENOTCONN: there will be no other. */
static int take(struct feed *feed, LDAPMessage *message) {
        int id = ldap_msgid(message), type = ldap_msgtype(message);
        if (id != 0 && id != feed->notice)
                return 0;
        feed->woken |= type == LDAP_RES_SEARCH_ENTRY;
        if (id != 0 && (type == LDAP_RES_SEARCH_ENTRY || type == LDAP_RES_SEARCH_REFERENCE || type == LDAP_RES_INTERMEDIATE))
                return 0;
        /* A result, of whatever kind: Samba refuses with that of an extended operation. */
        feed->notice = -1;
        return -ENOTCONN;
}

bool active_listens(struct feed *feed) {
        int r = 0;
        for (size_t i = 0; i < LOOKS_MAX && r == 0 && feed->notice >= 0; i++) {
                LDAPMessage *message = NULL;
                r = link_wait(feed->reading->link, feed->notice, LDAP_MSG_ONE, clock_monotonic_ms(), &message);
                if (r == 0)
                        r = take(feed, message);
                (void)ldap_msgfree(message);
        }
        return feed->notice >= 0;
}

static uint64_t refresh_ms(const struct feed *feed) {
        return feed->reading->directory->settings->refresh_s * 1000;
}

/* Asks for the number; and every `refresh` for everything, because the account's rights may be others by now. */
static int ask(struct watch *watch) {
        struct feed *feed = watch->feed;
        uint64_t identity = feed->server->identity, before = feed->server->usn;
        bool all = watch->asked_ms - watch->swept_ms >= refresh_ms(feed);
        reading_reset(feed->reading);
        feed->reading->deadline_ms = watch->asked_ms + ANSWER_MS;
        int r = all ? feed_ask(feed->reading, feed->server) : feed_ask_number(feed->reading, feed->server);
        if (r == 0 && (feed->server->method != FEED_USN || feed->server->identity != identity || feed->server->usn < before))
                r = -ESTALE;
        feed->sweep = all && feed->server->active.lists;
        if (r == 0 && all)
                watch->swept_ms = watch->asked_ms;
        return r;
}

static int run(struct watch *watch) {
        struct feed *feed = watch->feed;
        struct feed_cookie cookie;
        char from[SYNC_COOKIE_MAX + 1];
        uint64_t before = feed->server->usn, told = watch->told_ms;
        watch->asked_ms = clock_monotonic_ms();
        watch->woken_ms = 0;
        feed->woken = false;
        feed->wait_ms = told + TOLD_MS;
        int r = ask(watch);
        /* Whoever has a number that is no longer the last one has missed something. */
        if (r < 0 || (feed->server->usn == before && !feed->sweep && watch->asked_ms < feed->wait_ms))
                return r;
        (void)snprintf(from, sizeof from, "%s", feed->cookie);
        feed->began = false;
        reading_reset(feed->reading);
        r = feed_cookie_read(from, &cookie) < 0 ? -ESTALE : feed_changes_delta(feed, &cookie, from);
        if (r == 0 && feed->began)
                watch->told_ms = clock_monotonic_ms();
        if (r == 0)
                feed->began = false;
        return r;
}

static uint64_t next_run(const struct watch *watch, uint64_t ended_ms) {
        uint64_t quiet = watch->heard_ms + QUIET_MS, most = watch->woken_ms + MOST_MS;
        uint64_t pause = ended_ms + (watch->feed->listed ? TOLD_MS : PAUSE_MS);
        if (watch->woken_ms == 0)
                return watch->asked_ms + ASK_MS;
        quiet = quiet < most ? quiet : most;
        return quiet > pause ? quiet : pause;
}

static void note(struct watch *watch) {
        if (!watch->feed->woken)
                return;
        watch->heard_ms = clock_monotonic_ms();
        watch->woken_ms = watch->woken_ms > 0 ? watch->woken_ms : watch->heard_ms;
        watch->feed->woken = false;
}

/* Between two deltas: when to look whether the preferred server is back. */
static uint64_t preferred_ms(const struct watch *watch) {
        const struct reading *reading = watch->feed->reading;
        return watch->woken_ms > 0 ? UINT64_MAX : session_look_ms(&reading->directory->session, reading->link);
}

/* Nothing more came until then. */
static int pass(struct watch *watch, uint64_t *ended_ms) {
        struct reading *reading = watch->feed->reading;
        if (clock_monotonic_ms() >= preferred_ms(watch) && session_look(&reading->directory->session, reading->directory->ldap->base)) {
                sbuf_add(reading->why, FEED_PREFERRED);
                return -ENOTCONN;
        }
        if (clock_monotonic_ms() < next_run(watch, *ended_ms))
                return 0;
        int r = run(watch);
        *ended_ms = clock_monotonic_ms();
        return r;
}

/* Until something has failed. */
static int turn(struct watch *watch, uint64_t *ended_ms) {
        struct feed *feed = watch->feed;
        uint64_t until = next_run(watch, *ended_ms), preferred = preferred_ms(watch);
        LDAPMessage *message = NULL;
        int r = -ETIMEDOUT;
        until = until < preferred ? until : preferred;
        if (clock_monotonic_ms() < until)
                r = link_wait(feed->reading->link, LDAP_RES_ANY, LDAP_MSG_ONE, until, &message);
        if (r == 0)
                r = take(feed, message);
        else if (r == -ETIMEDOUT)
                r = pass(watch, ended_ms);
        (void)ldap_msgfree(message);
        note(watch);
        return r;
}

int active_watch(struct feed *feed) {
        uint64_t now = clock_monotonic_ms(), ended_ms = now;
        struct watch watch = { .feed = feed, .asked_ms = now, .told_ms = now, .swept_ms = now };
        int r = 0;
        reading_reset(feed->reading);
        (void)malloc_trim(0);
        feed->began = false;
        feed->watching = true;
        note(&watch);
        while (r == 0 && feed->cookie[0] && feed->notice >= 0)
                r = turn(&watch, &ended_ms);
        if (r == 0)
                r = -ENOTCONN;
        feed->request->lost = !feed->began && r != -ESTALE;
        if (feed->notice >= 0 && r != -ECONNRESET)
                (void)ldap_abandon_ext(feed->reading->link->ld, feed->notice, NULL, NULL);
        if ((r == -ETIMEDOUT || r == -ECONNRESET || r == -ENOTCONN) && feed->reading->why->len == 0)
                sbuf_add(feed->reading->why, r == -ETIMEDOUT ? "the server says nothing any more" : "the server has ended the watch");
        return r;
}
