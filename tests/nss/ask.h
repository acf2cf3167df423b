/* Questions to the module's entry points, with the answers that a world (world.h) must give.
 * Relies on: the module's sources linked in (or loaded), VIEW_PATH being a relative path: a test works in a folder of its own.
 * Must never: touch the host's own view. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The module's functions: linked in, or out of a loaded object. */
#include "../../nss_multidir/nss_multidir.h"

#define ASK_PATH VIEW_PATH

/* Goes to a new folder of the test's own, which ask_leave removes with what is in it. */
void ask_enter(void);
void ask_leave(void);

/* Asks everything about user i of a world with at least i + 1 users. 0: nothing found or unavailable; the world's tag: right; -1: wrong. */
int ask_user(uint32_t i);
/* Likewise about group g by name and id and about user i's groups (the tag of a group is not visible: 1 is right). */
int ask_group(uint32_t g, uint32_t members);
int ask_groups_of(uint32_t i, uint32_t groups, uint32_t each);
/* Every entry point with every key of a world of that size, and both enumerations; answers are not judged, only survived. */
void ask_everything(uint32_t users, uint32_t groups);
/* Walks getpwent to the end. The number of entries, or -1 when they are not of one tag. */
long ask_walk(void);
/* Open descriptors of this process, mappings of views, resident KiB. */
int ask_descriptors(void);
int ask_mappings(void);
long ask_resident(void);
