/* One user, asked live: find and check (L1, L6, L7).
 * Relies on: ldap/session, ldap/entry, ldap/outcome.
 * Must never: call a password right without having read, at the same server, that the entry is the one that was meant. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "directory/ldap/dial.h"
#include "directory/ldap/kind.h"
#include "directory/ldap/outcome.h"
#include "directory/ldap/whose.h"
#include "directory/ldap/words.h"

#define FOUND_MAX 20 /* entries with the value among their names; more than one that is called so is ambiguous already */

struct looking {
        struct directory *directory;
        const char *user;
        unsigned matches;
        bool broken;
        struct directory_entry entry;  /* the first match */
        struct user_profile *profile;  /* of the same; NULL: not wanted */
        struct entry_user *mapped;     /* scratch; large, and not worth to be cleared for each login */
};

static void looking_done(struct looking *looking) {
        free(looking->mapped);
}

static void restart(void *userdata) {
        struct looking *looking = userdata;
        looking->matches = 0;
        looking->broken = false;
}

/* Whole, or not at all. */
static void keep_text(char out[PROFILE_TEXT_MAX + 1], const char *text) {
        size_t len = text ? strlen(text) : 0;
        if (len > 0 && len <= PROFILE_TEXT_MAX)
                memcpy(out, text, len + 1);
}

static void keep_profile(struct user_profile *profile, const struct sync_user *user) {
        *profile = (struct user_profile){ .uid = user->uid, .gid = user->gid };
        keep_text(profile->name, user->name);
        keep_text(profile->display_name, user->display_name);
        keep_text(profile->email, user->email);
        keep_text(profile->home, user->home);
        keep_text(profile->shell, user->shell);
}

/* The server compares as its schema says; whether it is the user's name is decided here, as the replica would (N1). */
static int take_entry(void *userdata, const struct ldap_entry *entry) {
        struct looking *looking = userdata;
        const struct directory *directory = looking->directory;
        const struct entry_context context = { directory->ldap, directory->settings->ids, clock_real_s() };
        const char *why;
        enum entry_verdict verdict = entry_map_user(&context, entry, looking->mapped, &why);
        const struct sync_user *user = &looking->mapped->user;
        if (verdict == ENTRY_NAMELESS || !user->name || !text_same_name(user->name, looking->user))
                return 0;
        looking->matches++;
        if (verdict != ENTRY_OK) {
                looking->broken = true;
                return 0;
        }
        if (looking->profile)
                keep_profile(looking->profile, user);
        looking->entry = (struct directory_entry){ .presence = PRESENCE_FOUND, .active = user->active, .profile = looking->profile };
        memcpy(looking->entry.entry_id, user->entry_id, strlen(user->entry_id));
        if (user->dn)
                memcpy(looking->entry.dn, user->dn, strlen(user->dn));
        return 0;
}

static int look(struct looking *looking, const char *base, int scope, const char *filter, uint64_t deadline_ms) {
        struct directory *directory = looking->directory;
        _cleanup_sbuf_ struct sbuf why = { 0 };
        struct entry_attributes attributes;
        if (looking->profile)
                entry_user_attributes(directory->ldap, &attributes);
        else
                entry_login_attributes(directory->ldap, &attributes);
        const struct search search = {
                .base = base, .scope = scope, .filter = filter, .attributes = attributes.names, .size_limit = FOUND_MAX,
                .domain_scope = directory->ldap->active_directory, .entry = take_entry, .userdata = looking,
        };
        int r = session_search(&directory->session, &search, restart, deadline_ms, &why);
        /* An entry that is gone is an answer; a base that is not there is not. */
        if (r < 0 && !(r == -ENOENT && scope == LDAP_SCOPE_BASE))
                log_warning("directory %s: cannot look up a user: %s", directory->settings->name, sbuf_text(&why));
        return r;
}

/* Several entries of one name: found, but nobody (N2). The base's absence is a mistake in the configuration or an outage, never "not found". */
static void conclude(const struct looking *looking, int r, struct directory_entry *entry) {
        *entry = (struct directory_entry){ .profile = looking->profile };
        if (looking->matches > 1) {
                entry->presence = PRESENCE_FOUND;
                return;
        }
        if (r < 0 || looking->broken)
                return;
        if (looking->matches == 1)
                *entry = looking->entry;
        else
                entry->presence = PRESENCE_NOT_FOUND;
}

void ldap_kind_find(struct directory *directory, const char *user, uint64_t deadline_ms, struct directory_entry *entry) {
        _cleanup_sbuf_ struct sbuf filter = { 0 };
        _cleanup_(looking_done) struct looking looking = { .directory = directory, .user = user, .profile = entry->profile,
                                                           .mapped = malloc(sizeof *looking.mapped) };
        *entry = (struct directory_entry){ .profile = entry->profile };
        if (!user[0])
                entry->presence = PRESENCE_NOT_FOUND;
        if (!user[0] || !looking.mapped)
                return;
        sbuf_printf(&filter, "(&%s", sbuf_text(&directory->user_filter));
        filter_equals(&filter, directory->ldap->user_name, user, strlen(user));
        sbuf_add(&filter, ")");
        if (filter.failed)
                return;
        int r = look(&looking, sbuf_text(&directory->user_base), LDAP_SCOPE_SUBTREE, sbuf_text(&filter), deadline_ms);
        conclude(&looking, r, entry);
}

/* Reads the entry at dn and tells whether it is still this user. */
static enum presence verify(struct directory *directory, const char *user, const char *dn, const char *entry_id, uint64_t deadline_ms, bool *active) {
        _cleanup_(looking_done) struct looking looking = { .directory = directory, .user = user, .mapped = malloc(sizeof *looking.mapped) };
        if (!looking.mapped)
                return PRESENCE_UNAVAILABLE;
        int r = look(&looking, dn, LDAP_SCOPE_BASE, sbuf_text(&directory->user_filter), deadline_ms);
        if (r == -ENOENT)
                return PRESENCE_NOT_FOUND;
        if (r < 0 || looking.broken)
                return PRESENCE_UNAVAILABLE;
        if (looking.matches != 1 || strcmp(looking.entry.entry_id, entry_id) != 0)
                return PRESENCE_NOT_FOUND;
        *active = looking.entry.active;
        return PRESENCE_FOUND;
}

/* L7: whether a user may change the password here: the directory's level, and a kind that writes it, which with Active Directory is the service
 * account's work. */
static bool can_change(const struct directory *directory) {
        bool somebody = !directory->ldap->active_directory || directory->ldap->bind_dn[0];
        return somebody && directory->settings->writes_passwords && (directory->settings->permissions & PERMISSION_BIT(PERMISSION_MODIFY_USER));
}

/* *bound: the server took the password; some say that it must be changed instead of that. */
static enum password_result bind_as(struct directory *directory, const char *dn, const struct secret *password, uint64_t deadline_ms,
                                    struct password_notice *notice, bool *bound) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        struct bind_answer answer;
        *bound = false;
        int r = session_bind(&directory->session, dn, password, deadline_ms, &answer, &why);
        if (r < 0) {
                log_warning("directory %s: cannot check a password: %s", directory->settings->name, sbuf_text(&why));
                return CHECK_UNAVAILABLE;
        }
        enum password_result result = bind_outcome(directory->ldap, &answer);
        if (result == CHECK_UNAVAILABLE || result == CHECK_DENIED) {
                /* These are words on the server; some others say of the account that it is locked. */
                if ((answer.code == LDAP_BUSY || answer.code == LDAP_UNAVAILABLE) && session_goes_elsewhere(&directory->session, directory->session.reader, -EAGAIN))
                        session_give_up(&directory->session);
                link_describe(&why, answer.code, answer.text);
                log_notice("directory %s: the server does not let a user bind: %s", directory->settings->name, sbuf_text(&why));
        }
        *notice = bind_notice(&answer);
        *bound = answer.code == LDAP_SUCCESS;
        return result == CHECK_MUST_CHANGE && !can_change(directory) ? CHECK_EXPIRED : result;
}

/* Whoever is bound now has nothing more to do there, and some servers hold what they say against the connection. */
static void end_bind(struct directory *directory, enum password_result result) {
        if (result != CHECK_RIGHT && result != CHECK_WRONG)
                link_close(TAKE_PTR(directory->session.login));
}

/* Fills in what the caller does not know, by a search. */
static enum presence complete(struct directory *directory, const char *user, uint64_t deadline_ms, struct directory_entry *entry) {
        struct directory_entry found = { .profile = entry->profile };
        ldap_kind_find(directory, user, deadline_ms, &found);
        if (found.presence == PRESENCE_FOUND && entry->entry_id[0] && strcmp(found.entry_id, entry->entry_id) != 0)
                found = (struct directory_entry){ .presence = PRESENCE_NOT_FOUND };
        *entry = found;
        return found.presence;
}

/* Where the entry is now. One that is not where the replica knows it may have been moved: it has its name and its id still. */
static enum presence locate(struct directory *directory, const char *user, uint64_t deadline_ms, struct directory_entry *entry) {
        if (entry->dn[0] && entry->entry_id[0]) {
                entry->presence = verify(directory, user, entry->dn, entry->entry_id, deadline_ms, &entry->active);
                if (entry->presence == PRESENCE_FOUND)
                        return entry->presence;
                entry->active = false;
                session_bind_forget(&directory->session);
                if (entry->presence != PRESENCE_NOT_FOUND)
                        return entry->presence;
        }
        return complete(directory, user, deadline_ms, entry);
}

/* The password was right; whose it is, is asked once more, on the connection on which it was. Where the user may not read the own entry, the connection's
 * address must do, which is that of the one that was read. Whoever must change the password is told so to every other question by some servers. */
static enum password_result compare_bound(struct directory *directory, const struct directory_entry *entry, enum password_result result, uint64_t deadline_ms) {
        struct link *login = directory->session.login;
        if (login->where.scheme == LDAP_SCHEME_LDAPI)
                return result; /* one socket, one server */
        enum whose whose = whose_entry(directory, login, entry->dn, entry->entry_id, session_patience_ms(&directory->session, login, deadline_ms));
        if (whose == WHOSE_OTHERS)
                return CHECK_NOT_FOUND;
        if (whose == WHOSE_SAME || whose == WHOSE_HIDDEN || (whose == WHOSE_UNWILLING && result != CHECK_RIGHT))
                return result;
        if (whose == WHOSE_LOST || (whose == WHOSE_UNWILLING && session_goes_elsewhere(&directory->session, login, -ECANCELED)))
                session_give_up(&directory->session);
        return CHECK_UNAVAILABLE;
}

/* Reads, and binds at the entry that is meant, with the same cost for right and wrong (L9). Where the replica knows the entry, the server is given both
 * at once: a round trip less. What it says to the bind counts only if the entry that was read there is the one that is meant, as it would if one
 * followed on the other. entry->presence is FOUND if it came to the bind. */
static enum password_result check_once(struct directory *directory, const char *user, const struct secret *password, uint64_t deadline_ms,
                                       struct directory_entry *entry) {
        if (entry->dn[0] && entry->entry_id[0])
                session_bind_ahead(&directory->session, entry->dn, password);
        enum presence presence = locate(directory, user, deadline_ms, entry);
        if (presence != PRESENCE_FOUND)
                return presence == PRESENCE_NOT_FOUND ? CHECK_NOT_FOUND : CHECK_UNAVAILABLE;
        if (!entry->entry_id[0])
                return CHECK_WRONG; /* N2: two of that name are nobody, and no password is theirs */
        if (!entry->dn[0])
                return CHECK_UNAVAILABLE;
        bool bound;
        enum password_result result = bind_as(directory, entry->dn, password, deadline_ms, &entry->notice, &bound);
        /* L7: what else a right password tells, it tells of its own entry only. */
        if (bound && result != CHECK_DENIED && result != CHECK_UNAVAILABLE)
                result = compare_bound(directory, entry, result, deadline_ms);
        end_bind(directory, result);
        return result;
}

enum password_result ldap_kind_check(struct directory *directory, const char *user, const struct secret *password, uint64_t deadline_ms,
                                     struct directory_entry *entry) {
        if (password->len == 0 || secret_has_nul(password))
                return CHECK_WRONG;
        enum password_result result = check_once(directory, user, password, deadline_ms, entry);
        /* Moved between the reading and the bind: once more, with what was read. */
        if (result != CHECK_NOT_FOUND || entry->presence != PRESENCE_FOUND || deadline_left_ms(deadline_ms) == 0)
                return result;
        result = check_once(directory, user, password, deadline_ms, entry);
        if (result == CHECK_UNAVAILABLE)
                entry->presence = PRESENCE_FOUND; /* it came to a bind */
        return result;
}

enum presence ldap_kind_confirm(struct directory *directory, const char *user, uint64_t deadline_ms, struct directory_entry *entry) {
        enum presence presence = locate(directory, user, deadline_ms, entry);
        /* N2: two of that name are nobody. */
        if (presence == PRESENCE_FOUND && !entry->entry_id[0])
                return PRESENCE_NOT_FOUND;
        return presence == PRESENCE_FOUND && !entry->dn[0] ? PRESENCE_UNAVAILABLE : presence;
}
