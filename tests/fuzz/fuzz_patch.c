/* Patches of a view over any bytes, as the installer takes them: applied to a file of the size that they name, within reason.
 * Relies on: view/patch.
 * Must never: crash, hang, or write outside the file. */
#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "view/patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct view_patch patch;
        struct stat st;
        _Alignas(8) unsigned char bytes[1 << 16];
        if (size > sizeof bytes)
                return 0;
        memcpy(bytes, data, size);
        if (view_patch_parse(bytes, size, &patch) < 0)
                return 0;
        int fd = memfd_create("fuzz", MFD_CLOEXEC);
        assert(fd >= 0 && ftruncate(fd, (off_t)patch.header->file_size) == 0);
        assert(view_patch_apply(&patch, fd) == 0);
        assert(fstat(fd, &st) == 0 && (uint64_t)st.st_size == patch.header->file_size);
        (void)close(fd);
        return 0;
}
