/* The login machine; see login.h.
 * Relies on: model/settings, rules/permission.
 * Must never: go on after an answer that it does not know: whatever is not clearly good ends in deny. */
#include "rules/login.h"

#include <string.h>

#include "rules/permission.h"

static void record(struct login *login, const char *rule, size_t directory, enum reason result, const char *text) {
        size_t at = login->step_count < LOGIN_STEPS_MAX ? login->step_count++ : LOGIN_STEPS_MAX - 1;
        login->steps[at] = (struct login_step_record){ .rule = rule, .directory = directory, .result = result, .text = text };
}

static void deny(struct login *login, const char *rule, size_t directory, enum reason reason, const char *text) {
        record(login, rule, directory, reason, text);
        login->next = LOGIN_DONE;
        login->verdict = LOGIN_DENY;
        login->reason = reason;
}

static void ask(struct login *login, enum login_next next) {
        login->next = next;
}

static const struct mapping_settings *mapping_now(const struct login *login) {
        return &login->application->mappings[login->position];
}

static const struct directory_settings *directory_now(const struct login *login) {
        return &login->settings->directories[login->directory];
}

static void deny_nobody(struct login *login) {
        if (login->barred)
                deny(login, "U1", SETTINGS_NONE, REASON_USER_NOT_FOUND,
                     "no directory that could be asked has the user, and while another one cannot answer, none is created or renamed");
        else
                deny(login, "L1", SETTINGS_NONE, REASON_USER_NOT_FOUND, "no directory of the application has the user");
}

static void nobody(struct login *login) {
        login->newcomer = false;
        login->directory = SETTINGS_NONE;
        if (login->password_state == PASSWORD_GIVEN)
                ask(login, LOGIN_CHECK_DUMMY);
        else
                deny_nobody(login);
}

/* D3: no directory has the user, so a delegated one's server may tell of one who has never logged in, or who had another name. Only then: who is there
 * already keeps the name (U1). */
static void search_newcomer_from(struct login *login, size_t position) {
        const struct application_settings *application = login->application;
        for (; position < application->mapping_count; position++) {
                const struct directory_settings *directory = &login->settings->directories[application->mappings[position].directory];
                if (!directory->active || directory->type != DIRECTORY_DELEGATED || (!directory->create_on_login && !directory->update_on_login))
                        continue;
                /* U1: a name that a directory may have which could not be asked is given to nobody. */
                if (login->passed_over) {
                        login->barred = true;
                        break;
                }
                login->newcomer = true;
                login->position = position;
                login->directory = application->mappings[position].directory;
                login->replica_has = false;
                ask(login, LOGIN_ASK_LIVE);
                return;
        }
        nobody(login);
}

/* L1: the next active directory in order, from position on; nobody left means nobody has the user (L9). */
static void search_from(struct login *login, size_t position) {
        const struct application_settings *application = login->application;
        for (; position < application->mapping_count; position++) {
                size_t directory = application->mappings[position].directory;
                if (!login->settings->directories[directory].active)
                        continue;
                login->position = position;
                login->directory = directory;
                login->replica_has = false;
                ask(login, LOGIN_ASK_REPLICA);
                return;
        }
        search_newcomer_from(login, 0);
}

static void pass_over(struct login *login, const char *rule, const char *text) {
        record(login, rule, login->directory, REASON_OK, text);
        if (login->newcomer)
                search_newcomer_from(login, login->position + 1);
        else
                search_from(login, login->position + 1);
}

static void allow(struct login *login, const char *text) {
        record(login, "L12", login->owner, REASON_OK, text);
        login->next = LOGIN_DONE;
        login->verdict = LOGIN_ALLOW;
        login->reason = REASON_OK;
        login->must_change = login->password == CHECK_MUST_CHANGE;
}

/* L7: only here, after a right password, may its expiry show. */
static void check_expiry(struct login *login) {
        if (login->password == CHECK_EXPIRED) {
                deny(login, "L7", login->owner, REASON_PASSWORD_EXPIRED, "the password is right but expired, and cannot be changed from here");
                return;
        }
        if (login->password == CHECK_MUST_CHANGE)
                record(login, "L7", login->owner, REASON_OK, "the password is right but expired: it must be changed");
        ask(login, LOGIN_ASK_PUBLISHED);
}

/* L12. For `host` itself allow_other_owner means nothing: there is no other owner to allow (M8). */
static void take_published(struct login *login, const struct login_event *event) {
        const struct application_settings *host = &login->settings->applications[login->settings->host];
        if (event->published_same)
                allow(login, "host publishes this very entry under the name");
        else if (event->published_other && login->application->allow_other_owner && login->application != host)
                allow(login, "the application allows another owner than the one that host publishes (M8)");
        else if (event->published_other)
                deny(login, "L12", login->owner, REASON_ID_CONFLICT, "host does not publish this very entry under the name");
        else
                deny(login, "L12", login->owner, REASON_ID_CONFLICT, "host publishes nobody under the name: there is no identity to log in to");
}

/* L4, asked of the owner's mapping alone. */
static void check_gate(struct login *login) {
        const struct mapping_settings *mapping = mapping_now(login);
        if (mapping->allow_all) {
                record(login, "L4", login->owner, REASON_OK, "the mapping lets everybody of the directory in");
                check_expiry(login);
        } else if (mapping->allow_group_count == 0) {
                deny(login, "L4", login->owner, REASON_NO_ACCESS, "the mapping has neither allow_all nor allow_groups: nobody may log in");
        } else {
                ask(login, LOGIN_ASK_GATE);
        }
}

/* L3 */
static void check_active(struct login *login) {
        if (!login->active) {
                deny(login, "L3", login->owner, REASON_INACTIVE, "the user is inactive in the directory that owns the name");
                return;
        }
        record(login, "L3", login->owner, REASON_OK, "the user is active in the directory that owns the name");
        check_gate(login);
}

static void owner_found(struct login *login, bool active, const char *text) {
        login->owner = login->directory;
        login->active = active;
        record(login, "L1", login->owner, REASON_OK, text);
        if (login->password_state == PASSWORD_GIVEN) {
                ask(login, LOGIN_CHECK_PASSWORD);
                return;
        }
        login->password = CHECK_RIGHT;
        record(login, "L1", login->owner, REASON_NOT_CHECKED, "no password was given: the chain goes on as if it were right");
        check_active(login);
}

static void take_replica(struct login *login, const struct login_event *event) {
        switch (event->replica) {
        case REPLICA_HAS_USER:
                owner_found(login, event->active, "the directory is the first that has the user: its password decides");
                break;
        case REPLICA_LACKS_FRESH:
                pass_over(login, "L6", "the replica proves that the directory does not have the user");
                break;
        case REPLICA_HAS_STALE:
                login->replica_has = true;
                ask(login, LOGIN_ASK_LIVE);
                break;
        case REPLICA_ABSENT:
        case REPLICA_LACKS_STALE:
        default:
                ask(login, LOGIN_ASK_LIVE);
        }
}

/* L5 */
static void unavailable(struct login *login) {
        if (login->replica_has) {
                login->owner = login->directory;
                deny(login, "L5", login->directory, REASON_UNAVAILABLE, "the directory cannot answer, and its last replica has the user");
        } else if (directory_now(login)->on_unavailable == ON_UNAVAILABLE_NEXT) {
                login->passed_over = true;
                pass_over(login, "L5", "the directory cannot answer, no replica of it has the user, and on_unavailable = next");
        } else {
                deny(login, "L5", login->directory, REASON_UNAVAILABLE,
                     "the directory cannot answer, and nothing proves that the user is not in it");
        }
}

/* D3. Without a password nothing is created, and what a first login would be told is not known: it hangs on groups that are not there yet. */
static void newcomer_found(struct login *login) {
        if (login->password_state == PASSWORD_GIVEN) {
                owner_found(login, false, "no directory has the user, and the server of this one has an entry of that name: its password decides");
                return;
        }
        login->owner = login->directory;
        deny(login, "D3", login->directory, REASON_USER_NOT_FOUND, "the directory's server has the user, who is not here before the first login with its password");
}

static void take_live(struct login *login, const struct login_event *event) {
        switch (event->presence) {
        case PRESENCE_FOUND:
                if (login->newcomer)
                        newcomer_found(login);
                else
                        owner_found(login, event->active, "the directory, asked live, is the first that has the user: its password decides");
                break;
        case PRESENCE_NOT_FOUND:
                pass_over(login, login->newcomer ? "D3" : "L6", login->newcomer ? "the directory's server does not have the user either"
                                                                                : "the directory, asked live, does not have the user");
                break;
        case PRESENCE_UNAVAILABLE:
        default:
                unavailable(login);
        }
}

/* Not for who is refused anyway: L3 and L7 say so, and nothing is put on record. */
static void admit(struct login *login, enum record_state state) {
        const struct directory_settings *directory = directory_now(login);
        bool something = state == RECORD_NONE || directory->update_on_login || directory->import_groups_on_login;
        if (login->newcomer && login->password == CHECK_EXPIRED)
                check_expiry(login);
        else if (login->newcomer || (something && login->active && login->password != CHECK_EXPIRED))
                ask(login, LOGIN_ADMIT);
        else
                check_active(login);
}

/* D3: the name at the server may have become another person's. */
static void check_record(struct login *login, enum record_state state) {
        switch (state) {
        case RECORD_SAME:
                record(login, "D3", login->owner, REASON_OK, "the server's entry is the one on record for the user");
                admit(login, state);
                break;
        case RECORD_NONE:
                admit(login, state);
                break;
        case RECORD_OTHER:
                deny(login, "D3", login->owner, REASON_ID_CONFLICT, "the server has another entry under the name than the one on record for the user");
                break;
        case RECORD_UNKNOWN:
        default:
                deny(login, "D3", login->owner, REASON_UNAVAILABLE, "which of the server's entries the password is of could not be told");
        }
}

static void take_admitted(struct login *login, const struct login_event *event) {
        if (login->newcomer && event->record == RECORD_NONE) {
                deny(login, "D3", login->owner, REASON_USER_NOT_FOUND, "the server's entry is no user of this host, and none was created");
                return;
        }
        switch (event->record) {
        case RECORD_SAME:
                record(login, "D3", login->owner, REASON_OK, "the server's entry is on record for the user, who is here as the settings of the directory say");
                login->active = event->active;
                check_active(login);
                break;
        case RECORD_OTHER:
                deny(login, "D3", login->owner, REASON_ID_CONFLICT, "the server's entry is on record for another user of the directory, or the name is another's");
                break;
        case RECORD_NONE:
        case RECORD_UNKNOWN:
        default:
                deny(login, "D3", login->owner, REASON_UNAVAILABLE, "the server's entry could not be put on record");
        }
}

/* L7: the directory could have the password changed; P2 and P5 say whether it may be through this application, as they would if it was asked for. */
static void check_permitted(struct login *login) {
        enum permission_level level;
        if (login->password != CHECK_MUST_CHANGE ||
            permission_check(directory_now(login), login->application, mapping_now(login), PERMISSION_MODIFY_USER, true, &level) == REASON_OK)
                return;
        record(login, level == LEVEL_KIND ? "P5" : "P2", login->owner, REASON_OK, "the password must be changed, which is not permitted through this application");
        login->password = CHECK_EXPIRED;
}

static void take_password(struct login *login, const struct login_event *event) {
        switch (event->password) {
        case CHECK_RIGHT:
        case CHECK_MUST_CHANGE:
        case CHECK_EXPIRED:
                login->password = event->password;
                login->active = event->active;
                record(login, "L1", login->owner, REASON_OK, "the password is right");
                check_permitted(login);
                if (directory_now(login)->type == DIRECTORY_DELEGATED)
                        check_record(login, event->record);
                else
                        check_active(login);
                break;
        case CHECK_WRONG:
                deny(login, "L1", login->owner, REASON_WRONG_PASSWORD, "the password is wrong: no other directory is tried");
                break;
        case CHECK_NOT_FOUND:
                deny(login, "L1", login->owner, REASON_WRONG_PASSWORD, "the entry is gone from the directory: no password of it is right");
                break;
        case CHECK_DENIED:
                deny(login, "L3", login->owner, REASON_INACTIVE, "the server of the directory that owns the name refuses the account, not the password");
                break;
        case CHECK_UNAVAILABLE:
        default:
                deny(login, "L5", login->owner, REASON_UNAVAILABLE, "the directory that owns the name cannot check the password");
        }
}

void login_step(struct login *login, const struct login_event *event) {
        switch (login->next) {
        case LOGIN_ASK_REPLICA:
                take_replica(login, event);
                break;
        case LOGIN_ASK_LIVE:
                take_live(login, event);
                break;
        case LOGIN_CHECK_PASSWORD:
                take_password(login, event);
                break;
        case LOGIN_CHECK_DUMMY:
                deny_nobody(login);
                break;
        case LOGIN_ASK_GATE:
                if (!event->gate) {
                        deny(login, "L4", login->owner, REASON_NO_ACCESS, "the user is in none of the mapping's allow_groups");
                        break;
                }
                record(login, "L4", login->owner, REASON_OK, "the user is in one of the mapping's allow_groups");
                check_expiry(login);
                break;
        case LOGIN_ASK_PUBLISHED:
                take_published(login, event);
                break;
        case LOGIN_ADMIT:
                take_admitted(login, event);
                break;
        case LOGIN_DONE:
        default:
                break;
        }
}

static const char *name_rule(enum reason name, const char **text) {
        switch (name) {
        case REASON_INVALID_NAME:
                *text = "the name cannot be published: no directory is asked";
                return "N3";
        case REASON_RESERVED_NAME:
                *text = "the name is reserved for the system: no directory is asked";
                return "N4";
        case REASON_LOCAL_ACCOUNT:
                *text = "the name is a local account's: no directory is asked";
                return "N4";
        default:
                *text = "the name could not be judged: no directory is asked";
                return "L12";
        }
}

void login_start(struct login *login, const struct settings *settings, size_t application, enum reason name, enum password_state password,
                 bool throttled) {
        /* The steps are many and none is read before it is written. */
        memset(login, 0, offsetof(struct login, steps));
        login->settings = settings;
        login->password_state = password;
        login->directory = login->owner = SETTINGS_NONE;
        if (application >= settings->application_count) {
                deny(login, "M8", SETTINGS_NONE, REASON_UNAVAILABLE, "there is no such application");
                return;
        }
        login->application = &settings->applications[application];
        if (name != REASON_OK) {
                const char *text, *rule = name_rule(name, &text);
                deny(login, rule, SETTINGS_NONE, name, text);
        } else if (password == PASSWORD_EMPTY) {
                deny(login, "L8", SETTINGS_NONE, REASON_EMPTY_PASSWORD, "an empty password is refused before a directory sees it");
        } else if (password != PASSWORD_GIVEN && password != PASSWORD_NOT_GIVEN) {
                deny(login, "L8", SETTINGS_NONE, REASON_BAD_PASSWORD, "the password is over-long or carries a NUL");
        } else if (throttled) {
                deny(login, "L11", SETTINGS_NONE, REASON_THROTTLED, "too many wrong passwords in a row for this name");
        } else {
                search_from(login, 0);
        }
}
