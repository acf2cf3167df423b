/* The compiler's third part: what each application says of each published user (L3, L4, L12, D6), and which local groups the members of a
 * directory's group are given (N4, M11).
 * Relies on: rules/gate, rules/membership.
 * Must never: look for a gate group outside the owner's directory, or at the membership scheme. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/id.h"
#include "model/name.h"
#include "view/compile_internal.h"

/* Adds to reaches every group whose members are members of one of the wanted ones: nesting is resolved once, not for each user. */
static int reach(const struct prepared *prepared, const bool *wanted, bool *reaches) {
        uint32_t groups = prepared->replica->group_count;
        _cleanup_free_ bool *below = calloc((size_t)groups + 1, sizeof *below);
        if (!below)
                return -ENOMEM;
        for (uint32_t g = 0; g < groups; g++) {
                if (!wanted[g])
                        continue;
                closure_below(prepared->closure, g, below);
                for (uint32_t i = 0; i < groups; i++)
                        reaches[i] |= below[i];
        }
        return 0;
}

static int gate_make(const struct compiler *c, struct place *place) {
        const struct prepared *prepared = &c->prepared[place->directory];
        size_t groups = (size_t)prepared->replica->group_count + 1;
        /* The rule itself says whether a mapping is open, so that this file cannot come to think otherwise. */
        place->allow_all = gate_check(place->mapping, NULL, NULL, 0) == REASON_OK;
        if (place->allow_all || place->mapping->allow_group_count == 0)
                return 0;
        _cleanup_free_ bool *wanted = calloc(groups, sizeof *wanted), *lets_in = calloc(groups, sizeof *lets_in);
        if (!wanted || !lets_in)
                return -ENOMEM;
        gate_groups(place->mapping, prepared->replica, wanted);
        int r = reach(prepared, wanted, lets_in);
        if (r == 0)
                place->lets_in = TAKE_PTR(lets_in);
        return r;
}

int gates_make(struct compiler *c) {
        int r = 0;
        for (size_t a = 0; a < c->settings->application_count; a++)
                for (uint32_t i = 0; r == 0 && i < c->orders[a].count; i++)
                        r = gate_make(c, &c->orders[a].places[i]);
        return r;
}

const uint32_t *direct_of(const struct compiler *c, uint32_t directory, uint32_t user, size_t *count) {
        const struct direct_groups *direct = &c->prepared[directory].direct;
        *count = direct->first[user + 1] - direct->first[user];
        return direct->groups + direct->first[user];
}

enum reason gate_of(const struct compiler *c, const struct place *place, uint32_t user) {
        size_t count;
        if (place->allow_all)
                return REASON_OK;
        if (!place->lets_in)
                return REASON_NO_ACCESS;
        const uint32_t *direct = direct_of(c, place->directory, user, &count);
        for (size_t i = 0; i < count; i++)
                if (place->lets_in[direct[i]])
                        return REASON_OK;
        return REASON_NO_ACCESS;
}

/* The application's owner of a name: its place and the entry's index. false: none of its directories has it. */
static bool application_owner(const struct compiler *c, const struct order *order, const char *name, uint32_t owner_directory, uint32_t owner_index,
                              const struct place **place, uint32_t *index) {
        for (uint32_t i = 0; i < order->count; i++) {
                uint32_t directory = order->places[i].directory;
                uint32_t found = directory == owner_directory ? owner_index : replica_find_user(c->prepared[directory].replica, name);
                if (found == REPLICA_NONE)
                        continue;
                *place = &order->places[i];
                *index = found;
                return true;
        }
        return false;
}

void access_of(const struct compiler *c, size_t application, const char *name, uint32_t owner_directory, uint32_t owner_index,
               struct view_writer_access *access) {
        const struct order *order = &c->orders[application];
        const struct place *place;
        uint32_t index;
        if (!application_owner(c, order, name, owner_directory, owner_index, &place, &index)) {
                /* Below a directory that was never complete the rightful owner is not known (D6). */
                enum reason reason = order->stopped_by != NOBODY ? REASON_UNAVAILABLE : REASON_NO_ACCESS;
                *access = (struct view_writer_access){ .reason = reason, .directory = UINT32_MAX, .entry_id = "" };
                return;
        }
        const struct prepared *prepared = &c->prepared[place->directory];
        const struct replica_user *user = &prepared->replica->users[index];
        bool other = place->directory != owner_directory || index != owner_index;
        access->directory = prepared->writer_index;
        access->entry_id = replica_text(prepared->replica, user->entry_id);
        if (user->ambiguous)
                access->reason = REASON_ID_CONFLICT; /* N2: no one entry that could be the published one */
        else if (!user->active)
                access->reason = REASON_INACTIVE; /* L3 */
        else if (gate_of(c, place, index) != REASON_OK)
                access->reason = REASON_NO_ACCESS; /* L4 */
        else
                access->reason = other && !c->settings->applications[application].allow_other_owner ? REASON_ID_CONFLICT : REASON_OK; /* L12, M8 */
}

/* One line of local_groups; a line that names no usable group grants nothing. */
static int grant_make(struct compiler *c, const struct local_group_settings *line) {
        const struct prepared *prepared = &c->prepared[line->directory];
        struct local_grant *grant = &c->grants[c->grant_count];
        if (!prepared->replica || !local_accounts_group_id(c->input->local, line->local, &grant->gid) || grant->gid == 0)
                return 0;
        uint32_t group = replica_find_group(prepared->replica, line->group);
        if (group == REPLICA_NONE || prepared->replica->groups[group].ambiguous || name_check(NAME_OF_GROUP, line->group, NULL) != REASON_OK)
                return 0;
        grant->directory = line->directory;
        grant->reaches = calloc((size_t)prepared->replica->group_count + 1, sizeof *grant->reaches);
        if (!grant->reaches)
                return -ENOMEM;
        c->grant_count++;
        closure_below(prepared->closure, group, grant->reaches);
        return 0;
}

int grants_make(struct compiler *c) {
        int r = 0;
        const struct application_settings *host = c->host_application;
        c->grants = calloc(host->local_group_count + 1, sizeof *c->grants);
        if (!c->grants)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < host->local_group_count; i++)
                r = grant_make(c, &host->local_groups[i]);
        return r;
}
