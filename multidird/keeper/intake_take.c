/* From a whole run to the store and the keeper's replica; see keeper/intake_take.h. */
#include "multidird/keeper/intake_take.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/keeper/follow.h"
#include "multidird/keeper/intake_guard.h"
#include "replica/store_rows.h"

enum { FOLLOWED_MAX = 100 }; /* deltas of a few rows each, one after the other */

static uint32_t less(uint32_t count, uint32_t by) {
        return count - (by < count ? by : count);
}

/* What an administrator has removed from here is no sign that the server hides something. */
static struct store_sync_changes unexpected(const struct keeper_leaving *leaving, const struct store_sync_changes *changes) {
        struct store_sync_changes rest = *changes;
        if (clock_monotonic_ms() < leaving->until_ms) {
                rest.lost_users = less(changes->lost_users, leaving->users);
                rest.lost_groups = less(changes->lost_groups, leaving->groups);
                rest.lost_memberships -= leaving->memberships < changes->lost_memberships ? leaving->memberships : changes->lost_memberships;
        }
        return rest;
}

static void forget_leaving(struct keeper_leaving *leaving, const struct store_sync_changes *changes) {
        leaving->users = less(leaving->users, changes->lost_users);
        leaving->groups = less(leaving->groups, changes->lost_groups);
        leaving->memberships -= changes->lost_memberships < leaving->memberships ? changes->lost_memberships : leaving->memberships;
}

/* D5: what may be lost is judged of this run, and of a delta together with those just before it. */
static int judge(struct keeper *keeper, size_t directory, const struct store_sync *content, const struct store_sync_changes *changes, char *text, size_t size) {
        const struct directory_settings *settings = &keeper_settings(keeper)->directories[directory];
        const struct store_sync_changes lost = unexpected(&keeper->directories[directory].leaving, changes);
        if (!intake_guard_passes(settings, &lost, text, size))
                return changes->delta ? -ESTALE : -ECANCELED;
        if (changes->delta && !intake_guard_adds_up(settings, &keeper->directories[directory].losses, &lost, clock_monotonic_ms())) {
                (void)snprintf(text, size, "many entries or memberships went one after the other: the directory must be read in full");
                return -ESTALE;
        }
        const struct replica *replica = store_sync_replica(content);
        return replica && (changes->content || !changes->had_replica) ? intake_guard_bounds(settings, replica, text, size) : 0;
}

/* The keeper's replica is as the store is now. */
static void adopt(struct keeper *keeper, size_t directory, const struct store_sync_changes *changes, struct replica *replica, uint64_t began_s) {
        struct keeper_directory *d = &keeper->directories[directory];
        if (!changes->delta) {
                d->full_needed = false;
                d->full_s = began_s;
        }
        d->unsettled = changes->unsettled;
        const struct store_sync_changes lost = unexpected(&d->leaving, changes);
        intake_guard_count(&d->losses, &lost, clock_monotonic_ms());
        forget_leaving(&d->leaving, changes);
        if (replica)
                keeper_adopt(keeper, directory, replica, changes->content || !changes->had_replica);
        else if (changes->content) {
                d->sync_error[0] = 0;
                keeper_follow(keeper, directory);
        } else
                keeper_confirm(keeper, directory, began_s);
        d->followed = replica ? 0 : d->followed + changes->content;
        log_debug("directory %s: %s, %u users and %u groups%s", d->name, changes->delta ? "changes taken in" : "synchronised", changes->users, changes->groups,
                  changes->content ? "" : ", nothing new");
}

int intake_take(struct keeper *keeper, size_t directory, struct store_sync *content, uint64_t began_s, char *text, size_t size) {
        struct store_sync_changes changes;
        struct replica *replica = NULL;
        keeper_refresh(keeper);
        struct store *store = keeper->directories[directory].store;
        if (!store) {
                (void)snprintf(text, size, "%s", keeper->directories[directory].error);
                return -EIO;
        }
        /* What is followed row by row is not measured: after so many it is looked at as a whole. */
        if (keeper->directories[directory].followed >= FOLLOWED_MAX)
                store_touch_everything(store);
        int r = store_sync_prepare(content, store, &changes);
        if (r == 0) {
                r = judge(keeper, directory, content, &changes, text, size);
                if (r < 0)
                        return r;
                r = store_sync_commit(content, began_s, &replica);
        }
        if (r < 0) {
                (void)snprintf(text, size, "%s", store_sync_error(content));
                return r;
        }
        adopt(keeper, directory, &changes, replica, began_s);
        return 0;
}
