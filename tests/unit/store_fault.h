/* A file layer for SQLite that fails on purpose: a full disk, a broken disk or a power cut at the Nth write.
 * Relies on: the default VFS, which it wraps.
 * Must never: be linked into anything but tests. */
#pragma once

enum fault_mode {
        FAULT_NONE = 0,
        FAULT_FULL,       /* the Nth write and all later ones find the disk full */
        FAULT_BROKEN,     /* the Nth write and all later ones fail */
        FAULT_POWER_ALL,  /* at the Nth write the process ends, and all that was not synced is lost */
        FAULT_POWER_SOME, /* the same, and of what was not synced a random part is lost */
        FAULT_POWER_NONE, /* the same, and nothing is lost: a killed process */
};
#define FAULT_EXIT 77     /* how a process ends in a power cut */

/* Registers the layer as the default one; once per process, before any file is opened. */
void fault_install(void);
/* From now on: the nth write, sync or truncation (1: the next) meets the mode. */
void fault_arm(enum fault_mode mode, unsigned nth, unsigned seed);
