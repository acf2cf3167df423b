/* What the keeper holds; see keeper/state.h. */
#include "multidird/keeper/state.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/bulk.h"
#include "base/clock.h"
#include "base/log.h"
#include "multidird/keeper/accept.h"
#include "multidird/keeper/build.h"
#include "multidird/keeper/follow.h"
#include "multidird/keeper/handover.h"
#include "multidird/keeper/import.h"
#include "multidird/keeper/leaving.h"

struct keeper *keeper_new(const char *folder) {
        struct keeper *keeper = calloc(1, sizeof *keeper);
        if (!keeper)
                return NULL;
        keeper->view_fd = -1;
        keeper->folder = strdup(folder);
        if (!keeper->folder) {
                keeper_free(keeper);
                return NULL;
        }
        return keeper;
}

static void forget_tables(struct keeper *keeper, size_t directory) {
        closure_free(keeper->closures[directory]);
        keeper->closures[directory] = NULL;
        direct_groups_done(&keeper->direct[directory]);
        keeper->direct[directory] = (struct direct_groups){ 0 };
}

static void free_directories(struct keeper *keeper) {
        for (size_t i = 0; i < keeper->directory_count; i++) {
                forget_tables(keeper, i);
                replica_free(keeper->replicas[i]);
                store_close(keeper->directories[i].store);
        }
        free(keeper->directories);
        free(keeper->replicas);
        free(keeper->closures);
        free(keeper->direct);
        keeper->directories = NULL;
        keeper->replicas = NULL;
        keeper->closures = NULL;
        keeper->direct = NULL;
        keeper->directory_count = 0;
}

void keeper_free(struct keeper *keeper) {
        if (!keeper)
                return;
        keeper_import_drop_all(keeper);
        keeper_drop_view(keeper);
        keeper_accepted_done(keeper);
        keeper_planned_free(keeper->planned);
        keeper_changed_clear(keeper);
        leaving_done(keeper);
        free_directories(keeper);
        config_free(keeper->config);
        local_accounts_free(keeper->local);
        registry_free(keeper->registry);
        registry_store_close(keeper->registry_store);
        logins_close(keeper->logins);
        free(keeper->folder);
        free(keeper);
}

/* Keeps the words of a failure for `status`, and gives the error back. */
static int _printf_(3, 4) note(struct keeper_directory *directory, int error, const char *format, ...) {
        char text[sizeof directory->error];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        if (strcmp(text, directory->error) != 0) /* it is tried again before every command */
                log_error("directory %s: %s", directory->name, text);
        memcpy(directory->error, text, sizeof text);
        return error;
}

static void set_replica(struct keeper *keeper, size_t index, struct replica *replica) {
        forget_tables(keeper, index);
        replica_free(keeper->replicas[index]);
        keeper->replicas[index] = replica;
        keeper->directories[index].stale = false;
        keeper->directories[index].error[0] = 0;
}

static int refresh_one(struct keeper *keeper, size_t index) {
        struct keeper_directory *directory = &keeper->directories[index];
        if (!directory->store) {
                int r = store_open(keeper->folder, directory->name, directory->type, STORE_READ_WRITE, &directory->store);
                if (r == -EMEDIUMTYPE)
                        return note(directory, r, "%s/%s.db is the store of a directory of another type: give this one another name, or the type it had; or, where what"
                                    " that held is not wanted, move the file away and reload", keeper->folder, directory->name);
                if (r < 0)
                        return note(directory, r, "its store cannot be opened: %s", strerror(-r));
                directory->stale = true;
        }
        if (!directory->stale)
                return 0;
        struct replica *replica = NULL;
        int r = store_load(directory->store, &replica);
        if (r < 0)
                return note(directory, r, "its store cannot be read: %s (%s)", strerror(-r), store_error(directory->store));
        /* D6: what was never complete says nothing, not even that somebody is not there. */
        if (replica->synchronised_s == 0)
                replica_free(TAKE_PTR(replica));
        set_replica(keeper, index, replica);
        return 0;
}

void keeper_refresh(struct keeper *keeper) {
        for (size_t i = 0; i < keeper->directory_count; i++) {
                bool was = keeper_replica(keeper, i) != NULL;
                (void)refresh_one(keeper, i);
                if (!was && keeper_replica(keeper, i))
                        keeper_touch(keeper);
        }
}

void keeper_forget(struct keeper *keeper, size_t directory) {
        forget_tables(keeper, directory);
        replica_free(keeper->replicas[directory]);
        keeper->replicas[directory] = NULL;
        keeper_mark_stale(keeper, directory);
}

void keeper_mark_stale(struct keeper *keeper, size_t directory) {
        keeper->directories[directory].stale = true;
}

void keeper_reread(struct keeper *keeper, size_t directory) {
        keeper_mark_stale(keeper, directory);
        (void)refresh_one(keeper, directory);
        keeper_touch(keeper);
}

void keeper_adopt(struct keeper *keeper, size_t directory, struct replica *replica, bool content) {
        keeper->directories[directory].sync_error[0] = 0;
        if (content || !keeper_replica(keeper, directory)) {
                set_replica(keeper, directory, replica);
                keeper_touch(keeper);
                return;
        }
        keeper->replicas[directory]->synchronised_s = replica->synchronised_s;
        replica_free(replica);
}

void keeper_confirm(struct keeper *keeper, size_t directory, uint64_t synchronised_s) {
        keeper->directories[directory].sync_error[0] = 0;
        if (keeper_replica(keeper, directory))
                keeper->replicas[directory]->synchronised_s = synchronised_s;
        else
                keeper_reread(keeper, directory);
}

void keeper_sync_failed(struct keeper *keeper, size_t directory, const char *why) {
        struct keeper_directory *d = &keeper->directories[directory];
        (void)snprintf(d->sync_error, sizeof d->sync_error, "%s", why);
}

const struct replica *keeper_replica(const struct keeper *keeper, size_t directory) {
        return keeper_is_loaded(keeper, directory) ? keeper->replicas[directory] : NULL;
}

int keeper_prepare(struct keeper *keeper, size_t directory) {
        const struct replica *replica = keeper->replicas[directory];
        if (!keeper->direct[directory].first) {
                int r = direct_groups_new(replica, &keeper->direct[directory]);
                if (r < 0)
                        return r;
        }
        if (!keeper->closures[directory])
                return closure_new(replica, &keeper_settings(keeper)->directories[directory], &keeper->closures[directory]);
        return 0;
}

void keeper_rest(struct keeper *keeper) {
        for (size_t i = 0; i < keeper->directory_count; i++) {
                forget_tables(keeper, i);
                if (keeper->directories[i].store)
                        store_rest(keeper->directories[i].store);
        }
        (void)malloc_trim(0);
        int r = bulk_rest(keeper->folder);
        if (r < 0)
                log_debug("memory stays memory: %s", strerror(-r));
}

/* Moves the store and the replica of a directory that stays from the old arrays to the new ones. */
static void adopt(struct keeper *to, size_t index, struct keeper *from) {
        for (size_t i = 0; i < from->directory_count; i++) {
                struct keeper_directory *old = &from->directories[i];
                if (strcmp(old->name, to->directories[index].name) != 0 || old->type != to->directories[index].type)
                        continue;
                to->directories[index].store = TAKE_PTR(old->store);
                to->directories[index].stale = old->stale;
                memcpy(to->directories[index].sync_error, old->sync_error, sizeof old->sync_error);
                to->replicas[index] = TAKE_PTR(from->replicas[i]);
                return;
        }
}

/* Fills the directory arrays of `to`, which owns nothing yet. */
static int new_directories(struct keeper *to, const struct settings *settings) {
        size_t count = settings->directory_count;
        to->directories = calloc(count + 1, sizeof *to->directories);
        to->replicas = calloc(count + 1, sizeof *to->replicas);
        to->closures = calloc(count + 1, sizeof *to->closures);
        to->direct = calloc(count + 1, sizeof *to->direct);
        if (!to->directories || !to->replicas || !to->closures || !to->direct)
                return -ENOMEM;
        for (; to->directory_count < count; to->directory_count++) {
                const struct directory_settings *one = &settings->directories[to->directory_count];
                to->directories[to->directory_count] = (struct keeper_directory){ .name = one->name, .type = one->type };
        }
        return 0;
}

int keeper_configure(struct keeper *keeper, const struct config_sources *sources, struct sbuf *errors) {
        struct config *config = NULL;
        int r = config_parse(sources, false, errors, &config);
        if (r < 0)
                return r;
        struct keeper fresh = { .view_fd = -1 };
        r = new_directories(&fresh, &config->settings);
        if (r < 0) {
                free_directories(&fresh);
                config_free(config);
                return r;
        }
        for (size_t i = 0; i < fresh.directory_count; i++)
                adopt(&fresh, i, keeper);
        free_directories(keeper);
        config_free(keeper->config);
        keeper->config = config;
        compile_result_done(&keeper->masked); /* its rows speak of the former configuration's indexes */
        keeper->masked = (struct compile_result){ 0 };
        keeper->directories = fresh.directories;
        keeper->directory_count = fresh.directory_count;
        keeper->replicas = fresh.replicas;
        keeper->closures = fresh.closures;
        keeper->direct = fresh.direct;
        keeper_refresh(keeper);
        keeper_touch(keeper);
        return 0;
}

int keeper_set_local(struct keeper *keeper, const char *passwd, const char *group, const char *subuid, const char *subgid) {
        struct local_accounts *local = NULL;
        int r = local_accounts_new(passwd, group, subuid, subgid, &local);
        if (r < 0)
                return r;
        local_accounts_free(keeper->local);
        keeper->local = local;
        keeper_touch(keeper);
        return 0;
}

/* The console's world (P3): the one directory, switched on, in an application of its own. */
static int console_scope(struct keeper_scope *scope, size_t directory) {
        const struct settings *settings = keeper_settings(scope->keeper);
        scope->own_directories = malloc(settings->directory_count * sizeof *scope->own_directories);
        if (!scope->own_directories)
                return -ENOMEM;
        memcpy(scope->own_directories, settings->directories, settings->directory_count * sizeof *scope->own_directories);
        scope->own_directories[directory].active = true;
        scope->own_settings = *settings;
        scope->own_settings.directories = scope->own_directories;
        scope->own_mapping = (struct mapping_settings){ .directory = (uint32_t)directory, .permissions = PERMISSIONS_ALL };
        scope->own_application = (struct application_settings){ .name = "", .profile = "", .mappings = &scope->own_mapping, .mapping_count = 1,
                .membership = NON_AGGREGATING, .external_writes = EXTERNAL_WRITES_ALLOWED };
        scope->application = &scope->own_application;
        scope->world.settings = &scope->own_settings;
        return 0;
}

int keeper_scope_init(struct keeper_scope *scope, struct keeper *keeper, size_t application, size_t directory) {
        *scope = (struct keeper_scope){ .keeper = keeper, .directory = directory, .console = directory != SETTINGS_NONE };
        if (scope->console) {
                int r = console_scope(scope, directory);
                if (r < 0)
                        return r;
        } else {
                scope->application = &keeper_settings(keeper)->applications[application];
                scope->world.settings = keeper_settings(keeper);
        }
        scope->world.application = scope->application;
        scope->world.replicas = (const struct replica *const *)keeper->replicas;
        scope->world.closures = (const struct closure *const *)keeper->closures;
        scope->world.direct = keeper->direct;
        size_t position = 0, next;
        while ((next = keeper_scope_next(scope, &position)) != SETTINGS_NONE) {
                if (!keeper->replicas[next])
                        continue;
                int r = keeper_prepare(keeper, next);
                if (r < 0)
                        return r;
        }
        return 0;
}

void keeper_scope_done(struct keeper_scope *scope) {
        free(scope->own_directories);
        *scope = (struct keeper_scope){ 0 };
}

size_t keeper_scope_next(const struct keeper_scope *scope, size_t *position) {
        for (; *position < scope->application->mapping_count; (*position)++) {
                size_t directory = scope->application->mappings[*position].directory;
                if (!scope->world.settings->directories[directory].active)
                        continue;
                (*position)++;
                return directory;
        }
        return SETTINGS_NONE;
}
