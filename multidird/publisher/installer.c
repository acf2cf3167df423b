/* Installing a view; see publisher/installer.h. */
#include "multidird/publisher/installer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "multidird/publisher/view_admission.h"
#include "view/format.h"
#include "view/patch.h"
#include "view/reader.h"
#include "view/writer.h"

#define VIEW_NAME "view"
#define VIEW_NEW "view.new"
#define TEMPORARY ".new" /* and our process id: a killed service's installer may still be at work */
#define TEMPORARY_SIZE 24
#define KEPT_MAX 64       /* far more than are ever kept: the others are pruned */
#define SIZE_MAX_BYTES ((off_t)16 << 30)

DEFINE_CLEANUP(DIR *, closedir)

struct place {
        int state, views; /* the two folders */
        char temporary[TEMPORARY_SIZE];
};

static void place_done(struct place *place) {
        if (place->state >= 0)
                (void)close(place->state);
        if (place->views >= 0)
                (void)close(place->views);
}

static int place_open(const char *folder, struct place *place) {
        place->views = -1;
        (void)snprintf(place->temporary, sizeof place->temporary, TEMPORARY "%d", (int)getpid());
        place->state = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (place->state < 0)
                return -errno;
        if (mkdirat(place->state, "views", 0755) < 0 && errno != EEXIST && errno != EROFS)
                return -errno;
        place->views = openat(place->state, "views", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return place->views < 0 ? -errno : 0;
}

static void generation_name(uint64_t generation, char name[24]) {
        (void)snprintf(name, 24, "%" PRIu64, generation);
}

static int failed(char *text, const char *what, int error) {
        (void)snprintf(text, WIRE_TEXT_MAX + 1, "%s: %s", what, strerror(-error));
        return error;
}

/* The keeper's memory must not change any more: what is checked is what is copied. */
static int check_sealed(int fd) {
        const int needed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
        int seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0)
                return -errno;
        return (seals & needed) == needed ? 0 : -EPERM;
}

/* Copies size bytes from offset 0; room was made before, so that a full disk is found out first. */
static int copy(int from, int to, off_t size) {
        off_t at = 0;
        while (at < size) {
                ssize_t n = sendfile(to, from, &at, (size_t)(size - at));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -EBADMSG;
        }
        return 0;
}

/* A copy of the source under the temporary name, in our own file, open for writing; with the patch, unless NULL, applied. */
static int copy_source(const struct place *place, int source, const struct view_patch *patch, int *fd) {
        struct stat st;
        if (fstat(source, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > SIZE_MAX_BYTES)
                return -EBADMSG;
        (void)unlinkat(place->views, place->temporary, 0);
        _cleanup_close_ int file = openat(place->views, place->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (file < 0)
                return -errno;
        int r = -posix_fallocate(file, 0, st.st_size);
        if (r == 0)
                r = copy(source, file, st.st_size);
        if (r == 0 && patch)
                r = view_patch_apply(patch, file);
        if (r < 0)
                return r;
        /* A former view has its mark set; no new one may. */
        const uint32_t unmarked = 0;
        if (pwrite(file, &unmarked, sizeof unmarked, offsetof(struct view_header, superseded)) != (ssize_t)sizeof unmarked)
                return -EIO;
        /* The disk writes while the copy is checked; fsync has the last word. */
        (void)sync_file_range(file, 0, 0, SYNC_FILE_RANGE_WRITE);
        *fd = TAKE_FD(file);
        return 0;
}

static int check_copy(const struct installer_job *job, int fd, char *text) {
        struct view view;
        const char *what = "the header";
        int r = view_open_fd(fd, &view);
        if (r < 0)
                return failed(text, "this is no view", r);
        r = view_verify(&view, &what);
        if (r < 0) {
                (void)snprintf(text, WIRE_TEXT_MAX + 1, "the view is damaged: %s", what);
        } else if (view_generation(&view) != job->generation) {
                (void)snprintf(text, WIRE_TEXT_MAX + 1, "the view says another generation than its sender");
                r = -EBADMSG;
        } else {
                r = view_admit(&view, job->settings, job->local, text, WIRE_TEXT_MAX + 1);
        }
        view_close(&view);
        return r;
}

/* Opens a view for its mark. Files are 0444, and this process need not have the right to pass over that; as the owner it may lift it. */
static int open_for_mark(int folder, const char *name) {
        _cleanup_close_ int reading = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (reading < 0)
                return -errno;
        int fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 || errno != EACCES)
                return fd >= 0 ? fd : -errno;
        if (fchmod(reading, 0644) < 0)
                return -errno;
        fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        int error = errno;
        (void)fchmod(reading, 0444);
        return fd >= 0 ? fd : -error;
}

struct kept { uint64_t generations[KEPT_MAX]; size_t count; };

/* Newest first. Past the list's end the oldest falls off. */
static void kept_add(struct kept *kept, uint64_t generation) {
        size_t at = kept->count < KEPT_MAX ? kept->count++ : KEPT_MAX - 1;
        for (; at > 0 && kept->generations[at - 1] < generation; at--)
                kept->generations[at] = kept->generations[at - 1];
        kept->generations[at] = generation;
}

static int list_kept(const struct place *place, struct kept *kept) {
        int fd = fcntl(place->views, F_DUPFD_CLOEXEC, 3);
        _cleanup_(closedirp) DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        if (!folder)
                return -errno;
        kept->count = 0;
        rewinddir(folder);
        for (struct dirent *entry; (entry = readdir(folder));) {
                uint64_t generation;
                if (text_to_u64(entry->d_name, UINT64_MAX, &generation) == 0)
                        kept_add(kept, generation);
        }
        return 0;
}

static bool same_file(int folder, const char *name, const struct stat *other) {
        struct stat st;
        return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == other->st_dev && st.st_ino == other->st_ino;
}

/* Marks every kept view but the current one, and prunes the oldest of those that are marked. */
static int mark_and_prune(const struct place *place) {
        struct kept kept = { .count = 0 };
        size_t former = 0;
        struct stat current;
        if (fstatat(place->state, VIEW_NAME, &current, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        int r = list_kept(place, &kept);
        for (size_t i = 0; r == 0 && i < kept.count; i++) {
                char name[24];
                generation_name(kept.generations[i], name);
                if (same_file(place->views, name, &current))
                        continue;
                _cleanup_close_ int fd = open_for_mark(place->views, name);
                int marked = fd < 0 ? fd : view_mark_superseded(fd);
                if (marked == 0 && ++former > INSTALLER_KEPT)
                        (void)unlinkat(place->views, name, 0);
        }
        return r;
}

static int write_marker(const struct place *place, uint64_t generation) {
        char name[24];
        generation_name(generation, name);
        _cleanup_close_ int fd = openat(place->state, INSTALLER_MARKER, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return -errno;
        int r = file_write_all(fd, name, strlen(name));
        return r < 0 ? r : fsync(fd) < 0 ? -errno : 0;
}

/* From a checked, open copy under the temporary name to the view. */
static int put_in_place(const struct place *place, int fd, uint64_t generation) {
        char name[24];
        generation_name(generation, name);
        if (fchmod(fd, 0444) < 0 || fsync(fd) < 0)
                return -errno;
        /* Opened before the rename: afterwards the former view may have no name left to open it by. */
        _cleanup_close_ int former = open_for_mark(place->state, VIEW_NAME);
        if (renameat(place->views, place->temporary, place->views, name) < 0 || fsync(place->views) < 0)
                return -errno;
        (void)unlinkat(place->state, VIEW_NEW, 0);
        if (linkat(place->views, name, place->state, VIEW_NEW, 0) < 0)
                return -errno;
        if (renameat(place->state, VIEW_NEW, place->state, VIEW_NAME) < 0)
                return -errno;
        /* It is the view from here on; what follows is only for the readers' speed and for a power cut. */
        (void)fsync(place->state);
        if (former >= 0)
                (void)view_mark_superseded(former);
        (void)mark_and_prune(place);
        return 0;
}

static int open_kept(const struct place *place, uint64_t generation) {
        char name[24];
        generation_name(generation, name);
        int fd = openat(place->views, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 ? -errno : fd;
}

/* The kept view that a patch applies to. Whether that is what the keeper made it of, the check of the whole result tells as well: this says it sooner. */
static int open_base(const struct place *place, const struct view_patch *patch) {
        struct view_header header;
        struct stat st;
        _cleanup_close_ int fd = open_kept(place, patch->header->base_generation);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header || (uint64_t)st.st_size != patch->header->file_size ||
            header.header_checksum != patch->header->base_checksum)
                return -ESTALE;
        return TAKE_FD(fd);
}

struct mapping { void *base; size_t size; };

static void mapping_done(struct mapping *mapping) {
        if (mapping->base)
                (void)munmap(mapping->base, mapping->size);
}

/* The keeper's sealed memory, to look whether it is a patch. */
static int map_source(int source, struct mapping *mapping) {
        struct stat st;
        if (fstat(source, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > SIZE_MAX_BYTES)
                return -EBADMSG;
        void *base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, source, 0);
        if (base == MAP_FAILED)
                return -errno;
        *mapping = (struct mapping){ .base = base, .size = (size_t)st.st_size };
        return 0;
}

/* Our own copy of what the keeper sent, a view or a patch of a kept one. */
static int copy_sent(const struct installer_job *job, const struct place *place, int *fd, char *text) {
        _cleanup_(mapping_done) struct mapping sent = { 0 };
        struct view_patch patch;
        int r = check_sealed(job->source);
        if (r < 0)
                return failed(text, "the keeper's view is not sealed", r);
        r = map_source(job->source, &sent);
        if (r < 0)
                return failed(text, "the keeper's view cannot be read", r);
        if (!view_is_patch(sent.base, sent.size)) {
                r = copy_source(place, job->source, NULL, fd);
        } else {
                r = view_patch_parse(sent.base, sent.size, &patch);
                _cleanup_close_ int base = r == 0 ? open_base(place, &patch) : -1;
                if (r < 0 || base < 0)
                        return failed(text, "the keeper's patch does not fit", r < 0 ? r : base);
                r = copy_source(place, base, &patch, fd);
        }
        return r < 0 ? failed(text, "the view cannot be copied into the state folder", r) : 0;
}

static int copy_kept(const struct installer_job *job, const struct place *place, int *fd, char *text) {
        _cleanup_close_ int kept = open_kept(place, job->generation);
        if (kept < 0)
                return failed(text, "there is no such view", kept);
        int r = copy_source(place, kept, NULL, fd);
        return r < 0 ? failed(text, "the view cannot be copied into the state folder", r) : 0;
}

static int install(const struct installer_job *job, const struct place *place, char *text) {
        _cleanup_close_ int fd = -1;
        int r = job->source >= 0 ? copy_sent(job, place, &fd, text) : copy_kept(job, place, &fd, text);
        if (r < 0)
                return r;
        r = check_copy(job, fd, text);
        if (r == 0 && job->pause == PAUSE_BEGIN && (r = write_marker(place, job->generation)) < 0)
                return failed(text, "the rollback cannot be recorded", r);
        if (r == 0 && (r = put_in_place(place, fd, job->generation)) < 0)
                return failed(text, "the view cannot be put in place", r);
        return r;
}

int installer_install(const struct installer_job *job, char *text) {
        _cleanup_(place_done) struct place place = { .state = -1, .views = -1 };
        int r = place_open(job->folder, &place);
        if (r < 0)
                return failed(text, "the state folder cannot be opened", r);
        uint64_t held = installer_held(job->folder);
        r = install(job, &place, text);
        if (r < 0) {
                (void)unlinkat(place.views, place.temporary, 0);
                if (job->pause == PAUSE_BEGIN && held == 0)
                        (void)unlinkat(place.state, INSTALLER_MARKER, 0);
        } else if (job->pause == PAUSE_END) {
                (void)unlinkat(place.state, INSTALLER_MARKER, 0);
                (void)fsync(place.state);
        }
        return r;
}

/* Temporary files of installers that were killed. */
static void remove_leftovers(const struct place *place) {
        int fd = fcntl(place->views, F_DUPFD_CLOEXEC, 3);
        _cleanup_(closedirp) DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        if (!folder)
                return;
        rewinddir(folder);
        for (struct dirent *entry; (entry = readdir(folder));)
                if (text_starts_with(entry->d_name, TEMPORARY))
                        (void)unlinkat(place->views, entry->d_name, 0);
}

int installer_tidy(const char *folder, char *text) {
        _cleanup_(place_done) struct place place = { .state = -1, .views = -1 };
        int r = place_open(folder, &place);
        if (r < 0)
                return failed(text, "the state folder cannot be opened", r);
        remove_leftovers(&place);
        (void)unlinkat(place.state, VIEW_NEW, 0);
        (void)mark_and_prune(&place);
        _cleanup_close_ int fd = openat(place.state, VIEW_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return failed(text, "there is no view", -errno);
        struct view view;
        const char *what = "the header";
        r = view_open_fd(fd, &view);
        if (r < 0)
                return failed(text, "the view on disk is no view", r);
        r = view_verify(&view, &what);
        if (r < 0)
                (void)snprintf(text, WIRE_TEXT_MAX + 1, "the view on disk is damaged: %s", what);
        view_close(&view);
        return r;
}

uint64_t installer_newest(const char *folder) {
        _cleanup_(place_done) struct place place = { .state = -1, .views = -1 };
        struct kept kept = { .count = 0 };
        if (place_open(folder, &place) < 0 || list_kept(&place, &kept) < 0)
                return 0;
        return kept.count > 0 ? kept.generations[0] : 0;
}

uint64_t installer_held(const char *folder) {
        char path[512];
        _cleanup_free_ char *text = NULL;
        size_t len = 0;
        uint64_t generation = 0;
        (void)snprintf(path, sizeof path, "%s/%s", folder, INSTALLER_MARKER);
        if (file_read(path, 64, &text, &len) < 0 || text_to_u64(text, UINT64_MAX, &generation) < 0)
                return 0;
        return generation;
}
