/* Who is a member of what (ldap/members.h), in random directories: whatever part of the groups is delivered as they come, and whatever part at the end, it is
 * what the rules say of each pair by itself (M1, M9), each once; so are the strays.
 * Relies on: cmocka.
 * Must never: ask the module how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "directory/ldap/members.h"
#include "model/sync_key.h"

enum { NAMES = 24, USERS = 10, GROUPS = 7, VALUES = 40 };

/* Entries by the numbers of their names; a user and a group may have the same. */
struct world {
        bool by_name, nested, backward;
        unsigned user_count, group_count;
        unsigned users[USERS], groups[GROUPS];     /* names */
        unsigned user_marks[USERS], group_marks[GROUPS]; /* gids, or the last part of a (primary) sid; 0: none */
        unsigned values[GROUPS][VALUES], value_counts[GROUPS], late_from[GROUPS]; /* from there on they come when all groups are known */
        unsigned of[USERS][VALUES], of_counts[USERS];
        bool at_once[GROUPS];
};

struct outcome { bool members[USERS][GROUPS], children[GROUPS][GROUPS], strays[NAMES][GROUPS], wrong; };

static unsigned draw(unsigned *seed, unsigned below) {
        *seed = *seed * 1103515245u + 12345u;
        return (*seed >> 16 & 0x7fff) % below;
}

static void draw_names(unsigned *seed, unsigned *names, unsigned count) {
        for (unsigned i = 0; i < count; i++)
                for (bool again = true; again;) {
                        names[i] = draw(seed, NAMES);
                        again = false;
                        for (unsigned k = 0; k < i; k++)
                                again = again || names[k] == names[i];
                }
}

static struct world draw_world(unsigned *seed) {
        struct world w = { .by_name = draw(seed, 3) == 0, .nested = draw(seed, 3) > 0, .backward = draw(seed, 5) == 0,
                           .user_count = draw(seed, USERS + 1), .group_count = draw(seed, GROUPS + 1) };
        w.nested = w.nested && !w.by_name;
        w.backward = w.backward && !w.by_name;
        unsigned marks = draw(seed, 2) ? 4 : 1;
        draw_names(seed, w.users, w.user_count);
        draw_names(seed, w.groups, w.group_count);
        for (unsigned u = 0; u < w.user_count; u++) {
                w.user_marks[u] = draw(seed, marks);
                w.of_counts[u] = w.backward ? draw(seed, VALUES + 1) : 0;
                for (unsigned i = 0; i < w.of_counts[u]; i++)
                        w.of[u][i] = draw(seed, NAMES);
        }
        for (unsigned g = 0; g < w.group_count; g++) {
                w.group_marks[g] = draw(seed, marks);
                w.value_counts[g] = w.backward ? 0 : draw(seed, VALUES + 1);
                for (unsigned i = 0; i < w.value_counts[g]; i++)
                        w.values[g][i] = draw(seed, NAMES);
                w.at_once[g] = !w.backward && draw(seed, 4) > 0;
                w.late_from[g] = w.at_once[g] || draw(seed, 2) ? w.value_counts[g] : draw(seed, w.value_counts[g] + 1);
        }
        return w;
}

/* ---- The rules, pair by pair ---- */

static bool is_derived(const struct world *w, unsigned u, unsigned g) {
        if (w->user_marks[u] == 0 || w->user_marks[u] != w->group_marks[g])
                return false;
        /* A sid that two groups have is the first one's. */
        for (unsigned k = 0; k < g && !w->by_name; k++)
                if (w->group_marks[k] == w->group_marks[g])
                        return false;
        return true;
}

static bool names_another(const struct world *w, unsigned name, unsigned g, unsigned *child) {
        for (*child = 0; *child < w->group_count; (*child)++)
                if (w->groups[*child] == name)
                        return w->nested && *child != g;
        return false;
}

static void expect_of_group(const struct world *w, unsigned g, struct outcome *o) {
        for (unsigned u = 0; u < w->user_count; u++) {
                o->members[u][g] = o->members[u][g] || is_derived(w, u, g);
                for (unsigned i = 0; i < w->of_counts[u]; i++)
                        o->members[u][g] = o->members[u][g] || w->of[u][i] == w->groups[g];
        }
        for (unsigned i = 0; i < w->value_counts[g]; i++) {
                unsigned name = w->values[g][i], child;
                if (i % 7 == 3)
                        continue;
                bool stands = false;
                for (unsigned u = 0; u < w->user_count; u++)
                        if (w->users[u] == name) {
                                o->members[u][g] = true;
                                stands = !is_derived(w, u, g);
                        }
                if (names_another(w, name, g, &child))
                        stands = o->children[child][g] = true;
                o->strays[name][g] = o->strays[name][g] || !stands;
        }
}

/* ---- What the module says ---- */

static int take_member(void *userdata, uint32_t user, uint32_t group) {
        struct outcome *o = userdata;
        if (user >= USERS || group >= GROUPS || o->members[user][group])
                o->wrong = true;
        else
                o->members[user][group] = true;
        return 0;
}

static int take_child(void *userdata, uint32_t child, uint32_t parent) {
        struct outcome *o = userdata;
        if (child >= GROUPS || parent >= GROUPS || o->children[child][parent])
                o->wrong = true;
        else
                o->children[child][parent] = true;
        return 0;
}

static void print_name(const struct world *w, unsigned name, char text[64]) {
        (void)snprintf(text, 64, w->by_name ? "N%02u" : "CN=n%02u, DC=x", name);
}

static int take_stray(void *userdata, uint32_t group, const char *key) {
        struct outcome *o = userdata;
        const char *digits = strpbrk(key, "0123456789");
        unsigned long name = digits ? strtoul(digits, NULL, 10) : NAMES;
        if (name >= NAMES || group >= GROUPS || o->strays[name][group])
                o->wrong = true;
        else
                o->strays[name][group] = true;
        return 0;
}

/* Between them what is no name at all. */
static void add_values(const struct world *w, struct members *members, unsigned g, unsigned from, unsigned to) {
        char texts[VALUES][64];
        struct berval values[VALUES];
        for (unsigned i = from; i < to; i++) {
                print_name(w, w->values[g][i], texts[i]);
                if (i % 7 == 3)
                        texts[i][0] = 0;
                values[i] = (struct berval){ strlen(texts[i]), texts[i] };
        }
        assert_int_equal(members_add_values(members, g, values + from, to - from), 0);
}

static void add_users(const struct world *w, struct members *members) {
        char text[64], sid[64];
        for (unsigned u = 0; u < w->user_count; u++) {
                print_name(w, w->users[u], text);
                (void)snprintf(sid, sizeof sid, "S-1-5-21-1-2-3-%u", w->user_marks[u]);
                assert_int_equal(members_add_user(members, &(struct sync_user){ .name = text, .dn = text, .gid = w->by_name ? w->user_marks[u] : 0,
                                                                                .primary_group_sid = !w->by_name && w->user_marks[u] ? sid : NULL }), 0);
                for (unsigned i = 0; i < w->of_counts[u]; i++) {
                        print_name(w, w->of[u][i], text);
                        assert_int_equal(members_add_member_of(members, u, &(struct berval){ strlen(text), text }), 0);
                }
        }
}

static void add_groups(const struct world *w, struct members *members, const struct sync_sink *sink) {
        char text[64], sid[64];
        for (unsigned g = 0; g < w->group_count; g++) {
                print_name(w, w->groups[g], text);
                (void)snprintf(sid, sizeof sid, "S-1-5-21-1-2-3-%u", w->group_marks[g]);
                assert_int_equal(members_add_group(members, &(struct sync_group){ .name = text, .dn = text, .gid = w->by_name ? w->group_marks[g] : 0,
                                                                                  .sid = !w->by_name && w->group_marks[g] ? sid : NULL }), 0);
                add_values(w, members, g, 0, w->late_from[g]);
                if (w->at_once[g])
                        assert_int_equal(members_deliver_group(members, sink), 0);
        }
        for (unsigned g = 0; g < w->group_count; g++)
                add_values(w, members, g, w->late_from[g], w->value_counts[g]);
}

static void random_directories(void **state) {
        unsigned seed = 20240613;
        (void)state;
        for (unsigned round = 0; round < 20000; round++) {
                struct world w = draw_world(&seed);
                struct members members = { .by_name = w.by_name, .nested = w.nested };
                struct outcome expected = { 0 }, is = { 0 };
                const struct sync_sink sink = { .member = take_member, .child = take_child, .stray = take_stray, .userdata = &is };
                bool all = false;
                add_users(&w, &members);
                add_groups(&w, &members, &sink);
                assert_int_equal(members_deliver(&members, &sink, &all), 0);
                members_done(&members);
                for (unsigned g = 0; g < w.group_count; g++)
                        expect_of_group(&w, g, &expected);
                if (!all || memcmp(&expected, &is, sizeof is) != 0)
                        fail_msg("round %u: %u users, %u groups%s%s%s", round, w.user_count, w.group_count, w.by_name ? ", by name" : "", w.nested ? ", nested" : "",
                                 w.backward ? ", memberOf" : "");
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(random_directories) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
