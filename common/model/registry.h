/* The id registry in memory: which name has had which id, and from which entry (rules I2, I5). It never forgets, never reuses.
 * Relies on: base.
 * Must never: do I/O; replica/registry_store.c keeps it on disk. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/name.h"

struct registry; /* opaque, mutable; one owner, one thread */

struct registry_row {
        enum name_kind kind;
        const char *name;      /* published spelling, folded */
        const char *directory; /* the owner it was published from */
        const char *entry_id;  /* the owner's entry; a group merged from several directories has its owner's too */
        uint32_t id;
        bool current;          /* false: an older row of that name (its id stays taken) */
};

/* An empty one; NULL when memory is out. */
struct registry *registry_new(void);
/* NULL is fine. */
void registry_free(struct registry *registry);

/* Adds or replaces the current row of (kind, name); the former one becomes an older row. Strings are copied, the name folded;
 * row->current is ignored. The change is also appended to the pending list; a row equal to the current one changes nothing. 0 or -ENOMEM. */
int registry_put(struct registry *registry, const struct registry_row *row);
/* While loading from disk, oldest row first, before any put: nothing becomes pending. row->current says whether it is the name's current
 * row. 0 or -ENOMEM. */
int registry_load(struct registry *registry, const struct registry_row *row);

/* The current row of a name (any case), or NULL. Valid until the next put. */
const struct registry_row *registry_by_name(const struct registry *registry, enum name_kind kind, const char *name);
/* The newest row, current or older, that has the id, or NULL. Users and groups share one space of ids where `allocate` gives them (M10):
 * kind is part of the key; ask for both where both count. */
const struct registry_row *registry_by_id(const struct registry *registry, enum name_kind kind, uint32_t id);
/* The newest row of an entry (directory + entry_id), or NULL. */
const struct registry_row *registry_by_entry(const struct registry *registry, enum name_kind kind, const char *directory, const char *entry_id);

/* What put since the last registry_saved: to be written in one transaction before the view that uses it is published. */
size_t registry_pending_count(const struct registry *registry);
/* In the order of the puts; index below the count. Valid until the next put. */
const struct registry_row *registry_pending(const struct registry *registry, size_t index);
/* They are on disk: nothing is pending. */
void registry_saved(struct registry *registry);
/* Forgets what put since the last registry_saved (a build that was thrown away). */
void registry_revert(struct registry *registry);

/* accept NAME (I5): the names whose next build may take a new owner or id. compile_view clears them when it succeeds;
 * registry_revert brings back those cleared since the last registry_saved, which forgets them for good. 0 or -ENOMEM. */
int registry_accept(struct registry *registry, enum name_kind kind, const char *name);
bool registry_is_accepted(const struct registry *registry, enum name_kind kind, const char *name);
void registry_clear_accepted(struct registry *registry);
bool registry_has_accepted(const struct registry *registry);
