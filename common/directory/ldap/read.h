/* Reading a directory's entries into a sink: what full runs and deltas share, and the searches of a full one that is read page by page.
 * Relies on: ldap/search, ldap/entry, ldap/members.
 * Must never: return 0 for a part (D5). */
#pragma once

#include "directory/ldap/kind.h"
#include "directory/ldap/members.h"

#define READ_SILENCE_MS 60000u /* a server that says nothing for so long has been lost */
#define READ_USN_CREATED "uSNCreated"
#define READ_METADATA "replPropertyMetaData"
#define READ_TIME_TEXT 15u     /* "YYYYMMDDHHMMSS" and a NUL: such texts compare as the times do */

/* A group whose members came in pieces (Active Directory): where the next one begins. */
struct rest { uint32_t group; uint32_t from; char *dn; };

struct reading {
        struct directory *directory;
        const struct sync_sink *sink;
        struct sbuf *why;
        struct entry_context context;
        struct link *link;
        uint64_t deadline_ms, seen, nameless, stateless;
        char nameless_dn[200];           /* the first of them */
        bool times;                      /* entries are asked for their times, and `newest` is kept */
        char newest[READ_TIME_TEXT];     /* "": none had one */
        uint64_t fresh_usn;              /* Active Directory's deltas: what was made after that number is fresh; 0: nothing is */
        bool again;                      /* what is known already is read once more, and skipped */
        uint64_t end_s;                  /* when the first of the accounts that are active ends, as far as was read since it was 0; it may be gone by now */
        bool shows_computed;             /* the server fills in the members of dynamic groups */
        bool dynamic;                    /* ... and of one that was read in full: what changes in it is told to nobody */
        struct members members;
        struct intern user_ids, group_ids;
        struct rest *rests;
        size_t rest_count, rest_size;
        struct rest *resting;            /* the one whose next piece is being read */
        struct entry_user user;          /* scratch */
        struct entry_group group;
};

/* Connects. 0 (*reading: reading_free), or a negative errno with a sentence in *why. */
int reading_open(struct directory *directory, const struct sync_sink *sink, struct sbuf *why, struct reading **reading);
void reading_free(struct reading *reading);
/* Time and memory for another full run on the same connection. */
void reading_reset(struct reading *reading);

/* The attributes to ask for. */
void reading_user_attributes(const struct reading *reading, struct entry_attributes *attributes);
void reading_group_attributes(const struct reading *reading, struct entry_attributes *attributes);

/* One search on the connection; a sentence that begins with what in *why. As search_run. */
int reading_search(struct reading *reading, const struct search *search, const char *what);

/* The first 14 digits of a generalizedTime; false: it is none. */
bool reading_time_text(const struct berval *value, char text[READ_TIME_TEXT]);
/* Of what holds entries, asked for its times: it was made and never changed since, so that all it holds is told of by itself. One that was changed may
 * be elsewhere, and with it all that it holds. */
bool reading_is_unmoved(const struct ldap_entry *entry);
/* ends.c: reading->user of the entry, as it is now; keeps the earliest end. */
enum entry_verdict reading_map_user(struct reading *reading, const struct ldap_entry *entry, const char **why);
/* Whether an account that was active has ended since it was read: all are to be read again. */
bool reading_has_end(const struct reading *reading);
/* Keeps the newest. */
void reading_note_time(struct reading *reading, const struct ldap_entry *entry);

/* Begins a run: what the settings say is filled in here. The sink's result. */
int reading_begin(struct reading *reading, const struct sync_begin *wanted);
/* Its end. The sink's result. */
int reading_end(struct reading *reading, const char *cookie);

/* Full runs: one entry of the search for users (groups), then, when all were taken, the rest of long groups, who is a member of
 * what, and the end; cookie is emptied where no delta can follow. userdata: the reading. 0 or a negative errno. */
int reading_full_user(void *userdata, const struct ldap_entry *entry);
int reading_full_group(void *userdata, const struct ldap_entry *entry);
int reading_full_end(struct reading *reading, char *cookie);
/* All users, then all groups, page by page if the settings say so. */
int reading_full_pages(struct reading *reading);
/* One such search. */
struct reading_pages { bool groups; const char *filter; const char *const *attributes; int (*entry)(void *userdata, const struct ldap_entry *entry); };
int reading_pages(struct reading *reading, const struct reading_pages *pages);

/* Deltas: an entry as it is now, and of a group all its members. userdata: the reading. gone_id: what the entry has, should it be nobody (any more); NULL:
 * it is read from the entry. */
int reading_delta_user(struct reading *reading, const struct ldap_entry *entry, const char *gone_id);
int reading_delta_group(struct reading *reading, const struct ldap_entry *entry, const char *gone_id);

/* It is left out, which somebody who misses it should be able to find out (reading_end). 0. */
int reading_skip_nameless(struct reading *reading, const struct ldap_entry *entry);
/* A sentence about one entry; gives error. */
int reading_complain(struct reading *reading, const struct ldap_entry *entry, int error, const char *text);
/* What the sink said, in words. */
int reading_sink_error(struct reading *reading, int r);
