/* What the tests of synchronisations share: a directory as three lines of text, and its way into any sink.
 * Relies on: cmocka (include it before).
 * Must never: be included by anything but tests. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "model/replica.h"
#include "model/sync.h"

enum { HELP_ENTRIES = 64, HELP_EDGES = 512 };

struct help_directory {
        struct sync_user users[HELP_ENTRIES];
        struct sync_group groups[HELP_ENTRIES];
        struct replica_edge members[HELP_EDGES], children[HELP_EDGES];
        uint32_t user_count, group_count, member_count, child_count;
        struct arena arena;
};

static inline char *help_word(struct help_directory *directory, const char **at, const char *ends) {
        size_t len = strcspn(*at, ends);
        char *word = arena_copy(&directory->arena, *at, len);
        assert_non_null(word);
        *at += len;
        return word;
}

static inline void help_add_user(struct help_directory *directory, const char *name, const char *entry_id, const char *display_name) {
        struct sync_user *user = &directory->users[directory->user_count++];
        char *dn = arena_alloc(&directory->arena, strlen(name) + 32);
        assert_true(directory->user_count <= HELP_ENTRIES && dn);
        (void)snprintf(dn, strlen(name) + 32, "cn=%s,dc=example", name[0] == '!' ? name + 1 : name);
        *user = (struct sync_user){ .name = name[0] == '!' ? name + 1 : name, .entry_id = entry_id, .dn = dn, .display_name = display_name,
                                    .active = name[0] != '!' };
}

static inline uint32_t help_find_user(const struct help_directory *directory, const char *name) {
        for (uint32_t i = 0; i < directory->user_count; i++)
                if (strcmp(directory->users[i].name, name) == 0)
                        return i;
        fail_msg("no user %s in the test's own directory", name);
        return 0;
}

static inline uint32_t help_find_group(const struct help_directory *directory, const char *name) {
        for (uint32_t i = 0; i < directory->group_count; i++)
                if (strcmp(directory->groups[i].name, name) == 0)
                        return i;
        fail_msg("no group %s in the test's own directory", name);
        return 0;
}

static inline void help_add_edge(struct help_directory *directory, const char *member, const char *group, bool is_child) {
        struct replica_edge edge = { is_child ? help_find_group(directory, member) : help_find_user(directory, member), help_find_group(directory, group) };
        if (is_child)
                directory->children[directory->child_count++] = edge;
        else
                directory->members[directory->member_count++] = edge;
        assert_true(directory->child_count < HELP_EDGES && directory->member_count < HELP_EDGES);
}

/* users: "NAME/ID[/DISPLAY] …", "!NAME" is inactive; groups: "NAME/ID …"; edges: "USER>GROUP CHILD>>PARENT …". Free with help_done. */
static inline struct help_directory *help_directory(const char *users, const char *groups, const char *edges) {
        struct help_directory *directory = calloc(1, sizeof *directory);
        assert_non_null(directory);
        for (const char *at = users; *at; at += strspn(at, " ")) {
                char *name = help_word(directory, &at, "/");
                char *entry_id = help_word(directory, (at++, &at), "/ ");
                help_add_user(directory, name, entry_id, *at == '/' ? help_word(directory, (at++, &at), " ") : NULL);
        }
        for (const char *at = groups; *at; at += strspn(at, " ")) {
                char *name = help_word(directory, &at, "/");
                directory->groups[directory->group_count++] = (struct sync_group){ .name = name, .entry_id = help_word(directory, (at++, &at), " "),
                                                                                   .active = true };
        }
        for (const char *at = edges; *at; at += strspn(at, " ")) {
                char *member = help_word(directory, &at, ">");
                bool is_child = strncmp(at, ">>", 2) == 0;
                at += is_child ? 2 : 1;
                help_add_edge(directory, member, help_word(directory, &at, " "), is_child);
        }
        return directory;
}

static inline void help_done(struct help_directory *directory) {
        arena_done(&directory->arena);
        free(directory);
}

/* A full run but for its end. The first error of the sink, or 0. */
static inline int help_send(const struct help_directory *directory, const struct sync_sink *sink) {
        int r = sink->begin ? sink->begin(sink->userdata, &(struct sync_begin){ 0 }) : 0;
        for (uint32_t i = 0; r == 0 && i < directory->user_count; i++)
                r = sink->user(sink->userdata, &directory->users[i]);
        for (uint32_t i = 0; r == 0 && i < directory->group_count; i++)
                r = sink->group(sink->userdata, &directory->groups[i]);
        for (uint32_t i = 0; r == 0 && i < directory->member_count; i++)
                r = sink->member(sink->userdata, directory->members[i].member, directory->members[i].group);
        for (uint32_t i = 0; r == 0 && i < directory->child_count; i++)
                r = sink->child(sink->userdata, directory->children[i].member, directory->children[i].group);
        return r;
}

/* What the directory is as a replica; texts and edges are the caller's to compare. Free with replica_free. */
_unused_ static inline struct replica *help_replica(const struct help_directory *directory) {
        struct replica *replica = replica_new();
        uint32_t index;
        assert_non_null(replica);
        for (uint32_t i = 0; i < directory->user_count; i++) {
                struct replica_user user = { .active = directory->users[i].active };
                assert_int_equal(replica_add_text(replica, directory->users[i].name, &user.name), 0);
                assert_int_equal(replica_add_text(replica, directory->users[i].entry_id, &user.entry_id), 0);
                assert_int_equal(replica_add_user(replica, &user, &index), 0);
        }
        for (uint32_t i = 0; i < directory->group_count; i++) {
                struct replica_group group = { .active = true };
                assert_int_equal(replica_add_text(replica, directory->groups[i].name, &group.name), 0);
                assert_int_equal(replica_add_text(replica, directory->groups[i].entry_id, &group.entry_id), 0);
                assert_int_equal(replica_add_group(replica, &group, &index), 0);
        }
        for (uint32_t i = 0; i < directory->member_count; i++)
                assert_int_equal(replica_add_user_edge(replica, directory->members[i].member, directory->members[i].group), 0);
        for (uint32_t i = 0; i < directory->child_count; i++)
                assert_int_equal(replica_add_group_edge(replica, directory->children[i].member, directory->children[i].group), 0);
        assert_int_equal(replica_finish(replica), 0);
        return replica;
}
