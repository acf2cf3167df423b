/* RFC 4533: the watch after a refresh; see ldap/repl.h. What comes within a moment is one run. Now and then the server is asked what has become of what
 * holds the entries, and whether it computes who is active by now: that it answers proves that the connection lives, too. At another server than the
 * preferred one the watch ends as soon as that one answers: what follows goes on there, from the same cookie where both have the same data. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "directory/ldap/repl.h"

#define QUIET_MS 50u        /* this long without a word ends a run */
#define RUN_MS 500u         /* ... and so does this, however much still comes */
#define ASK_MS 20000u       /* between two such questions */
#define STATE_MS 3000u      /* for the first of them, which some servers look for longer: then it has no answer */
#define ANSWER_MS 10000u    /* for the answer: a cut that nobody was told of looks like silence */
#define TOLD_MS 60000u      /* the replica is said to be as old as that at most, also when nothing changes (L6) */

struct watch {
        struct repl *repl;
        uint64_t began_ms;      /* of the run that is under way */
        uint64_t heard_ms;      /* the server's last word */
        uint64_t asked_ms;      /* the last question */
};

static bool is_asking(const struct watch *watch) {
        return watch->repl->streams[CONTAINERS].id >= 0;
}

static int ask(struct watch *watch) {
        struct feed *feed = watch->repl->feed;
        _cleanup_sbuf_ struct sbuf why = { 0 };
        bool computed;
        watch->repl->streams[CONTAINERS].refreshed = false;
        int r = feed_ask_state(feed->reading, feed->server, clock_monotonic_ms() + STATE_MS, &computed, &why);
        watch->asked_ms = clock_monotonic_ms();
        if (r == 0 && computed)
                r = -ESTALE;
        return r == 0 ? repl_start(watch->repl, CONTAINERS) : r;
}

/* Answered: the server is there, and goes on telling. What it is about to tell is only moments old. */
static int tell_age(struct watch *watch) {
        struct repl *repl = watch->repl;
        if (repl->open || clock_monotonic_ms() - repl->told_ms < TOLD_MS)
                return 0;
        int r = repl_begin_delta(repl, false, false);
        return r == 0 ? repl_end(repl) : r;
}

static int take(struct watch *watch, LDAPMessage *message) {
        struct repl *repl = watch->repl;
        bool was_open = repl->open, was_asking = is_asking(watch);
        int id = ldap_msgid(message), r = id == 0 ? -ENOTCONN : 0; /* 0: the server takes its leave */
        watch->heard_ms = clock_monotonic_ms();
        for (size_t i = 0; i < SEARCHES; i++)
                if (id == repl->streams[i].id) {
                        r = repl_take(repl, i, message);
                        break;
                }
        if (repl->open && !was_open)
                watch->began_ms = watch->heard_ms;
        return r == 0 && was_asking && !is_asking(watch) ? tell_age(watch) : r;
}

static uint64_t preferred_ms(const struct watch *watch) {
        const struct reading *reading = watch->repl->reading;
        return is_asking(watch) ? UINT64_MAX : session_look_ms(&reading->directory->session, reading->link);
}

static uint64_t next_look(const struct watch *watch) {
        uint64_t ask_ms = watch->asked_ms + (is_asking(watch) ? ANSWER_MS : ASK_MS), preferred = preferred_ms(watch);
        if (!watch->repl->open)
                return ask_ms < preferred ? ask_ms : preferred;
        uint64_t quiet = watch->heard_ms + QUIET_MS, most = watch->began_ms + RUN_MS;
        return quiet < most ? quiet : most;
}

/* Nothing more came until then. */
static int pass(struct watch *watch) {
        uint64_t now = clock_monotonic_ms();
        if (watch->repl->open)
                return repl_end(watch->repl);
        if (now >= preferred_ms(watch) && session_look(&watch->repl->reading->directory->session, watch->repl->reading->directory->ldap->base)) {
                sbuf_add(watch->repl->reading->why, FEED_PREFERRED);
                return -ENOTCONN;
        }
        if (now < watch->asked_ms + ASK_MS && !is_asking(watch))
                return 0;
        return is_asking(watch) ? -ETIMEDOUT : ask(watch);
}

static int turn(struct watch *watch) {
        LDAPMessage *message = NULL;
        uint64_t until = next_look(watch);
        int r = 0;
        if (clock_monotonic_ms() < until)
                r = link_wait(watch->repl->reading->link, LDAP_RES_ANY, LDAP_MSG_ONE, until, &message);
        if (r == 0 && message)
                r = take(watch, message);
        else if (r == 0 || r == -ETIMEDOUT)
                r = pass(watch);
        (void)ldap_msgfree(message);
        return r;
}

int repl_watch(struct repl *repl) {
        struct watch watch = { .repl = repl, .asked_ms = clock_monotonic_ms() };
        int r = 0;
        while (r == 0 && repl->from[0])
                r = turn(&watch);
        repl->feed->request->lost = !repl->open && r != -ESTALE;
        if ((r == -ETIMEDOUT || r == -ECONNRESET || r == -ENOTCONN) && repl->reading->why->len == 0)
                sbuf_add(repl->reading->why, r == -ETIMEDOUT ? "the server says nothing any more" : "the server has ended the watch");
        return r;
}
