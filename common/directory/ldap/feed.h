/* Which way a server tells of changes, and where in its story a replica is.
 *   RFC 4533: searches that go on after they have given everything. uSNChanged: Active Directory counts its changes. modifyTimestamp: what has changed
 *   since, and which ids there still are. None of these: every synchronisation is a full one.
 * Relies on: ldap/read, ldap/sync_control.
 * Must never: let a cookie of other settings, or of another server's data, pass for one of these. */
#pragma once

#include "directory/ldap/active.h"
#include "directory/ldap/read.h"
#include "directory/ldap/sync_control.h"

enum feed_method { FEED_NONE = 0, FEED_REPL, FEED_USN, FEED_TIMES };

/* What the server said of itself. */
struct feed_server {
        enum feed_method method;  /* the best one */
        bool writes;              /* what it computes it writes into the entries (389 DS: memberOf), or it does not compute (members) */
        uint64_t usn;             /* FEED_USN: highestCommittedUSN */
        uint64_t identity;        /* of these settings and that server's data */
        struct active active;     /* FEED_USN */
};
/* Asks it. 0, or a negative errno and a sentence in reading->why. */
int feed_ask(struct reading *reading, struct feed_server *server);
/* FEED_USN: only for the number as it is now. Likewise. */
int feed_ask_number(struct reading *reading, struct feed_server *server);
/* Whether a class of service gives nsAccountLock: a role or a template then switches accounts off whose entries nobody is told of. 0; -ECONNRESET
 * with a sentence in *why. Where the definition may not be read, or is not found in time, *computed is false. */
int feed_ask_state(struct reading *reading, const struct feed_server *server, uint64_t deadline_ms, bool *computed, struct sbuf *why);

#define FEED_PREFERRED "the preferred server answers again" /* why a watch at another one has ended */

#define FEED_FIELDS 3
struct feed_cookie {
        enum feed_method method;
        uint64_t identity;
        enum sync_id_form form;                  /* FEED_REPL */
        uint64_t end_s;                          /* reading->end_s: then it is worth nothing any more; 0: none is known */
        struct sync_cookie fields[FEED_FIELDS];  /* FEED_REPL: of each search; FEED_USN: the number; FEED_TIMES: the time, what holds entries */
};
/* "" where it does not fit, or the method is none: no delta can follow. */
void feed_cookie_write(const struct feed_cookie *cookie, char text[SYNC_COOKIE_MAX + 1]);
/* 0, or -EINVAL: it is none of ours. */
int feed_cookie_read(const char *text, struct feed_cookie *cookie);
void feed_cookie_set_text(struct sync_cookie *field, const char *text);

/* What holds entries: when one of these is moved or renamed, everything below it is elsewhere, and the server does not say so of each: not even of itself
 * where it has left the base. So all of them are asked for each time, and compared by a count and a sum over id and DN. Known limit: one that was made and
 * has left again between two looks. */
#define FEED_CONTAINERS "(|(objectClass=organizationalUnit)(objectClass=organization)(objectClass=container)(objectClass=nsContainer)" \
                        "(objectClass=locality)(objectClass=country)(objectClass=domain)(objectClass=dcObject)(objectClass=organizationalRole))"
/* containers.c: such a count and sum. */
struct feed_holders {
        const char *id_name;
        char since[READ_TIME_TEXT];             /* createTimestamp: what was made after it is new, and nothing is missed if it has never moved */
        char newest[READ_TIME_TEXT];
        uint64_t count, sum, old_count, old_sum;
        bool moved;                             /* a new one that was changed since: it may have been elsewhere */
};
void feed_holders_attributes(const struct ldap_settings *settings, struct entry_attributes *attributes);
/* before: what the last ones came to; of length 0: there were none. */
void feed_holders_begin(struct feed_holders *holders, const struct ldap_settings *settings, const struct sync_cookie *before);
void feed_holders_add(struct feed_holders *holders, const struct ldap_entry *entry);
/* All were added. Whether each that there was is where it was; *cookie, which holds what there was, is what there is now. */
bool feed_holders_end(const struct feed_holders *holders, struct sync_cookie *cookie);

/* A full run and a delta by each way, each from its begin to its end. began: whether the run has begun, so that nothing else can be tried in its place.
 * 0 or a negative errno; -ESTALE: the delta cannot be had, the directory must be read in full; -EOPNOTSUPP: the server does not do it that way after all. */
struct feed {
        struct reading *reading;
        struct feed_server *server;
        struct directory_sync *request;
        bool began;
        /* Active Directory's: */
        int notice;               /* libldap's number of the search for notifications; -1: there is none */
        bool woken;               /* something has changed since the last run began */
        bool watching;            /* there was a first run: entries are listed when sweep says so, and what does not press may wait until wait_ms */
        bool sweep, listed;       /* listed: the last run has named all that is there, because it had to */
        uint64_t wait_ms;
        char cookie[SYNC_COOKIE_MAX + 1]; /* what the last run has brought the replica to */
};
/* repl.c. cookie NULL: a full run. Goes on watching if the request wants that. */
int feed_repl(struct feed *feed, const struct feed_cookie *cookie, const char *from);
/* changes.c */
int feed_changes_full(struct feed *feed);
int feed_changes_delta(struct feed *feed, const struct feed_cookie *cookie, const char *from);
