/* What the tests of the stores share: a folder that goes away, and a replica as one line of text.
 * Relies on: cmocka (include it before).
 * Must never: remove anything but a folder that help_folder() made. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "model/replica.h"
#include "unit/folder.h"

/* In memory where there is such a folder: these tests sync thousands of times, and what a power cut loses they simulate themselves. */
static inline void help_folder(char *folder, size_t size) {
        const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        (void)snprintf(folder, size, "%s/multidir-store-XXXXXX", parent);
        assert_non_null(mkdtemp(folder));
}

static inline int help_compare(const void *a, const void *b) {
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts words and joins them with blanks; frees them. */
static inline void help_join(char **words, size_t count, char *text, size_t size) {
        size_t used = 0;
        if (count > 0)
                qsort(words, count, sizeof *words, help_compare);
        text[0] = 0;
        for (size_t i = 0; i < count; i++) {
                if (used < size)
                        used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? " " : "", words[i]);
                free(words[i]);
        }
        free(words);
}

/* "NAME:ENTRYID:ACTIVE …", sorted by bytes. */
_unused_ static inline void help_users(const struct replica *replica, char *text, size_t size) {
        char **words = calloc(replica->user_count + 1, sizeof *words);
        for (uint32_t i = 0; i < replica->user_count; i++)
                if (asprintf(&words[i], "%s:%s:%d", replica_text(replica, replica->users[i].name),
                             replica_text(replica, replica->users[i].entry_id), replica->users[i].active) < 0)
                        abort();
        help_join(words, replica->user_count, text, size);
}

/* "USER>GROUP … CHILD>>PARENT …", sorted by bytes. */
_unused_ static inline void help_edges(const struct replica *replica, char *text, size_t size) {
        size_t count = 0;
        char **words = calloc(replica->user_edge_count + replica->group_edge_count + 1, sizeof *words);
        for (size_t i = 0; i < replica->user_edge_count; i++)
                if (asprintf(&words[count++], "%s>%s", replica_text(replica, replica->users[replica->user_edges[i].member].name),
                             replica_text(replica, replica->groups[replica->user_edges[i].group].name)) < 0)
                        abort();
        for (size_t i = 0; i < replica->group_edge_count; i++)
                if (asprintf(&words[count++], "%s>>%s", replica_text(replica, replica->groups[replica->group_edges[i].member].name),
                             replica_text(replica, replica->groups[replica->group_edges[i].group].name)) < 0)
                        abort();
        help_join(words, count, text, size);
}
