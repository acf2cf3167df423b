/* Changes: what the directories say, the plan that the rules make of it (rules/update), and carrying it out.
 * Relies on: rules/update, replica/store, multidird/keeper/state.
 * Must never: change anything before every part of the change was planned and allowed; decide a rule itself.
 *
 *   change_init → change_plan (once per name)… → the handler's own checks on change.steps → change_finish; change_done in every case */
#pragma once

#include "base/arena.h"
#include "multidird/keeper/command.h"
#include "rules/update.h"

/* The names that one plan is about. NULL: none. For U11 user is the child group. */
struct change_names { const char *user, *new_name, *group; bool child; };

/* One thing to do in one directory's store. Data is owned by whoever called change_plan. */
struct change_step {
        size_t directory;
        enum update_operation operation;
        const char *what;
        struct change_names names;
        const struct store_user *user;
        struct store_group group;     /* for UPDATE_ADD_GROUP, UPDATE_MODIFY_GROUP */
};

struct change {
        struct keeper_call *call;
        struct update_facts *facts;   /* by directory index, of the last plan */
        uint8_t *created;             /* by directory index: the group comes to be in an earlier step */
        struct update_plan plan;      /* the last */
        struct change_step *steps;
        size_t step_count, step_size;
        const struct secret *password; /* that a step at a server sets; borrowed; NULL: none */
        json_t *skipped;              /* as the command prints it */
        json_t *explained;            /* dry: the steps of explain update; else NULL */
};

/* What a plan needs beyond the names. Zero: nothing. */
struct change_input {
        enum update_operation operation;
        struct change_names names;
        permission_set needs;
        bool unmask, sets_password;
        enum reason name;              /* N3, N4 of what is created; REASON_OK where nothing is. Zero refuses */
        const char *name_why;          /* a static text, with another name than REASON_OK */
        const struct store_user *user; /* carried into the steps */
        struct store_group group;
};

/* 0 or -ENOMEM. */
int change_init(struct change *change, struct keeper_call *call);
void change_done(struct change *change);

/* Plans one thing and appends its steps. NULL: allowed; else the answer (a refusal; call->exit is set). */
json_t *change_plan(struct change *change, const struct change_input *input);
/* Appends one that was planned before; copied, its texts are the caller's. 0 or -ENOMEM. */
int change_add_step(struct change *change, const struct change_step *step);
/* Carries the steps out and gives the answer; with call->dry only says what they would be. If one is a server's, all are handed over
 * (keeper/handover.h). */
json_t *change_finish(struct change *change);
/* The same, and the name may have another owner afterwards (I5). */
json_t *change_finish_accepting(struct change *change, enum name_kind kind, const char *name);
/* The answer for a refusal that is not the plan's (L8, I3, …), in the shape of every refusal. */
json_t *change_refuse(struct change *change, enum reason reason, const char *rule, const char *format, ...) _printf_(4, 5);
/* The answer for a request that makes no sense for this directory or at all (exit 2). */
json_t *change_usage(struct change *change, const char *format, ...) _printf_(2, 3);

/* What one directory says of the names (the facts of rules/update). */
void change_facts(struct keeper *keeper, size_t directory, const struct change_names *names, struct update_facts *facts);
/* The request to rules/update for a scope; facts are the caller's. */
void change_request(const struct keeper_scope *scope, const struct change_input *input, const struct update_facts *facts, struct update_request *request);
/* One sentence that says why a plan was refused (P6); malloc'ed, NULL when memory is out. */
char *change_refusal_text(const struct keeper_scope *scope, const struct change_input *input, const struct update_plan *plan);

/* N3, N4: whether something of that name may be created; *why as in name_check. */
enum reason change_check_name(const struct keeper *keeper, enum name_kind kind, const char *name, const char **why);
