/* Every SQL text of the stores, in one place: what the files look like and what is asked of them.
 * Relies on: nothing but the SQLite dialect.
 * Must never: be built from data at run time; values are always bound. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* One prepared statement; `writes` says that only the writer prepares it. */
struct sql_statement {
        const char *text;
        bool writes;
};

/* What a file is: its application_id, its versions (versions[n] takes version n to n + 1), its statements. */
struct sql_schema {
        int application_id;
        const char *what; /* for messages: "directory store" */
        const char *const *versions;
        size_t version_count;
        const struct sql_statement *statements;
        size_t statement_count;
        const char *temporary; /* tables of the writer's connection alone, or NULL */
};

enum store_statement {
        STORE_READ_INFO,
        STORE_READ_REVISION,
        STORE_LOGIN,
        STORE_FIND_USER,
        STORE_FIND_GROUP,
        STORE_BY_EXTERNAL_ID,
        STORE_IMPORTED_GROUPS,
        STORE_ATTRIBUTES,
        STORE_LOAD_USERS,
        STORE_LOAD_GROUPS,
        STORE_LOAD_MEMBERS,
        STORE_LOAD_CHILDREN,
        STORE_ROW_USER,       /* the columns of STORE_LOAD_USERS */
        STORE_ROW_MEMBER,
        STORE_NEXT_IDS,
        STORE_BUMP_REVISION,
        STORE_INSERT_USER,
        STORE_UPDATE_USER,
        STORE_RENAME_USER,
        STORE_DELETE_USER,
        STORE_SET_HASH,
        STORE_DELETE_HASH,
        STORE_SET_ATTRIBUTE,
        STORE_DELETE_ATTRIBUTE,
        STORE_DELETE_ATTRIBUTES,
        STORE_NOTE_GONE,
        STORE_GONE_BOUNDS,
        STORE_SWEEP_MEMBERS,
        STORE_FORGET_GONE,
        STORE_INSERT_GROUP,
        STORE_UPDATE_GROUP,
        STORE_RENAME_GROUP,
        STORE_DELETE_GROUP,
        STORE_DELETE_GROUP_MEMBERS,
        STORE_DELETE_GROUP_CHILDREN,
        STORE_INSERT_MEMBER,
        STORE_DELETE_MEMBER,
        STORE_INSERT_CHILD,
        STORE_DELETE_CHILD,
        SYNC_USERS, /* what a synchronisation compares with and writes; SYNC_UPDATE_X takes the same parameters as SYNC_INSERT_X */
        SYNC_INSERT_USER,
        SYNC_UPDATE_USER,
        SYNC_USER_NAME,
        SYNC_GROUPS,
        SYNC_INSERT_GROUP,
        SYNC_UPDATE_GROUP,
        SYNC_GROUP_NAME,
        SYNC_MEMBERS,
        SYNC_CHILDREN,
        SYNC_DELETE_MEMBERS,
        SYNC_DELETE_CHILDREN,
        SYNC_INSERT_MEMBERS, SYNC_ADD_MEMBERS, /* SYNC_BATCH pairs at a time */
        SYNC_INSERT_CHILDREN,
        SYNC_DONE,
        SYNC_STATE,
        SYNC_STRAYS,
        SYNC_INSERT_STRAY,
        SYNC_DELETE_STRAY,
        DELTA_USER, /* one entry, the columns as in SYNC_USERS and SYNC_GROUPS; then what else a delta asks */
        DELTA_GROUP,
        DELTA_USER_IDS,
        DELTA_GROUP_IDS,
        DELTA_USERS_BY_DN,
        DELTA_USERS_BY_NAME,
        DELTA_GROUPS_BY_DN,
        DELTA_GROUP_DERIVES,
        DELTA_ALL_GROUPS,
        DELTA_ALL_USERS,
        DELTA_MEMBERS_OF_FEW,
        DELTA_MEMBERS_OF_MANY,
        DELTA_PARENTS,
        DELTA_GROUP_MEMBERS,
        DELTA_GROUP_CHILDREN,
        DELTA_GROUP_STRAYS,
        DELTA_STRAYS_BY_KEY,
        DELTA_ONE_STRAY,
        DELTA_ADD_MEMBER,
        DELTA_ADD_CHILD,
        DELTA_CLEAR_STRAYS,
        DELTA_CLEAR_CHILDREN,
        DELTA_COUNTS,
        DELTA_MEMBERSHIPS,
        STORE_STATEMENT_MAX
};

#define SYNC_BATCH 64

/* NAME.db where a name is one entry (internal, delegated: the second spelling is refused), and where it may be several (N2). */
extern const struct sql_schema sql_store_unique, sql_store_ambiguous;
/* What finds the entries that values name. Made once the first entries are there, at a third of what it costs beside each of them. */
extern const char sql_delta_indexes[];

enum registry_statement { REGISTRY_LOAD, REGISTRY_APPEND, REGISTRY_STATEMENT_MAX };
extern const struct sql_schema sql_registry;

enum logins_statement { LOGINS_RECORD, LOGINS_STATEMENT_MAX };
extern const struct sql_schema sql_logins;
