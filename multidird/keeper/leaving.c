/* What leaves directories; see keeper/leaving.h.
 * Relies on: base/hash.
 * Must never: count an entry again while it counts: what is refused, or lost, again and again would let anything go. */
#include "multidird/keeper/leaving.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

#define LEAVING_MS 600000u  /* so long it counts: what became of it may be unknown */
#define LEAVING_MAX 16384u  /* more at a time are losses like any other */

/* By hashes: two that are alike only forgive less. claims: the commands that have it removed; one of them may have done so while another is refused. */
struct keeper_left { uint64_t kind, entry, until_ms; uint32_t claims; };

/* A removal at a server, as the counts know it. */
struct removal { struct keeper_leaving *leaving; enum entry_change operation; uint64_t kind, entry; };

static uint64_t hash_text(const char *text, uint64_t seed) {
        return hash_bytes(text ? text : "", text ? strlen(text) : 0, seed);
}

static bool is_removal(struct keeper *keeper, const struct update_step *step, struct removal *removal) {
        struct directory_change change;
        size_t d = step->at_server ? settings_directory(keeper_settings(keeper), step->directory) : SETTINGS_NONE;
        if (d == SETTINGS_NONE || update_unpack(step->change, step->change_len, &change) < 0)
                return false;
        if (change.operation != CHANGE_REMOVE_USER && change.operation != CHANGE_REMOVE_GROUP && change.operation != CHANGE_REMOVE_MEMBER)
                return false;
        *removal = (struct removal){ .leaving = &keeper->directories[d].leaving, .operation = change.operation };
        removal->kind = hash_text(step->directory, hash_u64((uint64_t)change.operation, 0));
        removal->entry = hash_text(change.entry_id[0] ? change.entry_id : change.name, removal->kind);
        if (change.member)
                removal->entry = hash_text(change.member_id[0] ? change.member_id : change.member, removal->entry);
        return true;
}

static bool has_count(const struct removal *removal) {
        const struct keeper_leaving *leaving = removal->leaving;
        return removal->operation == CHANGE_REMOVE_USER ? leaving->users > 0 : removal->operation == CHANGE_REMOVE_GROUP ? leaving->groups > 0 : leaving->memberships > 0;
}

static void count(const struct removal *removal, bool up) {
        if (removal->operation == CHANGE_REMOVE_USER)
                removal->leaving->users += up ? 1u : -1u;
        else if (removal->operation == CHANGE_REMOVE_GROUP)
                removal->leaving->groups += up ? 1u : -1u;
        else
                removal->leaving->memberships += up ? 1u : -(uint64_t)1;
}

/* What is over, and what a synchronisation has seen go: where nothing of a kind counts any more, no entry of it does. */
static void forget_old(struct keeper *keeper, const struct removal *removal, uint64_t now_ms) {
        bool none = !has_count(removal);
        size_t kept = 0;
        for (size_t i = 0; i < keeper->left_count; i++)
                if (now_ms < keeper->left[i].until_ms && !(none && keeper->left[i].kind == removal->kind))
                        keeper->left[kept++] = keeper->left[i];
        keeper->left_count = kept;
}

static struct keeper_left *find(const struct keeper *keeper, const struct removal *removal) {
        for (size_t i = 0; i < keeper->left_count; i++)
                if (keeper->left[i].entry == removal->entry && keeper->left[i].kind == removal->kind)
                        return &keeper->left[i];
        return NULL;
}

static void note_one(struct keeper *keeper, const struct removal *removal, uint64_t now_ms) {
        if (now_ms >= removal->leaving->until_ms)
                *removal->leaving = (struct keeper_leaving){ 0 };
        forget_old(keeper, removal, now_ms);
        struct keeper_left *left = find(keeper, removal);
        if (!left) {
                struct keeper_left *more = keeper->left_count < LEAVING_MAX ? reallocarray(keeper->left, keeper->left_count + 1, sizeof *more) : NULL;
                if (!more)
                        return;
                keeper->left = more;
                left = &keeper->left[keeper->left_count++];
                *left = (struct keeper_left){ .kind = removal->kind, .entry = removal->entry };
                count(removal, true);
        }
        left->claims++;
        left->until_ms = removal->leaving->until_ms = now_ms + LEAVING_MS;
}

void leaving_note(struct keeper *keeper, const struct update_step *steps, size_t step_count) {
        struct removal removal;
        for (size_t i = 0; i < step_count; i++)
                if (is_removal(keeper, &steps[i], &removal))
                        note_one(keeper, &removal, clock_monotonic_ms());
}

void leaving_take_back(struct keeper *keeper, const struct update_step *step) {
        struct removal removal;
        struct keeper_left *left = is_removal(keeper, step, &removal) ? find(keeper, &removal) : NULL;
        if (!left || --left->claims > 0)
                return;
        *left = keeper->left[--keeper->left_count];
        if (has_count(&removal))
                count(&removal, false);
}

void leaving_done(struct keeper *keeper) {
        free(keeper->left);
        keeper->left = NULL;
        keeper->left_count = 0;
}
