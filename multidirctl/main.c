/* multidirctl: the administrator's command.
 * Relies on: run.h.
 * Must never: look at the environment but for NO_COLOR and TERM. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "multidirctl/run.h"
#include "wire/client.h"

static bool wants_colour(void) {
        const char *no_color = secure_getenv("NO_COLOR"), *term = secure_getenv("TERM");
        return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

int main(int argc, char **argv) {
        struct ctl ctl = {
                .out = stdout, .err = stderr, .root = "", .admin_socket = WIRE_ADMIN_SOCKET,
                .colour = wants_colour(), .progress = isatty(STDERR_FILENO),
        };
        return ctl_run(&ctl, argc, argv);
}
