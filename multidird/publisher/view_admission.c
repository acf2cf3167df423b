/* What is asked of a view before it becomes one; see publisher/view_admission.h. */
#include "multidird/publisher/view_admission.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/text.h"
#include "model/name.h"

#define FIRST_ID 1000u
#define LOCAL_GROUPS_MAX 256

/* Of a set of memberships, in any order. */
struct fingerprint { uint64_t count, sums[2]; };

struct admission {
        const struct view *view;
        const struct local_accounts *local;
        uint32_t given[LOCAL_GROUPS_MAX]; /* gids of local groups that are given to directory groups */
        size_t given_count;
        uint32_t good[4096];              /* gids that are no local group's, by their last bits: the same few stand in millions of memberships */
        uint64_t seeds[2];
        struct fingerprint listed, held;  /* memberships that groups list, and that users have: one relation, read from both ends (M5) */
        char *text;
        size_t size;
};

static void list_given(struct admission *admission, const struct settings *settings) {
        const struct application_settings *host = &settings->applications[settings->host];
        for (size_t i = 0; i < host->local_group_count && admission->given_count < LOCAL_GROUPS_MAX; i++) {
                uint32_t gid;
                if (local_accounts_group_id(admission->local, host->local_groups[i].local, &gid) && gid != 0)
                        admission->given[admission->given_count++] = gid;
        }
}

static int refuse(const struct admission *admission, const char *kind, const char *name, uint32_t id, const char *why) {
        (void)snprintf(admission->text, admission->size, "%s %s (id %u): %s", kind, name, id, why);
        return -EPERM;
}

static const char *bad_id(const struct admission *admission, uint32_t id) {
        if (id < FIRST_ID)
                return "the id is below 1000 (I3)";
        if ((id >= 60000 && id <= 65535) || id > INT32_MAX)
                return "the id is one of those that are never given (I3)";
        if (local_accounts_in_subids(admission->local, id))
                return "the id is in /etc/subuid or /etc/subgid (I3)";
        return local_accounts_has_id(admission->local, id) ? "the id is a local account's (N4)" : NULL;
}

static const char *bad_name(const struct admission *admission, enum name_kind kind, const char *name) {
        const char *why = NULL;
        if (name_check(kind, name, &why) != REASON_OK)
                return why ? why : "the name cannot be published (N3)";
        if (name_is_reserved(name))
                return "the name is reserved (N4)";
        return local_accounts_has_name(admission->local, name) ? "the name is a local account's (N4)" : NULL;
}

static const char *bad_texts(const struct view_user *user) {
        if (!path_is_publishable(user->home) || !path_is_publishable(user->shell))
                return "the home or the shell cannot be published (N5)";
        if (strchr(user->gecos, ':') || text_has_control(user->gecos, user->gecos_len))
                return "the display name cannot be published (N5)";
        return NULL;
}

static bool is_given(const struct admission *admission, uint32_t gid) {
        for (size_t i = 0; i < admission->given_count; i++)
                if (admission->given[i] == gid)
                        return true;
        return false;
}

/* A name's or a gid's half of a membership: a user has one name for many groups, a group one gid for many members. */
struct half { uint64_t words[2]; };

static struct half half_of_name(const struct admission *admission, const char *name, size_t len) {
        return (struct half){ { hash_bytes(name, len, admission->seeds[0]), hash_bytes(name, len, admission->seeds[1]) } };
}

static struct half half_of_gid(const struct admission *admission, uint32_t gid) {
        return (struct half){ { hash_u64(gid, admission->seeds[0]), hash_u64(gid, admission->seeds[1]) } };
}

/* One membership into a fingerprint. The sums over all of them are equal from both ends only if the relation is (M5): the seeds are drawn
 * for each admission, so that a view cannot be made to fit them, and no membership has to be looked up. */
static void add_membership(struct fingerprint *print, const struct half *name, const struct half *gid) {
        for (size_t i = 0; i < ARRAY_SIZE(print->sums); i++)
                print->sums[i] += hash_mix(name->words[i], gid->words[i]);
        print->count++;
}

static bool is_local_group(struct admission *admission, uint32_t gid) {
        uint32_t *good = &admission->good[gid % ARRAY_SIZE(admission->good)];
        if (*good == gid && gid != 0)
                return false;
        if (gid < FIRST_ID || local_accounts_has_id(admission->local, gid))
                return true;
        *good = gid;
        return false;
}

static const char *bad_groups(struct admission *admission, const struct view_user *user) {
        const struct half name = half_of_name(admission, user->name, user->name_len), primary = half_of_gid(admission, user->gid);
        for (uint32_t i = 0; i < user->gid_count; i++) {
                uint32_t gid = user->gids[i];
                if (is_given(admission, gid))
                        continue;
                if (is_local_group(admission, gid))
                        return "it is in a local group that local_groups does not give away (N4)";
                const struct half half = half_of_gid(admission, gid);
                add_membership(&admission->held, &name, &half);
        }
        if (user->primary_listed)
                add_membership(&admission->held, &name, &primary);
        return NULL;
}

/* Read from the other end; that only published users are listed (M4) follows, as others hold nothing. */
static void add_members(struct admission *admission, const struct view_group *group) {
        const struct half gid = half_of_gid(admission, group->gid);
        for (uint32_t i = 0; i < group->member_count; i++) {
                const char *name = group->members + group->member_offsets[i];
                const struct half half = half_of_name(admission, name, strlen(name));
                add_membership(&admission->listed, &half, &gid);
        }
}

static int admit_group(struct admission *admission, const struct view_group *group) {
        const char *why = bad_name(admission, NAME_OF_GROUP, group->name);
        if (!why)
                why = bad_id(admission, group->gid);
        if (why)
                return refuse(admission, "group", group->name, group->gid, why);
        add_members(admission, group);
        return 0;
}

static int admit_user(struct admission *admission, const struct view_user *user) {
        const char *why = bad_name(admission, NAME_OF_USER, user->name);
        if (!why)
                why = bad_id(admission, user->uid);
        if (!why)
                why = bad_id(admission, user->gid);
        if (!why)
                why = bad_texts(user);
        if (!why)
                why = bad_groups(admission, user);
        return why ? refuse(admission, "user", user->name, user->uid, why) : 0;
}

int view_admit(const struct view *view, const struct settings *settings, const struct local_accounts *local, char *text, size_t size) {
        struct admission admission = { .view = view, .local = local, .text = text, .size = size };
        if (getrandom(admission.seeds, sizeof admission.seeds, 0) != (ssize_t)sizeof admission.seeds)
                return snprintf(text, size, "the kernel gives no random numbers"), -EIO;
        list_given(&admission, settings);
        for (uint32_t i = 0; i < view_group_count(view); i++) {
                struct view_group group;
                if (view_group_at(view, i, &group) != VIEW_FOUND)
                        return refuse(&admission, "group", "number", i, "the record cannot be read");
                int r = admit_group(&admission, &group);
                if (r < 0)
                        return r;
        }
        for (uint32_t i = 0; i < view_user_count(view); i++) {
                struct view_user user;
                if (view_user_at(view, i, &user) != VIEW_FOUND)
                        return refuse(&admission, "user", "number", i, "the record cannot be read");
                int r = admit_user(&admission, &user);
                if (r < 0)
                        return r;
        }
        const struct fingerprint *listed = &admission.listed, *held = &admission.held;
        bool same = listed->count == held->count && memcmp(listed->sums, held->sums, sizeof listed->sums) == 0;
        if (same)
                return 0;
        (void)snprintf(text, size, "the groups do not list just those who are in them (M4, M5)");
        return -EPERM;
}
