/* View builds; see keeper/build.h. */
#include "multidird/keeper/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "multidird/keeper/accept.h"
#include "multidird/keeper/build_part.h"
#include "multidird/keeper/follow.h"
#include "multidird/keeper/json.h"
#include "view/format.h"

#define GENERATION_FILE "generation"
#define GENERATION_BLOCK 1000u /* numbers reserved at a time: one write to disk per so many builds */

static char *generation_path(const struct keeper *keeper) {
        char *path = NULL;
        return asprintf(&path, "%s/" GENERATION_FILE, keeper->folder) < 0 ? NULL : path;
}

/* Numbers grow over restarts, also when many builds in a second ran ahead of the clock, or when the file is lost. */
static void first_generation(struct keeper *keeper) {
        _cleanup_free_ char *path = generation_path(keeper);
        char *text;
        size_t len;
        uint64_t stored = 0;
        if (path && file_read(path, 64, &text, &len) == 0) {
                text[strcspn(text, "\n")] = 0;
                (void)text_to_u64(text, UINT64_MAX - 2 * GENERATION_BLOCK, &stored);
                free(text);
        }
        uint64_t now = clock_real_s();
        keeper->generation = stored > now ? stored : now;
        keeper->generation_bound = stored;
}

static void next_generation(struct keeper *keeper) {
        if (keeper->generation == 0)
                first_generation(keeper);
        keeper->generation++;
        if (keeper->generation <= keeper->generation_bound)
                return;
        _cleanup_free_ char *path = generation_path(keeper);
        char text[32];
        int len = snprintf(text, sizeof text, "%llu\n", (unsigned long long)(keeper->generation + GENERATION_BLOCK));
        int r = path ? file_replace(path, text, (size_t)len, 0600) : -ENOMEM;
        if (r < 0) /* the clock is the second line of defence */
                log_warning("the generation number cannot be saved: %s", strerror(-r));
        else
                keeper->generation_bound = keeper->generation + GENERATION_BLOCK;
}

/* I2: a registry that is gone has forgotten; a host that never built a view has none to lose. Asked before it is made anew. */
static bool is_registry_lost(const struct keeper *keeper) {
        _cleanup_free_ char *path = NULL;
        _cleanup_free_ char *earlier = generation_path(keeper);
        if (!keeper->has_published && (!earlier || access(earlier, F_OK) < 0))
                return false;
        if (asprintf(&path, "%s/ids.db", keeper->folder) < 0 || access(path, F_OK) == 0)
                return false;
        log_warning("%s is gone: a new id registry begins (I2, I5)", path);
        return true;
}

static int open_registry(struct keeper *keeper) {
        if (!keeper->registry_store) {
                keeper->registry_lost = keeper->registry_lost || is_registry_lost(keeper);
                int r = registry_store_open(keeper->folder, &keeper->registry_store);
                if (r < 0)
                        return r;
        }
        return keeper->registry ? 0 : registry_store_load(keeper->registry_store, &keeper->registry);
}

/* Maps privately, and so that view_merge can make the next one of it. */
static int map_view(int fd, struct view *view) {
        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        void *base = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
        if (base == MAP_FAILED)
                return -errno;
        *view = (struct view){ .base = base, .size = (size_t)st.st_size };
        return 0;
}

static int seal(int fd) {
        return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 ? -errno : 0;
}

static int seal_and_map(int fd, struct view *view) {
        int r = seal(fd);
        return r < 0 ? r : map_view(fd, view);
}

static int compile(struct keeper *keeper, int fd, struct compile_result *result) {
        struct compile_input input = {
                .settings = keeper_settings(keeper), .replicas = (const struct replica *const *)keeper->replicas, .local = keeper->local,
                .registry = keeper->registry, .generation = keeper->generation, .built_s = clock_real_s(),
        };
        int r = compile_view(&input, fd, result);
        if (r >= 0) {
                r = registry_store_save(keeper->registry_store, keeper->registry);
                if (r < 0)
                        compile_result_done(result);
        }
        if (r < 0)
                registry_revert(keeper->registry);
        return r;
}

/* Active means mapped too: what no application looks at is in no view. */
static bool takes_part(const struct settings *settings, size_t directory) {
        bool mapped = false;
        for (size_t a = 0; a < settings->application_count; a++)
                for (size_t m = 0; m < settings->applications[a].mapping_count; m++)
                        mapped = mapped || settings->applications[a].mappings[m].directory == directory;
        return mapped && settings->directories[directory].active;
}

/* Whether the directory has been here before: its store is there, or cannot be seen to be gone. */
static bool has_store(const struct keeper *keeper, const struct keeper_directory *directory) {
        _cleanup_free_ char *path = NULL;
        if (asprintf(&path, "%s/%s.db", keeper->folder, directory->name) < 0)
                return true;
        return access(path, F_OK) == 0 || errno != ENOENT;
}

/* D5: what cannot be read is not empty. While there is a view, it stays; only a host without one starts as D6 says. 0 or -EIO. */
static int check_directories(const struct keeper *keeper, char *text, size_t size) {
        for (size_t i = 0; i < keeper->directory_count; i++) {
                const struct keeper_directory *directory = &keeper->directories[i];
                if (keeper_is_loaded(keeper, i) || !takes_part(keeper_settings(keeper), i))
                        continue;
                if (!keeper->replicas[i] && (!keeper->has_published || !has_store(keeper, directory)))
                        continue;
                (void)snprintf(text, size, "directory %s: %.255s; the last good view stays (active = no in [directory/%s] goes on without it)",
                               directory->name, directory->error, directory->name);
                return -EIO;
        }
        return 0;
}

/* All of it is the keeper's now. */
static void take_view(struct keeper *keeper, const struct view *view, const struct compile_result *result, int fd) {
        keeper_drop_view(keeper);
        keeper->view = *view;
        keeper->masked = *result;
        keeper->view_fd = fd;
        keeper->view_patch = false;
        keeper_changed_clear(keeper);
}

/* From the last view and the users who changed. 0, or why not; then everybody is to be built. */
static int build_part(struct keeper *keeper) {
        struct compile_result part = { 0 };
        _cleanup_close_ int fd = -1;
        int r = keeper_build_part(keeper, &fd, &part);
        if (r < 0)
                return r;
        keeper->view_file = false; /* it is ahead of the file until the file is replaced */
        r = seal(fd);
        if (r == 0)
                r = compile_join(&keeper->masked, &part, &keeper->changed);
        compile_result_done(&part);
        if (r < 0)
                return r;
        if (keeper->view_fd >= 0)
                (void)close(keeper->view_fd);
        keeper->view_fd = TAKE_FD(fd);
        keeper->view_patch = true;
        keeper_changed_clear(keeper);
        return 0;
}

static int build(struct keeper *keeper, const char **step) {
        *step = "it has no configuration, or no local account files, yet";
        if (!keeper->config || !keeper->local)
                return -EAGAIN;
        *step = "the id registry cannot be opened";
        int r = open_registry(keeper);
        if (r < 0)
                return r;
        *step = "the accepted names cannot be read";
        r = keeper_accepted_apply(keeper);
        if (r < 0)
                return r;
        next_generation(keeper);
        *step = "it cannot be compiled";
        if (build_part(keeper) == 0)
                return 0;
        _cleanup_close_ int fd = memfd_create("multidir-view", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        struct compile_result result = { 0 };
        r = compile(keeper, fd, &result);
        if (r < 0)
                return r;
        *step = "its memory cannot be sealed";
        struct view view = { 0 };
        r = seal_and_map(fd, &view);
        if (r < 0) {
                compile_result_done(&result);
                return r;
        }
        keeper_accepted_used(keeper);
        take_view(keeper, &view, &result, TAKE_FD(fd));
        return 0;
}

int keeper_build(struct keeper *keeper) {
        if (!keeper_is_dirty(keeper))
                return 0;
        keeper_refresh(keeper);
        uint64_t wanted = keeper->wanted;
        const char *step = "";
        char text[sizeof keeper->build_error] = "";
        int r = keeper->config ? check_directories(keeper, text, sizeof text) : 0;
        if (r == 0) {
                r = build(keeper, &step);
                (void)snprintf(text, sizeof text, "the view cannot be built: %s: %s", step, strerror(-r));
        }
        if (r < 0) {
                if (strcmp(text, keeper->build_error) != 0) /* it is tried again and again */
                        log_error("%s", text);
                memcpy(keeper->build_error, text, sizeof text);
                return r;
        }
        keeper->build_error[0] = 0;
        keeper->built = wanted;
        return 0;
}

int keeper_take_view(struct keeper *keeper, uint64_t *generation) {
        if (keeper->view_fd < 0)
                return -ENOENT;
        *generation = keeper->generation;
        return TAKE_FD(keeper->view_fd);
}

void keeper_use_file(struct keeper *keeper, uint64_t generation, int fd) {
        struct view file;
        struct view_header ours, theirs;
        if (!keeper->view.base || keeper->view_fd >= 0 || generation != keeper->generation || map_view(fd, &file) < 0)
                return;
        memcpy(&ours, keeper->view.base, sizeof ours);
        if (file.size != keeper->view.size || file.size < sizeof theirs) {
                view_close(&file);
                return;
        }
        memcpy(&theirs, file.base, sizeof theirs);
        ours.superseded = theirs.superseded = 0;
        if (memcmp(&ours, &theirs, sizeof ours) != 0) {
                view_close(&file);
                return;
        }
        view_close(&keeper->view);
        keeper->view = file;
        keeper->view_file = true;
}

void keeper_drop_view(struct keeper *keeper) {
        if (keeper->view.base)
                (void)munmap((void *)(uintptr_t)keeper->view.base, keeper->view.size);
        keeper->view = (struct view){ 0 };
        keeper->view_file = false;
        compile_result_done(&keeper->masked);
        keeper->masked = (struct compile_result){ 0 };
        if (keeper->view_fd >= 0)
                (void)close(keeper->view_fd);
        keeper->view_fd = -1;
}

const struct view *keeper_view(struct keeper *keeper) {
        (void)keeper_build(keeper);
        return keeper->view.base ? &keeper->view : NULL;
}

const struct masked_row *keeper_masked_row(const struct keeper *keeper, enum name_kind kind, const char *name, size_t owner) {
        const struct masked_row *best = NULL;
        for (size_t i = 0; i < keeper->masked.row_count; i++) {
                const struct masked_row *row = &keeper->masked.rows[i];
                if (row->kind != kind || !text_same_name(row->name, name))
                        continue;
                if (row->directory == owner && row->reason != REASON_MASKED)
                        return row;
                if (!best || (best->reason == REASON_MASKED && row->reason != REASON_MASKED))
                        best = row;
        }
        return best;
}

static json_t *directory_state(const struct keeper *keeper, size_t index) {
        const struct keeper_directory *directory = &keeper->directories[index];
        const struct directory_settings *settings = &keeper_settings(keeper)->directories[index];
        const struct replica *replica = keeper->replicas[index];
        bool complete = replica && replica->synchronised_s != 0;
        const char *error = directory->error[0] ? directory->error : directory->sync_error;
        const char *state = !settings->active ? "off" : *error ? "failed" : complete ? "ready" : "empty";
        uint64_t now = clock_real_s();
        /* What is kept here is its own truth: it is never old. */
        uint64_t age = !complete || directory_is_kept_here(directory->type) || replica->synchronised_s > now ? 0 : now - replica->synchronised_s;
        return json_pack("{s:o, s:s, s:s, s:o, s:I, s:I, s:o}", "name", keeper_text(directory->name), "type", keeper_type_name(directory->type),
                         "state", state, "age", complete ? json_integer((json_int_t)age) : json_null(),
                         "users", (json_int_t)(replica ? replica->user_count : 0), "groups", (json_int_t)(replica ? replica->group_count : 0),
                         "error", *error ? keeper_text(error) : json_null());
}

/* I1: the last build's users who say no id where each has to say one. */
static size_t users_without_id(const struct keeper *keeper, size_t index) {
        size_t count = 0;
        for (size_t i = 0; keeper_settings(keeper)->directories[index].ids == IDS_ATTRIBUTE && i < keeper->masked.row_count; i++) {
                const struct masked_row *row = &keeper->masked.rows[i];
                count += row->kind == NAME_OF_USER && row->id == 0 && row->directory == index && row->reason == REASON_ID_CONFLICT;
        }
        return count;
}

static void warn_of_ids(const struct keeper *keeper, size_t index, json_t *warnings) {
        const struct ldap_settings *ldap = keeper->directories[index].type == DIRECTORY_LDAP ? config_ldap(keeper->config, index) : NULL;
        const struct replica *replica = keeper->replicas[index];
        size_t count = users_without_id(keeper, index);
        if (count > 0)
                (void)json_array_append_new(warnings, json_sprintf("directory %s: %zu of its %u users are not published, because they have no id (ids = attribute%s%s)",
                                                                   keeper->directories[index].name, count, replica ? replica->user_count : 0,
                                                                   ldap ? ", user_uid = " : "", ldap ? ldap->user_uid : ""));
}

json_t *keeper_state_json(const struct keeper *keeper) {
        json_t *directories = json_array(), *warnings = json_array();
        for (size_t i = 0; i < keeper->directory_count; i++)
                (void)json_array_append_new(directories, directory_state(keeper, i));
        for (size_t i = 0; i < keeper->directory_count; i++)
                warn_of_ids(keeper, i, warnings);
        if (keeper->build_error[0])
                (void)json_array_append_new(warnings, keeper_text(keeper->build_error));
        if (keeper->registry_lost)
                (void)json_array_append_new(warnings, json_string("the id registry (ids.db) was gone and begins anew: names and ids that were given out before are "
                                                                  "forgotten (I2, I5); put it back from a backup if there is one"));
        return json_pack("{s:o, s:I, s:o}", "directories", directories, "masked", (json_int_t)keeper->masked.row_count, "warnings", warnings);
}
