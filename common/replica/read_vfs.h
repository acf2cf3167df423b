/* The file layer of the read-only connections: SQLite's own, which opens the write-ahead log for writing even for a reader, with every
 * open turned into a read-only one.
 * Relies on: SQLite's default VFS.
 * Must never: let a descriptor that can write come into a checker's process. */
#pragma once

/* The name to hand to sqlite3_open_v2, registered at the first call; NULL when SQLite refuses. Not thread-safe: the processes that use it
 * have one thread. */
const char *read_vfs_name(void);
