/* Delegated directories; see keeper/delegated.h. */
#include "multidird/keeper/delegated.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "multidird/keeper/change.h"
#include "multidird/keeper/follow.h"
#include "multidird/keeper/import_groups.h"

struct admission {
        struct keeper *keeper;
        size_t directory;
        const struct directory_settings *settings;
        struct store *store;
        const struct protocol_admit *admit;
        const char *user; /* the name that is in the store in the end */
        bool visible;     /* something has changed that the view shows */
};

static const char *or_null(const char *text) {
        return text[0] ? text : NULL;
}

/* At the first login, whoever made the user. A group that is not there is made; a membership that is there is fine. */
static int join_default_groups(struct admission *a) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < a->settings->default_group_count; i++) {
                const struct store_group group = { .name = a->settings->default_groups[i] };
                r = store_add_group(a->store, &group);
                if (r == 0 || r == -EEXIST)
                        r = store_add_member(a->store, group.name, a->user);
                if (r == -EEXIST)
                        r = 0;
                a->visible = true;
        }
        return r;
}

/* Where the server's words are others than ours: those are taken. NULL: they are the same, or the server says nothing. */
static const char *news(const struct admission *a, text_ref ours, const char *theirs) {
        return a->settings->update_on_login && theirs[0] && strcmp(replica_text(keeper_replica(a->keeper, a->directory), ours), theirs) != 0 ? theirs : NULL;
}

/* Inside the transaction. first: nothing was on record for the user. */
static int update_user(struct admission *a, bool first) {
        const struct replica *replica = keeper_replica(a->keeper, a->directory);
        const struct user_profile *profile = &a->admit->profile;
        uint32_t index = replica ? replica_find_user(replica, a->user) : REPLICA_NONE;
        if (index == REPLICA_NONE)
                return -ENOENT;
        const struct store_user user = {
                .external_id = first ? a->admit->external_id : NULL,
                .display_name = news(a, replica->users[index].display_name, profile->display_name),
                .email = news(a, replica->users[index].email, profile->email),
        };
        a->visible = a->visible || user.display_name || user.email;
        int r = first || user.display_name || user.email ? store_modify_user(a->store, a->user, &user) : 0;
        return r == 0 && first ? join_default_groups(a) : r;
}

/* The entry's id is the server's, so that every host gives the user the same id (I2). No keys: a login by key asks no server, and what was copied once
 * would open for ever. */
static int create_user(struct admission *a) {
        const struct user_profile *profile = &a->admit->profile;
        bool has_ids = a->settings->ids == IDS_ATTRIBUTE;
        const struct store_user user = {
                .name = a->user, .entry_id = a->admit->external_id, .external_id = a->admit->external_id,
                .display_name = or_null(profile->display_name), .email = or_null(profile->email), .home = or_null(profile->home), .shell = or_null(profile->shell),
                .has_uid = has_ids && profile->uid != 0, .uid = profile->uid, .has_gid = has_ids && profile->gid != 0, .gid = profile->gid,
        };
        int r = store_add_user(a->store, &user);
        a->visible = true;
        log_info("directory %s: user %s is created by a login", a->settings->name, a->user);
        return r == 0 ? join_default_groups(a) : r;
}

static int rename_user(struct admission *a, const char *former) {
        log_info("directory %s: user %s is called %s at the server, and here from now on", a->settings->name, former, a->user);
        a->visible = true;
        return store_rename_user(a->store, former, a->user);
}

/* Nobody has the name here. The entry may be on record under another one. */
static int admit_newcomer(struct admission *a, enum record_state *state) {
        _cleanup_free_ char *former = NULL;
        const char *why;
        int r = store_name_by_external_id(a->store, a->admit->external_id, &former);
        bool wanted = r == 0 ? a->settings->update_on_login : a->settings->create_on_login;
        if (r < 0 && r != -ENOENT)
                return r;
        *state = r == 0 && !wanted ? RECORD_OTHER : RECORD_NONE;
        if (!wanted || a->admit->dry || change_check_name(a->keeper, NAME_OF_USER, a->user, &why) != REASON_OK)
                return 0;
        r = former ? rename_user(a, former) : create_user(a);
        *state = r == 0 ? RECORD_SAME : RECORD_UNKNOWN;
        return r;
}

static int admit_user(struct admission *a, const struct store_login *login, enum record_state *state) {
        bool first = !login->external_id[0];
        /* Another user may have the name by now. */
        if (a->admit->entry_id[0] && strcmp(login->entry_id, a->admit->entry_id) != 0)
                return 0;
        if (!first && strcmp(login->external_id, a->admit->external_id) != 0) {
                *state = RECORD_OTHER;
                return 0;
        }
        int r = update_user(a, first);
        *state = r == 0 ? RECORD_SAME : RECORD_UNKNOWN;
        return r;
}

/* The store's unique index tells of an entry that is another user's already: by writing, in a transaction that a dry run gives up. */
static enum record_state run(struct admission *a) {
        struct store_login login;
        enum record_state state = RECORD_UNKNOWN;
        int r = store_begin(a->store);
        if (r < 0)
                goto failed;
        r = store_login_by_name(a->store, a->user, &login);
        explicit_bzero(login.hash, sizeof login.hash);
        if (r == 0)
                r = admit_user(a, &login, &state);
        else if (r == -ENOENT)
                r = a->admit->entry_id[0] ? 0 : admit_newcomer(a, &state);
        if (r == 0 && state == RECORD_SAME && a->settings->import_groups_on_login && !a->admit->dry)
                r = import_user_groups(a->keeper, a->directory, a->user, &a->admit->profile, &a->visible);
        if (r == 0 && state == RECORD_SAME && !a->admit->dry)
                r = store_commit(a->store);
        else
                store_rollback(a->store);
        if (r == -EEXIST)
                return RECORD_OTHER;
failed:
        if (r < 0)
                log_error("directory %s: the login of user %s cannot be noted: %s (%s)", a->settings->name, a->user, strerror(-r), store_error(a->store));
        return r == 0 ? state : RECORD_UNKNOWN;
}

void keeper_admit(struct keeper *keeper, const struct protocol_admit *admit, struct protocol_admitted *admitted) {
        *admitted = (struct protocol_admitted){ .id = admit->id };
        size_t directory = keeper->config ? settings_directory(keeper_settings(keeper), admit->directory) : SETTINGS_NONE;
        if (directory == SETTINGS_NONE || keeper->directories[directory].type != DIRECTORY_DELEGATED || !admit->external_id[0])
                return;
        keeper_refresh(keeper);
        struct admission a = { .keeper = keeper, .directory = directory, .settings = &keeper_settings(keeper)->directories[directory],
                               .store = keeper->directories[directory].store, .admit = admit,
                               /* A new name is spelt as the server has it. */
                               .user = text_same_name(admit->profile.name, admit->user) ? admit->profile.name : admit->user };
        struct store_login login;
        if (!a.store)
                return;
        admitted->state = run(&a);
        if (admitted->state != RECORD_SAME)
                return;
        if (a.visible && !admit->dry)
                keeper_follow(keeper, directory);
        int r = store_login_by_name(a.store, a.user, &login);
        explicit_bzero(login.hash, sizeof login.hash);
        admitted->active = r == 0 && login.active;
        (void)snprintf(admitted->entry_id, sizeof admitted->entry_id, "%s", r == 0 ? login.entry_id : "");
}
