/* What Active Directory alone tells of changes: its deleted objects, its notifications, and whether a name is among what has changed.
 *   Each change of an entry's own attributes gives it a new uSNChanged, also when it leaves the base or the filter: whatever has changed in the naming context is told as gone,
 *   and those that still match as changed after that. A deleted entry stays for months, with its id; who may see such ones needs no list of all that are there.
 *   By default only administrators may. Known limits, found by the daily full run: what leaves nothing behind (an object with a time to live, one that
 *   was moved to another domain), and what bind_dn was let see, and is not any more.
 * Relies on: ldap/read.
 * Must never: take it for "nobody is gone" that bind_dn may not see who is. */
#pragma once

#include "directory/ldap/read.h"

struct feed;
struct feed_server;

struct active {
        char context[SYNC_DN_MAX + 1];  /* the naming context that holds the base; "": none alone does */
        const char *deleted;            /* the control under which bind_dn sees what is deleted, as was shown; NULL: it does not */
        bool lists;                     /* it does not, or the filters ask for what other entries say: who is gone is seen by listing who is there */
        bool tells;                     /* it has notifications */
};

/* active_filter.c: whether what a filter finds can only change with an entry's own uSNChanged: not by memberOf, say, that changes with a group. Attributes that
 * are not known to be so are none. */
bool active_filter_is_own(const char *filter);

/* active_context.c */
#define ACTIVE_NAMING_CONTEXTS "namingContexts"
/* From the root DSE. controls: its supportedControl; contexts: its namingContexts; either may be NULL. */
void active_read_root(const struct reading *reading, const struct ldap_attribute *controls, const struct ldap_attribute *contexts, struct active *active);
/* Looks whether bind_dn sees what is deleted, and sets active->deleted. 0, or -ETIMEDOUT, -ECONNRESET with a sentence. */
int active_prove(struct reading *reading, struct active *active);

/* active_gone.c: what has changed in the naming context. */
struct active_changes {
        struct intern ids;
        bool known;             /* they are all */
        bool pressing;          /* not only computers and names of the DNS, which change all the time */
};
void active_changes_done(struct active_changes *changes);
/* What has changed after the number, with what is deleted if that is seen. 0, or -ETIMEDOUT, -ECONNRESET, -ENOMEM with a sentence. */
int active_gather(struct reading *reading, const struct active *active, uint64_t after, struct active_changes *changes);
/* Tells each as gone: those that still match must be told after that. 0 or the sink's error. */
int active_tell(struct reading *reading, const struct active_changes *changes);

/* active_metadata.c: what replPropertyMetaData says of one attribute, by its number. */
#define ACTIVE_NAME UINT32_C(0x90001)       /* "name": changes when the entry is renamed, and when it is moved */
#define ACTIVE_IS_DELETED UINT32_C(0x20030) /* changes when the entry is deleted, and when it is restored */
struct active_stamp { uint32_t version; uint64_t usn; }; /* how often it was set, and this server's number of the last time */
/* 0; -ENOENT: it says nothing of it; -EBADMSG: it is none. */
int active_stamp_of(const struct berval *value, uint32_t attribute, struct active_stamp *stamp);

/* active_watch.c. Asks for notifications, if the server has them and the request wants a watch; what was changed before them is found by the run after that. */
void active_listen(struct feed *feed);
/* Whether it still listens: a server that refuses has said so by the end of a run. */
bool active_listens(struct feed *feed);
/* Goes on from feed->cookie until something fails: the negative errno. request->lost says whether that was between two runs. */
int active_watch(struct feed *feed);
