/* Publishing for tests; see keeper_publish.h. */
#include "unit/keeper_publish.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "view/patch.h"

struct bytes { void *base; size_t size; };

static struct bytes map(int fd) {
        struct stat st;
        assert_int_equal(fstat(fd, &st), 0);
        struct bytes bytes = { .size = (size_t)st.st_size };
        bytes.base = mmap(NULL, bytes.size, PROT_READ, MAP_PRIVATE, fd, 0);
        assert_true(bytes.base != MAP_FAILED);
        return bytes;
}

static int copy(const struct bytes *bytes) {
        int fd = memfd_create("published", MFD_CLOEXEC);
        assert_int_equal(pwrite(fd, bytes->base, bytes->size, 0), bytes->size);
        return fd;
}

static int apply(const struct bytes *sent, int former) {
        struct view_patch patch;
        struct bytes base = map(former);
        int fd = copy(&base);
        assert_int_equal(view_patch_parse(sent->base, sent->size, &patch), 0);
        assert_int_equal(patch.header->file_size, base.size);
        assert_int_equal(view_patch_apply(&patch, fd), 0);
        (void)munmap(base.base, base.size);
        return fd;
}

bool keeper_publish(struct keeper *keeper, int *file) {
        uint64_t generation;
        const char *what;
        struct view view;
        int sent_fd = keeper_take_view(keeper, &generation);
        if (sent_fd < 0)
                return false;
        struct bytes sent = map(sent_fd);
        bool patch = view_is_patch(sent.base, sent.size);
        assert_int_equal(patch, keeper->view_patch);
        int fd = patch ? apply(&sent, *file) : copy(&sent);
        (void)munmap(sent.base, sent.size);
        (void)close(sent_fd);
        if (*file >= 0)
                (void)close(*file);
        *file = fd;
        assert_int_equal(view_open_fd(fd, &view), 0);
        if (view_verify(&view, &what) < 0)
                fail_msg("the published view is damaged: %s", what);
        assert_int_equal(view_generation(&view), generation);
        view_close(&view);
        keeper_use_file(keeper, generation, fd);
        assert_true(keeper->view_file);
        return patch;
}
