/* A keeper over a temporary folder, asked with JSON, for the tests of its commands: no socket, no service; the installer accepts every view.
 * Relies on: multidird/keeper/command, cmocka.
 * Must never: touch anything outside its own folder under /tmp. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "multidird/keeper/build.h"
#include "multidird/keeper/command.h"

struct keeper_world {
        struct keeper *keeper;
        char folder[64];
        char *config;
        int file;             /* the published view */
        bool alone;           /* set by a test in which nobody else may look at the stores: what is published is then not compared */
        unsigned patches;     /* views that were made of the one before; each is compared with what a keeper that starts now builds */
};

/* config: the text of multidir.conf. Fails the test when it is refused. */
void keeper_world_open(struct keeper_world *world, const char *config);
/* Another configuration over the same stores, as a reload. */
void keeper_world_configure(struct keeper_world *world, const char *config);
/* A new keeper over the same folder: what a restart sees. */
void keeper_world_restart(struct keeper_world *world, const char *config);
void keeper_world_close(struct keeper_world *world);

/* One request, its JSON written with ' for "; then the build that the supervisor would install. The caller frees. */
json_t *keeper_world_ask(struct keeper_world *world, const char *request, int *exit);

/* A request and what is expected: the exit status, and the named fields of the object (lists in full). NULL: anything. */
struct keeper_check { const char *rule, *request; int exit; const char *expected; };
/* Runs the rows in order, each on the state that the earlier ones left; a failure names the rule and both objects. */
void keeper_world_run(struct keeper_world *world, const struct keeper_check *rows, size_t count);
