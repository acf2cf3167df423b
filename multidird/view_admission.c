/* What is asked of a view before it becomes one; see view_admission.h. */
#include "multidird/view_admission.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "model/name.h"

#define FIRST_ID 1000u
#define LOCAL_GROUPS_MAX 256

struct admission {
        const struct local_accounts *local;
        uint32_t given[LOCAL_GROUPS_MAX]; /* gids of local groups that are given to directory groups */
        size_t given_count;
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

static const char *bad_groups(const struct admission *admission, const struct view_user *user) {
        for (uint32_t i = 0; i < user->gid_count; i++) {
                bool given = false;
                if (user->gids[i] >= FIRST_ID && !local_accounts_has_id(admission->local, user->gids[i]))
                        continue;
                for (size_t j = 0; j < admission->given_count; j++)
                        given = given || admission->given[j] == user->gids[i];
                if (!given)
                        return "it is in a local group that local_groups does not give away (N4)";
        }
        return NULL;
}

static int admit_user(const struct admission *admission, const struct view_user *user) {
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
        struct admission admission = { .local = local, .text = text, .size = size };
        list_given(&admission, settings);
        for (uint32_t i = 0; i < view_group_count(view); i++) {
                struct view_group group;
                if (view_group_at(view, i, &group) != VIEW_FOUND)
                        return refuse(&admission, "group", "number", i, "the record cannot be read");
                const char *why = bad_name(&admission, NAME_OF_GROUP, group.name);
                if (!why)
                        why = bad_id(&admission, group.gid);
                if (why)
                        return refuse(&admission, "group", group.name, group.gid, why);
        }
        for (uint32_t i = 0; i < view_user_count(view); i++) {
                struct view_user user;
                if (view_user_at(view, i, &user) != VIEW_FOUND)
                        return refuse(&admission, "user", "number", i, "the record cannot be read");
                int r = admit_user(&admission, &user);
                if (r < 0)
                        return r;
        }
        return 0;
}
