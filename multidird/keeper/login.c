/* What the keeper does for logins; see keeper/login.h. */
#include "multidird/keeper/login.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "directory/password.h"
#include "multidird/keeper/change.h"
#include "rules/gate.h"

static const struct mapping_settings *find_mapping(const struct settings *settings, const char *application, const char *directory) {
        size_t a = settings_application(settings, application), d = settings_directory(settings, directory);
        if (a == SETTINGS_NONE || d == SETTINGS_NONE)
                return NULL;
        for (size_t i = 0; i < settings->applications[a].mapping_count; i++)
                if (settings->applications[a].mappings[i].directory == d)
                        return &settings->applications[a].mappings[i];
        return NULL;
}

/* The groups of an entry that had the name before are not those of the one that has it now. */
static bool is_entry(const struct replica *replica, uint32_t entry, const char *entry_id) {
        return entry_id[0] && strcmp(replica_text(replica, replica->users[entry].entry_id), entry_id) == 0;
}

static enum gate_answer check_gate(struct keeper *keeper, const struct mapping_settings *mapping, const char *user, const char *entry_id) {
        const struct replica *replica = keeper_replica(keeper, mapping->directory);
        uint32_t entry = replica ? replica_find_user(replica, user) : REPLICA_NONE;
        if (!replica)
                return GATE_UNAVAILABLE;
        if (entry == REPLICA_NONE || !is_entry(replica, entry, entry_id))
                return GATE_CLOSED;
        if (keeper_prepare(keeper, mapping->directory) < 0)
                return GATE_UNAVAILABLE;
        const struct direct_groups *direct = &keeper->direct[mapping->directory];
        _cleanup_free_ bool *gate = calloc(replica->group_count + 1, sizeof *gate);
        _cleanup_free_ uint32_t *scratch = calloc(replica->group_count + 1, sizeof *scratch), *groups = calloc(replica->group_count + 1, sizeof *groups);
        if (!gate || !scratch || !groups)
                return GATE_UNAVAILABLE;
        gate_groups(mapping, replica, gate);
        size_t count = membership_in_directory(keeper->closures[mapping->directory], direct->groups + direct->first[entry],
                                               direct->first[entry + 1] - direct->first[entry], scratch, 1, groups);
        return gate_check(mapping, gate, groups, count) == REASON_OK ? GATE_OPEN : GATE_CLOSED;
}

enum gate_answer keeper_gate(struct keeper *keeper, const struct protocol_gate *gate) {
        if (!keeper->config || gate->gates != gate_digest(keeper_settings(keeper)))
                return GATE_UNAVAILABLE;
        const struct mapping_settings *mapping = find_mapping(keeper_settings(keeper), gate->application, gate->directory);
        if (!mapping)
                return GATE_CLOSED;
        /* The configuration may have come with this question. */
        if (!keeper_is_loaded(keeper, mapping->directory))
                keeper_refresh(keeper);
        return check_gate(keeper, mapping, gate->user, gate->entry_id);
}

static void answer(struct protocol_password_changed *changed, enum reason reason, const char *text) {
        changed->reason = reason;
        (void)snprintf(changed->text, sizeof changed->text, "%s", text);
}

static bool password_is_acceptable(const struct secret *secret, struct protocol_password_changed *changed) {
        if (secret->len == 0)
                answer(changed, REASON_EMPTY_PASSWORD, "The password is empty.");
        else if (secret_has_nul(secret))
                answer(changed, REASON_BAD_PASSWORD, "The password holds a NUL byte.");
        else if (secret->len > PASSWORD_BYTES_MAX)
                answer(changed, REASON_BAD_PASSWORD, "The password is longer than 511 bytes: crypt(5) takes no more.");
        else
                return true;
        return false;
}
_Static_assert(PASSWORD_BYTES_MAX == 511, "what the text above says");

/* Where the rules would change it; false when they refuse, or would change another entry than the one that was checked. */
static bool plan_password(struct keeper *keeper, struct keeper_scope *scope, const struct protocol_change_password *request, size_t *directory,
                          struct protocol_password_changed *changed) {
        const struct change_input input = { .operation = UPDATE_SET_PASSWORD, .names = { .user = request->user }, .name = REASON_OK };
        _cleanup_free_ struct update_facts *facts = calloc(keeper->directory_count + 1, sizeof *facts);
        size_t position = 0, d;
        if (!facts)
                return false;
        while ((d = keeper_scope_next(scope, &position)) != SETTINGS_NONE)
                change_facts(keeper, d, &input.names, &facts[d]);
        struct update_request update;
        struct update_plan plan = { 0 };
        change_request(scope, &input, facts, &update);
        update_plan(&update, &plan);
        if (plan.reason != REASON_OK || plan.change_count != 1) {
                _cleanup_free_ char *text = change_refusal_text(scope, &input, &plan);
                answer(changed, plan.reason, text ? text : "");
                return false;
        }
        *directory = plan.changes[0].directory;
        const struct replica *replica = keeper_replica(keeper, *directory);
        uint32_t entry = replica ? replica_find_user(replica, request->user) : REPLICA_NONE;
        const char *name = keeper_settings(keeper)->directories[*directory].name;
        const char *entry_id = entry == REPLICA_NONE ? "" : replica_text(replica, replica->users[entry].entry_id);
        bool same = request->as_administrator || (strcmp(name, request->directory) == 0 && strcmp(entry_id, request->entry_id) == 0);
        if (entry == REPLICA_NONE || !same) {
                answer(changed, REASON_ID_CONFLICT, "The password would be changed for another person's entry.");
                return false;
        }
        (void)snprintf(changed->directory, sizeof changed->directory, "%s", name);
        (void)snprintf(changed->entry_id, sizeof changed->entry_id, "%s", entry_id);
        return true;
}

/* The application whose rules count; for the console (P3) none, but a directory. */
static bool find_scope(const struct settings *settings, const struct protocol_change_password *request, size_t *application, size_t *console) {
        *application = settings_application(settings, request->application);
        *console = SETTINGS_NONE;
        if (request->as_administrator && !request->application[0])
                *console = settings_directory(settings, request->directory);
        return *application != SETTINGS_NONE || *console != SETTINGS_NONE;
}

static void write_password(struct keeper *keeper, size_t directory, const struct protocol_change_password *request, struct protocol_password_changed *changed) {
        char *hash = NULL;
        int r = password_hash(&request->new_password, &hash);
        const struct store_user user = { .hash = hash, .has_must_change = true, .must_change = false };
        if (r == 0)
                r = store_modify_user(keeper->directories[directory].store, request->user, &user);
        if (hash)
                explicit_bzero(hash, strlen(hash));
        free(hash);
        if (r == 0) {
                answer(changed, REASON_OK, "");
                return;
        }
        log_error("password of %s in directory %s: %s", request->user, keeper->directories[directory].name, strerror(-r));
        answer(changed, REASON_UNAVAILABLE, "The password could not be written; the old one is still valid.");
}

void keeper_change_password(struct keeper *keeper, const struct protocol_change_password *request, struct protocol_password_changed *changed) {
        *changed = (struct protocol_password_changed){ .id = request->id, .reason = REASON_UNAVAILABLE };
        if (!keeper->config)
                return;
        const struct settings *settings = keeper_settings(keeper);
        size_t application, console, directory = SETTINGS_NONE;
        if (!find_scope(settings, request, &application, &console))
                return;
        keeper_refresh(keeper);
        struct keeper_scope scope;
        if (keeper_scope_init(&scope, keeper, application, console) == 0 && plan_password(keeper, &scope, request, &directory, changed)) {
                if (request->check_only)
                        answer(changed, REASON_OK, "");
                else if (settings->directories[directory].type != DIRECTORY_INTERNAL)
                        answer(changed, REASON_READ_ONLY_KIND, "The password is not kept here.");
                else if (password_is_acceptable(&request->new_password, changed))
                        write_password(keeper, directory, request, changed);
        }
        keeper_scope_done(&scope);
}

void keeper_session(struct keeper *keeper, const struct protocol_session *session) {
        int r = keeper->logins ? 0 : logins_open(keeper->folder, &keeper->logins);
        if (r == 0)
                r = logins_record(keeper->logins, session->application, session->directory, session->entry_id, session->user, session->service, clock_real_s());
        if (r < 0)
                log_warning("the login of %s cannot be put on record: %s", session->user, strerror(-r));
}
