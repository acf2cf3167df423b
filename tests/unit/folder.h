/* The end of a folder of files that a test or a measurement has made.
 * Relies on: nothing else.
 * Must never: look into folders below it: one that has any stays. */
#pragma once

#include <dirent.h>
#include <unistd.h>

#include "base/cleanup.h"

_unused_ static inline void help_remove_folder(const char *folder) {
        DIR *open = opendir(folder);
        for (struct dirent *entry; open && (entry = readdir(open));)
                if (entry->d_name[0] != '.')
                        (void)unlinkat(dirfd(open), entry->d_name, 0);
        if (open)
                (void)closedir(open);
        (void)rmdir(folder);
}
