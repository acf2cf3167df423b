/* A worker; see worker/worker.h. */
#include "multidird/worker/worker.h"

#include <errno.h>
#include <nss.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "directory/directory.h"
#include "multidird/channel/jobs.h"
#include "multidird/channel/sync_wire.h"
#include "multidird/channel/update.h"
#include "multidird/worker/role.h"

#define GREETING_MS 60000u /* the keeper may be building a view */
#define PROGRESS_MS 200   /* between two messages about progress */

struct worker {
        struct role role;
        const struct directory_kind *kind;
        struct directory *directory;        /* NULL: not opened yet */
        struct secret bind_password;
        bool has_password;
};

static int begin(struct role *role) {
        struct worker *worker = role->userdata;
        const struct directory_settings *settings = role_settings(role);
        worker->kind = settings->type == DIRECTORY_INTERNAL ? NULL : directory_kind_for(settings->type);
        return worker->kind ? 0 : -ENOENT;
}

/* The connection is the kind's own, and is kept between jobs. */
static bool is_open(struct worker *worker) {
        const struct config *config = worker->role.config;
        if (worker->directory)
                return true;
        const struct directory_opening opening = {
                .settings = role_settings(&worker->role), .ldap = config_ldap(config, worker->role.directory),
                .bind_password = worker->bind_password.len > 0 ? &worker->bind_password : NULL,
                .login_ms = (uint32_t)(config->settings.login_deadline_s * 1000 * 3 / 4),
        };
        int r = worker->kind->open(&opening, &worker->directory);
        if (r < 0)
                log_warning("directory %s cannot be opened: %s", worker->role.name, strerror(-r));
        return r == 0;
}

static void run_test(struct worker *worker, struct protocol_answer *answer) {
        _cleanup_sbuf_ struct sbuf report = { 0 };
        int r = worker->kind->test ? worker->kind->test(worker->directory, &report) : 0;
        answer->presence = r == 0 ? PRESENCE_FOUND : PRESENCE_UNAVAILABLE;
        answer->unreachable = r < 0;
        (void)snprintf(answer->text, sizeof answer->text, "%s", sbuf_text(&report));
}

/* old: NULL: by the directory's own account. */
static void set_password(struct worker *worker, const struct secret *old, const struct secret *new, const char *user, struct directory_entry *entry,
                         struct protocol_answer *answer) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        if (worker->kind->set_password)
                answer->set = worker->kind->set_password(worker->directory, user, old, new, entry, &why);
        (void)snprintf(answer->text, sizeof answer->text, "%s", sbuf_text(&why));
}

static void work(struct worker *worker, unsigned type, const struct protocol_check *job, struct protocol_answer *answer) {
        struct directory_entry entry = { 0 };
        answer->unreachable = !is_open(worker);
        if (answer->unreachable)
                return;
        if (type == WORKER_TEST) {
                run_test(worker, answer);
                return;
        }
        (void)snprintf(entry.entry_id, sizeof entry.entry_id, "%.*s", SYNC_ENTRY_ID_MAX, job->entry_id);
        (void)snprintf(entry.dn, sizeof entry.dn, "%s", job->dn);
        if (role_settings(&worker->role)->type == DIRECTORY_DELEGATED)
                entry.profile = &answer->profile;
        if (type == CHECKER_FIND)
                worker->kind->find(worker->directory, job->user, &entry);
        else if (type == CHECKER_CHECK)
                answer->password = worker->kind->check(worker->directory, job->user, &job->password, &entry);
        else
                set_password(worker, type == WORKER_CHANGE_PASSWORD ? &job->password : NULL, &job->new_password, job->user, &entry, answer);
        answer->presence = entry.presence;
        answer->notice = entry.notice;
        answer->active = entry.active;
        answer->unreachable = entry.unreachable;
        (void)snprintf(answer->entry_id, sizeof answer->entry_id, "%s", entry.entry_id);
        (void)snprintf(answer->dn, sizeof answer->dn, "%s", entry.dn);
}

static enum account_word take_account(struct worker *worker, struct sbuf *why) {
        return worker->directory && worker->kind->take_account ? worker->kind->take_account(worker->directory, why) : ACCOUNT_NO_WORD;
}

/* Taken in any case: it must not stay behind for the next job. done: a refusal is none that this job met. */
static void say_account(struct worker *worker, struct protocol_answer *answer, bool done) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        enum account_word word = take_account(worker, &why);
        answer->refused = word == ACCOUNT_REFUSED && !done;
        answer->taken = word == ACCOUNT_TAKEN;
        if (answer->refused && !answer->text[0])
                (void)snprintf(answer->text, sizeof answer->text, "%s", sbuf_text(&why));
}

static int take_job(struct worker *worker, const struct channel_frame *frame) {
        struct protocol_check job;
        int r = protocol_get_check(frame->payload, frame->len, &job);
        if (r < 0)
                return r;
        struct protocol_answer answer = { .id = job.id, .set = PASSWORD_SET_UNAVAILABLE };
        /* L8 once more: a bind without a password is no bind, and servers call it a success. */
        bool with_password = frame->type == CHECKER_CHECK || frame->type == WORKER_CHANGE_PASSWORD;
        if (!with_password || (job.password.len > 0 && !secret_has_nul(&job.password)))
                work(worker, frame->type, &job, &answer);
        secret_done(&job.password);
        secret_done(&job.new_password);
        say_account(worker, &answer, false);
        return protocol_send_answer(worker->role.channel, &answer);
}

/* What the answer says of the server itself is said as for a password. */
static void make_change(struct worker *worker, const struct directory_change *change, const struct secret *password, struct protocol_answer *answer) {
        struct change_result result = { .state = CHANGE_REFUSED };
        answer->unreachable = !is_open(worker);
        if (!answer->unreachable && worker->kind->change)
                worker->kind->change(worker->directory, change, password->len > 0 ? password : NULL, &result);
        answer->change = result.state;
        answer->reason = result.reason;
        answer->by_right = result.by_right;
        say_account(worker, answer, result.state != CHANGE_REFUSED);
        if (!answer->refused)
                (void)snprintf(answer->text, sizeof answer->text, "%s", result.text);
}

static int take_change(struct worker *worker, const struct channel_frame *frame) {
        struct protocol_change job;
        struct directory_change change;
        int r = protocol_get_change(frame->payload, frame->len, &job);
        if (r == 0)
                r = update_unpack(job.change, job.change_len, &change);
        struct protocol_answer answer = { .id = job.id };
        if (r == 0)
                make_change(worker, &change, &job.password, &answer);
        secret_done(&job.password);
        return r < 0 ? r : protocol_send_answer(worker->role.channel, &answer);
}

/* PRESENCE_FOUND: the server answers. Nothing is logged: while it is away, this comes every other second. */
static int take_probe(struct worker *worker, const struct channel_frame *frame) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        struct protocol_answer answer = { 0 };
        int r = protocol_get_number(frame->payload, frame->len, &answer.id);
        if (r < 0)
                return r;
        r = -ENOTSUP;
        if (answer.id <= UINT32_MAX && worker->kind->probe && is_open(worker))
                r = worker->kind->probe(worker->directory, (uint32_t)answer.id, &why);
        answer.presence = r == 0 ? PRESENCE_FOUND : PRESENCE_UNAVAILABLE;
        if (r < 0)
                (void)snprintf(answer.text, sizeof answer.text, "%s", why.len > 0 ? sbuf_text(&why) : strerror(-r));
        return protocol_send_answer(worker->role.channel, &answer);
}

static void send_note(struct worker *worker, const struct protocol_note *note) {
        if (protocol_send_note(worker->role.channel, note) == 0)
                role_flush(&worker->role);
}

/* Before the keeper has the end of a run, or that there is none. */
static void note_account(struct worker *worker, uint64_t id) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        enum account_word word = take_account(worker, &why);
        struct protocol_note note = { .id = id, .refused = word == ACCOUNT_REFUSED, .taken = word == ACCOUNT_TAKEN };
        (void)snprintf(note.text, sizeof note.text, "%s", sbuf_text(&why));
        if (word != ACCOUNT_NO_WORD)
                send_note(worker, &note);
}

/* What is to be said of a run that is complete; likewise. */
static void note_remark(struct worker *worker, uint64_t id, const char *remark) {
        struct protocol_note note = { .id = id };
        (void)snprintf(note.text, sizeof note.text, "%s", remark);
        send_note(worker, &note);
}

/* What the kind delivers, on its way to the keeper; the supervisor is told how far it is. */
struct relay {
        struct worker *worker;
        const struct sync_sink *to;
        struct directory_sync request;
        struct sbuf why;         /* of a run that is complete, what it left out; else why it is not */
        uint64_t id, told_ms;
        bool open, full;         /* a run is under way; it is a full one */
};

static int relay_begin(void *userdata, const struct sync_begin *begin) {
        struct relay *relay = userdata;
        relay->open = true;
        relay->full = !begin->delta;
        return relay->to->begin(relay->to->userdata, begin);
}

static int relay_user(void *userdata, const struct sync_user *user) {
        const struct relay *relay = userdata;
        return relay->to->user(relay->to->userdata, user);
}

static int relay_group(void *userdata, const struct sync_group *group) {
        const struct relay *relay = userdata;
        return relay->to->group(relay->to->userdata, group);
}

static int relay_member(void *userdata, uint32_t user, uint32_t group) {
        const struct relay *relay = userdata;
        return relay->to->member(relay->to->userdata, user, group);
}

static int relay_child(void *userdata, uint32_t child, uint32_t parent) {
        const struct relay *relay = userdata;
        return relay->to->child(relay->to->userdata, child, parent);
}

static int relay_stray(void *userdata, uint32_t group, const char *key) {
        const struct relay *relay = userdata;
        return relay->to->stray(relay->to->userdata, group, key);
}

static int relay_reference(void *userdata, const char *key) {
        const struct relay *relay = userdata;
        return relay->to->reference(relay->to->userdata, key);
}

static int relay_gone(void *userdata, enum sync_kind kind, const char *entry_id) {
        const struct relay *relay = userdata;
        return relay->to->gone(relay->to->userdata, kind, entry_id);
}

static int relay_present(void *userdata, enum sync_kind kind, const char *entry_id) {
        const struct relay *relay = userdata;
        return relay->to->present(relay->to->userdata, kind, entry_id);
}

static int relay_end(void *userdata, const char *cookie) {
        struct relay *relay = userdata;
        const struct protocol_run run = { .id = relay->id, .keeping = relay->request.keeping, .end_s = relay->request.end_s };
        relay->open = false;
        note_account(relay->worker, relay->id);
        /* What a delta does not speak of is as it was. */
        if (relay->full || relay->why.len > 0)
                note_remark(relay->worker, relay->id, sbuf_text(&relay->why));
        sbuf_done(&relay->why);
        int r = protocol_send_run(relay->worker->role.channel, &run);
        role_flush(&relay->worker->role);
        return r < 0 ? r : relay->to->end(relay->to->userdata, cookie);
}

static void relay_progress(void *userdata, uint64_t done, uint64_t total) {
        struct relay *relay = userdata;
        struct protocol_progress progress = { .id = relay->id, .done = done, .total = total };
        uint64_t now = clock_monotonic_ms();
        if (now - relay->told_ms < PROGRESS_MS)
                return;
        relay->told_ms = now;
        if (protocol_send_progress(relay->worker->role.channel, &progress) == 0)
                role_flush(&relay->worker->role);
}

/* Until the kind has nothing more to tell. 0, or a negative errno. */
static int run_sync(struct relay *relay) {
        const struct sync_sink sink = {
                .begin = relay_begin, .user = relay_user, .group = relay_group, .member = relay_member, .child = relay_child, .stray = relay_stray,
                .reference = relay_reference, .gone = relay_gone, .present = relay_present, .end = relay_end, .progress = relay_progress, .userdata = relay,
        };
        struct worker *worker = relay->worker;
        if (!worker->kind->sync) {
                sbuf_add(&relay->why, "this kind of directory has nothing to synchronise");
                return -ENOTSUP;
        }
        if (!is_open(worker)) {
                sbuf_add(&relay->why, "the directory cannot be opened; the service's log says more");
                return -ENOTSUP;
        }
        return worker->kind->sync(worker->directory, &relay->request, &sink, &relay->why);
}

static void relay_done(struct relay *relay) {
        sbuf_done(&relay->why);
}

static int synchronise(struct worker *worker, int stream, struct sync_sender *sender, struct protocol_synced *synced) {
        char cookie[SYNC_COOKIE_MAX + 1] = "";
        _cleanup_(relay_done) struct relay relay = { .worker = worker, .id = synced->id, .request = { .cookie = cookie, .watch = true } };
        relay.to = sync_sender_sink(sender);
        int r = sync_read_greeting(stream, GREETING_MS, cookie);
        if (r < 0)
                return r;
        r = run_sync(&relay);
        synced->full_needed = relay.request.full_needed;
        synced->lost = r < 0 && relay.request.lost && !relay.open;
        if (r < 0)
                (void)snprintf(synced->text, sizeof synced->text, "%s", relay.why.len > 0 ? sbuf_text(&relay.why) : strerror(-r));
        note_account(worker, synced->id);
        return r;
}

/* D5: whatever goes wrong, the stream ends with why, or without an end. Either way the keeper throws away the run that was not whole. */
static int take_sync(struct worker *worker, const struct channel_frame *frame) {
        struct protocol_synced synced = { 0 };
        _cleanup_close_ int stream = channel_take_fd(worker->role.channel);
        int r = protocol_get_number(frame->payload, frame->len, &synced.id);
        if (r < 0 || stream < 0)
                return -EBADMSG;
        _cleanup_(sync_sender_freep) struct sync_sender *sender = sync_sender_new(stream);
        r = sender ? synchronise(worker, stream, sender, &synced) : -ENOMEM;
        if (r < 0 && !synced.text[0])
                (void)snprintf(synced.text, sizeof synced.text, "the keeper does not take the entries: %s", strerror(-r));
        /* The supervisor has it before the keeper's word comes, which does not say that only a full run will do. */
        r = protocol_send_synced(worker->role.channel, &synced);
        role_flush(&worker->role);
        /* A watch that ends between two runs is nothing that the keeper must hear of. */
        if (sender && synced.text[0] && !synced.lost)
                (void)sync_sender_end(sender, synced.text);
        return r;
}

static int take(struct role *role, const struct channel_frame *frame) {
        struct worker *worker = role->userdata;
        if (frame->type == WORKER_SECRET && !worker->has_password) {
                worker->has_password = true;
                return protocol_get_secret(frame->payload, frame->len, &worker->bind_password);
        }
        /* A job before the password would be an anonymous one. */
        if (!worker->has_password)
                return -EBADMSG;
        switch (frame->type) {
        case CHECKER_FIND:
        case CHECKER_CHECK:
        case WORKER_TEST:
        case WORKER_CHANGE_PASSWORD:
        case WORKER_SET_PASSWORD:
                return take_job(worker, frame);
        case WORKER_CHANGE:
                return take_change(worker, frame);
        case WORKER_SYNC:
                return take_sync(worker, frame);
        case WORKER_PROBE:
                return take_probe(worker, frame);
        default:
                return -EBADMSG;
        }
}

/* Before anything asks for a name or a connection. Modules of other name services are neither there to be loaded in the sandbox, nor wanted: one
 * of them is fed by this very service. */
static int prepare(void) {
        struct sigaction ignore = { .sa_handler = SIG_IGN };
        if (setenv("LDAPNOINIT", "1", 1) < 0 || sigaction(SIGPIPE, &ignore, NULL) < 0)
                return -errno;
        if (__nss_configure_lookup("hosts", "files dns") < 0 || __nss_configure_lookup("passwd", "files") < 0 ||
            __nss_configure_lookup("group", "files") < 0 || __nss_configure_lookup("services", "files") < 0)
                return -errno;
        return 0;
}

int worker_main(int fd, const char *directory) {
        struct worker worker = { .role = { .name = directory, .take = take, .begin = begin } };
        worker.role.userdata = &worker;
        int r = prepare();
        if (r < 0) {
                log_error("directory %s: %s", directory, strerror(-r));
                (void)close(fd);
                return EXIT_FAILURE;
        }
        r = role_serve(&worker.role, fd);
        if (worker.directory)
                worker.kind->close(worker.directory);
        secret_done(&worker.bind_password);
        role_done(&worker.role);
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
