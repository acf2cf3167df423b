/* The supervisor: the process of root that has the sockets, the loop and the last word on what is published.
 * Relies on: everything in multidird/ but the keeper and the checker.
 * Must never: parse a directory's data; block in the loop. */
#pragma once

/* Runs until SIGTERM or SIGINT. Returns the process's exit status. */
int supervisor_main(void);
