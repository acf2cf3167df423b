/* Updates by the letter of the rule book; see naive.h.
 * Relies on: naive.c's permissions.
 * Must never: be clever. */
#include <stdio.h>
#include <string.h>

#include "naive.h"

enum { ADD_USER, MODIFY_USER, MODIFY_USER_ATTRIBUTES, REMOVE_USER, ADD_GROUP, MODIFY_GROUP, MODIFY_GROUP_ATTRIBUTES, REMOVE_GROUP };
static const char *const words[] = {
        "add-user", "modify-user", "modify-user-attributes", "remove-user", "add-group", "modify-group", "modify-group-attributes", "remove-group",
};

/* What is being written: changes and passed-over directories, apart because they are printed in this order. */
struct draft {
        const struct naive_update *in;
        const struct naive_update_directory *d[NAIVE_DIRECTORIES]; /* active ones */
        int position[NAIVE_DIRECTORIES], n;
        char head[200], changes[800], passed[800];
};

/* The first of the active directories for which the condition on `i` holds, else -1. */
#define FIRST(condition) \
        ({ int _found = -1; for (int i = 0; i < draft->n && _found < 0; i++) if (condition) _found = i; _found; })
#define D(field) (draft->d[i]->field)

static void add(char *text, size_t size, const char *more) {
        size_t len = strlen(text);
        (void)snprintf(text + len, size - len, "%s", more);
}

/* The first refused permission of the set, as "permission reason level"; "" when all are ok. */
static const char *refusal(const struct draft *draft, int i, unsigned needs) {
        static char text[100];
        for (unsigned p = 0; p < 8; p++) {
                if (!(needs >> p & 1))
                        continue;
                struct naive_permission ask = {
                        .type = D(type), .read_only = D(read_only), .console = draft->in->console,
                        .external_never = draft->in->external_never,
                        .at_directory = D(permissions) >> p & 1, .at_application = D(application_permissions) >> p & 1,
                        .password = draft->in->operation == 'P' ||
                                (draft->in->sets_password && strchr("AM", draft->in->operation)),
                };
                const char *said = naive_permission(&ask);
                if (strcmp(said, "ok") != 0) {
                        (void)snprintf(text, sizeof text, "%s %s", words[p], said);
                        return text;
                }
        }
        return "";
}

static bool ok(const struct draft *draft, int i, unsigned needs) {
        return *refusal(draft, i, needs) == 0;
}

static void refuse(struct draft *draft, const char *reason, int i) {
        draft->changes[0] = draft->passed[0] = 0;
        if (i < 0 || strcmp(reason, "unavailable") == 0)
                (void)snprintf(draft->head, sizeof draft->head, "%s", reason);
        else
                (void)snprintf(draft->head, sizeof draft->head, "%s@%d", reason, draft->position[i]);
}

static void refuse_by_p(struct draft *draft, int i, unsigned needs) {
        char permission[40], reason[40], level[20];
        (void)sscanf(refusal(draft, i, needs), "%39s %39s %19s", permission, reason, level);
        (void)snprintf(draft->head, sizeof draft->head, "%s@%d %s %s", reason, draft->position[i], permission, level);
        draft->changes[0] = 0;
}

static void pass_over(struct draft *draft, int i, unsigned needs) {
        char permission[40], reason[40], level[20], line[120];
        (void)sscanf(refusal(draft, i, needs), "%39s %39s %19s", permission, reason, level);
        (void)snprintf(line, sizeof line, " !%d:%s/%s", draft->position[i], permission, level);
        add(draft->passed, sizeof draft->passed, line);
}

static void change(struct draft *draft, int i, const char *what) {
        char line[60];
        if (draft->changes[0] == 0)
                (void)snprintf(draft->head, sizeof draft->head, "ok@%d", draft->position[i]);
        (void)snprintf(line, sizeof line, " +%d:%s", draft->position[i], what);
        add(draft->changes, sizeof draft->changes, line);
}

static void change_each(struct draft *draft, int i, unsigned needs) {
        for (int p = 0; p < 8; p++)
                if (needs >> p & 1)
                        change(draft, i, words[p]);
}

/* U1 and U5: nobody may have the name. */
static void add_something(struct draft *draft, bool group) {
        unsigned needs = group ? 1u << ADD_GROUP : 1u << ADD_USER;
        bool everywhere = group && (draft->in->console || !draft->in->first_group);
        int unknown = FIRST((group ? D(group) : D(user)) == '?');
        int has = FIRST((group ? D(group) : D(user)) == 'y');
        if (unknown >= 0 || draft->n == 0) {
                refuse(draft, "unavailable", unknown);
                return;
        }
        if (has >= 0) {
                refuse(draft, "exists", has);
                return;
        }
        int first_ok = FIRST(ok(draft, i, needs));
        for (int i = 0; i < draft->n; i++) {
                if (ok(draft, i, needs) && (everywhere || i == first_ok))
                        change_each(draft, i, needs);
                if (!ok(draft, i, needs) && (everywhere || first_ok < 0 || i < first_ok))
                        pass_over(draft, i, needs);
        }
        if (first_ok < 0)
                refuse_by_p(draft, 0, needs);
}

/* U2, U3 */
static void modify_user(struct draft *draft) {
        const struct naive_update *in = draft->in;
        unsigned needs = in->operation != 'M' ? 1u << MODIFY_USER : in->needs & (1u << MODIFY_USER | 1u << MODIFY_USER_ATTRIBUTES);
        if (in->operation == 'M' && (in->sets_password || needs == 0))
                needs |= 1u << MODIFY_USER;
        int owner = FIRST(D(user) != 'n');
        bool first_writable = !in->console && in->first_writable;
        int stop = first_writable ? FIRST(D(user) == '?' || (D(user) == 'y' && ok(draft, i, needs))) : owner;
        int taken = in->operation == 'N' ? FIRST(D(new_name) == 'y') : -1;
        if ((in->operation == 'N' && FIRST(D(new_name) == '?') >= 0) || (stop >= 0 && draft->d[stop]->user == '?')) {
                refuse(draft, "unavailable", -1);
        } else if (owner < 0) {
                refuse(draft, "user-not-found", -1);
        } else if (taken >= 0) {
                refuse(draft, "exists", taken);
        } else {
                for (int i = 0; first_writable && i < (stop < 0 ? draft->n : stop); i++)
                        if (D(user) == 'y')
                                pass_over(draft, i, needs);
                if (stop < 0 || !ok(draft, stop, needs))
                        refuse_by_p(draft, owner, needs);
                else if (in->operation == 'M')
                        change_each(draft, stop, needs);
                else
                        change(draft, stop, in->operation == 'N' ? "rename-user" : "set-password");
        }
}

/* U4 */
static void remove_user(struct draft *draft) {
        int owner = FIRST(D(user) != 'n');
        int unknown = FIRST(D(user) == '?' && (i <= owner || !draft->in->unmask));
        int copy = FIRST(i > owner && D(user) == 'y');
        if (unknown >= 0)
                refuse(draft, "unavailable", unknown);
        else if (owner < 0)
                refuse(draft, "user-not-found", -1);
        else if (!ok(draft, owner, 1u << REMOVE_USER))
                refuse_by_p(draft, owner, 1u << REMOVE_USER);
        else if (copy >= 0 && !draft->in->unmask)
                refuse(draft, "needs-unmask", copy);
        else
                change_each(draft, owner, 1u << REMOVE_USER);
}

/* U6 */
static void modify_group(struct draft *draft) {
        unsigned needs = draft->in->needs & (1u << MODIFY_GROUP | 1u << MODIFY_GROUP_ATTRIBUTES);
        if (draft->in->operation == 'r')
                needs = 1u << REMOVE_GROUP;
        else if (needs == 0)
                needs = 1u << MODIFY_GROUP;
        bool all = draft->in->console || !draft->in->first_group;
        int first_ok = FIRST(D(group) == 'y' && ok(draft, i, needs));
        int last = !all && first_ok >= 0 ? first_ok : draft->n - 1;
        int has = FIRST(D(group) == 'y');
        if (FIRST(i <= last && D(group) == '?') >= 0) {
                refuse(draft, "unavailable", -1);
                return;
        }
        if (has < 0) {
                refuse(draft, "group-not-found", -1);
                return;
        }
        for (int i = 0; i <= last; i++) {
                if (D(group) == 'y' && ok(draft, i, needs))
                        change_each(draft, i, needs);
                if (D(group) == 'y' && !ok(draft, i, needs))
                        pass_over(draft, i, needs);
        }
        if (first_ok < 0)
                refuse_by_p(draft, has, needs);
}

/* U7, U9 */
static void member_at_owner(struct draft *draft, bool adding) {
        const struct naive_update *in = draft->in;
        int owner = FIRST(D(user) != 'n');
        const struct naive_update_directory *o = owner < 0 ? NULL : draft->d[owner];
        if (o && (o->user == '?' || o->group == '?' || (o->group == 'y' && o->member == '?') ||
                  (o->group == 'n' && FIRST(D(group) == '?') >= 0))) {
                refuse(draft, "unavailable", -1);
                return;
        }
        unsigned needs = 1u << MODIFY_GROUP | (adding && o && o->group == 'n' ? 1u << ADD_GROUP : 0);
        if (!o)
                refuse(draft, in->group_in_group ? "group-not-found" : "user-not-found", -1);
        else if (FIRST(D(group) == 'y') < 0)
                refuse(draft, "group-not-found", -1);
        else if (adding && o->group == 'n' && strcmp(in->name, "ok") != 0)
                refuse(draft, in->name, -1);
        else if (adding && o->group == 'y' && o->member == 'y')
                refuse(draft, "already-a-member", owner);
        else if (!ok(draft, owner, needs))
                refuse_by_p(draft, owner, needs);
        else if (adding && in->group_in_group && o->above)
                refuse(draft, "circular", owner);
        else if (in->group_in_group && !o->nested)
                refuse(draft, "nesting-not-supported", owner);
        else if (!adding && (o->group == 'n' || o->member == 'n'))
                refuse(draft, "not-a-member", owner);
        else {
                if (adding && o->group == 'n')
                        change(draft, owner, "add-group");
                change(draft, owner, adding ? "add-member" : "remove-member");
        }
}

#define BOTH (D(user) == 'y' && D(group) == 'y')

/* What U8 and U10 have in common; true when it is refused. */
static bool union_refused(struct draft *draft) {
        if (FIRST(D(user) == '?' || D(group) == '?' || (BOTH && D(member) == '?')) >= 0)
                refuse(draft, "unavailable", -1);
        else if (FIRST(D(user) == 'y') < 0)
                refuse(draft, draft->in->group_in_group ? "group-not-found" : "user-not-found", -1);
        else if (FIRST(D(group) == 'y') < 0)
                refuse(draft, "group-not-found", -1);
        else
                return false;
        return true;
}

/* U8 */
static void add_member_anywhere(struct draft *draft) {
        const struct naive_update *in = draft->in;
        unsigned join = 1u << MODIFY_GROUP, make = join | 1u << ADD_GROUP;
        if (union_refused(draft))
                return;
        int member = FIRST(BOTH && D(member) == 'y');
        int with = FIRST(BOTH && ok(draft, i, join));
        int without = FIRST(D(user) == 'y' && D(group) == 'n' && ok(draft, i, make));
        int target = with >= 0 ? with : without;
        if (member >= 0) {
                refuse(draft, "already-a-member", member);
        } else if (with < 0 && without >= 0 && strcmp(in->name, "ok") != 0) {
                refuse(draft, in->name, -1);
        } else if (target >= 0 && in->group_in_group && draft->d[target]->above) {
                refuse(draft, "circular", target);
        } else if (target >= 0 && in->group_in_group && !draft->d[target]->nested) {
                refuse(draft, "nesting-not-supported", target);
        } else {
                for (int i = 0; i < draft->n; i++) {
                        if (BOTH && !ok(draft, i, join) && (with < 0 || i < with))
                                pass_over(draft, i, join);
                        if (D(user) == 'y' && D(group) == 'n' && with < 0 && !ok(draft, i, make) && (without < 0 || i < without))
                                pass_over(draft, i, make);
                }
                if (target >= 0 && with < 0)
                        change(draft, target, "add-group");
                if (target >= 0)
                        change(draft, target, "add-member");
                int asked = FIRST(D(user) == 'y');
                if (target < 0)
                        refuse_by_p(draft, asked, draft->d[asked]->group == 'y' ? join : make);
        }
}

/* U10 */
static void remove_member_everywhere(struct draft *draft) {
        unsigned needs = 1u << MODIFY_GROUP;
        if (union_refused(draft))
                return;
        int denied = FIRST(BOTH && D(member) == 'y' && !ok(draft, i, needs));
        int flat = FIRST(BOTH && D(member) == 'y' && draft->in->group_in_group && !D(nested));
        if (FIRST(BOTH && D(member) == 'y') < 0)
                refuse(draft, "not-a-member", -1);
        else if (denied >= 0)
                refuse_by_p(draft, denied, needs);
        else if (flat >= 0)
                refuse(draft, "nesting-not-supported", flat);
        else
                for (int i = 0; i < draft->n; i++)
                        if (BOTH && D(member) == 'y')
                                change(draft, i, "remove-member");
}

static void plan(struct draft *draft) {
        const struct naive_update *in = draft->in;
        bool together = in->aggregating && !in->console;
        if (in->operation != '+' && strcmp(in->name, "ok") != 0)
                refuse(draft, in->name, -1);
        else if (in->console && draft->n == 0)
                refuse(draft, "unavailable", -1);
        else if (strchr("Aa", in->operation))
                add_something(draft, in->operation == 'a');
        else if (strchr("MNP", in->operation))
                modify_user(draft);
        else if (in->operation == 'R')
                remove_user(draft);
        else if (strchr("mr", in->operation))
                modify_group(draft);
        else if (!together)
                member_at_owner(draft, in->operation == '+');
        else if (in->operation == '+')
                add_member_anywhere(draft);
        else
                remove_member_everywhere(draft);
}

void naive_update(const struct naive_update *in, char *out, size_t size) {
        struct draft draft = { .in = in };
        for (int i = 0; i < in->count; i++)
                if (in->directory[i].on) {
                        draft.d[draft.n] = &in->directory[i];
                        draft.position[draft.n++] = i;
                }
        plan(&draft);
        (void)snprintf(out, size, "%s%s%s", draft.head, draft.changes, draft.passed);
}
