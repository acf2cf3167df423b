/* What the tests of synchronisations into a store share: random directories, one synchronisation to its end, and what is the same.
 * Relies on: cmocka (include it before), unit/store_fixture.
 * Must never: be included by anything but tests. */
#pragma once

#include "replica/store_sync.h"
#include "unit/store_fixture.h"
#include "unit/sync_help.h"

static inline void expect_same_text(const struct replica *a, text_ref in_a, const struct replica *b, text_ref in_b) {
        assert_string_equal(replica_text(a, in_a), replica_text(b, in_b));
}

/* What a synchronisation gives is what a load gives, in the same order. */
static inline void expect_same(const struct replica *a, const struct replica *b) {
        assert_int_equal(a->user_count, b->user_count);
        assert_int_equal(a->group_count, b->group_count);
        assert_int_equal(a->user_edge_count, b->user_edge_count);
        assert_int_equal(a->group_edge_count, b->group_edge_count);
        assert_int_equal(a->revision, b->revision);
        assert_int_equal(a->synchronised_s, b->synchronised_s);
        for (uint32_t i = 0; i < a->user_count; i++) {
                const struct replica_user *x = &a->users[i], *y = &b->users[i];
                const text_ref in_a[] = { x->name, x->entry_id, x->display_name, x->email, x->home, x->shell, x->ssh_keys, x->sid };
                const text_ref in_b[] = { y->name, y->entry_id, y->display_name, y->email, y->home, y->shell, y->ssh_keys, y->sid };
                for (size_t t = 0; t < ARRAY_SIZE(in_a); t++)
                        expect_same_text(a, in_a[t], b, in_b[t]);
                assert_true(x->uid == y->uid && x->gid == y->gid && x->active == y->active && x->ambiguous == y->ambiguous &&
                            x->posix_primary == y->posix_primary);
        }
        for (uint32_t i = 0; i < a->group_count; i++) {
                const struct replica_group *x = &a->groups[i], *y = &b->groups[i];
                expect_same_text(a, x->name, b, y->name);
                expect_same_text(a, x->entry_id, b, y->entry_id);
                expect_same_text(a, x->description, b, y->description);
                expect_same_text(a, x->sid, b, y->sid);
                assert_true(x->gid == y->gid && x->active == y->active && x->ambiguous == y->ambiguous);
        }
        if (a->user_edge_count > 0)
                assert_memory_equal(a->user_edges, b->user_edges, a->user_edge_count * sizeof *a->user_edges);
        if (a->group_edge_count > 0)
                assert_memory_equal(a->group_edges, b->group_edges, a->group_edge_count * sizeof *a->group_edges);
}

/* As help_send. ahead: the store that is written to while it comes; NULL: none. */
static inline int worlds_send(struct store_sync *sync, struct store *ahead, const struct help_directory *directory) {
        struct sync_sink rest = *store_sync_sink(sync);
        int r = rest.begin(rest.userdata, &(struct sync_begin){ 0 });
        rest.begin = NULL;
        if (r == 0 && ahead)
                r = store_sync_ahead(sync, ahead);
        return r == 0 ? help_send(directory, &rest) : r;
}

/* One synchronisation to its end; the store's content is then that of the directory. ahead: as store_sync_ahead. */
static inline void worlds_synchronise(struct store *store, const struct help_directory *directory, uint64_t now_s, bool ahead,
                                      struct store_sync_changes *changes) {
        char users[2][4096], edges[2][8192];
        struct replica *given = NULL;
        struct store_sync *sync = store_sync_new();
        assert_int_equal(worlds_send(sync, ahead ? store : NULL, directory), 0);
        assert_int_equal(store_sync_prepare(sync, store, changes), 0);
        assert_int_equal(store_sync_commit(sync, now_s, &given), 0);
        store_sync_free(sync);
        struct replica *loaded = load(store), *wanted = help_replica(directory);
        expect_same(given, loaded);
        assert_int_equal(given->synchronised_s, now_s);
        help_users(given, users[0], sizeof users[0]);
        help_users(wanted, users[1], sizeof users[1]);
        assert_string_equal(users[0], users[1]);
        help_edges(given, edges[0], sizeof edges[0]);
        help_edges(wanted, edges[1], sizeof edges[1]);
        assert_string_equal(edges[0], edges[1]);
        replica_free(given);
        replica_free(loaded);
        replica_free(wanted);
}

static inline unsigned next_random(unsigned *seed) {
        *seed = *seed * 1103515245u + 12345u;
        return *seed >> 16 & 0x7fff;
}

/* Some of 40 users and 20 groups, now and then under another name or id, in any order. */
_unused_ static inline struct help_directory *random_directory(unsigned *seed) {
        struct help_directory *directory = help_directory("", "", "");
        unsigned keep = 1 + next_random(seed) % 8, start = next_random(seed);
        for (unsigned i = 0; i < 40; i++) {
                unsigned n = (start + i * 7) % 40;
                char word[32];
                if (next_random(seed) % 8 >= keep)
                        continue;
                const char *at = word;
                (void)snprintf(word, sizeof word, "%su%u", next_random(seed) % 9 ? "" : "!", next_random(seed) % 12 ? n : n + 1);
                char *name = help_word(directory, &at, " ");
                at = word;
                (void)snprintf(word, sizeof word, "%u%s", n, next_random(seed) % 15 ? "" : "b");
                char *entry_id = help_word(directory, &at, " ");
                at = word;
                (void)snprintf(word, sizeof word, "d%u", next_random(seed) % 4);
                help_add_user(directory, name, entry_id, help_word(directory, &at, " "));
        }
        for (unsigned i = 0; i < 20; i++) {
                char word[32];
                const char *at = word;
                if (next_random(seed) % 8 >= keep)
                        continue;
                (void)snprintf(word, sizeof word, "g%u", (start + i * 3) % 20);
                char *name = help_word(directory, &at, " ");
                directory->groups[directory->group_count++] = (struct sync_group){ .name = name, .entry_id = name, .active = true };
        }
        unsigned edges = next_random(seed) % 300;
        for (unsigned i = 0; i < edges && directory->user_count > 0 && directory->group_count > 0; i++)
                directory->members[directory->member_count++] = (struct replica_edge){ next_random(seed) % directory->user_count,
                                                                                       next_random(seed) % directory->group_count };
        for (unsigned i = 0; i < edges / 10 && directory->group_count > 0; i++)
                directory->children[directory->child_count++] = (struct replica_edge){ next_random(seed) % directory->group_count,
                                                                                       next_random(seed) % directory->group_count };
        return directory;
}
