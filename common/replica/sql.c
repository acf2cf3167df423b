/* Every SQL text of the stores; see sql.h.
 * Relies on: NOCASE folding ASCII only, which is the folding of N1.
 * Must never: change a text of `versions` that was released; a new shape is a new version at the end. */
#include "replica/sql.h"

#include "base/cleanup.h"

/* Hashes have a table of their own: loading a replica never reads a page that holds one. Memberships are pairs of small integers in
 * tables without rowid: 10,000,000 of them are one compact tree, read in one sweep. There is deliberately no index by member: it
 * would double what a synchronisation writes, and only removals need it (they sweep once per transaction). */
#define STORE_TABLES \
        "CREATE TABLE store (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, type TEXT NOT NULL," \
        " revision INTEGER NOT NULL, synchronised_s INTEGER NOT NULL);" \
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, entry_id TEXT NOT NULL UNIQUE," \
        " display_name TEXT, email TEXT, home TEXT, shell TEXT, ssh_keys TEXT, sid TEXT," \
        " uid INTEGER NOT NULL DEFAULT 0, gid INTEGER NOT NULL DEFAULT 0, posix_primary INTEGER NOT NULL DEFAULT 0," \
        " active INTEGER NOT NULL DEFAULT 1, must_change INTEGER NOT NULL DEFAULT 0);" \
        "CREATE TABLE passwords (user INTEGER PRIMARY KEY, hash TEXT NOT NULL);" \
        "CREATE TABLE attributes (user INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL," \
        " PRIMARY KEY (user, key)) WITHOUT ROWID;" \
        "CREATE TABLE groups (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, entry_id TEXT NOT NULL UNIQUE," \
        " description TEXT, sid TEXT, gid INTEGER NOT NULL DEFAULT 0, active INTEGER NOT NULL DEFAULT 1);" \
        "CREATE TABLE members (grp INTEGER NOT NULL, user INTEGER NOT NULL, PRIMARY KEY (grp, user)) WITHOUT ROWID;" \
        "CREATE TABLE children (parent INTEGER NOT NULL, child INTEGER NOT NULL, PRIMARY KEY (parent, child)) WITHOUT ROWID;"

/* Where a synchronised directory's server has the entry. Not looked up by, and never loaded with a replica. */
#define STORE_DN "ALTER TABLE users ADD COLUMN dn TEXT;"
/* Delegated directories: the server's entry whose password is the user's, and the one that a group was imported from. As little loaded. */
#define STORE_EXTERNAL "ALTER TABLE users ADD COLUMN external_id TEXT; ALTER TABLE groups ADD COLUMN external_id TEXT;"

/* What a delta needs of a synchronised directory (store_delta.h): whom a value of a group names, by the hash of a DN's normal form; the values that no
 * membership stands for; where the server's changes were read to, by which settings (basis) and with what keys; whether that left something open. Internal ones have no use for it. */
#define STORE_DELTAS \
        "ALTER TABLE users ADD COLUMN dn_hash INTEGER; ALTER TABLE users ADD COLUMN primary_group_sid TEXT;" \
        "ALTER TABLE groups ADD COLUMN dn TEXT; ALTER TABLE groups ADD COLUMN dn_hash INTEGER;" \
        "ALTER TABLE store ADD COLUMN cookie TEXT; ALTER TABLE store ADD COLUMN basis INTEGER NOT NULL DEFAULT 0;" \
        "ALTER TABLE store ADD COLUMN keyed INTEGER NOT NULL DEFAULT 0; ALTER TABLE store ADD COLUMN full_s INTEGER NOT NULL DEFAULT 0;" \
        "ALTER TABLE store ADD COLUMN unsettled INTEGER NOT NULL DEFAULT 0;" \
        "CREATE TABLE strays (grp INTEGER NOT NULL, hash INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (grp, hash, key)) WITHOUT ROWID;" \
        "CREATE INDEX strays_hash ON strays (hash);"
const char sql_delta_indexes[] = "CREATE INDEX IF NOT EXISTS users_dn ON users (dn_hash) WHERE dn_hash IS NOT NULL;"
                                 "CREATE INDEX IF NOT EXISTS groups_dn ON groups (dn_hash) WHERE dn_hash IS NOT NULL;";

static const char *const store_unique_versions[] = {
        STORE_TABLES "CREATE UNIQUE INDEX users_name ON users (name); CREATE UNIQUE INDEX groups_name ON groups (name);",
        STORE_DN,
        STORE_EXTERNAL " CREATE UNIQUE INDEX users_external ON users (external_id) WHERE external_id IS NOT NULL;"
        " CREATE UNIQUE INDEX groups_external ON groups (external_id) WHERE external_id IS NOT NULL;",
        STORE_DELTAS,
};
static const char *const store_ambiguous_versions[] = {
        STORE_TABLES "CREATE INDEX users_name ON users (name); CREATE INDEX groups_name ON groups (name);",
        STORE_DN,
        STORE_EXTERNAL,
        STORE_DELTAS,
};

/* Ten million rows by a statement each take five times as long. OR FAIL: no journal for one statement, as any failure ends the whole transaction. */
#define PAIRS_4 "(?, ?), (?, ?), (?, ?), (?, ?)"
#define PAIRS_16 PAIRS_4 ", " PAIRS_4 ", " PAIRS_4 ", " PAIRS_4
#define SYNC_PAIRS PAIRS_16 ", " PAIRS_16 ", " PAIRS_16 ", " PAIRS_16

#define USER_COLUMNS "id, entry_id, uid, gid, active, posix_primary, name, display_name, email, home, shell, ssh_keys, sid, dn, primary_group_sid"
#define GROUP_COLUMNS "id, entry_id, gid, active, name, description, sid, dn"

static const struct sql_statement store_statements[STORE_STATEMENT_MAX] = {
        [STORE_READ_INFO] = { "SELECT name, type, synchronised_s FROM store" },
        [STORE_READ_REVISION] = { "SELECT revision, synchronised_s FROM store" },
        /* A row without a user says when the replica was complete all the same, of the same moment. */
        [STORE_LOGIN] = { "SELECT s.synchronised_s, u.id, u.entry_id, u.active, u.must_change, p.hash, u.dn, u.external_id FROM store s"
                          " LEFT JOIN users u ON u.name = ?1 LEFT JOIN passwords p ON p.user = u.id LIMIT 2" },
        [STORE_FIND_USER] = { "SELECT id FROM users WHERE name = ?1 LIMIT 2" },
        [STORE_FIND_GROUP] = { "SELECT id FROM groups WHERE name = ?1 LIMIT 2" },
        [STORE_BY_EXTERNAL_ID] = { "SELECT name FROM users WHERE external_id = ?1" },
        [STORE_IMPORTED_GROUPS] = { "SELECT g.name, g.external_id, m.user IS NOT NULL FROM groups g LEFT JOIN members m ON m.grp = g.id AND m.user ="
                                    " (SELECT id FROM users WHERE name = ?1) WHERE g.external_id IS NOT NULL" },
        [STORE_ATTRIBUTES] = { "SELECT key, value FROM attributes WHERE user = ?1 ORDER BY key" },
        [STORE_LOAD_USERS] = { "SELECT id, uid, gid, active, posix_primary, name, entry_id, display_name, email, home, shell, ssh_keys,"
                               " sid FROM users ORDER BY id" },
        [STORE_LOAD_GROUPS] = { "SELECT id, gid, active, name, entry_id, description, sid FROM groups ORDER BY id" },
        [STORE_LOAD_MEMBERS] = { "SELECT user, grp FROM members" },
        [STORE_LOAD_CHILDREN] = { "SELECT child, parent FROM children" },
        [STORE_ROW_USER] = { "SELECT id, uid, gid, active, posix_primary, name, entry_id, display_name, email, home, shell, ssh_keys,"
                             " sid FROM users WHERE id = ?1" },
        [STORE_ROW_MEMBER] = { "SELECT 1 FROM members WHERE grp = ?1 AND user = ?2" },
        [STORE_NEXT_IDS] = { "SELECT (SELECT coalesce(max(id), 0) + 1 FROM users), (SELECT coalesce(max(id), 0) + 1 FROM groups)", true },
        [STORE_BUMP_REVISION] = { "UPDATE store SET revision = revision + 1", true },
        [STORE_INSERT_USER] = { "INSERT INTO users (id, name, entry_id, display_name, email, home, shell, ssh_keys, uid, gid, active,"
                                " must_change, external_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, coalesce(?9, 0), coalesce(?10, 0),"
                                " coalesce(?11, 1), coalesce(?12, 0), ?13)", true },
        [STORE_UPDATE_USER] = { "UPDATE users SET display_name = coalesce(?4, display_name), email = coalesce(?5, email),"
                                " home = coalesce(?6, home), shell = coalesce(?7, shell), ssh_keys = coalesce(?8, ssh_keys),"
                                " uid = coalesce(?9, uid), gid = coalesce(?10, gid), active = coalesce(?11, active),"
                                " must_change = coalesce(?12, must_change), external_id = coalesce(?13, external_id) WHERE id = ?1", true },
        [STORE_RENAME_USER] = { "UPDATE users SET name = ?2 WHERE id = ?1", true },
        [STORE_DELETE_USER] = { "DELETE FROM users WHERE id = ?1", true },
        [STORE_SET_HASH] = { "INSERT INTO passwords (user, hash) VALUES (?1, ?2) ON CONFLICT (user) DO UPDATE SET hash = ?2", true },
        [STORE_DELETE_HASH] = { "DELETE FROM passwords WHERE user = ?1", true },
        [STORE_SET_ATTRIBUTE] = { "INSERT INTO attributes (user, key, value) VALUES (?1, ?2, ?3)"
                                  " ON CONFLICT (user, key) DO UPDATE SET value = ?3", true },
        [STORE_DELETE_ATTRIBUTE] = { "DELETE FROM attributes WHERE user = ?1 AND key = ?2", true },
        [STORE_DELETE_ATTRIBUTES] = { "DELETE FROM attributes WHERE user = ?1", true },
        [STORE_NOTE_GONE] = { "INSERT OR IGNORE INTO temp.gone (id) VALUES (?1)", true },
        [STORE_GONE_BOUNDS] = { "SELECT (SELECT min(id) FROM temp.gone), (SELECT max(id) FROM temp.gone)", true },
        [STORE_SWEEP_MEMBERS] = { "DELETE FROM members WHERE user BETWEEN ?1 AND ?2 AND user IN (SELECT id FROM temp.gone)", true },
        [STORE_FORGET_GONE] = { "DELETE FROM temp.gone", true },
        [STORE_INSERT_GROUP] = { "INSERT INTO groups (id, name, entry_id, description, gid, active, external_id)"
                                 " VALUES (?1, ?2, ?3, ?4, coalesce(?5, 0), coalesce(?6, 1), ?7)", true },
        [STORE_UPDATE_GROUP] = { "UPDATE groups SET description = coalesce(?4, description), gid = coalesce(?5, gid),"
                                 " active = coalesce(?6, active) WHERE id = ?1", true },
        [STORE_RENAME_GROUP] = { "UPDATE groups SET name = ?2 WHERE id = ?1", true },
        [STORE_DELETE_GROUP] = { "DELETE FROM groups WHERE id = ?1", true },
        [STORE_DELETE_GROUP_MEMBERS] = { "DELETE FROM members WHERE grp = ?1", true },
        [STORE_DELETE_GROUP_CHILDREN] = { "DELETE FROM children WHERE parent = ?1 OR child = ?1", true },
        [STORE_INSERT_MEMBER] = { "INSERT INTO members (grp, user) VALUES (?1, ?2)", true },
        [STORE_DELETE_MEMBER] = { "DELETE FROM members WHERE grp = ?1 AND user = ?2", true },
        [STORE_INSERT_CHILD] = { "INSERT INTO children (parent, child) VALUES (?1, ?2)", true },
        [STORE_DELETE_CHILD] = { "DELETE FROM children WHERE parent = ?1 AND child = ?2", true },
        [SYNC_USERS] = { "SELECT " USER_COLUMNS " FROM users ORDER BY id", true },
        [SYNC_INSERT_USER] = { "INSERT INTO users (" USER_COLUMNS ", dn_hash)"
                               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)", true },
        [SYNC_UPDATE_USER] = { "UPDATE users SET uid = ?3, gid = ?4, active = ?5, posix_primary = ?6, name = ?7, display_name = ?8, email = ?9,"
                               " home = ?10, shell = ?11, ssh_keys = ?12, sid = ?13, dn = ?14, primary_group_sid = ?15, dn_hash = ?16 WHERE id = ?1", true },
        [SYNC_USER_NAME] = { "SELECT name FROM users WHERE id = ?1", true },
        [SYNC_GROUPS] = { "SELECT " GROUP_COLUMNS " FROM groups ORDER BY id", true },
        [SYNC_INSERT_GROUP] = { "INSERT INTO groups (" GROUP_COLUMNS ", dn_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", true },
        [SYNC_UPDATE_GROUP] = { "UPDATE groups SET gid = ?3, active = ?4, name = ?5, description = ?6, sid = ?7, dn = ?8, dn_hash = ?9 WHERE id = ?1", true },
        [SYNC_GROUP_NAME] = { "SELECT name FROM groups WHERE id = ?1", true },
        [SYNC_MEMBERS] = { "SELECT grp, user FROM members ORDER BY grp, user", true },
        [SYNC_CHILDREN] = { "SELECT parent, child FROM children ORDER BY parent, child", true },
        [SYNC_DELETE_MEMBERS] = { "DELETE FROM members", true },
        [SYNC_DELETE_CHILDREN] = { "DELETE FROM children", true },
        [SYNC_INSERT_MEMBERS] = { "INSERT OR FAIL INTO members (grp, user) VALUES " SYNC_PAIRS, true },
        [SYNC_ADD_MEMBERS] = { "INSERT OR IGNORE INTO members (grp, user) VALUES " SYNC_PAIRS, true },
        [SYNC_INSERT_CHILDREN] = { "INSERT OR FAIL INTO children (parent, child) VALUES " SYNC_PAIRS, true },
        [SYNC_DONE] = { "UPDATE store SET synchronised_s = ?1, revision = revision + ?2, cookie = ?3, basis = ?4, keyed = ?5,"
                        " full_s = coalesce(?6, full_s), unsettled = ?7", true },
        [SYNC_STATE] = { "SELECT cookie, basis, keyed, full_s, unsettled FROM store" },
        [SYNC_STRAYS] = { "SELECT grp, hash, key FROM strays ORDER BY grp, hash, key", true },
        [SYNC_INSERT_STRAY] = { "INSERT OR IGNORE INTO strays (grp, hash, key) VALUES (?1, ?2, ?3)", true },
        [SYNC_DELETE_STRAY] = { "DELETE FROM strays WHERE grp = ?1 AND hash = ?2 AND key = ?3", true },
        [DELTA_USER] = { "SELECT " USER_COLUMNS " FROM users WHERE entry_id = ?1", true },
        [DELTA_GROUP] = { "SELECT " GROUP_COLUMNS " FROM groups WHERE entry_id = ?1", true },
        [DELTA_USER_IDS] = { "SELECT entry_id FROM users", true },
        [DELTA_GROUP_IDS] = { "SELECT entry_id FROM groups", true },
        [DELTA_USERS_BY_DN] = { "SELECT id, dn, gid, primary_group_sid FROM users WHERE dn_hash = ?1", true },
        [DELTA_USERS_BY_NAME] = { "SELECT id, name, gid, primary_group_sid FROM users WHERE name = ?1", true },
        [DELTA_GROUPS_BY_DN] = { "SELECT id, dn FROM groups WHERE dn_hash = ?1", true },
        [DELTA_GROUP_DERIVES] = { "SELECT gid, sid FROM groups WHERE id = ?1", true },
        [DELTA_ALL_GROUPS] = { "SELECT id, gid, sid FROM groups", true },
        [DELTA_ALL_USERS] = { "SELECT id, gid, primary_group_sid FROM users", true },
        /* There is no index by member: a look into every group for a few, one sweep for many. */
        [DELTA_MEMBERS_OF_FEW] = { "SELECT m.grp, m.user FROM groups g CROSS JOIN temp.gone t CROSS JOIN members m WHERE m.grp = g.id AND m.user = t.id", true },
        [DELTA_MEMBERS_OF_MANY] = { "SELECT grp, user FROM members WHERE user IN (SELECT id FROM temp.gone)", true },
        [DELTA_PARENTS] = { "SELECT parent, child FROM children WHERE child IN (SELECT id FROM temp.gone)", true },
        [DELTA_GROUP_MEMBERS] = { "SELECT m.user, u.gid, u.primary_group_sid FROM members m LEFT JOIN users u ON u.id = m.user WHERE m.grp = ?1 ORDER BY m.user", true },
        [DELTA_GROUP_CHILDREN] = { "SELECT child FROM children WHERE parent = ?1 ORDER BY child", true },
        [DELTA_GROUP_STRAYS] = { "SELECT hash, key FROM strays WHERE grp = ?1 ORDER BY hash, key", true },
        [DELTA_STRAYS_BY_KEY] = { "SELECT grp FROM strays WHERE hash = ?1 AND key = ?2", true },
        [DELTA_ONE_STRAY] = { "SELECT 1 FROM strays WHERE grp = ?1 AND hash = ?2 AND key = ?3", true },
        [DELTA_ADD_MEMBER] = { "INSERT OR IGNORE INTO members (grp, user) VALUES (?1, ?2)", true },
        [DELTA_ADD_CHILD] = { "INSERT OR IGNORE INTO children (parent, child) VALUES (?1, ?2)", true },
        [DELTA_CLEAR_STRAYS] = { "DELETE FROM strays WHERE grp = ?1", true },
        [DELTA_CLEAR_CHILDREN] = { "DELETE FROM children WHERE parent = ?1", true },
        [DELTA_COUNTS] = { "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM groups)", true },
        [DELTA_MEMBERSHIPS] = { "SELECT (SELECT count(*) FROM members), (SELECT count(*) FROM children)", true },
};

#define STORE_APPLICATION_ID 0x4d445354 /* "MDST" */
#define STORE_TEMPORARY "CREATE TEMP TABLE gone (id INTEGER PRIMARY KEY)"

const struct sql_schema sql_store_unique = {
        STORE_APPLICATION_ID, "directory store", store_unique_versions, ARRAY_SIZE(store_unique_versions),
        store_statements, STORE_STATEMENT_MAX, STORE_TEMPORARY,
};
const struct sql_schema sql_store_ambiguous = {
        STORE_APPLICATION_ID, "directory store", store_ambiguous_versions, ARRAY_SIZE(store_ambiguous_versions),
        store_statements, STORE_STATEMENT_MAX, STORE_TEMPORARY,
};

/* A log, not a table of states: the newest row of a name is its current one, and no row ever goes (I2). */
static const char *const registry_versions[] = {
        "CREATE TABLE ids (seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL, directory TEXT NOT NULL,"
        " entry_id TEXT NOT NULL, id INTEGER NOT NULL);",
};
static const struct sql_statement registry_statements[REGISTRY_STATEMENT_MAX] = {
        [REGISTRY_LOAD] = { "SELECT kind, name, directory, entry_id, id FROM ids ORDER BY seq" },
        [REGISTRY_APPEND] = { "INSERT INTO ids (kind, name, directory, entry_id, id) VALUES (?1, ?2, ?3, ?4, ?5)", true },
};
const struct sql_schema sql_registry = {
        0x4d444944, "id registry", registry_versions, ARRAY_SIZE(registry_versions), registry_statements, REGISTRY_STATEMENT_MAX, NULL,
};

static const char *const logins_versions[] = {
        "CREATE TABLE logins (application TEXT NOT NULL, directory TEXT NOT NULL, entry_id TEXT NOT NULL, user TEXT NOT NULL,"
        " first_s INTEGER NOT NULL, last_s INTEGER NOT NULL, last_service TEXT NOT NULL,"
        " PRIMARY KEY (application, directory, entry_id)) WITHOUT ROWID;",
};
static const struct sql_statement logins_statements[LOGINS_STATEMENT_MAX] = {
        /* The clock may have gone back: `last` is the latest, `first` the earliest. */
        [LOGINS_RECORD] = { "INSERT INTO logins (application, directory, entry_id, user, first_s, last_s, last_service)"
                            " VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) ON CONFLICT (application, directory, entry_id) DO UPDATE SET"
                            " user = ?4, first_s = min(first_s, ?5), last_service = iif(?5 >= last_s, ?6, last_service),"
                            " last_s = max(last_s, ?5)", true },
};
const struct sql_schema sql_logins = {
        0x4d444c47, "record of logins", logins_versions, ARRAY_SIZE(logins_versions), logins_statements, LOGINS_STATEMENT_MAX, NULL,
};
