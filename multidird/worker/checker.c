/* A checker; see worker/checker.h. */
#include "multidird/worker/checker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "directory/directory.h"
#include "directory/password.h"
#include "multidird/channel/jobs.h"
#include "multidird/keeper/keeper.h"
#include "multidird/worker/role.h"
#include "replica/store.h"

struct checker {
        struct role role;
        const struct directory_kind *kind;  /* internal: the store is the directory itself; NULL: it is the replica of one */
        struct directory *directory;        /* NULL: could not be opened yet */
        struct store *replica;              /* the same */
};

static int begin(struct role *role) {
        struct checker *checker = role->userdata;
        if (role_settings(role)->type != DIRECTORY_INTERNAL)
                return 0;
        checker->kind = directory_kind_for(DIRECTORY_INTERNAL);
        return checker->kind ? 0 : -ENOENT;
}

/* The store may not be there yet: it is tried again with each job. */
static bool is_open(struct checker *checker) {
        const struct directory_settings *settings = role_settings(&checker->role);
        if (checker->directory || checker->replica)
                return true;
        const struct directory_opening opening = { .settings = settings, .stores = KEEPER_STORES };
        int r = checker->kind ? checker->kind->open(&opening, &checker->directory)
                              : store_open(KEEPER_STORES, settings->name, settings->type, STORE_READ_ONLY, &checker->replica);
        if (r < 0)
                log_warning("directory %s cannot be opened: %s", checker->role.name, strerror(-r));
        return r == 0;
}

static void work_directory(struct checker *checker, unsigned type, const struct protocol_check *job, struct protocol_answer *answer) {
        struct directory_entry entry = { 0 };
        const struct directory_kind *kind = checker->kind;
        if (type == CHECKER_FIND)
                kind->find(checker->directory, job->user, &entry);
        else if (type == CHECKER_CHECK)
                answer->password = kind->check(checker->directory, job->user, &job->password, &entry);
        else
                kind->check_dummy(checker->directory, &job->password);
        answer->presence = entry.presence;
        answer->active = entry.active;
        memcpy(answer->entry_id, entry.entry_id, sizeof entry.entry_id);
}

/* What the replica knows of the user. It checks no password: only the server can. */
static void find_in_replica(struct checker *checker, const char *user, struct protocol_answer *answer) {
        struct store_login login = { 0 };
        int r = store_login_by_name(checker->replica, user, &login);
        if (r == -ENOENT)
                answer->presence = PRESENCE_NOT_FOUND;
        /* An ambiguous name (N2) is found, but is nobody: no id, not active. */
        if (r == 0 || r == -ENOTUNIQ)
                answer->presence = PRESENCE_FOUND;
        if (answer->presence != PRESENCE_UNAVAILABLE)
                answer->synchronised_s = login.synchronised_s;
        if (r == 0) {
                answer->active = login.active;
                memcpy(answer->entry_id, login.entry_id, sizeof login.entry_id);
                memcpy(answer->dn, login.dn, sizeof login.dn);
                memcpy(answer->external_id, login.external_id, sizeof login.external_id);
        }
        explicit_bzero(&login, sizeof login);
}

static void work(struct checker *checker, unsigned type, const struct protocol_check *job, struct protocol_answer *answer) {
        if (type == CHECKER_DUMMY && !checker->kind)
                password_dummy(&job->password);
        else if (!is_open(checker))
                return;
        else if (checker->kind)
                work_directory(checker, type, job, answer);
        else if (type == CHECKER_FIND)
                find_in_replica(checker, job->user, answer);
}

static int take(struct role *role, const struct channel_frame *frame) {
        struct protocol_check job;
        if (frame->type < CHECKER_FIND || frame->type > CHECKER_DUMMY)
                return -EBADMSG;
        int r = protocol_get_check(frame->payload, frame->len, &job);
        if (r < 0)
                return r;
        struct protocol_answer answer = { .id = job.id };
        work(role->userdata, frame->type, &job, &answer);
        secret_done(&job.password);
        return protocol_send_answer(role->channel, &answer);
}

int checker_main(int fd, const char *directory) {
        struct checker checker = { .role = { .name = directory, .take = take, .begin = begin } };
        checker.role.userdata = &checker;
        int r = role_serve(&checker.role, fd);
        if (checker.directory)
                checker.kind->close(checker.directory);
        store_close(checker.replica);
        role_done(&checker.role);
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
