/* What is refused of whole synchronisations; see keeper/intake_guard.h. */
#include "multidird/keeper/intake_guard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rules/membership.h"

/* Each kind by itself: many groups must not hide that all users are gone. */
static bool is_over(uint64_t lost, uint64_t old, uint32_t percent) {
        return lost * 100 > percent * old;
}

#define FEW 20 /* memberships that may be taken away in any directory */
#define LOSSES_MS (3600u * 1000u)

/* Taking a person out of a group must not wait for an administrator because the directory is small. All of them gone is another matter. */
static bool memberships_are_over(const struct store_sync_changes *changes, uint32_t percent) {
        bool all = changes->lost_memberships == changes->old_memberships && changes->old_memberships > 2;
        return is_over(changes->lost_memberships, changes->old_memberships, percent) && (changes->lost_memberships > FEW || all);
}

static void say_loss(const struct directory_settings *settings, const struct store_sync_changes *changes, char *text, size_t size) {
        (void)snprintf(text, size, "it would lose %u of %u users, %u of %u groups and %" PRIu64 " of %" PRIu64 " memberships of those that stay, more than "
                       "shrink_guard = %u percent of one of them; the last good replica stays (if the server's ACLs and the filters are as they should be, set "
                       "shrink_guard = 100 in [directory/%.100s] for one multidirctl directory sync)",
                       changes->lost_users, changes->old_users, changes->lost_groups, changes->old_groups, changes->lost_memberships,
                       changes->old_memberships, settings->shrink_guard, settings->name);
}

bool intake_guard_passes(const struct directory_settings *settings, const struct store_sync_changes *changes, char *text, size_t size) {
        uint32_t percent = settings->shrink_guard;
        if (percent >= 100)
                return true;
        if (changes->had_replica &&
            (is_over(changes->lost_users, changes->old_users, percent) || is_over(changes->lost_groups, changes->old_groups, percent) ||
             memberships_are_over(changes, percent))) {
                say_loss(settings, changes, text, size);
                return false;
        }
        if (changes->users > 0)
                return true;
        /* Of a first one, nothing can be lost; but who is "not there" may log in from a directory further down (D6). */
        (void)snprintf(text, size, "it has no users at all: look at user_filter, at the base, and at what the server lets the reader see (if there really are none, "
                       "set shrink_guard = 100 in [directory/%.100s])", settings->name);
        return false;
}

static struct keeper_losses sum(const struct keeper_losses *before, const struct store_sync_changes *changes, uint64_t now_ms) {
        struct keeper_losses all = *before;
        if (all.since_ms == 0 || now_ms - all.since_ms > LOSSES_MS)
                all = (struct keeper_losses){ .since_ms = now_ms, .old_users = changes->old_users, .old_groups = changes->old_groups };
        /* They are counted only where some are lost. */
        if (all.old_memberships < changes->old_memberships)
                all.old_memberships = changes->old_memberships;
        all.users += changes->lost_users;
        all.groups += changes->lost_groups;
        all.memberships += changes->lost_memberships;
        return all;
}

bool intake_guard_adds_up(const struct directory_settings *settings, const struct keeper_losses *losses, const struct store_sync_changes *changes, uint64_t now_ms) {
        struct keeper_losses all = sum(losses, changes, now_ms);
        const struct store_sync_changes judged = {
                .lost_memberships = all.memberships < all.old_memberships ? all.memberships : all.old_memberships, .old_memberships = all.old_memberships,
        };
        uint32_t percent = settings->shrink_guard;
        bool loses = changes->lost_users > 0 || changes->lost_groups > 0 || changes->lost_memberships > 0;
        return percent >= 100 || !loses || (!is_over(all.users, all.old_users, percent) && !is_over(all.groups, all.old_groups, percent) &&
                                            !memberships_are_over(&judged, percent));
}

void intake_guard_count(struct keeper_losses *losses, const struct store_sync_changes *changes, uint64_t now_ms) {
        if (changes->delta)
                *losses = sum(losses, changes, now_ms);
        else
                *losses = (struct keeper_losses){ 0 };
}

int intake_guard_bounds(const struct directory_settings *settings, const struct replica *replica, char *text, size_t size) {
        const struct membership_bounds bounds = { INTAKE_GROUPS_PER_USER, INTAKE_MEMBERSHIPS };
        uint32_t user = REPLICA_NONE;
        int r = membership_within(replica, settings, &bounds, &user);
        if (r == -EFBIG && user != REPLICA_NONE)
                (void)snprintf(text, size, "user %.100s would be in more than %u groups, nesting included; the last good replica stays (look at how the "
                               "groups are nested, or set nested_groups = no)", replica_text(replica, replica->users[user].name), INTAKE_GROUPS_PER_USER);
        else if (r == -EFBIG)
                (void)snprintf(text, size, "there would be more than %u memberships, nesting included; the last good replica stays (look at how the groups "
                               "are nested, or set nested_groups = no)", INTAKE_MEMBERSHIPS);
        else if (r < 0)
                (void)snprintf(text, size, "%s", strerror(-r));
        return r;
}
