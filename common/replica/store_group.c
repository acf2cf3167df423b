/* Changes to the store of one directory: groups and direct memberships; see store.h.
 * Relies on: replica/store_internal.
 * Must never: decide whether a membership is circular or allowed (rules U do). */
#include <errno.h>

#include "base/cleanup.h"
#include "replica/store_internal.h"
#include "replica/store_rows.h"

static void bind_group(struct database *database, sqlite3_stmt *statement, int64_t id, const struct store_group *group) {
        database_bind_number(database, statement, 1, id);
        database_bind_text(database, statement, 4, group->description);
        if (group->has_gid)
                database_bind_number(database, statement, 5, group->gid);
        if (group->has_active)
                database_bind_number(database, statement, 6, group->active);
}

static int add_group(struct store *store, const struct store_group *group) {
        char entry_id[64];
        if (!group->name || !*group->name)
                return database_refuse(&store->database, -EINVAL, "a group needs a name");
        int r = store_entry_id(group->entry_id, entry_id);
        if (r < 0)
                return r;
        sqlite3_stmt *statement = database_statement(&store->database, STORE_INSERT_GROUP);
        bind_group(&store->database, statement, store->next_group, group);
        database_bind_text(&store->database, statement, 2, group->name);
        database_bind_text(&store->database, statement, 3, entry_id);
        database_bind_text(&store->database, statement, 7, group->external_id);
        r = database_run(&store->database, statement, NULL);
        store_touch_everything(store);
        if (r == 0)
                store->next_group++;
        return r;
}

int store_add_group(struct store *store, const struct store_group *group) {
        int r = change_begin(store);
        return r < 0 ? r : change_end(store, add_group(store, group));
}

static int modify_group(struct store *store, const char *name, const struct store_group *group) {
        int64_t id = 0;
        int r = store_find(store, STORE_FIND_GROUP, name, &id);
        if (r < 0)
                return r;
        sqlite3_stmt *statement = database_statement(&store->database, STORE_UPDATE_GROUP);
        bind_group(&store->database, statement, id, group);
        store_touch_everything(store);
        return database_run(&store->database, statement, NULL);
}

int store_modify_group(struct store *store, const char *name, const struct store_group *group) {
        int r = change_begin(store);
        return r < 0 ? r : change_end(store, modify_group(store, name, group));
}

static int rename_group(struct store *store, const char *name, const char *new_name) {
        int64_t id = 0;
        if (!*new_name)
                return database_refuse(&store->database, -EINVAL, "a group needs a name");
        int r = store_find(store, STORE_FIND_GROUP, name, &id);
        if (r < 0)
                return r;
        sqlite3_stmt *statement = database_statement(&store->database, STORE_RENAME_GROUP);
        database_bind_number(&store->database, statement, 1, id);
        database_bind_text(&store->database, statement, 2, new_name);
        store_touch_everything(store);
        return database_run(&store->database, statement, NULL);
}

int store_rename_group(struct store *store, const char *name, const char *new_name) {
        int r = change_begin(store);
        return r < 0 ? r : change_end(store, rename_group(store, name, new_name));
}

static int remove_group(struct store *store, const char *name) {
        static const enum store_statement steps[] = { STORE_DELETE_GROUP, STORE_DELETE_GROUP_MEMBERS, STORE_DELETE_GROUP_CHILDREN };
        int64_t id = 0;
        int r = store_find(store, STORE_FIND_GROUP, name, &id);
        store_touch_everything(store);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++) {
                sqlite3_stmt *statement = database_statement(&store->database, steps[i]);
                database_bind_number(&store->database, statement, 1, id);
                r = database_run(&store->database, statement, NULL);
        }
        return r;
}

int store_remove_group(struct store *store, const char *name) {
        int r = change_begin(store);
        return r < 0 ? r : change_end(store, remove_group(store, name));
}

struct pair {
        const char *group, *member;
        enum store_statement find_member, run;
        bool is_group;
};

/* Adds or removes one pair: -EEXIST comes from the table's key, -ENOENT also from a pair that was not there. */
static int change_pair(struct store *store, const struct pair *pair) {
        int64_t group = 0, member = 0;
        int changed = 0;
        int r = store_find(store, STORE_FIND_GROUP, pair->group, &group);
        if (r == 0)
                r = store_find(store, pair->find_member, pair->member, &member);
        if (r < 0)
                return r;
        if (pair->is_group && group == member)
                return database_refuse(&store->database, -EINVAL, "a group cannot be its own member");
        sqlite3_stmt *statement = database_statement(&store->database, pair->run);
        database_bind_number(&store->database, statement, 1, group);
        database_bind_number(&store->database, statement, 2, member);
        if (pair->is_group)
                store_touch_everything(store);
        else
                store_touch_member(store, member, group);
        r = database_run(&store->database, statement, &changed);
        return r < 0 ? r : changed > 0 ? 0 : -ENOENT;
}

static int change_member(struct store *store, const struct pair *pair) {
        int r = change_begin(store);
        return r < 0 ? r : change_end(store, change_pair(store, pair));
}

int store_add_member(struct store *store, const char *group, const char *user) {
        return change_member(store, &(struct pair){ group, user, STORE_FIND_USER, STORE_INSERT_MEMBER, false });
}

int store_remove_member(struct store *store, const char *group, const char *user) {
        return change_member(store, &(struct pair){ group, user, STORE_FIND_USER, STORE_DELETE_MEMBER, false });
}

int store_add_group_member(struct store *store, const char *group, const char *child) {
        return change_member(store, &(struct pair){ group, child, STORE_FIND_GROUP, STORE_INSERT_CHILD, true });
}

int store_remove_group_member(struct store *store, const char *group, const char *child) {
        return change_member(store, &(struct pair){ group, child, STORE_FIND_GROUP, STORE_DELETE_CHILD, true });
}
