/* Random worlds for the tests of builds from the last view, and random single changes to them.
 * Names and ids come from small pools, so that directories share and fight over them.
 * Relies on: model/.
 * Must never: use a random source of the system: a failing seed must fail again. */
#pragma once

#include "model/local.h"
#include "model/replica.h"
#include "model/settings.h"

enum { MERGE_DIRECTORIES = 3, MERGE_USERS = 14, MERGE_GROUPS = 7, MERGE_NAMES = 4 };

struct made_user {
        int64_t row;
        char name[24], entry_id[24], sid[40], home[32], gecos[24], keys[48];
        uint32_t uid, gid, groups; /* groups: a bit for each of the directory's */
        bool active, posix_primary;
};
struct made_group {
        char name[24], entry_id[24], sid[40];
        uint32_t gid, parents;
        bool active;
};
struct made_directory {
        struct made_user users[MERGE_USERS];
        struct made_group groups[MERGE_GROUPS];
        uint32_t user_count, group_count;
        int64_t next_row;
        bool complete;
};
struct merge_world {
        struct settings settings;
        struct directory_settings directory_settings[MERGE_DIRECTORIES];
        struct application_settings applications[2];
        struct mapping_settings mappings[2][MERGE_DIRECTORIES];
        struct local_group_settings local_group;
        struct local_accounts *local;
        struct made_directory directories[MERGE_DIRECTORIES];
        uint32_t entries; /* counted up: no two entries share an id */
};

/* What one change was about: the names before and after; groups: nobody is to be named, all is to be built anew. */
struct merge_change {
        char names[MERGE_NAMES][24];
        size_t name_count;
        size_t directory;
        bool groups;
        const char *what;
};

void merge_seed(uint64_t seed);
uint32_t merge_below(uint32_t limit);

void merge_world_make(struct merge_world *world);
void merge_world_done(struct merge_world *world);
/* The directory's replica, as its store would give it; NULL: never complete. The caller's. */
struct replica *merge_world_replica(const struct merge_world *world, size_t directory);
/* Changes the world, and with it the directory's replica (NULL where it is incomplete), user by user. */
void merge_world_change(struct merge_world *world, struct replica *const *replicas, struct merge_change *change);
