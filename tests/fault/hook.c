/* Processes that were taken over, for the fault tests: the service with another keeper, one that attacks; and attempts made from within the
 * sandboxes of the roles.
 *   hook                        the supervisor, whose keeper is the attacking one below
 *   hook attempt ROLE WHAT [F]  enters the sandbox of keeper, checker or worker as the service does, tries WHAT, prints what came of it. F: the file of
 *                               certification authorities that a worker may read; ROLE worker-unix: the worker of a server on this host
 *   hook --role=worker          what the service starts: a worker that attacks, in the way that its directory's name says
 *   hook verify FILE            the full check of a view file; exit 0 when it is whole
 * Relies on: the service's own library. Built for tests only, never installed.
 * Must never: be part of what is installed. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <nss.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "fault/hook_patch.h"
#include "multidird/channel/jobs.h"
#include "multidird/channel/protocol.h"
#include "multidird/channel/update.h"
#include "multidird/keeper/keeper.h"
#include "multidird/sandbox/sandbox.h"
#include "multidird/supervisor/process.h"
#include "multidird/supervisor/supervisor.h"
#include "multidird/worker/checker.h"
#include "view/format.h"
#include "view/reader.h"
#include "view/writer.h"

#define STATE "/var/lib/multidir"
#define AUTHORITIES "/etc/multidir/authorities.pem"
#define EXIT_WORKED 10 /* the attempt did what it must not */

static int connect_to(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        return fd < 0 ? -1 : connect(fd, (const struct sockaddr *)&address, sizeof address);
}

static int try_exec(void) {
        char *arguments[] = { (char *)"true", NULL };
        return execv("/bin/true", arguments);
}

static int try_map_code(void) {
        return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

/* As a worker finds its server. That a name is known to nobody is an answer. */
static int resolve(void) {
        struct addrinfo *found = NULL, hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
        if (__nss_configure_lookup("hosts", "files dns") < 0 || getaddrinfo("nobody.invalid", "389", &hints, &found) == 0)
                return -1;
        int r = getaddrinfo("localhost", "389", &hints, &found);
        if (r == 0)
                freeaddrinfo(found);
        return r == 0 ? 0 : -1;
}

static int attempt_file(const char *what) {
        static const struct { const char *what, *path; int flags; } files[] = {
                { "write-view", STATE "/view", O_WRONLY },          { "make-view", STATE "/views/99", O_WRONLY | O_CREAT },
                { "write-store", STATE "/stores/d1.db", O_RDWR },   { "make-store", STATE "/stores/evil.db", O_RDWR | O_CREAT },
                { "read-store", STATE "/stores/d1.db", O_RDONLY },  { "read-shadow", "/etc/shadow", O_RDONLY },
                { "read-passwd", "/etc/passwd", O_RDONLY },         { "read-hosts", "/etc/hosts", O_RDONLY },
                { "read-resolver", "/etc/resolv.conf", O_RDONLY },  { "read-authorities", AUTHORITIES, O_RDONLY },
                { "read-secret", "/etc/multidir/secret", O_RDONLY }, { "read-configuration", "/etc/multidir/multidir.conf", O_RDONLY },
                { "append-log", "/var/lib/multidir/notes", O_WRONLY | O_APPEND },
        };
        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                if (strcmp(files[i].what, what) == 0)
                        return open(files[i].path, files[i].flags, 0600);
        errno = EINVAL;
        return -1;
}

/* 0 or more: it worked. EINVAL: there is no such attempt. */
static int attempt(const char *what) {
        if (strcmp(what, "replace-view") == 0)
                return rename(STATE "/stores/mine", STATE "/view");
        if (strcmp(what, "remove-view") == 0)
                return unlink(STATE "/view");
        if (strcmp(what, "internet") == 0)
                return socket(AF_INET, SOCK_STREAM, 0);
        if (strcmp(what, "datagrams") == 0)
                return socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (strcmp(what, "netlink") == 0)
                return socket(AF_NETLINK, SOCK_RAW, 0);
        if (strcmp(what, "packets") == 0)
                return socket(AF_PACKET, SOCK_RAW, 0);
        if (strcmp(what, "raw") == 0)
                return socket(AF_INET, SOCK_RAW, 1);
        if (strcmp(what, "listen") == 0)
                return listen(socket(AF_INET, SOCK_STREAM, 0), 1);
        if (strcmp(what, "resolve") == 0)
                return resolve();
        if (strcmp(what, "connect-auth") == 0)
                return connect_to("/run/multidir/auth.sock");
        if (strcmp(what, "exec") == 0)
                return try_exec();
        if (strcmp(what, "fork") == 0)
                return (int)fork();
        if (strcmp(what, "setuid") == 0)
                return setuid(0);
        if (strcmp(what, "kill") == 0)
                return kill(getppid(), 0);
        if (strcmp(what, "signal-owner") == 0)
                return fcntl(STDOUT_FILENO, F_SETOWN, getppid());
        if (strcmp(what, "signal-number") == 0)
                return fcntl(STDOUT_FILENO, F_SETSIG, SIGKILL);
        if (strcmp(what, "signal-when-ready") == 0)
                return fcntl(STDOUT_FILENO, F_SETFL, O_ASYNC | O_NONBLOCK);
        if (strcmp(what, "lock") == 0)
                return fcntl(STDOUT_FILENO, F_SETLK, &(struct flock){ .l_type = F_UNLCK });
        if (strcmp(what, "no-waiting") == 0)
                return fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK) < 0 ? -1 : fcntl(STDOUT_FILENO, F_SETFD, FD_CLOEXEC);
        if (strcmp(what, "ptrace") == 0)
                return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        if (strcmp(what, "code") == 0)
                return try_map_code();
        return strcmp(what, "nothing") == 0 ? 0 : attempt_file(what);
}

/* In the child: as the supervisor starts a role. 125: the sandbox could not be entered. */
static int in_sandbox(const struct sandbox *sandbox, const char *what) {
        uid_t uid;
        gid_t gid;
        const char *user = sandbox->role == SANDBOX_WORKER ? "multidir-worker" : "multidir";
        if (sandbox_find_user(user, &uid, &gid) < 0 || sandbox_before_exec(sandbox->role, uid, gid) < 0 || sandbox_enter(sandbox) < 0)
                return 125;
        return attempt(what) >= 0 ? EXIT_WORKED : errno == EINVAL ? 125 : 0;
}

static struct sandbox sandbox_of(const char *role, const char *authorities) {
        if (strncmp(role, "worker", 6) == 0)
                return (struct sandbox){ SANDBOX_WORKER, authorities, strcmp(role, "worker-unix") == 0 };
        return (struct sandbox){ strcmp(role, "keeper") == 0 ? SANDBOX_KEEPER : SANDBOX_CHECKER, KEEPER_STORES, false };
}

static int run_attempt(const char *role, const char *what, const char *authorities) {
        const struct sandbox sandbox = sandbox_of(role, authorities);
        pid_t pid = fork();
        int status;
        if (pid == 0)
                _exit(in_sandbox(&sandbox, what));
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                return EXIT_FAILURE;
        if (WIFSIGNALED(status))
                puts(WTERMSIG(status) == SIGSYS ? "killed" : "signal");
        else if (WEXITSTATUS(status) == EXIT_WORKED)
                puts("worked");
        else
                puts(WEXITSTATUS(status) == 0 ? "refused" : "broken");
        return EXIT_SUCCESS;
}

static int verify(const char *path) {
        struct view view;
        const char *what = "the header";
        int r = view_open(path, &view);
        if (r == 0)
                r = view_verify(&view, &what);
        puts(r == 0 ? "whole" : what);
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What the attacking keeper is to do: a word in the stores folder, the one place that it can read. */
static void read_word(char word[64]) {
        char *text = NULL;
        size_t len = 0;
        word[0] = 0;
        if (file_read(KEEPER_STORES "/attack", 63, &text, &len) == 0)
                (void)snprintf(word, 64, "%.*s", (int)strcspn(text, "\n"), text);
        free(text);
}

struct evil {
        struct view_writer_user user;
        const char *group;
        uint32_t gid;
        uint64_t generation;
};

static const uint32_t sudo_gid = 27, free_gid = 61184;

/* What the word makes wrong with the one user or the one group. */
static void spoil(const char *word, struct evil *evil) {
        struct view_writer_user *user = &evil->user;
        if (strcmp(word, "low-uid") == 0)
                user->uid = user->gid = 999;
        else if (strcmp(word, "root-uid") == 0)
                user->uid = user->gid = 0;
        else if (strcmp(word, "low-primary") == 0)
                user->gid = sudo_gid, user->private_group = 0;
        else if (strcmp(word, "local-name") == 0)
                user->name = "multidir";
        else if (strcmp(word, "local-id") == 0)
                user->uid = user->gid = 70001;
        else if (strcmp(word, "reserved-name") == 0)
                user->name = "docker";
        else if (strcmp(word, "bad-name") == 0)
                user->name = "x:0";
        else if (strcmp(word, "bad-shell") == 0)
                user->shell = "/bin/sh\nroot::0:0";
        else if (strcmp(word, "local-group") == 0)
                user->extra_gids = &sudo_gid, user->extra_gid_count = 1;
        else if (strcmp(word, "free-group") == 0)
                user->extra_gids = &free_gid, user->extra_gid_count = 1;
        else if (strcmp(word, "subordinate-id") == 0)
                user->uid = user->gid = 800001;
        else if (strcmp(word, "low-gid") == 0)
                evil->gid = 42;
        else if (strcmp(word, "group-name") == 0)
                evil->group = "sudo";
        else if (strcmp(word, "generation") == 0)
                evil->generation++;
}

/* Where the group's record has the name of its one member; groups lie behind users. */
static char *find_member(char *view, size_t size) {
        for (char *at = view + size - 8; at > view; at--)
                if (memcmp(at, "evils\0", 6) == 0)
                        return memmem(at, (size_t)(view + size - at), "mallory", 8);
        return NULL;
}

/* Another name in the place of the group's one member, with checksums that are right. */
static void respell_member(int fd, const char *name) {
        off_t size = lseek(fd, 0, SEEK_END);
        char *view = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (view == MAP_FAILED)
                return;
        char *member = find_member(view, (size_t)size);
        if (member) {
                struct view_header *header = (void *)view;
                memcpy(member, name, strlen("mallory"));
                header->body_checksum = hash_bytes(view + sizeof *header, (size_t)size - sizeof *header, 0);
                header->header_checksum = view_header_checksum(header);
        }
        (void)munmap(view, (size_t)size);
}

/* What the word makes wrong with the file. */
static int spoil_file(const char *word, int fd) {
        ssize_t n = 1;
        int r = 0;
        if (strcmp(word, "damaged") == 0)
                n = pwrite(fd, "x", 1, 1000);
        else if (strcmp(word, "marked") == 0)
                n = pwrite(fd, "\1", 1, 12);
        else if (strcmp(word, "short") == 0)
                r = ftruncate(fd, 300);
        else if (strcmp(word, "local-member") == 0)
                respell_member(fd, "visitor");
        else if (strcmp(word, "member-case") == 0)
                respell_member(fd, "MALLORY");
        if (strcmp(word, "unsealed") != 0)
                (void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
        return n == 1 && r == 0 ? fd : -1;
}

/* A view of one user and one group. */
static int evil_view(const char *word, uint64_t generation) {
        struct view_writer *writer = NULL;
        struct view_writer_access access = { .reason = REASON_OK, .entry_id = "e" };
        uint32_t group = 0, directory, index;
        struct evil evil = { .group = "evils", .gid = 6000, .generation = generation };
        evil.user = (struct view_writer_user){ .name = "mallory", .gecos = "", .home = "/home/mallory", .shell = "/bin/sh", .keys = "",
                                               .uid = 5000, .gid = 5000, .private_group = 1, .groups = &group, .group_count = 1,
                                               .access = &access };
        spoil(word, &evil);
        int fd = memfd_create("view", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        int r = view_writer_new(evil.generation, 1, 2, &writer);
        if (r == 0)
                r = view_writer_add_directory(writer, "d1", &directory);
        if (r == 0)
                r = view_writer_add_application(writer, "host", NULL, 0);
        if (r == 0)
                r = view_writer_add_group(writer, evil.group, evil.gid, &group);
        if (r == 0)
                r = view_writer_add_user(writer, &evil.user, &index);
        if (r == 0)
                r = view_writer_finish(writer, fd);
        view_writer_free(writer);
        if (r < 0)
                log_error("the attack could not be made: %s", strerror(-r));
        return spoil_file(word, fd);
}

/* Whatever root asks: it would have a user removed. */
static void answer_with_plan(struct channel *channel, const struct channel_frame *frame) {
        const struct directory_change change = { .operation = CHANGE_REMOVE_USER, .name = "anna", .entry_id = "1" };
        struct update_step step = { .directory = "d1", .what = "remove-user", .at_server = true };
        struct protocol_planned planned = { .skipped = "[]", .steps = &step, .step_count = 1 };
        struct protocol_admin admin;
        if (protocol_get_admin(frame->payload, frame->len, &admin) < 0)
                return;
        unsigned char *bytes = update_pack(&change, &step.change_len);
        step.change = bytes;
        planned.connection = admin.connection;
        planned.request = admin.id;
        (void)protocol_send_planned(channel, &planned);
        free(bytes);
}

/* Sends what the word says, once, then waits to be killed or left. */
static int attacking_keeper(int fd) {
        struct channel *channel = NULL;
        bool plans = false;
        char word[64];
        read_word(word);
        if (channel_new(fd, PROTOCOL_MAX, 0, &channel) < 0)
                return EXIT_FAILURE;
        if (strcmp(word, "no-descriptor") == 0)
                (void)protocol_send_number(channel, KEEPER_VIEW, 7, -1);
        else if (strcmp(word, "strange-type") == 0)
                (void)channel_send(channel, 200, "x", 1);
        else if (strcmp(word, "short-message") == 0)
                (void)channel_send(channel, KEEPER_GATE_REPLY, "x", 1);
        else if (strcmp(word, "long-state") == 0)
                (void)channel_send(channel, KEEPER_STATE, calloc(1, 8 << 20), 8 << 20);
        else if (strcmp(word, "plans") == 0)
                plans = true;
        else if (strcmp(word, "descriptors") == 0)
                for (int i = 0; i < 64; i++)
                        (void)protocol_send_number(channel, KEEPER_ADMIN_CLOSED, 7, fcntl(0, F_DUPFD, 10));
        else if (strncmp(word, "patch-", 6) == 0) /* of the good view that was published before */
                (void)protocol_send_number(channel, KEEPER_VIEW, 78, evil_patch(word, evil_view("", 77), evil_view(word + 6, 78)));
        else
                (void)protocol_send_number(channel, KEEPER_VIEW, 77, evil_view(word, 77));
        for (;;) {
                struct pollfd poll_fd = { .fd = fd, .events = (short)(POLLIN | (channel_wants_write(channel) ? POLLOUT : 0)) };
                struct channel_frame frame;
                (void)poll(&poll_fd, 1, -1);
                if (channel_write(channel) < 0 || channel_read(channel) < 0)
                        return EXIT_SUCCESS;
                while (channel_next(channel, &frame) > 0)
                        if (plans && frame.type == KEEPER_ADMIN)
                                answer_with_plan(channel, &frame);
        }
}

/* Of one synchronisation. The stream ends with the descriptor. */
static void attack_sync(const char *word, struct channel *channel, uint64_t id, int stream) {
        struct protocol_synced synced = { .id = id };
        unsigned char noise[4096];
        memset(noise, 'x', sizeof noise);
        if (strcmp(word, "liar") == 0)
                (void)protocol_send_synced(channel, &synced);
        else if (strcmp(word, "other-id") == 0)
                (void)(synced.id++, protocol_send_synced(channel, &synced));
        else if (strcmp(word, "note") == 0 || strcmp(word, "other-note") == 0)
                (void)protocol_send_note(channel, &(struct protocol_note){ .id = id + (word[0] == 'o'), .text = "left out\x1b[2J\n<2>all" });
        else if (strcmp(word, "runs") == 0)
                for (int i = 0; i < 3; i++)
                        (void)protocol_send_run(channel, &(struct protocol_run){ .id = id, .keeping = SYNC_KEPT_WATCH });
        else if (strcmp(word, "lost") == 0)
                (void)(synced.lost = true, protocol_send_synced(channel, &synced));
        else if (strcmp(word, "strange-type") == 0)
                (void)channel_send(channel, 200, "x", 1);
        else if (strcmp(word, "answer") == 0)
                (void)protocol_send_answer(channel, &(struct protocol_answer){ .id = id, .presence = PRESENCE_FOUND, .password = CHECK_RIGHT });
        else if (strcmp(word, "long") == 0)
                (void)channel_send(channel, WORKER_SYNCED, calloc(1, 1 << 20), 1 << 20);
        else if (strcmp(word, "descriptors") == 0)
                for (int i = 0; i < 64; i++)
                        (void)protocol_send_number(channel, WORKER_PROGRESS, id, fcntl(0, F_DUPFD, 10));
        else if (strcmp(word, "noise") == 0)
                (void)(write(stream, noise, sizeof noise) < 0);
        else if (strcmp(word, "other-frames") == 0)
                (void)(write(stream, "MD\1\44\0\0\0\0", 8) < 0);
        else if (strcmp(word, "leaves") == 0)
                _exit(0);
        (void)close(stream);
}

/* Answers every question with a yes that nobody asked for, and ends synchronisations as its directory's name says. */
static int attacking_worker(int fd, const char *word) {
        struct channel *channel = NULL;
        if (channel_new(fd, PROTOCOL_MAX, 0, &channel) < 0)
                return EXIT_FAILURE;
        for (;;) {
                struct pollfd poll_fd = { .fd = fd, .events = (short)(POLLIN | (channel_wants_write(channel) ? POLLOUT : 0)) };
                struct channel_frame frame;
                uint64_t id;
                (void)poll(&poll_fd, 1, -1);
                if (channel_write(channel) < 0 || channel_read(channel) < 0)
                        return EXIT_SUCCESS;
                while (channel_next(channel, &frame) > 0)
                        if (frame.type == WORKER_SYNC && protocol_get_number(frame.payload, frame.len, &id) == 0)
                                attack_sync(word, channel, id, channel_take_fd(channel));
                        else if (frame.type == CHECKER_FIND || frame.type == CHECKER_CHECK)
                                (void)protocol_send_answer(channel, &(struct protocol_answer){ .id = 1, .presence = PRESENCE_FOUND, .password = CHECK_RIGHT });
        }
}

int main(int argc, char **argv) {
        static const struct sandbox keeper = { SANDBOX_KEEPER, KEEPER_STORES, false }, checker = { SANDBOX_CHECKER, KEEPER_STORES, false },
                                    worker = { SANDBOX_WORKER, NULL, false };
        if ((argc == 4 || argc == 5) && strcmp(argv[1], "attempt") == 0)
                return run_attempt(argv[2], argv[3], argc == 5 ? argv[4] : NULL);
        if (argc == 3 && strcmp(argv[1], "verify") == 0)
                return verify(argv[2]);
        if (argc == 2 && strcmp(argv[1], "--role=keeper") == 0)
                return sandbox_enter(&keeper) < 0 ? EXIT_FAILURE : access(KEEPER_STORES "/attack", F_OK) == 0 ? attacking_keeper(ROLE_FD) : keeper_main(ROLE_FD);
        if (argc == 3 && strcmp(argv[1], "--role=checker") == 0)
                return sandbox_enter(&checker) < 0 ? EXIT_FAILURE : checker_main(ROLE_FD, argv[2] + strlen("--directory="));
        if (argc >= 3 && strcmp(argv[1], "--role=worker") == 0)
                return sandbox_enter(&worker) < 0 ? EXIT_FAILURE : attacking_worker(ROLE_FD, argv[2] + strlen("--directory="));
        return argc == 1 ? supervisor_main() : EXIT_FAILURE;
}
