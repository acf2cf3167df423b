/* multidird: the service. One binary; without --role it is the supervisor, which starts the other roles by itself.
 * Relies on: getopt_long; multidird/supervisor/supervisor, keeper, worker, sandbox.
 * Must never: act on a role before its sandbox is closed. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/ports.h"
#include "multidird/keeper/keeper.h"
#include "multidird/sandbox/sandbox.h"
#include "multidird/supervisor/process.h"
#include "multidird/supervisor/supervisor.h"
#include "multidird/worker/checker.h"
#include "multidird/worker/worker.h"

#define EXIT_USAGE 2

#if defined(__SANITIZE_ADDRESS__)
#define WITH_LEAK_CHECK 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_LEAK_CHECK 1
#endif
#endif
#ifdef WITH_LEAK_CHECK
/* The leak check at exit starts a thread that traces this one: what the filters of the roles are there to forbid. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void) {
        return "detect_leaks=0";
}
#endif

static const char help[] =
        "multidird [--foreground]\n"
        "\n"
        "The multidir service. It runs in the foreground, as root, until SIGTERM; SIGHUP reloads the configuration.\n"
        "\n"
        "  --foreground          run in the foreground (this is what it does anyway)\n"
        "  --role=ROLE           what the service starts by itself: keeper, or checker or worker with --directory=NAME\n"
        "  --help, --version\n"
        "\n"
        "See multidird(8).\n";

struct arguments { const char *role, *directory, *authorities; bool unix_sockets; };

static enum sandbox_role find_role(const char *word) {
        static const enum sandbox_role roles[] = { SANDBOX_KEEPER, SANDBOX_CHECKER, SANDBOX_WORKER };
        for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
                if (strcmp(process_role_name(roles[i]), word) == 0)
                        return roles[i];
        return SANDBOX_NONE;
}

/* Says what is wrong and gives false. */
static bool fit_together(const struct arguments *arguments, enum sandbox_role role) {
        bool with_directory = role == SANDBOX_CHECKER || role == SANDBOX_WORKER;
        if (arguments->role && role == SANDBOX_NONE) {
                (void)fprintf(stderr, "multidird: there is no role %s; roles are keeper, checker and worker\n", arguments->role);
                return false;
        }
        if (with_directory != (arguments->directory != NULL)) {
                (void)fprintf(stderr, "multidird: --directory goes with --role=checker and --role=worker, and only there\n");
                return false;
        }
        if (role != SANDBOX_WORKER && (arguments->authorities || arguments->unix_sockets)) {
                (void)fprintf(stderr, "multidird: --authorities and --unix-sockets go with --role=worker, and only there\n");
                return false;
        }
        return true;
}

static int run_role(const struct arguments *arguments, enum sandbox_role role) {
        static char name[300];
        const char *directory = arguments->directory;
        const struct sandbox sandbox = { .role = role, .path = role == SANDBOX_WORKER ? arguments->authorities : KEEPER_STORES,
                                         .unix_sockets = arguments->unix_sockets };
        (void)snprintf(name, sizeof name, "multidird[%s%s%s]", arguments->role, directory ? " " : "", directory ? directory : "");
        log_open(name, false);
        ports_read(PORTS_FILE); /* the file rules hide it */
        int r = sandbox_enter(&sandbox);
        if (r < 0) {
                log_error("cannot give up what this role does not need: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        if (role == SANDBOX_WORKER)
                return worker_main(ROLE_FD, directory);
        return role == SANDBOX_CHECKER ? checker_main(ROLE_FD, directory) : keeper_main(ROLE_FD);
}

int main(int argc, char **argv) {
        static const struct option options[] = {
                { "role", required_argument, NULL, 'r' },        { "directory", required_argument, NULL, 'd' },
                { "authorities", required_argument, NULL, 'a' }, { "unix-sockets", no_argument, NULL, 'u' },
                { "foreground", no_argument, NULL, 'f' },        { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },           { NULL, 0, NULL, 0 },
        };
        struct arguments arguments = { 0 };
        for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) >= 0;) {
                switch (option) {
                case 'r': arguments.role = optarg; break;
                case 'd': arguments.directory = optarg; break;
                case 'a': arguments.authorities = optarg; break;
                case 'u': arguments.unix_sockets = true; break;
                case 'f': break;
                case 'h': return fputs(help, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
                case 'V': return puts("multidird " MULTIDIR_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
                default: return EXIT_USAGE;
                }
        }
        if (optind < argc) {
                (void)fprintf(stderr, "multidird: unexpected argument %s; see multidird --help\n", argv[optind]);
                return EXIT_USAGE;
        }
        enum sandbox_role role = arguments.role ? find_role(arguments.role) : SANDBOX_NONE;
        if (!fit_together(&arguments, role))
                return EXIT_USAGE;
        return arguments.role ? run_role(&arguments, role) : supervisor_main();
}
