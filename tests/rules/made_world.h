/* A naive world made real: settings, replicas, closures, as the rules want them.
 * Relies on: model/replica, rules/membership.
 * Must never: compute a membership. */
#pragma once

#include "naive.h"
#include "random.h"
#include "rules/membership.h"

#define USER_NAMES 5
#define GROUP_NAMES 6
extern const char *const user_names[USER_NAMES];
extern const char *const group_names[GROUP_NAMES];

struct made_world {
        struct directory_settings directories[NAIVE_DIRECTORIES];
        struct mapping_settings mappings[NAIVE_DIRECTORIES];
        const char *allow[NAIVE_DIRECTORIES][GROUP_NAMES];
        struct application_settings application;
        struct settings settings;
        struct replica *replicas[NAIVE_DIRECTORIES];
        struct closure *closures[NAIVE_DIRECTORIES];
        struct direct_groups direct[NAIVE_DIRECTORIES];
        struct world world;
};

/* A random world: up to three directories, a few users and groups, cycles, names in several directories, now and then twice in one. */
void random_world(struct random *random, struct naive_world *world);

/* Spells names at random in upper and lower case, and stores directories in an order of its own. Fails the test when memory is out. */
void made_world_init(struct made_world *made, const struct naive_world *naive, struct random *random);
void made_world_done(struct made_world *made);
