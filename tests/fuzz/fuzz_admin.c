/* Fuzz target: bytes -> JSON -> the keeper's commands, one request per line, over stores in a folder of its own that is emptied each time.
 * Relies on: multidird/keeper/command, libFuzzer.
 * Must never: look outside its folder under /dev/shm (or /tmp). */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "multidird/keeper/build.h"
#include "multidird/keeper/command.h"

#define REQUESTS_MAX 12
#define CONFIG "[directory/a]\ntype = internal\n[directory/b]\ntype = internal\nids = attribute\npermissions = modify-group, add-group\n" \
        "[application/host]\ndirectories = a, b\n[application/host/a]\nallow_groups = ops\n[application/ssh]\ndirectories = b, a\nmembership = aggregating\nservices = sshd\n"

/* In memory where there is such a place: every run makes its stores anew. */
static char in_memory[] = "/dev/shm/multidir-fuzz-XXXXXX", on_disk[] = "/tmp/multidir-fuzz-XXXXXX", *folder = in_memory;

static void empty_folder(void) {
        DIR *dir = opendir(folder);
        if (!dir)
                abort();
        for (struct dirent *entry; (entry = readdir(dir));)
                if (entry->d_name[0] != '.')
                        (void)unlinkat(dirfd(dir), entry->d_name, 0);
        (void)closedir(dir);
}

static void remove_folder(void) {
        empty_folder();
        (void)rmdir(folder);
}

static struct keeper *new_keeper(void) {
        struct config_source source = { .path = (char *)(uintptr_t)"multidir.conf", .text = (char *)(uintptr_t)CONFIG, .len = strlen(CONFIG) };
        struct config_sources sources = { .items = &source, .count = 1 };
        _cleanup_sbuf_ struct sbuf errors = { 0 };
        struct keeper *keeper = keeper_new(folder);
        if (!keeper || keeper_configure(keeper, &sources, &errors) < 0 || keeper_set_local(keeper, "root:x:0:0::/:/bin/sh\n", "root:x:0:\n", NULL, NULL) < 0)
                abort();
        return keeper;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
        if (!mkdtemp(folder) && !mkdtemp(folder = on_disk))
                abort();
        if (atexit(remove_folder) != 0)
                abort();
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct keeper *keeper = new_keeper();
        for (unsigned i = 0; size > 0 && i < REQUESTS_MAX; i++) {
                const uint8_t *end = memchr(data, '\n', size);
                size_t len = end ? (size_t)(end - data) : size;
                json_t *request = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
                int exit = -1;
                json_t *object = request ? keeper_command(keeper, request, &exit) : NULL;
                if (request && (!object || exit < 0 || exit > 8))
                        abort();
                json_decref(object);
                json_decref(request);
                data += len + (end != NULL);
                size -= len + (end != NULL);
        }
        if (keeper_build(keeper) < 0)
                abort();
        keeper_free(keeper);
        empty_folder();
        return 0;
}
