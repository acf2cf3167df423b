/* Following a store; see keeper/follow.h. */
#include "multidird/keeper/follow.h"

#include <errno.h>

#include "replica/store_rows.h"

void keeper_changed_clear(struct keeper *keeper) {
        name_map_done(&keeper->changed);
        arena_done(&keeper->changed_text);
        keeper->everybody = false;
}

void keeper_follow(struct keeper *keeper, size_t directory) {
        struct keeper_directory *d = &keeper->directories[directory];
        struct replica *replica = keeper->replicas[directory];
        int r = replica && keeper_is_loaded(keeper, directory) ? store_follow(d->store, replica, &keeper->changed, &keeper->changed_text) : -EAGAIN;
        if (r == 0) {
                /* Nesting is as it was: only who is in which group is told anew. */
                direct_groups_done(&keeper->direct[directory]);
                keeper->direct[directory] = (struct direct_groups){ 0 };
                keeper->wanted++;
                return;
        }
        if (r != -EAGAIN) /* half changed: nobody may look at it */
                keeper_forget(keeper, directory);
        keeper_reread(keeper, directory);
}
