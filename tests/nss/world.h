/* Hand-made views for the tests of reader and module: a world is made from a few numbers, so that a test can say what every answer must be.
 * Relies on: view/writer.h.
 * Must never: write outside the path it is given. */
#pragma once

#include <stdint.h>

/* users u0…: "user00000" and on, uid 10000 + i, gecos "User N", home "/home/NAME", shell "/bin/sh"; the numbers' text ends in `tag`, so that two
 * worlds' answers can be told apart. User i is in the `each` groups i, i + 1, … (modulo groups); user 1 is in all groups; all users are in group 0
 * ("everybody") too. Every third user has a private group, others group 0 as the primary one. groups g0: "everybody", then "Group00001" (mixed case), gid 50000 + g. */
struct world {
        uint32_t users, groups, each;
        char tag;
        uint64_t generation;
        int all_in_first; /* group 0 has every user */
};

/* Writes the world's view to an empty fd. 0 or a negative errno. */
int world_write(const struct world *world, int fd);
/* As above to a new file of that mode; what was at path before is replaced by rename. */
int world_publish(const struct world *world, const char *path, unsigned mode);
/* Publishes over the view at path and marks the old one superseded, as the installer does. */
int world_replace(const struct world *world, const char *path);
