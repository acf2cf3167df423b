/* A file layer that fails on purpose; see store_fault.h. */
#include "unit/store_fault.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

struct fault_file {
        sqlite3_file base;
        const char *path;    /* SQLite's own string; NULL for a temporary file */
        sqlite3_file *real;
};

/* A write that no sync has made durable yet, with what it overwrote. */
struct unsynced {
        char *path;
        unsigned char *old;
        off_t offset;
        size_t len;
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs fault_vfs;
static struct unsynced *unsynced;
static size_t unsynced_count, unsynced_size;
static enum fault_mode mode;
static unsigned countdown;
static bool failing;

static sqlite3_file *real_of(sqlite3_file *file) {
        return ((struct fault_file *)file)->real;
}

/* Puts back what the lost writes overwrote, the newest first. */
_Noreturn static void power_cut(void) {
        for (size_t i = unsynced_count; i-- > 0;) {
                bool lost = mode == FAULT_POWER_ALL || (mode == FAULT_POWER_SOME && rand() % 2 == 0);
                int fd = lost ? open(unsynced[i].path, O_WRONLY | O_CLOEXEC) : -1;
                if (fd >= 0 && pwrite(fd, unsynced[i].old, unsynced[i].len, unsynced[i].offset) < 0)
                        _exit(1);
                if (fd >= 0)
                        (void)close(fd);
        }
        _exit(FAULT_EXIT);
}

/* Whether this operation fails; a power cut does not come back. */
static int meet_fault(void) {
        if (mode == FAULT_NONE)
                return SQLITE_OK;
        if (!failing && --countdown == 0)
                failing = true;
        if (!failing)
                return SQLITE_OK;
        if (mode == FAULT_FULL)
                return SQLITE_FULL;
        if (mode == FAULT_BROKEN)
                return SQLITE_IOERR_WRITE;
        power_cut();
}

static void remember(const struct fault_file *file, size_t len, off_t offset) {
        if (unsynced_count == unsynced_size) {
                unsynced_size = unsynced_size * 2 + 64;
                unsynced = reallocarray(unsynced, unsynced_size, sizeof *unsynced);
                if (!unsynced)
                        abort();
        }
        struct unsynced *entry = &unsynced[unsynced_count++];
        *entry = (struct unsynced){ .path = strdup(file->path), .old = calloc(1, len + 1), .offset = offset, .len = len };
        int fd = entry->path && entry->old ? open(entry->path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd < 0 || pread(fd, entry->old, len, offset) < 0) /* beyond its end: zeros */
                abort();
        (void)close(fd);
}

static void forget(const char *path) {
        size_t kept = 0;
        for (size_t i = 0; i < unsynced_count; i++) {
                if (strcmp(unsynced[i].path, path) == 0) {
                        free(unsynced[i].path);
                        free(unsynced[i].old);
                } else
                        unsynced[kept++] = unsynced[i];
        }
        unsynced_count = kept;
}

static bool loses_writes(void) {
        return mode == FAULT_POWER_ALL || mode == FAULT_POWER_SOME;
}

static int fault_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset) {
        struct fault_file *fault = (struct fault_file *)file;
        int r = meet_fault();
        if (r != SQLITE_OK)
                return r;
        if (loses_writes() && fault->path)
                remember(fault, (size_t)len, offset);
        return fault->real->pMethods->xWrite(fault->real, bytes, len, offset);
}

static int fault_sync(sqlite3_file *file, int flags) {
        struct fault_file *fault = (struct fault_file *)file;
        int r = meet_fault();
        if (r != SQLITE_OK)
                return r == SQLITE_FULL ? r : SQLITE_IOERR_FSYNC;
        r = fault->real->pMethods->xSync(fault->real, flags);
        if (r == SQLITE_OK && fault->path)
                forget(fault->path);
        return r;
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size) {
        int r = meet_fault();
        return r != SQLITE_OK ? r : real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int fault_close(sqlite3_file *file) { return real_of(file)->pMethods->xClose(real_of(file)); }
static int fault_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset) {
        return real_of(file)->pMethods->xRead(real_of(file), bytes, len, offset);
}
static int fault_size(sqlite3_file *file, sqlite3_int64 *size) { return real_of(file)->pMethods->xFileSize(real_of(file), size); }
static int fault_lock(sqlite3_file *file, int lock) { return real_of(file)->pMethods->xLock(real_of(file), lock); }
static int fault_unlock(sqlite3_file *file, int lock) { return real_of(file)->pMethods->xUnlock(real_of(file), lock); }
static int fault_reserved(sqlite3_file *file, int *out) { return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out); }
static int fault_control(sqlite3_file *file, int what, void *argument) {
        return real_of(file)->pMethods->xFileControl(real_of(file), what, argument);
}
static int fault_sector(sqlite3_file *file) { return real_of(file)->pMethods->xSectorSize(real_of(file)); }
static int fault_device(sqlite3_file *file) { return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file)); }
static int fault_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **map) {
        return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, map);
}
static int fault_shm_lock(sqlite3_file *file, int offset, int n, int flags) {
        return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}
static void fault_shm_barrier(sqlite3_file *file) { real_of(file)->pMethods->xShmBarrier(real_of(file)); }
static int fault_shm_unmap(sqlite3_file *file, int remove) { return real_of(file)->pMethods->xShmUnmap(real_of(file), remove); }

static const sqlite3_io_methods methods = {
        .iVersion = 2, .xClose = fault_close, .xRead = fault_read, .xWrite = fault_write, .xTruncate = fault_truncate, .xSync = fault_sync,
        .xFileSize = fault_size, .xLock = fault_lock, .xUnlock = fault_unlock, .xCheckReservedLock = fault_reserved,
        .xFileControl = fault_control, .xSectorSize = fault_sector, .xDeviceCharacteristics = fault_device, .xShmMap = fault_shm_map,
        .xShmLock = fault_shm_lock, .xShmBarrier = fault_shm_barrier, .xShmUnmap = fault_shm_unmap,
};

static int fault_open(_unused_ sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags) {
        struct fault_file *fault = (struct fault_file *)file;
        *fault = (struct fault_file){ .path = name, .real = (sqlite3_file *)(fault + 1) };
        int r = real_vfs->xOpen(real_vfs, name, fault->real, flags, out_flags);
        if (r == SQLITE_OK)
                fault->base.pMethods = &methods;
        return r;
}

static int fault_last_error(_unused_ sqlite3_vfs *vfs, _unused_ int size, _unused_ char *text) {
        return mode == FAULT_FULL ? ENOSPC : EIO;
}

void fault_install(void) {
        real_vfs = sqlite3_vfs_find(NULL);
        fault_vfs = *real_vfs;
        fault_vfs.zName = "fault";
        fault_vfs.pNext = NULL;
        fault_vfs.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
        fault_vfs.xOpen = fault_open;
        fault_vfs.xGetLastError = fault_last_error;
        if (sqlite3_vfs_register(&fault_vfs, 1) != SQLITE_OK)
                abort();
}

void fault_arm(enum fault_mode new_mode, unsigned nth, unsigned seed) {
        mode = new_mode;
        countdown = nth;
        failing = false;
        srand(seed);
}
