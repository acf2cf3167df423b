/* The process's mapping of the newest view, shared by all its threads; see reader.h.
 * Relies on: openat, fstat, newfstatat, mmap, munmap, close, the vdso's coarse clock; C11 atomics.
 * Must never: wait for another thread (a fork may have left it behind), keep a descriptor, unmap what a caller has pinned, or be a
 * cancellation point half-way (open and close go through syscall(), which is none).
 *
 * A small table of slots holds the mappings. `current` names the slot that new callers use. A caller pins: it counts itself into the slot, then
 * looks whether the slot still is the current one; only then does the pin hold. A slot that is not current gets no new pins that hold, so once
 * its count was seen at zero it can be unmapped. Whoever finds the superseded mark opens the path itself, fills a free slot and makes it
 * current; of several threads that do so at once one wins and the others drop their mapping. A slot that a fork left pinned or half-filled
 * stays so in the child: one mapping, no more. When no slot is free a caller gets a mapping of its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "view/reader.h"
#include "view/reader_internal.h"

#define SLOTS 16u
#define NO_SLOT UINT32_MAX
enum slot_state { SLOT_FREE = 0, SLOT_CLAIMED, SLOT_LIVE };

/* One cache line each. base, size, device and inode are written while CLAIMED and constant while LIVE. */
struct slot {
        _Alignas(VIEW_LINE) _Atomic uint32_t pins;
        _Atomic uint32_t state;
        const unsigned char *base;
        size_t size;
        uint64_t device, inode;
};

/* All that a process keeps. Static: a page of its own would cost the first look-up of every process a system call and a fault more. */
struct table {
        _Atomic uint32_t current;    /* slot number + 1; 0: none yet */
        _Atomic uint32_t checked_s;  /* when the path was last looked at (coarse monotonic clock) */
        _Atomic uint32_t refused_s;  /* when the path last gave nothing newer although the mapped view is marked; 0: never */
        struct slot slots[SLOTS];
};

static struct table the_table;

/* Seconds, never 0. */
static uint32_t coarse_seconds(void) {
        struct timespec now = { 0 };
        (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
        return (uint32_t)now.tv_sec + 1;
}

static void unpin(struct table *table, uint32_t slot) {
        (void)atomic_fetch_sub(&table->slots[slot].pins, 1);
}

/* Pins slot if the cursor (holding `word`), or without one `current`, still names it: that is what keeps it alive. */
static bool pin_if(struct table *table, uint32_t slot, const _Atomic uint64_t *cursor, uint64_t word) {
        (void)atomic_fetch_add(&table->slots[slot].pins, 1);
        if (cursor ? atomic_load(cursor) == word : atomic_load(&table->current) == slot + 1)
                return true;
        unpin(table, slot);
        return false;
}

/* Pins the current slot. NO_SLOT: there is none. */
static uint32_t pin_current(struct table *table) {
        for (;;) {
                uint32_t current = atomic_load(&table->current);
                if (current == 0)
                        return NO_SLOT;
                if (pin_if(table, current - 1, NULL, 0))
                        return current - 1;
        }
}

static struct view slot_view(const struct table *table, uint32_t slot) {
        return (struct view) { .base = table->slots[slot].base, .size = table->slots[slot].size, .pin = slot };
}

static bool slot_marked(const struct table *table, uint32_t slot) {
        struct view view = slot_view(table, slot);
        return view_superseded(&view);
}

/* Unmaps the slots that nobody uses any more. */
static void reclaim(struct table *table) {
        for (uint32_t i = 0; i < SLOTS; i++) {
                struct slot *slot = &table->slots[i];
                uint32_t live = SLOT_LIVE;
                if (atomic_load(&slot->state) != SLOT_LIVE || atomic_load(&table->current) == i + 1 || atomic_load(&slot->pins) != 0)
                        continue;
                if (!atomic_compare_exchange_strong(&slot->state, &live, SLOT_CLAIMED))
                        continue;
                /* Only now is it ours: it may have been freed, filled and made current between the checks and the claim. Pins first: whoever
                 * filled it keeps a pin until after it is current, so that a slot without pins is current by now or never will be. */
                if (atomic_load(&slot->pins) != 0 || atomic_load(&table->current) == i + 1) {
                        atomic_store(&slot->state, SLOT_LIVE);
                        continue;
                }
                (void)munmap((void *)(uintptr_t)slot->base, slot->size);
                slot->base = NULL;
                atomic_store(&slot->state, SLOT_FREE);
        }
}

/* A free slot, claimed. NO_SLOT: none. */
static uint32_t claim(struct table *table) {
        reclaim(table);
        for (uint32_t i = 0; i < SLOTS; i++) {
                uint32_t free_state = SLOT_FREE;
                if (atomic_compare_exchange_strong(&table->slots[i].state, &free_state, SLOT_CLAIMED))
                        return i;
        }
        return NO_SLOT;
}

/* Opens the path: a regular file of root's that nobody else can write. 0 or a negative errno; *st says which file it is. */
static int open_path(struct view *view, struct stat *st) {
        int fd = (int)syscall(SYS_openat, AT_FDCWD, VIEW_PATH, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW, 0);
        if (fd < 0)
                return -errno;
        int r = -EPERM;
        if (fstat(fd, st) < 0)
                r = -errno;
        else if (S_ISREG(st->st_mode) && st->st_uid == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0)
                r = view_map(fd, (uint64_t)st->st_size, view);
        (void)syscall(SYS_close, fd);
        return r;
}

/* Fills a slot with an opened view, pinned for the caller. NO_SLOT: all are taken. */
static uint32_t fill(struct table *table, const struct view *opened, const struct stat *st) {
        uint32_t slot = claim(table);
        if (slot == NO_SLOT)
                return NO_SLOT;
        struct slot *s = &table->slots[slot];
        s->base = opened->base;
        s->size = opened->size;
        s->device = st->st_dev;
        s->inode = st->st_ino;
        /* The pin comes before LIVE: otherwise another thread could take the slot for one that nobody uses any more. */
        (void)atomic_fetch_add(&s->pins, 1);
        atomic_store(&s->state, SLOT_LIVE);
        return slot;
}

/* What an attempt to find a newer view came to. */
enum renewal { RENEWAL_NONE = 0, RENEWAL_DONE, RENEWAL_LOST };

/* Opens the path and makes it current in the place of slot `old` (pinned by the caller, or NO_SLOT). DONE: *view is it, pinned; LOST: another
 * thread was faster, look at current again; NONE: there is nothing newer. */
static enum renewal renew(struct table *table, uint32_t old, struct view *view) {
        struct view opened;
        struct stat st;
        if (old != NO_SLOT && syscall(SYS_newfstatat, AT_FDCWD, VIEW_PATH, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return RENEWAL_NONE;
        if (old != NO_SLOT && st.st_dev == table->slots[old].device && st.st_ino == table->slots[old].inode)
                return RENEWAL_NONE;
        if (open_path(&opened, &st) < 0)
                return RENEWAL_NONE;
        uint32_t slot = fill(table, &opened, &st);
        if (slot == NO_SLOT) {
                *view = opened;
                return RENEWAL_DONE;
        }
        uint32_t expected = old == NO_SLOT ? 0 : old + 1;
        if (atomic_compare_exchange_strong(&table->current, &expected, slot + 1)) {
                *view = slot_view(table, slot);
                return RENEWAL_DONE;
        }
        unpin(table, slot);
        reclaim(table);
        return RENEWAL_LOST;
}

/* Whether the path is to be looked at: the mapped view is marked, or a second has passed. */
static bool due(struct table *table, uint32_t slot) {
        uint32_t now = coarse_seconds();
        if (slot_marked(table, slot))
                return atomic_load_explicit(&table->refused_s, memory_order_relaxed) != now;
        uint32_t checked = atomic_load_explicit(&table->checked_s, memory_order_relaxed);
        return checked != now && atomic_compare_exchange_strong(&table->checked_s, &checked, now);
}

/* view_current, when slot (pinned, or NO_SLOT) is not good enough. Gives the pin back or hands it over with *view. errno may change. */
static bool current_slow(struct table *table, uint32_t slot, struct view *view) {
        for (int attempt = 0; attempt < 8; attempt++) {
                /* Read before the path is: a mark that comes after the look says that there is something newer, not that the look was in vain. */
                bool marked = slot != NO_SLOT && slot_marked(table, slot);
                enum renewal renewal = renew(table, slot, view);
                if (renewal == RENEWAL_NONE && marked)
                        atomic_store_explicit(&table->refused_s, coarse_seconds(), memory_order_relaxed);
                if (renewal == RENEWAL_NONE)
                        break;
                if (slot != NO_SLOT)
                        unpin(table, slot);
                if (renewal == RENEWAL_DONE)
                        return true;
                slot = pin_current(table);
                if (slot != NO_SLOT && !slot_marked(table, slot))
                        break;
        }
        if (slot == NO_SLOT)
                slot = pin_current(table);
        if (slot == NO_SLOT)
                return false;
        *view = slot_view(table, slot);
        return true;
}

bool view_current(struct view *view) {
        struct table *table = &the_table;
        uint32_t slot = pin_current(table);
        if (__builtin_expect(slot != NO_SLOT && !due(table, slot), 1)) {
                *view = slot_view(table, slot);
                return true;
        }
        int saved = errno;
        bool found = current_slow(table, slot, view);
        errno = saved;
        return found;
}

void view_release(struct view *view) {
        if (view->pin == VIEW_PIN_OWN)
                view_close(view);
        else if (view->base && view->pin < SLOTS)
                unpin(&the_table, view->pin);
        *view = (struct view) { 0 };
}

/* A cursor's word: the slot + 1 in the upper half (0: none), the index in the lower. The cursor itself holds one pin. */
static uint64_t cursor_word(uint32_t slot, uint32_t index) {
        return (uint64_t)(slot + 1) << 32 | index;
}

bool view_cursor_get(struct view_cursor *cursor, struct view *view, uint32_t *index) {
        struct table *table = &the_table;
        for (;;) {
                uint64_t word = atomic_load(&cursor->word);
                uint32_t slot = (uint32_t)(word >> 32) - 1;
                if (word != 0 && slot < SLOTS) {
                        if (!pin_if(table, slot, &cursor->word, word))
                                continue;
                        *view = slot_view(table, slot);
                        *index = (uint32_t)word;
                        return true;
                }
                struct view newest;
                if (!view_current(&newest))
                        return false;
                if (newest.pin == VIEW_PIN_OWN) { /* a mapping of one call cannot be walked in many */
                        view_release(&newest);
                        return false;
                }
                if (!atomic_compare_exchange_strong(&cursor->word, &word, cursor_word(newest.pin, 0)))
                        view_release(&newest);
        }
}

bool view_cursor_advance(struct view_cursor *cursor, const struct view *view, uint32_t index) {
        uint64_t word = cursor_word(view->pin, index);
        return atomic_compare_exchange_strong(&cursor->word, &word, cursor_word(view->pin, index + 1));
}

void view_cursor_reset(struct view_cursor *cursor) {
        uint64_t word = atomic_exchange(&cursor->word, 0);
        uint32_t slot = (uint32_t)(word >> 32) - 1;
        if (word != 0 && slot < SLOTS)
                unpin(&the_table, slot);
}
