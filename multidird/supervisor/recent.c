/* See supervisor/recent.h. A name has two places to be in, and takes that of whoever was noted there before the other. */
#include "multidird/supervisor/recent.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct known {
        uint64_t changes, noted_ms, synchronised_s;
        bool active;
        const char *entry_id, *dn, *external_id; /* behind user, in the same piece of memory */
        char user[];
};

struct recent { struct known *slots[RECENT_SLOTS]; };

/* Who picks names that meet in one place makes them slower, and nothing else. */
static size_t slot_of(const char *user, unsigned choice) {
        return (size_t)(hash_bytes(user, strlen(user), choice) % RECENT_SLOTS);
}

static bool holds(const struct known *known, const char *user) {
        return known && strcmp(known->user, user) == 0;
}

void recent_free(struct recent *recent) {
        for (size_t i = 0; recent && i < RECENT_SLOTS; i++)
                free(recent->slots[i]);
        free(recent);
}

/* Returns where the next text goes. */
static char *put(char *at, const char *text) {
        size_t size = strlen(text) + 1;
        memcpy(at, text, size);
        return at + size;
}

static struct known *known_new(const char *user, const struct protocol_answer *answer) {
        struct known *known = malloc(sizeof *known + strlen(user) + strlen(answer->entry_id) + strlen(answer->dn) + strlen(answer->external_id) + 4);
        if (!known)
                return NULL;
        char *entry_id = put(known->user, user), *dn = put(entry_id, answer->entry_id), *external_id = put(dn, answer->dn);
        (void)put(external_id, answer->external_id);
        known->entry_id = entry_id;
        known->dn = dn;
        known->external_id = external_id;
        known->active = answer->active;
        known->synchronised_s = answer->synchronised_s;
        return known;
}

void recent_note(struct recent **recent, const char *user, const struct protocol_answer *answer, uint64_t changes, uint64_t now_ms) {
        if (answer->presence != PRESENCE_FOUND || !answer->entry_id[0] || answer->synchronised_s == 0)
                return;
        if (!*recent)
                *recent = calloc(1, sizeof **recent);
        struct known *known = *recent ? known_new(user, answer) : NULL;
        if (!known)
                return;
        known->changes = changes;
        known->noted_ms = now_ms;
        struct known **slot = &(*recent)->slots[slot_of(user, 0)], **other = &(*recent)->slots[slot_of(user, 1)];
        if (!holds(*slot, user) && (holds(*other, user) || (*slot && (!*other || (*other)->noted_ms < (*slot)->noted_ms))))
                slot = other;
        free(*slot);
        *slot = known;
}

bool recent_find(const struct recent *recent, const char *user, uint64_t changes, uint64_t now_ms, struct protocol_answer *answer) {
        const struct known *known = recent ? recent->slots[slot_of(user, 0)] : NULL;
        if (recent && !holds(known, user))
                known = recent->slots[slot_of(user, 1)];
        if (!holds(known, user) || known->changes != changes || now_ms < known->noted_ms || now_ms - known->noted_ms > RECENT_MS)
                return false;
        *answer = (struct protocol_answer){ .presence = PRESENCE_FOUND, .active = known->active, .synchronised_s = known->synchronised_s };
        /* They fitted when they came out of such an answer. */
        (void)put(answer->entry_id, known->entry_id);
        (void)put(answer->dn, known->dn);
        (void)put(answer->external_id, known->external_id);
        return true;
}
