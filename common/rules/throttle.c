/* The throttle; see throttle.h.
 * Relies on: base/hash, base/text. All memory is taken at the start, so that counting cannot fail later.
 * Must never: walk more than the names it holds. */
#include "rules/throttle.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"

#define FREE_TRIES 5u        /* the sixth wrong password brings the first delay */
#define WRONG_COUNTED 16u    /* well past the longest delay: more need no counting */
#define DELAY_FIRST_MS UINT64_C(1000)
#define DELAY_MAX_MS UINT64_C(60000)
#define NAME_MAX_BYTES 255   /* N3 refuses longer ones before they come here */
#define BUCKETS THROTTLE_NAMES_MAX
#define NONE UINT32_MAX

struct entry {
        uint64_t hash, until_ms;
        uint32_t wrong;                /* in a row */
        uint32_t next_in_bucket;       /* of a free entry: the next free one */
        uint32_t older, newer;         /* by the last wrong password */
        char name[NAME_MAX_BYTES + 1]; /* folded */
};

struct throttle {
        uint32_t buckets[BUCKETS];
        uint32_t oldest, newest, free, used;
        struct entry entries[THROTTLE_NAMES_MAX]; /* touched only as names come */
};

struct throttle *throttle_new(void) {
        struct throttle *throttle = calloc(1, sizeof *throttle);
        if (!throttle)
                return NULL;
        memset(throttle->buckets, 0xff, sizeof throttle->buckets);
        throttle->oldest = throttle->newest = throttle->free = NONE;
        return throttle;
}

void throttle_free(struct throttle *throttle) {
        free(throttle);
}

/* Folds name into out[NAME_MAX_BYTES + 1]; false for one that N3 refuses as over-long. */
static bool fold(const char *name, char *out, uint64_t *hash) {
        size_t len = strnlen(name, NAME_MAX_BYTES + 1);
        if (len > NAME_MAX_BYTES)
                return false;
        text_fold(out, name, len);
        out[len] = 0;
        *hash = hash_bytes(out, len, 0);
        return true;
}

static uint32_t find(const struct throttle *throttle, const char *folded, uint64_t hash) {
        uint32_t at = throttle->buckets[hash % BUCKETS];
        while (at != NONE && (throttle->entries[at].hash != hash || strcmp(throttle->entries[at].name, folded) != 0))
                at = throttle->entries[at].next_in_bucket;
        return at;
}

static void unlink_age(struct throttle *throttle, uint32_t at) {
        struct entry *entry = &throttle->entries[at];
        *(entry->older == NONE ? &throttle->oldest : &throttle->entries[entry->older].newer) = entry->newer;
        *(entry->newer == NONE ? &throttle->newest : &throttle->entries[entry->newer].older) = entry->older;
}

static void link_newest(struct throttle *throttle, uint32_t at) {
        struct entry *entry = &throttle->entries[at];
        entry->older = throttle->newest;
        entry->newer = NONE;
        *(throttle->newest == NONE ? &throttle->oldest : &throttle->entries[throttle->newest].newer) = at;
        throttle->newest = at;
}

static void forget(struct throttle *throttle, uint32_t at) {
        struct entry *entry = &throttle->entries[at];
        uint32_t *link = &throttle->buckets[entry->hash % BUCKETS];
        while (*link != at)
                link = &throttle->entries[*link].next_in_bucket;
        *link = entry->next_in_bucket;
        unlink_age(throttle, at);
        entry->next_in_bucket = throttle->free;
        throttle->free = at;
}

/* Who is forgotten for a new name: the oldest that is under no delay, else the oldest. */
static uint32_t victim(const struct throttle *throttle, uint64_t now_ms) {
        for (uint32_t at = throttle->oldest; at != NONE; at = throttle->entries[at].newer)
                if (throttle->entries[at].until_ms <= now_ms)
                        return at;
        return throttle->oldest;
}

static uint32_t add(struct throttle *throttle, const char *folded, uint64_t hash, uint64_t now_ms) {
        uint32_t at;
        if (throttle->free == NONE && throttle->used == THROTTLE_NAMES_MAX)
                forget(throttle, victim(throttle, now_ms));
        if (throttle->free != NONE) {
                at = throttle->free;
                throttle->free = throttle->entries[at].next_in_bucket;
        } else {
                at = throttle->used++;
        }
        struct entry *entry = &throttle->entries[at];
        uint32_t *bucket = &throttle->buckets[hash % BUCKETS];
        *entry = (struct entry){ .hash = hash, .next_in_bucket = *bucket };
        memcpy(entry->name, folded, strlen(folded) + 1);
        *bucket = at;
        link_newest(throttle, at);
        return at;
}

bool throttle_refuses(const struct throttle *throttle, const char *name, uint64_t now_ms) {
        char folded[NAME_MAX_BYTES + 1];
        uint64_t hash;
        if (!fold(name, folded, &hash))
                return false;
        uint32_t at = find(throttle, folded, hash);
        return at != NONE && now_ms < throttle->entries[at].until_ms;
}

static uint64_t delay_after(uint32_t wrong) {
        if (wrong <= FREE_TRIES)
                return 0;
        uint64_t delay = DELAY_FIRST_MS << (wrong - FREE_TRIES - 1);
        return delay < DELAY_MAX_MS ? delay : DELAY_MAX_MS;
}

void throttle_wrong(struct throttle *throttle, const char *name, uint64_t now_ms) {
        char folded[NAME_MAX_BYTES + 1];
        uint64_t hash;
        if (!fold(name, folded, &hash))
                return;
        uint32_t at = find(throttle, folded, hash);
        if (at == NONE) {
                at = add(throttle, folded, hash, now_ms);
        } else {
                unlink_age(throttle, at);
                link_newest(throttle, at);
        }
        struct entry *entry = &throttle->entries[at];
        if (entry->wrong < WRONG_COUNTED)
                entry->wrong++;
        entry->until_ms = now_ms + delay_after(entry->wrong);
}

void throttle_right(struct throttle *throttle, const char *name) {
        char folded[NAME_MAX_BYTES + 1];
        uint64_t hash;
        if (!fold(name, folded, &hash))
                return;
        uint32_t at = find(throttle, folded, hash);
        if (at != NONE)
                forget(throttle, at);
}
