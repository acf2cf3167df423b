/* The compiler's first part: which directories take part (D6), who owns each name, and which names may be published (N2 to N4).
 * Relies on: rules/membership, model/name, model/local.
 * Must never: let a lower directory have a name because the owner's entry was refused. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/name_map.h"
#include "model/name.h"
#include "view/compile_internal.h"

/* A replica that was never complete is none (D6). */
static const struct replica *complete_replica(const struct compiler *c, uint32_t directory) {
        const struct replica *replica = c->input->replicas[directory];
        return replica && replica->synchronised_s > 0 ? replica : NULL;
}

static int order_make(struct compiler *c, const struct application_settings *application, struct order *order) {
        order->stopped_by = NOBODY;
        order->places = calloc(application->mapping_count + 1, sizeof *order->places);
        if (!order->places)
                return -ENOMEM;
        for (size_t i = 0; i < application->mapping_count; i++) {
                const struct mapping_settings *mapping = &application->mappings[i];
                const struct directory_settings *directory = &c->settings->directories[mapping->directory];
                if (!directory->active)
                        continue;
                const struct replica *replica = complete_replica(c, mapping->directory);
                if (replica) {
                        order->places[order->count++] = (struct place){ .directory = mapping->directory, .mapping = mapping };
                        c->prepared[mapping->directory].replica = replica;
                } else if (directory->on_unavailable == ON_UNAVAILABLE_STOP) {
                        order->stopped_by = mapping->directory;
                        order->first_hidden = i + 1;
                        break;
                }
        }
        return 0;
}

int orders_make(struct compiler *c) {
        int r = 0;
        c->orders = calloc(c->settings->application_count, sizeof *c->orders);
        c->prepared = calloc(c->settings->directory_count + 1, sizeof *c->prepared);
        if (!c->orders || !c->prepared)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < c->settings->application_count; i++)
                r = order_make(c, &c->settings->applications[i], &c->orders[i]);
        c->host = &c->orders[c->settings->host];
        return r;
}

static int directory_prepare(const struct directory_settings *settings, struct prepared *prepared) {
        uint32_t *scratch = calloc((size_t)prepared->replica->group_count + 1, sizeof *scratch);
        prepared->scratch = scratch;
        if (!scratch)
                return -ENOMEM;
        int r = closure_new(prepared->replica, settings, &prepared->closure);
        return r < 0 ? r : direct_groups_new(prepared->replica, &prepared->direct);
}

int directories_prepare(struct compiler *c) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < c->settings->directory_count; i++)
                if (c->prepared[i].replica)
                        r = directory_prepare(&c->settings->directories[i], &c->prepared[i]);
        return r;
}

void facts_of(const struct compiler *c, const struct side *side, uint32_t place, uint32_t index, struct facts *facts) {
        const struct replica *replica = place_replica(c, place);
        facts->place = place;
        facts->directory = &c->settings->directories[c->host->places[place].directory];
        if (side->kind == NAME_OF_USER) {
                const struct replica_user *user = &replica->users[index];
                facts->name = replica_text(replica, user->name);
                facts->entry_id = replica_text(replica, user->entry_id);
                facts->sid = replica_text(replica, user->sid);
                facts->attribute_id = user->uid;
                facts->ambiguous = user->ambiguous;
        } else {
                const struct replica_group *group = &replica->groups[index];
                facts->name = replica_text(replica, group->name);
                facts->entry_id = replica_text(replica, group->entry_id);
                facts->sid = replica_text(replica, group->sid);
                facts->attribute_id = group->gid;
                facts->ambiguous = group->ambiguous;
        }
}

uint32_t place_of(const struct compiler *c, const struct side *side, uint32_t entry) {
        uint32_t place = 0;
        while (place + 1 < c->host->count && side->base[place + 1] <= entry)
                place++;
        return place;
}

uint32_t owner_of(const struct compiler *c, const struct side *side, const char *name, uint32_t places) {
        for (uint32_t place = 0; place < places; place++) {
                const struct replica *replica = place_replica(c, place);
                uint32_t index = side->kind == NAME_OF_USER ? replica_find_user(replica, name) : replica_find_group(replica, name);
                if (index != REPLICA_NONE)
                        return side->base[place] + index;
        }
        return NOBODY;
}

/* N2 to N4. REASON_OK, or the refusal and a sentence. */
static enum reason admit_name(const struct compiler *c, const struct side *side, const struct facts *facts, const char **why) {
        if (facts->ambiguous) {
                *why = "another entry of the directory has the same name but for its case (N2)";
                return REASON_INVALID_NAME;
        }
        enum reason reason = name_check(side->kind, facts->name, why);
        if (reason != REASON_OK)
                return reason;
        if (local_accounts_has_name(c->input->local, facts->name)) {
                *why = "a local user or group has the name (N4)";
                return REASON_LOCAL_ACCOUNT;
        }
        if (name_is_reserved(facts->name)) {
                *why = "the name is reserved (N4)";
                return REASON_RESERVED_NAME;
        }
        return REASON_OK;
}

static int place_owners(struct compiler *c, struct side *side, uint32_t place) {
        int r = 0;
        for (uint32_t i = 0; r == 0 && i < side_count(side, place); i++) {
                struct facts facts;
                const char *why;
                uint32_t number = side->base[place] + i;
                struct entry *entry = &side->entries[number];
                facts_of(c, side, place, i, &facts);
                uint32_t higher = owner_of(c, side, facts.name, place);
                *entry = (struct entry){ .owner = higher != NOBODY ? higher : number, .out = NOBODY, .state = ENTRY_MASKED };
                if (higher != NOBODY) {
                        uint32_t winner = c->host->places[place_of(c, side, higher)].directory;
                        r = add_row(c, side, &facts, facts.attribute_id, winner, REASON_MASKED, "a directory that comes first has the name");
                        continue;
                }
                enum reason reason = admit_name(c, side, &facts, &why);
                entry->state = reason == REASON_OK ? ENTRY_NAMED : ENTRY_REFUSED;
                if (reason != REASON_OK)
                        r = add_row(c, side, &facts, facts.attribute_id, NOBODY, reason, "%s", why);
        }
        return r;
}

int side_owners(struct compiler *c, struct side *side) {
        uint64_t total = 0;
        int r = 0;
        side->base = calloc((size_t)c->host->count + 1, sizeof *side->base);
        if (!side->base)
                return -ENOMEM;
        for (uint32_t place = 0; place < c->host->count; place++) {
                const struct replica *replica = place_replica(c, place);
                total += side->kind == NAME_OF_USER ? replica->user_count : replica->group_count;
                if (total >= NOBODY / 4)
                        return -EOVERFLOW;
                side->base[place + 1] = (uint32_t)total;
        }
        side->entries = calloc(total + 1, sizeof *side->entries);
        if (!side->entries)
                return -ENOMEM;
        for (uint32_t place = 0; r == 0 && place < c->host->count; place++)
                r = place_owners(c, side, place);
        return r;
}

/* D6: what one hidden directory would have published, if only that which stops it were complete. */
static int hidden_directory(struct compiler *c, uint32_t directory, const struct replica *replica) {
        const char *winner = c->settings->directories[c->host->stopped_by].name;
        struct facts facts = { .directory = &c->settings->directories[directory] };
        int r = 0;
        for (uint32_t i = 0; r == 0 && i < replica->user_count; i++) {
                facts.name = replica_text(replica, replica->users[i].name);
                r = add_row(c, &c->users, &facts, 0, c->host->stopped_by, REASON_UNAVAILABLE, "directory %s has no complete replica yet (D6)", winner);
        }
        for (uint32_t i = 0; r == 0 && i < replica->group_count; i++) {
                facts.name = replica_text(replica, replica->groups[i].name);
                r = add_row(c, &c->groups, &facts, 0, c->host->stopped_by, REASON_UNAVAILABLE, "directory %s has no complete replica yet (D6)", winner);
        }
        return r;
}

int hidden_rows(struct compiler *c) {
        int r = 0;
        if (c->host->stopped_by == NOBODY)
                return 0;
        for (size_t i = c->host->first_hidden; r == 0 && i < c->host_application->mapping_count; i++) {
                uint32_t directory = c->host_application->mappings[i].directory;
                const struct replica *replica = complete_replica(c, directory);
                if (replica && c->settings->directories[directory].active)
                        r = hidden_directory(c, directory, replica);
        }
        return r;
}
