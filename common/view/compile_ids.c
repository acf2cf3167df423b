/* The compiler's second part: an id for every name that may be published, or the reason why not (I1 to I5), and primary groups (M10).
 *
 * Ids are claimed in three rounds over host's order, users and groups in each: first what is fixed (attributes, SIDs, entries that the
 * registry knows), then allocated names that the registry knows from an entry that is gone, last what must be allocated anew. A higher
 * directory claims before a lower one, and whatever is known before whatever is new.
 * Relies on: model/id, model/registry.
 * Must never: give out an id that the registry knows under another name, or that anybody has claimed. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/text.h"
#include "model/id.h"
#include "view/compile_internal.h"

enum { WHY_SIZE = 1024 };

static int claims_make(struct claims *claims, uint32_t entries) {
        uint32_t size = 64;
        while (size < entries + entries / 2)
                size *= 2;
        claims->ids = calloc(size, sizeof *claims->ids);
        claims->entries = calloc(size, sizeof *claims->entries);
        claims->mask = size - 1;
        return claims->ids && claims->entries ? 0 : -ENOMEM;
}

static uint32_t claims_slot(const struct claims *claims, uint32_t id) {
        uint32_t slot = (uint32_t)hash_u64(id, 0) & claims->mask;
        while (claims->ids[slot] != 0 && claims->ids[slot] != id)
                slot = (slot + 1) & claims->mask;
        return slot;
}

bool claims_get(const struct claims *claims, uint32_t id, uint32_t *entry) {
        uint32_t slot = claims_slot(claims, id);
        if (claims->ids[slot] == 0)
                return false;
        *entry = claims->entries[slot];
        return true;
}

static void claim(struct side *side, uint32_t number, uint32_t id) {
        uint32_t slot = claims_slot(&side->claims, id);
        side->claims.ids[slot] = id;
        side->claims.entries[slot] = number;
        side->entries[number].id = id;
        side->entries[number].state = ENTRY_CLAIMED;
}

static enum name_kind other_kind(enum name_kind kind) {
        return kind == NAME_OF_USER ? NAME_OF_GROUP : NAME_OF_USER;
}

static bool same_entry(const struct registry_row *row, const struct facts *facts) {
        return strcmp(row->entry_id, facts->entry_id) == 0 && strcmp(row->directory, facts->directory->name) == 0;
}

static bool accepted(const struct compiler *c, const struct side *side, const struct facts *facts) {
        return registry_is_accepted(c->input->registry, side->kind, facts->name);
}

/* Users and groups share one space of allocated ids (M10): a row of the other kind counts if its directory allocates. */
static const struct registry_row *shared_row(const struct compiler *c, const struct side *side, uint32_t id) {
        const struct registry_row *row = registry_by_id(c->input->registry, other_kind(side->kind), id);
        size_t directory = row ? settings_directory(c->settings, row->directory) : SETTINGS_NONE;
        return directory != SETTINGS_NONE && c->settings->directories[directory].ids == IDS_ALLOCATE ? row : NULL;
}

/* I5: the two cases in which an entry must wait for `accept`; then *why says so. A new entry under its directory's own name is none of
 * them, whatever its id. current: the registry's row of the name, or NULL. */
static bool withheld(const struct compiler *c, const struct side *side, const struct facts *facts, const struct registry_row *current,
                     uint32_t id, char why[WHY_SIZE]) {
        const char *option = side->kind == NAME_OF_GROUP ? "--group " : "";
        if (accepted(c, side, facts))
                return false;
        if (current && strcmp(current->directory, facts->directory->name) != 0) {
                snprintf(why, WHY_SIZE, "the name was published from directory %s until now; it is withheld until `multidirctl accept %s%s` (I5)",
                         current->directory, option, facts->name);
                return true;
        }
        const struct registry_row *holder = registry_by_id(c->input->registry, side->kind, id);
        if (holder == current || (holder && (text_same_name(holder->name, facts->name) || same_entry(holder, facts))))
                holder = NULL;
        if (!holder && facts->directory->ids != IDS_ALLOCATE) {
                holder = shared_row(c, side, id);
                if (holder && text_same_name(holder->name, facts->name))
                        holder = NULL;
        }
        if (holder)
                snprintf(why, WHY_SIZE, "id %" PRIu32 " was given to %s of directory %s; %s is withheld until `multidirctl accept %s%s` (I5)", id,
                         holder->name, holder->directory, facts->name, option, facts->name);
        return holder != NULL;
}

static int refuse(struct compiler *c, struct side *side, uint32_t number, const struct facts *facts, uint32_t id, uint32_t winner, const char *why) {
        side->entries[number].state = ENTRY_REFUSED;
        return add_row(c, side, facts, id, winner, REASON_ID_CONFLICT, "%s", why);
}

/* I3, I4, I5 for an id that the entry comes with. */
static int take_fixed(struct compiler *c, struct side *side, uint32_t number, const struct facts *facts, const struct registry_row *current,
                      uint32_t id) {
        char text[WHY_SIZE];
        const char *why;
        uint32_t holder;
        if (id_check(facts->directory, c->input->local, id, &why) != REASON_OK)
                return refuse(c, side, number, facts, id, NOBODY, why);
        if (claims_get(&side->claims, id, &holder)) {
                struct facts other;
                uint32_t place = place_of(c, side, holder);
                facts_of(c, side, place, holder - side->base[place], &other);
                snprintf(text, sizeof text, "%s of directory %s has id %" PRIu32 " (I4)", other.name, other.directory->name, id);
                return refuse(c, side, number, facts, id, c->host->places[place].directory, text);
        }
        if (base_has_id(c, side, id))
                return -EAGAIN; /* which of the two comes first, only a build of everybody tells */
        /* After I4, which names the winner: an id that somebody has now is not waiting for an acceptance. */
        if (withheld(c, side, facts, current, id, text))
                return refuse(c, side, number, facts, id, NOBODY, text);
        claim(side, number, id);
        side->entries[number].known = current && current->id == id && same_entry(current, facts);
        return 0;
}

/* The row of this very entry, under whatever name it was published: a renamed entry keeps its id. */
static const struct registry_row *row_of_entry(const struct compiler *c, const struct side *side, const struct facts *facts,
                                               const struct registry_row *current) {
        if (current && same_entry(current, facts))
                return current;
        return facts->entry_id[0] ? registry_by_entry(c->input->registry, side->kind, facts->directory->name, facts->entry_id) : NULL;
}

/* An id that `allocate` gave out, or another setting before it. One that may not be used any more (I3: another id_range, a local account) is
 * not exchanged silently: the administrator accepts that, and it goes on to round 3. */
static int take_known(struct compiler *c, struct side *side, uint32_t number, const struct facts *facts, const struct registry_row *current,
                      uint32_t id) {
        char text[WHY_SIZE];
        const char *why;
        if (id_check(facts->directory, c->input->local, id, &why) == REASON_OK)
                return take_fixed(c, side, number, facts, current, id);
        if (accepted(c, side, facts))
                return 0;
        snprintf(text, sizeof text, "it had id %" PRIu32 ": %s; `multidirctl accept %s%s` gives it a new one (I3)", id, why,
                 side->kind == NAME_OF_GROUP ? "--group " : "", facts->name);
        return refuse(c, side, number, facts, id, NOBODY, text);
}

/* Round 1: what is fixed. */
static int claim_fixed(struct compiler *c, struct side *side, uint32_t number, const struct facts *facts) {
        const struct registry_row *current = registry_by_name(c->input->registry, side->kind, facts->name);
        if (facts->directory->ids == IDS_ATTRIBUTE)
                return take_fixed(c, side, number, facts, current, facts->attribute_id);
        if (facts->directory->ids == IDS_SID) {
                uint32_t first, last, id;
                id_range(facts->directory, &first, &last);
                int r = id_from_sid(facts->sid, first, last, &id);
                if (r == 0)
                        return take_fixed(c, side, number, facts, current, id);
                return refuse(c, side, number, facts, 0, NOBODY, r == -ERANGE ? "the SID's RID does not fit the id range" : "the entry has no usable SID");
        }
        const struct registry_row *row = row_of_entry(c, side, facts, current);
        return row ? take_known(c, side, number, facts, current, row->id) : 0;
}

/* Round 2: an allocated name whose former entry is gone keeps the name's id; a group keeps it even under an accepted new owner, since
 * same-named groups share one id (I2). Where the former entry took a new name and its id with it, this one gets a new id in round 3. */
static int claim_known(struct compiler *c, struct side *side, uint32_t number, const struct facts *facts) {
        const struct registry_row *current = registry_by_name(c->input->registry, side->kind, facts->name);
        if (!current)
                return 0;
        bool same_directory = strcmp(current->directory, facts->directory->name) == 0;
        bool keeps = registry_by_id(c->input->registry, side->kind, current->id) == current && !is_claimed(c, side, current->id);
        if (same_directory)
                return keeps ? take_known(c, side, number, facts, current, current->id) : 0;
        if (!accepted(c, side, facts))
                return take_fixed(c, side, number, facts, current, current->id);
        if (side->kind == NAME_OF_GROUP && keeps && id_check(facts->directory, c->input->local, current->id, NULL) == REASON_OK)
                claim(side, number, current->id);
        return 0;
}

/* Whether nobody has, had or may not have the id. */
static bool is_free(const struct compiler *c, const struct facts *facts, uint32_t id) {
        return !is_claimed(c, &c->users, id) && !is_claimed(c, &c->groups, id) &&
               !registry_by_id(c->input->registry, NAME_OF_USER, id) && !registry_by_id(c->input->registry, NAME_OF_GROUP, id) &&
               id_check(facts->directory, c->input->local, id, NULL) == REASON_OK;
}

/* I2: where probing starts for this entry. */
static uint32_t computed_id(const struct side *side, const struct facts *facts, uint32_t first, uint32_t last) {
        char folded[NAME_LENGTH_MAX + 1];
        if (side->kind == NAME_OF_USER)
                return id_position(facts->directory->name, facts->entry_id, first, last);
        name_publish(NAME_CASE_LOWER, facts->name, folded);
        return id_position("", folded, first, last);
}

/* Round 3: a new id. */
static int claim_new(struct compiler *c, struct side *side, uint32_t number, const struct facts *facts) {
        uint32_t first, last;
        bool *full = &c->prepared[c->host->places[facts->place].directory].range_full;
        id_range(facts->directory, &first, &last);
        uint32_t start = computed_id(side, facts, first, last), id = start;
        while (!*full && !is_free(c, facts, id)) {
                id = id == last ? first : id + 1;
                /* Once a range is full it stays full: the next entry need not walk it again. */
                *full = id == start;
        }
        if (*full)
                return refuse(c, side, number, facts, 0, NOBODY, "id_range has no free id left (I2)");
        claim(side, number, id);
        return 0;
}

typedef int (*claim_round)(struct compiler *, struct side *, uint32_t, const struct facts *);

static int run_round(struct compiler *c, struct side *side, claim_round round) {
        int r = 0;
        for (uint32_t place = 0; place < c->host->count; place++) {
                if (round != claim_fixed && c->settings->directories[c->host->places[place].directory].ids != IDS_ALLOCATE)
                        continue;
                for (uint32_t i = 0; r == 0 && i < side_count(side, place); i++) {
                        struct facts facts;
                        uint32_t number = side->base[place] + i;
                        if (side->entries[number].state != ENTRY_NAMED)
                                continue;
                        facts_of(c, side, place, i, &facts);
                        r = round(c, side, number, &facts);
                }
        }
        return r;
}

int ids_assign(struct compiler *c) {
        static const claim_round rounds[] = { claim_fixed, claim_known, claim_new };
        int r = claims_make(&c->users.claims, c->users.base[c->host->count]);
        if (r == 0)
                r = claims_make(&c->groups.claims, c->groups.base[c->host->count]);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rounds); i++) {
                r = run_round(c, &c->groups, rounds[i]);
                if (r == 0)
                        r = run_round(c, &c->users, rounds[i]);
        }
        return r;
}

/* Says where an entry did not get the id computed for it because somebody else has that one: another host may decide otherwise (I2). */
static int note_collision(struct compiler *c, const struct side *side, uint32_t id, const struct facts *facts) {
        uint32_t first, last;
        id_range(facts->directory, &first, &last);
        uint32_t computed = computed_id(side, facts, first, last);
        if (computed == id)
                return 0;
        int r = side->kind == NAME_OF_USER ? displaced_add(c, computed) : 0;
        if (r < 0 || (!is_claimed(c, &c->users, computed) && !is_claimed(c, &c->groups, computed)))
                return r;
        return add_row(c, side, facts, id, NOBODY, REASON_OK, "published with id %" PRIu32 ": id %" PRIu32 ", computed for it, is taken (I2)", id, computed);
}

int registry_record(struct compiler *c, const struct side *side, uint32_t entry, const struct facts *facts) {
        int r = 0;
        uint32_t id = side->entries[entry].id;
        if (facts->directory->ids == IDS_ALLOCATE)
                r = note_collision(c, side, id, facts);
        if (r < 0 || side->entries[entry].known)
                return r;
        return registry_put(c->input->registry, &(struct registry_row){ .kind = side->kind, .name = facts->name, .directory = facts->directory->name,
                                                                         .entry_id = facts->entry_id, .id = id, .current = true });
}

static int number_order(const void *a, const void *b) {
        const struct number *x = a, *y = b;
        if (x->gid != y->gid)
                return x->gid < y->gid ? -1 : 1;
        return x->group < y->group ? -1 : x->group > y->group;
}

/* The gid numbers of one directory's groups; none where no user has one to translate. */
static int place_numbers(const struct replica *replica, struct numbers *numbers) {
        bool needed = false;
        for (uint32_t i = 0; !needed && i < replica->user_count; i++)
                needed = replica->users[i].posix_primary && replica->users[i].gid != ID_NONE;
        if (!needed)
                return 0;
        numbers->items = calloc((size_t)replica->group_count + 1, sizeof *numbers->items);
        if (!numbers->items)
                return -ENOMEM;
        for (uint32_t i = 0; i < replica->group_count; i++)
                if (replica->groups[i].gid != ID_NONE)
                        numbers->items[numbers->count++] = (struct number){ replica->groups[i].gid, i };
        qsort(numbers->items, numbers->count, sizeof *numbers->items, number_order);
        return 0;
}

int numbers_make(struct compiler *c) {
        int r = 0;
        c->numbers = calloc((size_t)c->host->count + 1, sizeof *c->numbers);
        c->primary = calloc((size_t)c->host->count + 1, sizeof *c->primary);
        if (!c->numbers || !c->primary)
                return -ENOMEM;
        for (uint32_t place = 0; r == 0 && place < c->host->count; place++) {
                const char *name = c->settings->directories[c->host->places[place].directory].primary_group;
                uint32_t group = name ? owner_of(c, &c->groups, name, c->host->count) : NOBODY;
                if (group != NOBODY && c->groups.entries[group].state == ENTRY_CLAIMED)
                        c->primary[place] = c->groups.entries[group].id;
                r = place_numbers(place_replica(c, place), &c->numbers[place]);
        }
        return r;
}

/* A RID is a number in one domain; a directory can hold several (a forest). Where the number is none, or somebody's SID is not known, the domain is no matter. */
static bool same_domain(const struct compiler *c, uint32_t place, const struct replica_user *user, uint32_t group) {
        const struct replica *replica = place_replica(c, place);
        const char *its = replica_text(replica, user->sid), *other = replica_text(replica, replica->groups[group].sid), *dash = strrchr(its, '-');
        bool is_rid = c->settings->directories[c->host->places[place].directory].ids != IDS_ATTRIBUTE;
        if (!is_rid || !dash || !other[0])
                return true;
        size_t len = (size_t)(dash - its) + 1;
        return strncmp(its, other, len) == 0 && !strchr(other + len, '-');
}

/* M10: the published gid of the group that the owner directory numbers so, 0 if none is published. */
static uint32_t translate(const struct compiler *c, uint32_t place, const struct replica_user *user) {
        const struct numbers *numbers = &c->numbers[place];
        uint32_t gid = user->gid;
        uint32_t low = 0, high = numbers->count;
        while (low < high) {
                uint32_t middle = low + (high - low) / 2;
                if (numbers->items[middle].gid < gid)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (; low < numbers->count && numbers->items[low].gid == gid; low++) {
                uint32_t own = c->groups.base[place] + numbers->items[low].group;
                const struct entry *owner = &c->groups.entries[c->groups.entries[own].owner];
                bool refused_here = c->groups.entries[own].state == ENTRY_REFUSED;
                if (!refused_here && same_domain(c, place, user, numbers->items[low].group) && owner->state == ENTRY_CLAIMED)
                        return owner->id;
        }
        return 0;
}

/* I5 for a private group: whether its name or gid was another group's. Private groups have no rows of their own, unless `accept` was needed. */
static const char *private_history(const struct compiler *c, uint32_t id, const struct facts *facts) {
        const struct registry_row *row = registry_by_id(c->input->registry, NAME_OF_GROUP, id);
        if (row && !text_same_name(row->name, facts->name))
                return "the id of the user's private group was another group's; multidirctl accept lets it change (I5, M10)";
        /* What is allowed to a former group's name, in sudoers say, must not pass to whoever is called like it. */
        row = registry_by_name(c->input->registry, NAME_OF_GROUP, facts->name);
        if (row && (row->id != id || strcmp(row->directory, facts->directory->name) != 0))
                return "the name of the user's private group was another group's; multidirctl accept lets it change (I5, M10)";
        return NULL;
}

int private_record(struct compiler *c, uint32_t id, const struct facts *facts) {
        if (!private_history(c, id, facts))
                return 0;
        return registry_put(c->input->registry, &(struct registry_row){ .kind = NAME_OF_GROUP, .name = facts->name, .directory = facts->directory->name,
                                                                         .entry_id = "", .id = id, .current = true });
}

static const char *private_fault(const struct compiler *c, uint32_t id, const struct facts *facts) {
        uint32_t holder, group = owner_of(c, &c->groups, facts->name, c->host->count);
        if (group != NOBODY && c->groups.entries[group].state == ENTRY_CLAIMED)
                return "a group has the name that the user's private group would have (M10)";
        if (claims_get(&c->groups.claims, id, &holder))
                return "a group has the id that the user's private group would have (M10)";
        return accepted(c, &c->users, facts) ? NULL : private_history(c, id, facts);
}

int primary_group(const struct compiler *c, uint32_t entry, const struct facts *facts, uint32_t *gid, bool *private_group, const char **why) {
        const struct replica_user *user = &place_replica(c, facts->place)->users[entry - c->users.base[facts->place]];
        uint32_t found = user->posix_primary && user->gid != ID_NONE ? translate(c, facts->place, user) : 0;
        if (found == 0)
                found = c->primary[facts->place];
        *private_group = found == 0;
        if (found == 0) {
                found = c->users.entries[entry].id;
                const char *fault = private_fault(c, found, facts);
                if (fault) {
                        *why = fault;
                        return -EEXIST;
                }
        }
        *gid = found;
        return 0;
}
