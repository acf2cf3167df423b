/* multidird: the service. One binary; without --role it is the supervisor, which starts the other roles by itself.
 * Relies on: getopt_long; multidird/supervisor, keeper, worker, sandbox.
 * Must never: act on a role before its sandbox is closed. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "multidird/worker/checker.h"
#include "multidird/keeper/keeper.h"
#include "multidird/supervisor/process.h"
#include "multidird/sandbox/sandbox.h"
#include "multidird/supervisor/supervisor.h"

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
        "  --role=ROLE           what the service starts by itself: keeper, or checker with --directory=NAME\n"
        "  --help, --version\n"
        "\n"
        "See multidird(8).\n";

static int run_role(const char *role, const char *directory) {
        static char name[300];
        bool checker = strcmp(role, "checker") == 0;
        if (!checker && strcmp(role, "keeper") != 0) {
                (void)fprintf(stderr, "multidird: there is no role %s; roles are keeper and checker\n", role);
                return EXIT_USAGE;
        }
        if (checker != (directory != NULL)) {
                (void)fprintf(stderr, "multidird: --directory goes with --role=checker, and only there\n");
                return EXIT_USAGE;
        }
        (void)snprintf(name, sizeof name, "multidird[%s%s%s]", role, directory ? " " : "", directory ? directory : "");
        log_open(name, false);
        int r = sandbox_enter(checker ? SANDBOX_CHECKER : SANDBOX_KEEPER, KEEPER_STORES);
        if (r < 0) {
                log_error("cannot give up what this role does not need: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        return checker ? checker_main(ROLE_FD, directory) : keeper_main(ROLE_FD);
}

int main(int argc, char **argv) {
        static const struct option options[] = {
                { "role", required_argument, NULL, 'r' },       { "directory", required_argument, NULL, 'd' },
                { "foreground", no_argument, NULL, 'f' },       { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },          { NULL, 0, NULL, 0 },
        };
        const char *role = NULL, *directory = NULL;
        for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) >= 0;) {
                switch (option) {
                case 'r': role = optarg; break;
                case 'd': directory = optarg; break;
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
        if (!role && directory) {
                (void)fprintf(stderr, "multidird: --directory goes with --role=checker, and only there\n");
                return EXIT_USAGE;
        }
        return role ? run_role(role, directory) : supervisor_main();
}
