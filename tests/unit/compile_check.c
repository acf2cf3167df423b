/* A view against what a line says; see compile_check.h. */
#include "unit/compile_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/sbuf.h"
#include "base/text.h"
#include "unit/compile_parse.h"

static int compare_texts(const void *a, const void *b) {
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void join(const char **names, size_t count, char *out, size_t size) {
        size_t used = 0;
        qsort(names, count, sizeof *names, compare_texts);
        out[0] = 0;
        if (count == 0)
                (void)snprintf(out, size, "-");
        for (size_t i = 0; i < count && used < size; i++)
                used += (size_t)snprintf(out + used, size - used, "%s%s", i ? "," : "", names[i]);
}

void check_groups_text(const struct view *view, const struct view_user *user, char *out, size_t size) {
        const char **names = calloc(user->gid_count + 1, sizeof *names);
        struct view_group group;
        size_t count = 0;
        assert_non_null(names);
        for (uint32_t i = 0; i < user->gid_count; i++)
                if (view_group_by_gid(view, user->gids[i], &group) == VIEW_FOUND)
                        names[count++] = group.name;
        if (user->primary_listed && view_group_by_gid(view, user->gid, &group) == VIEW_FOUND)
                names[count++] = group.name;
        join(names, count, out, size);
        free(names);
}

void check_members_text(const struct view_group *group, char *out, size_t size) {
        const char **names = calloc(group->member_count + 1, sizeof *names);
        assert_non_null(names);
        for (uint32_t i = 0; i < group->member_count; i++)
                names[i] = group->members + group->member_offsets[i];
        join(names, group->member_count, out, size);
        free(names);
}

/* The gids that no published group has: local_groups. */
static void local_text(const struct view *view, const struct view_user *user, char *out, size_t size) {
        size_t used = 0;
        struct view_group group;
        (void)snprintf(out, size, "-");
        for (uint32_t i = 0; i < user->gid_count; i++)
                if (view_group_by_gid(view, user->gids[i], &group) != VIEW_FOUND)
                        used += (size_t)snprintf(out + used, size - used, "%s%u", used ? "," : "", user->gids[i]);
}

static uint32_t key_count(const struct view *view, uint32_t user) {
        const char *keys;
        size_t len;
        uint32_t count = 0;
        if (view_user_keys(view, user, &keys, &len) != VIEW_FOUND)
                return 0;
        for (size_t i = 0; i < len; i++)
                count += keys[i] == '\n';
        return count;
}

/* One KEY=VALUE against what is there. */
static bool agrees(const char *word, const char *key, const char *value, char *said, size_t size) {
        size_t len = strlen(key);
        if (strncmp(word, key, len) != 0 || word[len] != '=' || strcmp(word + len + 1, value) == 0)
                return true;
        (void)snprintf(said, size, "%s is %s", key, value);
        return false;
}

bool check_user(const struct view *view, char **words, size_t count, char *said, size_t size) {
        struct view_user user;
        char groups[4096], local[256], uid[16], gid[16], keys[16];
        if (view_user_by_name(view, words[0], &user) != VIEW_FOUND) {
                (void)snprintf(said, size, "not published");
                return false;
        }
        check_groups_text(view, &user, groups, sizeof groups);
        local_text(view, &user, local, sizeof local);
        (void)snprintf(uid, sizeof uid, "%u", user.uid);
        (void)snprintf(gid, sizeof gid, "%u", user.gid);
        (void)snprintf(keys, sizeof keys, "%u", key_count(view, user.index));
        for (size_t i = 1; i < count; i++)
                if (!agrees(words[i], "uid", uid, said, size) || !agrees(words[i], "gid", gid, said, size) ||
                    !agrees(words[i], "groups", groups, said, size) || !agrees(words[i], "local", local, said, size) ||
                    !agrees(words[i], "home", user.home, said, size) || !agrees(words[i], "shell", user.shell, said, size) ||
                    !agrees(words[i], "gecos", user.gecos, said, size) || !agrees(words[i], "name", user.name, said, size) ||
                    !agrees(words[i], "private", user.private_group ? "yes" : "no", said, size) || !agrees(words[i], "keys", keys, said, size))
                        return false;
        return true;
}

bool check_group(const struct view *view, char **words, size_t count, char *said, size_t size) {
        struct view_group group;
        char members[4096], gid[16];
        if (view_group_by_name(view, words[0], &group) != VIEW_FOUND) {
                (void)snprintf(said, size, "not published");
                return false;
        }
        check_members_text(&group, members, sizeof members);
        (void)snprintf(gid, sizeof gid, "%u", group.gid);
        for (size_t i = 1; i < count; i++)
                if (!agrees(words[i], "gid", gid, said, size) || !agrees(words[i], "members", members, said, size) ||
                    !agrees(words[i], "name", group.name, said, size))
                        return false;
        return true;
}

bool check_access(const struct view *view, char **words, size_t count, char *said, size_t size) {
        struct view_user user;
        struct view_access access;
        uint32_t application = view_application_by_name(view, words[0]);
        if (view_user_by_name(view, words[1], &user) != VIEW_FOUND ||
            view_user_access(view, user.index, application, &access) != VIEW_FOUND) {
                (void)snprintf(said, size, "no such user or application");
                return false;
        }
        (void)snprintf(said, size, "%s %s", reason_name(access.reason), access.directory);
        return strcmp(reason_name(access.reason), words[2]) == 0 && (count < 4 || strcmp(access.directory, words[3]) == 0);
}

bool check_row(const struct settings *settings, const struct compile_result *result, const struct row_wish *wish) {
        for (size_t i = 0; i < result->row_count; i++) {
                const struct masked_row *row = &result->rows[i];
                const char *winner = row->winner == UINT32_MAX ? "-" : settings->directories[row->winner].name;
                if (row->kind == wish->kind && strcmp(row->name, wish->name) == 0 && row->text &&
                    (!wish->directory || strcmp(settings->directories[row->directory].name, wish->directory) == 0) &&
                    (!wish->reason || strcmp(reason_name(row->reason), wish->reason) == 0) && (!wish->winner || strcmp(winner, wish->winner) == 0))
                        return true;
        }
        return false;
}

/* M5 from the user's side. */
static bool listed_in(const struct view_group *group, const char *name) {
        for (uint32_t i = 0; i < group->member_count; i++)
                if (strcmp(group->members + group->member_offsets[i], name) == 0)
                        return true;
        return false;
}

static bool in_group(const struct view_user *user, uint32_t gid) {
        if (user->gid == gid)
                return user->primary_listed;
        for (uint32_t i = 0; i < user->gid_count; i++)
                if (user->gids[i] == gid)
                        return true;
        return false;
}

static bool low(uint32_t id) {
        return id < 1000 || (id >= 60000 && id <= 65535) || id > INT32_MAX;
}

static const char *check_one_user(const struct view *view, const struct local_accounts *local, uint32_t index) {
        struct view_user user, again;
        struct view_group group;
        char upper[256];
        if (view_user_at(view, index, &user) != VIEW_FOUND)
                return "a user in the middle of the enumeration is missing";
        for (uint32_t i = 0; i <= user.name_len; i++)
                upper[i] = user.name[i] >= 'a' && user.name[i] <= 'z' ? (char)(user.name[i] - 32) : user.name[i];
        if (view_user_by_name(view, upper, &again) != VIEW_FOUND || again.index != index)
                return "N1: a user is not found in upper case";
        if (view_user_by_uid(view, user.uid, &again) != VIEW_FOUND || again.index != index)
                return "I4: a uid is not its user's";
        if (low(user.uid) || low(user.gid) || local_accounts_has_id(local, user.uid) || local_accounts_has_name(local, user.name))
                return "N4, I3: a local or low id or name is published";
        if (view_group_by_gid(view, user.gid, &group) != VIEW_FOUND || (user.private_group && strcmp(group.name, user.name) != 0))
                return "M10: a primary group does not resolve";
        for (uint32_t i = 0; i < user.gid_count; i++)
                if (view_group_by_gid(view, user.gids[i], &group) == VIEW_FOUND ? !listed_in(&group, user.name)
                                                                                : !local_accounts_has_id(local, user.gids[i]))
                        return "M5: a user is in a group that does not list it";
        return NULL;
}

static const char *check_one_group(const struct view *view, const struct local_accounts *local, uint32_t index) {
        struct view_group group, again;
        struct view_user user;
        if (view_group_at(view, index, &group) != VIEW_FOUND)
                return "a group in the middle of the enumeration is missing";
        if (view_group_by_gid(view, group.gid, &again) != VIEW_FOUND || strcmp(again.name, group.name) != 0)
                return "I4: a gid is not its group's";
        if (low(group.gid) || local_accounts_has_id(local, group.gid) || local_accounts_has_name(local, group.name))
                return "N4, I3: a local or low group is published";
        for (uint32_t i = 0; i < group.member_count; i++)
                if (view_user_by_name(view, group.members + group.member_offsets[i], &user) != VIEW_FOUND || !in_group(&user, group.gid))
                        return "M5: a group lists a user that is not in it";
        return NULL;
}

const char *check_any_view(const struct view *view, const struct local_accounts *local) {
        const char *broken = NULL;
        for (uint32_t i = 0; !broken && i < view_user_count(view); i++)
                broken = check_one_user(view, local, i);
        for (uint32_t i = 0; !broken && i < view_group_count(view); i++)
                broken = check_one_group(view, local, i);
        return broken;
}
