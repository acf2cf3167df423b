/* Compiles the view: replicas, settings, local files and id registry -> effective users, groups, memberships, and what is masked.
 * Relies on: rules/, model/, view/writer.
 * Must never: do I/O but through the writer's descriptor; publish an entry that rules N, I, L5/D6 or M10 refuse.
 * This is the one place where names and ids are admitted: NSS and PAM can only see what passed it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/name_map.h"
#include "base/reason.h"
#include "model/local.h"
#include "model/registry.h"
#include "model/replica.h"
#include "model/settings.h"
#include "view/reader.h"

/* The last view, for a build of a few users only (see compile_view). */
struct compile_base {
        const struct view *view;
        const struct compile_result *result;   /* of its build; settled */
        const struct name_map *names;          /* the users that may not be as they were, by every name they have or had */
};

struct compile_input {
        const struct settings *settings;
        const struct replica *const *replicas; /* by directory index of settings; NULL: no complete replica yet (D6) */
        const struct local_accounts *local;
        struct registry *registry;             /* new ids are put; the caller saves them before it publishes, or reverts */
        uint64_t generation, built_s;
        const struct compile_base *base;       /* NULL: everybody is decided anew */
};

/* One name or id that is not published (multidirctl masked). Strings are owned by the result. */
struct masked_row {
        enum name_kind kind;
        const char *name;      /* as the directory spells it */
        uint32_t id;           /* 0: none */
        uint32_t directory;    /* index in settings */
        uint32_t winner;       /* index in settings of the directory that has it; UINT32_MAX: a local account, or nobody */
        enum reason reason;    /* masked, invalid-name, reserved-name, local-account, id-conflict; unavailable (hidden by D6); no-access
                                  (publish = with-access). ok: the name is published, but not as its entry has it; see text */
        const char *text;      /* a sentence: the other name that has the id, the default used for a refused home (N5), … */
};

struct compile_result {
        struct masked_row *rows;
        size_t row_count;
        uint32_t user_count, group_count;
        struct arena *arena;   /* of the strings */
        uint32_t *displaced;   /* ids computed for published users that have another one (I2): whoever takes or leaves such an id changes a note */
        size_t displaced_count;
        bool settled;          /* a build of the same directories would decide the same again, though the registry knows more now */
};
void compile_result_done(struct compile_result *result);

/* Writes the view to fd (empty, open for reading and writing). 0 or a negative errno; on failure nothing is usable and the registry must be
 * reverted; *result is untouched. On success *result is filled, every published name stands in the registry, and accepted names are cleared
 * (registry_revert brings them back). A group that an update created because its name exists elsewhere (U5, U7, U8, U11) has a new owner:
 * the caller accepts its name, and it keeps the id that the name has (I5).
 *
 * With input->base only the users of base->names are decided: the replicas have those users, every group and every nesting, and settings, local
 * files, groups, nesting and which replicas are complete are what they were at the last build. What is written is a view of all groups and those
 * users, to be joined with the last one (view/merge.h); the result has the rows of those users and all rows of groups (compile_join). -EAGAIN: the
 * change may reach somebody else (an id that another one has, had, or waits for; a full id_range; an acceptance): revert, and build in full. */
int compile_view(const struct compile_input *input, int fd, struct compile_result *result);

/* Makes the result of a build with a base (taken, and emptied) part of the last one's. names: as in the base. 0, or -ENOMEM and nothing has changed. */
int compile_join(struct compile_result *result, struct compile_result *part, const struct name_map *names);
