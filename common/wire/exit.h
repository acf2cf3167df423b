/* The exit statuses of multidirctl, which the service's replies carry: what scripts rely on.
 * Relies on: nothing.
 * Must never: change a number. */
#pragma once

enum exit_status {
        EXIT_DONE = 0,
        EXIT_REFUSED = 1,       /* by any rule that has no number of its own */
        EXIT_USAGE = 2,
        EXIT_NOT_FOUND = 3,     /* a named user, group, directory or application */
        EXIT_EXISTS = 4,        /* also a membership */
        EXIT_PERMISSION = 5,    /* rules P */
        EXIT_UNAVAILABLE = 6,   /* a directory, or what the service needs for it */
        EXIT_NO_SERVICE = 7,
        EXIT_CONFIGURATION = 8,
};
