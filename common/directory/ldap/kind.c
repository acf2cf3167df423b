/* Directories of `type = ldap` (D2): the server is the authority, its replica is read from it, passwords are checked by binding there. And of
 * `type = delegated` (D3): the same server, of which only the passwords count.
 * Relies on: libldap, through the modules beside this one.
 * Must never: write anything to the server but what a change asks for, or a password. */
#include "directory/ldap/kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "directory/ldap/words.h"

static void ldap_kind_close(struct directory *directory) {
        if (!directory)
                return;
        session_close(&directory->session);
        sbuf_done(&directory->user_base);
        sbuf_done(&directory->group_base);
        sbuf_done(&directory->user_filter);
        sbuf_done(&directory->group_filter);
        free(directory);
}

static int ldap_kind_open(const struct directory_opening *opening, struct directory **result) {
        const struct ldap_settings *ldap = opening->ldap;
        if (!ldap || ldap->uri_count == 0)
                return -EINVAL;
        link_prepare_process();
        struct directory *directory = calloc(1, sizeof *directory);
        if (!directory)
                return -ENOMEM;
        directory->settings = opening->settings;
        directory->ldap = ldap;
        directory->session = (struct session){ .settings = ldap, .password = opening->bind_password };
        directory->login_ms = opening->login_ms > 0 ? opening->login_ms : DIRECTORY_LOGIN_MS;
        directory->sync_ms = opening->sync_ms > 0 ? opening->sync_ms : DIRECTORY_SYNC_MS;
        dn_below(&directory->user_base, ldap->user_base, ldap->base);
        dn_below(&directory->group_base, ldap->group_base, ldap->base);
        filter_configured(&directory->user_filter, ldap->user_filter, ldap->user_object_class);
        filter_configured(&directory->group_filter, ldap->group_filter, ldap->group_object_class);
        if (directory->user_base.failed || directory->group_base.failed || directory->user_filter.failed || directory->group_filter.failed) {
                ldap_kind_close(directory);
                return -ENOMEM;
        }
        *result = directory;
        return 0;
}

void ldap_kind_no_base(const struct directory *directory, const char *dn, struct sbuf *why) {
        bool users = directory->ldap->user_base[0] && strcmp(dn, sbuf_text(&directory->user_base)) == 0;
        bool groups = directory->ldap->group_base[0] && strcmp(dn, sbuf_text(&directory->group_base)) == 0;
        if (users || groups || strcmp(dn, directory->ldap->base) == 0)
                sbuf_printf(why, ": that DN (%s%sbase) is not there, or %s may not see it", users ? "user_base, " : "", groups ? "group_base, " : "",
                            directory->ldap->bind_dn[0] ? "bind_dn" : "who does not bind");
}

/* What a bind costs is spent at the server; a bind of nobody would only be refused sooner. The pace of answers is the supervisor's (L9). */
static void ldap_kind_check_dummy(_unused_ struct directory *directory, _unused_ const struct secret *password) {
}

/* A connection that is given up is closed: what fails on one that stays is the entry's fault, or the answer's. */
static void note_reach(const struct directory *directory, bool unavailable, struct directory_entry *entry) {
        entry->unreachable = unavailable && !directory->session.reader;
}

static uint64_t begin(struct directory *directory) {
        session_begin(&directory->session);
        return clock_monotonic_ms() + directory->login_ms;
}

static void find(struct directory *directory, const char *user, struct directory_entry *entry) {
        uint64_t deadline_ms = begin(directory);
        do
                ldap_kind_find(directory, user, deadline_ms, entry);
        while (entry->presence == PRESENCE_UNAVAILABLE && session_begin_again(&directory->session, deadline_ms));
        note_reach(directory, entry->presence == PRESENCE_UNAVAILABLE, entry);
}

/* What was read at a server that failed is not taken to the next one. */
static enum password_result check_as(enum password_result (*part)(struct directory *directory, const char *user, const struct secret *password,
                                                                  uint64_t deadline_ms, struct directory_entry *entry),
                                     struct directory *directory, const char *user, const struct secret *password, struct directory_entry *entry) {
        const struct directory_entry asked = *entry;
        uint64_t deadline_ms = begin(directory);
        bool came_to_bind = false;
        for (;;) {
                enum password_result result = part(directory, user, password, deadline_ms, entry);
                came_to_bind = came_to_bind || entry->presence == PRESENCE_FOUND;
                if (result == CHECK_UNAVAILABLE && session_begin_again(&directory->session, deadline_ms)) {
                        *entry = asked;
                        continue;
                }
                if (result == CHECK_UNAVAILABLE && came_to_bind)
                        entry->presence = PRESENCE_FOUND;
                note_reach(directory, result == CHECK_UNAVAILABLE, entry);
                return result;
        }
}

static enum password_result check(struct directory *directory, const char *user, const struct secret *password, struct directory_entry *entry) {
        return check_as(ldap_kind_check, directory, user, password, entry);
}

static enum password_result check_delegated(struct directory *directory, const char *user, const struct secret *password, struct directory_entry *entry) {
        return check_as(delegated_kind_check, directory, user, password, entry);
}

static enum password_set set_password(struct directory *directory, const char *user, const struct secret *old, const struct secret *new,
                                      struct directory_entry *entry, struct sbuf *why) {
        const struct directory_entry asked = *entry;
        uint64_t deadline_ms = begin(directory);
        enum password_set set = ldap_kind_set_password(directory, user, old, new, deadline_ms, entry, why);
        while (set == PASSWORD_SET_UNAVAILABLE && session_begin_again(&directory->session, deadline_ms)) {
                *entry = asked;
                set = ldap_kind_set_password(directory, user, old, new, deadline_ms, entry, why);
        }
        note_reach(directory, set == PASSWORD_SET_UNAVAILABLE, entry);
        return set;
}

static void change(struct directory *directory, const struct directory_change *what, const struct secret *password, struct change_result *result) {
        (void)begin(directory);
        ldap_kind_change(directory, what, password, result);
}

static enum account_word take_account(struct directory *directory, struct sbuf *why) {
        return session_take_account(&directory->session, why);
}

const struct directory_kind directory_ldap = {
        .type = DIRECTORY_LDAP,
        .name = "ldap",
        .open = ldap_kind_open,
        .close = ldap_kind_close,
        .find = find,
        .check = check,
        .set_password = set_password,
        .change = change,
        .check_dummy = ldap_kind_check_dummy,
        .sync = ldap_kind_sync,
        .test = ldap_kind_test,
        .probe = ldap_kind_probe,
        .take_account = take_account,
};

/* What it answers is the server's: the users and groups of the directory are in its store, which a worker does not see. */
const struct directory_kind directory_delegated = {
        .type = DIRECTORY_DELEGATED,
        .name = "delegated",
        .open = ldap_kind_open,
        .close = ldap_kind_close,
        .find = find,
        .check = check_delegated,
        .check_dummy = ldap_kind_check_dummy,
        .test = ldap_kind_test,
        .probe = ldap_kind_probe,
        .take_account = take_account,
};
