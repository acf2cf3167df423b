/* Views from the last one; see keeper/build_part.h. */
#include "multidird/keeper/build_part.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "view/merge.h"

/* Of all replicas the users at hand. */
struct parts { struct replica **replicas; size_t count; };

static void parts_done(struct parts *parts) {
        for (size_t i = 0; i < parts->count && parts->replicas; i++)
                replica_free(parts->replicas[i]);
        free(parts->replicas);
}

static int parts_make(const struct keeper *keeper, struct parts *parts) {
        int r = 0;
        parts->replicas = calloc(keeper->directory_count + 1, sizeof *parts->replicas);
        parts->count = keeper->directory_count;
        if (!parts->replicas)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < keeper->directory_count; i++)
                if (keeper->replicas[i])
                        r = replica_part(keeper->replicas[i], &keeper->changed, &parts->replicas[i]);
        return r;
}

/* What is certain before anything is looked at: an acceptance may concern anybody of the name's history (I5). */
static bool can_be_partly(const struct keeper *keeper) {
        return keeper->view.base && keeper->view_file && keeper->masked.settled && !keeper->everybody && keeper->changed.used > 0 && !keeper->accepted &&
               !registry_has_accepted(keeper->registry);
}

static int compile_part(struct keeper *keeper, const struct parts *parts, int part_fd, struct compile_result *part) {
        struct compile_base base = { .view = &keeper->view, .result = &keeper->masked, .names = &keeper->changed };
        struct compile_input input = {
                .settings = keeper_settings(keeper), .replicas = (const struct replica *const *)parts->replicas, .local = keeper->local,
                .registry = keeper->registry, .generation = keeper->generation, .built_s = clock_real_s(), .base = &base,
        };
        return compile_view(&input, part_fd, part);
}

static int merge(struct keeper *keeper, int part_fd, int fd) {
        struct view part;
        int r = view_open_fd(part_fd, &part);
        if (r < 0)
                return r;
        r = view_merge(&keeper->view, &part, &keeper->changed, fd);
        view_close(&part);
        if (r == 0) {
                r = registry_store_save(keeper->registry_store, keeper->registry);
                if (r < 0)
                        view_merge_undo(&keeper->view);
        }
        return r;
}

int keeper_build_part(struct keeper *keeper, int *fd, struct compile_result *part) {
        if (!can_be_partly(keeper))
                return -EAGAIN;
        _cleanup_(parts_done) struct parts parts = { 0 };
        _cleanup_close_ int part_fd = memfd_create("multidir-part", MFD_CLOEXEC);
        _cleanup_close_ int patch_fd = memfd_create("multidir-patch", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        int r = part_fd < 0 || patch_fd < 0 ? -ENOMEM : parts_make(keeper, &parts);
        if (r == 0)
                r = compile_part(keeper, &parts, part_fd, part);
        if (r == 0)
                r = merge(keeper, part_fd, patch_fd);
        if (r < 0) {
                log_debug("the change may concern others than its %u users: everybody is built", keeper->changed.used);
                compile_result_done(part);
                registry_revert(keeper->registry);
                return r;
        }
        *fd = TAKE_FD(patch_fd);
        return 0;
}
