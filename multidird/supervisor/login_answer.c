/* Answers of checkers and workers; see supervisor/login_answer.h. */
#include "multidird/supervisor/login_answer.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "multidird/supervisor/sync.h"

/* What a replica's answer is worth (L5, L6). A directory that is kept here is its own live server: what it says now is as fresh as can be. */
static enum replica_knowledge knowledge(const struct login_run *run, const struct protocol_answer *answer) {
        size_t directory = run->login.directory;
        uint64_t now = clock_real_s(), age = configuration_settings(run->configuration)->directories[directory].replica_max_age_s;
        bool fresh = true;
        if (answer->presence == PRESENCE_UNAVAILABLE)
                return REPLICA_ABSENT;
        if (configuration_is_synchronised(run->configuration, directory)) {
                if (answer->synchronised_s == 0)
                        return REPLICA_ABSENT;
                /* One from the future is of a clock that was wrong: no proof of anything. */
                fresh = answer->synchronised_s <= now && now - answer->synchronised_s < age;
        }
        return answer->presence == PRESENCE_FOUND ? (fresh ? REPLICA_HAS_USER : REPLICA_HAS_STALE) : fresh ? REPLICA_LACKS_FRESH : REPLICA_LACKS_STALE;
}

/* The replica is known to be wrong about this entry: it is read again soon. */
static void check_replica(struct login_run *run, enum login_next asked, const struct protocol_answer *answer) {
        bool gone = asked == LOGIN_CHECK_PASSWORD && answer->password == CHECK_NOT_FOUND;
        bool new = asked == LOGIN_ASK_LIVE && answer->presence == PRESENCE_FOUND && !run->login.replica_has;
        bool moved = asked == LOGIN_CHECK_PASSWORD && run->dn[0] && answer->dn[0] && strcmp(run->dn, answer->dn) != 0;
        if ((gone || new || moved) && configuration_is_synchronised(run->configuration, run->login.directory))
                sync_wanted(run->service, configuration_settings(run->configuration)->directories[run->login.directory].name);
}

static bool is_delegated(const struct login_run *run) {
        return run->login.directory != SETTINGS_NONE && configuration_settings(run->configuration)->directories[run->login.directory].type == DIRECTORY_DELEGATED;
}

static void note_entry(struct login_run *run, const struct protocol_answer *answer) {
        memcpy(run->entry_id, answer->entry_id, sizeof run->entry_id);
        memcpy(run->dn, answer->dn, sizeof run->dn);
        memcpy(run->external_id, answer->external_id, sizeof run->external_id);
        run->active = answer->active;
}

/* D3: the user, and whether it is active (L3), is this host's; the server's is only the entry whose password was checked. */
static void compare_with_record(struct login_run *run, const struct protocol_answer *answer, struct login_event *event) {
        bool usable = answer->entry_id[0] && strlen(answer->entry_id) <= SYNC_ENTRY_ID_MAX;
        event->active = run->active;
        run->profile = answer->profile;
        if (usable)
                event->record = !run->external_id[0] || run->login.newcomer ? RECORD_NONE : strcmp(run->external_id, answer->entry_id) == 0 ? RECORD_SAME : RECORD_OTHER;
        (void)snprintf(run->external_id, sizeof run->external_id, "%.*s", SYNC_ENTRY_ID_MAX, usable ? answer->entry_id : "");
}

void login_answer(struct login_run *run, const struct protocol_answer *answer, struct login_event *event) {
        enum login_next next = run->login.next;
        *event = (struct login_event){ .active = answer->active };
        check_replica(run, next, answer);
        if (next == LOGIN_ASK_LIVE)
                event->presence = answer->presence;
        else if (next == LOGIN_ASK_REPLICA)
                event->replica = knowledge(run, answer);
        else if (next == LOGIN_CHECK_PASSWORD)
                event->password = answer->password, run->notice = answer->notice;
        if (next == LOGIN_CHECK_PASSWORD && is_delegated(run))
                compare_with_record(run, answer, event);
        else if (next != LOGIN_CHECK_DUMMY)
                note_entry(run, answer);
}
