/* The insides of RFC 4533 here: what a run (repl.c) and the watch after it (repl_watch.c) share.
 * Relies on: ldap/feed.
 * Must never: be included elsewhere. */
#pragma once

#include "directory/ldap/feed.h"

enum { CONTAINERS, USERS, GROUPS, SEARCHES };

/* One of the searches. */
struct stream {
        int id;                  /* libldap's; -1: it is over, or there is none */
        struct sync_cookie cookie; /* CONTAINERS: what they came to */
        bool refreshed;          /* what there was has come */
        bool present;            /* by what was named: the run sweeps */
        LDAPMessage *peeked;     /* its first message, before the run began */
};

struct repl {
        struct feed *feed;
        struct reading *reading;
        struct stream streams[SEARCHES];
        struct entry_attributes attributes[SEARCHES];
        struct feed_holders holders; /* of the search for containers that is under way */
        enum sync_id_form form;
        bool full;               /* the run that is under way, or was last, is a full one */
        bool watching;           /* the refresh is over */
        bool open;               /* a run is under way */
        bool persist;
        uint64_t told_ms;        /* when the last run ended */
        const struct sync_state_value *state; /* of the entry that is being taken */
        char from[SYNC_COOKIE_MAX + 1]; /* what the replica has been brought to */
};

/* Takes one message of that stream. 0; -ESTALE, -EOPNOTSUPP as struct feed's; -ENOTCONN: a watch's search has ended; or another negative errno with words. */
int repl_take(struct repl *repl, size_t which, LDAPMessage *message);
/* What it searches below. */
const char *repl_base(const struct repl *repl, size_t which);
/* Sends one of the searches. */
int repl_start(struct repl *repl, size_t which);
int repl_begin_delta(struct repl *repl, bool sweep_users, bool sweep_groups);
int repl_end(struct repl *repl);
/* Goes on until something fails: the negative errno. request->lost says whether that was between two runs. */
int repl_watch(struct repl *repl);
