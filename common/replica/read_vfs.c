/* A read-only file layer for SQLite; see read_vfs.h. */
#include "replica/read_vfs.h"

#include <sqlite3.h>
#include <stddef.h>

#include "base/cleanup.h"

static sqlite3_vfs *base; /* SQLite keeps VFSes in a global list: so must we */
static sqlite3_vfs read_vfs;

static int read_open(_unused_ sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags) {
        flags &= ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE | SQLITE_OPEN_DELETEONCLOSE);
        return base->xOpen(base, name, file, flags | SQLITE_OPEN_READONLY, out_flags);
}

static int read_delete(_unused_ sqlite3_vfs *vfs, _unused_ const char *name, _unused_ int sync_folder) {
        return SQLITE_READONLY;
}

const char *read_vfs_name(void) {
        static const char name[] = "multidir-read";
        if (base)
                return name;
        sqlite3_vfs *found = sqlite3_vfs_find(NULL);
        if (!found)
                return NULL;
        read_vfs = *found;
        read_vfs.zName = name;
        read_vfs.pNext = NULL;
        read_vfs.xOpen = read_open;
        read_vfs.xDelete = read_delete;
        if (sqlite3_vfs_register(&read_vfs, 0) != SQLITE_OK)
                return NULL;
        base = found;
        return name;
}
