/* Updates: a table row by row for every rule U and every knob, each reason and the order of the reasons; then random requests. All against the
 * naive model, the rows also against what is written in them (U1 to U11, P1 to P5).
 * Relies on: update_run, naive.
 * Must never: take a seed that it does not print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "random.h"
#include "update_rows.h"
#include "update_run.h"

static const char *const permissions[] = {
        "add-user", "modify-user", "modify-user-attributes", "remove-user", "add-group", "modify-group", "modify-group-attributes", "remove-group",
};

static unsigned permission_bit(const char *word) {
        for (unsigned i = 0; i < ARRAY_SIZE(permissions); i++)
                if (strcmp(word, permissions[i]) == 0)
                        return 1u << i;
        fail_msg("no such permission: %s", word);
        return 0;
}

/* "UNGM" (user, new name, group, member: y, n or ?), then words; see update_rows.h. */
static void read_directory(const char *text, struct naive_update_directory *d) {
        char copy[120], *save, *word;
        (void)snprintf(copy, sizeof copy, "%s", text);
        *d = (struct naive_update_directory){ .on = true, .nested = true, .type = 'i', .user = text[0], .new_name = text[1], .group = text[2],
                .member = text[3], .permissions = 0xff, .application_permissions = 0xff };
        (void)strtok_r(copy, " ", &save);
        while ((word = strtok_r(NULL, " ", &save))) {
                if (word[0] == '-')
                        d->permissions &= ~permission_bit(word + 1);
                else if (word[0] == '~')
                        d->application_permissions &= ~permission_bit(word + 1);
                else if (strcmp(word, "off") == 0)
                        d->on = false;
                else if (strcmp(word, "flat") == 0)
                        d->nested = false;
                else if (strcmp(word, "above") == 0)
                        d->above = true;
                else if (strcmp(word, "read-only-kind") == 0)
                        d->read_only = true;
                else
                        d->type = word[0];
        }
}

static void read_request(const char *text, struct naive_update *in) {
        char copy[160], *save, *word;
        (void)snprintf(copy, sizeof copy, "%s", text);
        in->name = "ok";
        in->operation = *strtok_r(copy, " ", &save);
        while ((word = strtok_r(NULL, " ", &save))) {
                in->console |= strcmp(word, "console") == 0;
                in->aggregating |= strcmp(word, "aggregating") == 0;
                in->first_writable |= strcmp(word, "first-writable") == 0;
                in->first_group |= strcmp(word, "first-group") == 0;
                in->external_never |= strcmp(word, "external-never") == 0;
                in->group_in_group |= strcmp(word, "child") == 0;
                in->unmask |= strcmp(word, "unmask") == 0;
                in->sets_password |= strcmp(word, "password") == 0;
                if (strcmp(word, "bad-name") == 0)
                        in->name = "invalid-name";
                if (strcmp(word, "reserved") == 0)
                        in->name = "reserved-name";
                if (word[0] == '=')
                        in->needs |= permission_bit(word + 1);
        }
}

static void rows(void **state) {
        for (size_t i = 0; i < update_row_count; i++) {
                const struct update_row *row = &update_rows[i];
                struct naive_update in = { 0 };
                read_request(row->request, &in);
                for (; in.count < NAIVE_DIRECTORIES && row->directories[in.count]; in.count++)
                        read_directory(row->directories[in.count], &in.directory[in.count]);
                for (size_t shift = 0; shift < (size_t)in.count; shift++)
                        update_compare(&in, shift, row->want, row->rule);
        }
        printf("%zu rows\n", update_row_count);
}

static char random_fact(struct random *random) {
        return random_of(random, "yyyyynnnnn?", 11);
}

static void random_request(struct random *random, struct naive_update *in) {
        static const char *const names[] = { "ok", "ok", "ok", "ok", "ok", "ok", "ok", "invalid-name", "reserved-name", "local-account" };
        bool answers = random_one_in(random, 2); /* half of the worlds without a silent directory */
        *in = (struct naive_update){ .operation = random_of(random, "AMNPRamr++++----", 16), .console = random_one_in(random, 6),
                .aggregating = random_one_in(random, 2), .first_writable = random_one_in(random, 2), .first_group = random_one_in(random, 2),
                .external_never = random_one_in(random, 4), .group_in_group = random_one_in(random, 3), .unmask = random_one_in(random, 3),
                .sets_password = random_one_in(random, 4), .needs = (unsigned)random_below(random, 256), .name = names[random_below(random, 10)] };
        in->count = in->console ? 1 : 1 + random_below(random, NAIVE_DIRECTORIES);
        for (int i = 0; i < in->count; i++) {
                struct naive_update_directory *d = &in->directory[i];
                *d = (struct naive_update_directory){ .on = !random_one_in(random, 10), .above = random_one_in(random, 4),
                        .nested = !random_one_in(random, 4), .read_only = random_one_in(random, 10), .user = random_fact(random),
                        .new_name = random_one_in(random, 3) ? random_fact(random) : 'n', .group = random_fact(random),
                        .member = random_one_in(random, 2) ? random_fact(random) : 'n', .type = random_of(random, "iiiildcj-", 9),
                        .permissions = random_one_in(random, 2) ? 0xff : (unsigned)random_below(random, 256),
                        .application_permissions = random_one_in(random, 2) ? 0xff : (unsigned)random_below(random, 256) };
                char *facts[] = { &d->user, &d->new_name, &d->group, &d->member };
                for (size_t k = 0; answers && k < ARRAY_SIZE(facts); k++)
                        if (*facts[k] == '?')
                                *facts[k] = 'n';
        }
}

static void random_requests(void **state) {
        struct random random = { .state = random_seed() };
        for (int i = 0; i < 1000000; i++) {
                struct naive_update in;
                random_request(&random, &in);
                update_compare(&in, (size_t)random_below(&random, in.count), NULL, "random request");
        }
}

/* Zeroed facts are UNAVAILABLE, an operation that is none is refused, and so are an application without directories, with too many, and a
 * console that is none. */
static void nonsense_is_refused(void **state) {
        static struct update_plan plan;
        static struct directory_settings directories[UPDATE_DIRECTORIES_MAX + 1];
        static struct mapping_settings mappings[UPDATE_DIRECTORIES_MAX + 1];
        static struct update_facts facts[UPDATE_DIRECTORIES_MAX + 1];
        struct application_settings application = { .name = "a", .mappings = mappings, .mapping_count = 1,
                .external_writes = EXTERNAL_WRITES_ALLOWED };
        struct settings settings = { .directories = directories, .directory_count = ARRAY_SIZE(directories) };
        struct update_request request = { .settings = &settings, .application = &application, .facts = facts, .name = REASON_OK };
        for (uint32_t i = 0; i < ARRAY_SIZE(directories); i++) {
                directories[i] = (struct directory_settings){ .name = "d", .type = DIRECTORY_INTERNAL, .active = true, .permissions = 0xff };
                mappings[i] = (struct mapping_settings){ .directory = i, .permissions = 0xff };
        }
        for (int operation = UPDATE_NONE; operation <= UPDATE_OPERATION_MAX + 1; operation++) {
                request.operation = (enum update_operation)operation;
                update_plan(&request, &plan);
                assert_true(plan.reason == REASON_UNAVAILABLE && plan.change_count == 0 && plan.skip_count == 0 && plan.rule);
        }
        request.operation = UPDATE_ADD_USER;
        for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
                facts[i] = (struct update_facts){ .user = PRESENCE_NOT_FOUND, .group = PRESENCE_NOT_FOUND };
        application.mapping_count = UPDATE_DIRECTORIES_MAX;
        update_plan(&request, &plan);
        assert_int_equal(plan.reason, REASON_OK);
        application.mapping_count++;
        update_plan(&request, &plan);
        assert_int_equal(plan.reason, REASON_UNAVAILABLE);
        application.mapping_count = 0;
        update_plan(&request, &plan);
        assert_int_equal(plan.reason, REASON_UNAVAILABLE);
        request.application = NULL;
        request.console = ARRAY_SIZE(directories);
        update_plan(&request, &plan);
        assert_int_equal(plan.reason, REASON_UNAVAILABLE);
        request.console = 0;
        facts[0].user = (enum presence)9;
        update_plan(&request, &plan);
        assert_int_equal(plan.reason, REASON_UNAVAILABLE);
        request.name = REASON_UNAVAILABLE;
        facts[0].user = PRESENCE_NOT_FOUND;
        update_plan(&request, &plan);
        assert_int_equal(plan.reason, REASON_UNAVAILABLE);
}

/* As many changes as there can be: two in each of the most directories. */
static void the_largest_plan_fits(void **state) {
        static struct update_plan plan;
        static struct directory_settings directories[UPDATE_DIRECTORIES_MAX];
        static struct mapping_settings mappings[UPDATE_DIRECTORIES_MAX];
        static struct update_facts facts[UPDATE_DIRECTORIES_MAX];
        const struct application_settings application = { .name = "a", .mappings = mappings, .mapping_count = UPDATE_DIRECTORIES_MAX,
                .external_writes = EXTERNAL_WRITES_ALLOWED };
        const struct settings settings = { .directories = directories, .directory_count = UPDATE_DIRECTORIES_MAX };
        const struct update_request request = { .operation = UPDATE_MODIFY_GROUP, .settings = &settings, .application = &application,
                .facts = facts, .name = REASON_OK, .needs = PERMISSIONS_ALL };
        for (int pass = 0; pass < 2; pass++) {
                for (uint32_t i = 0; i < UPDATE_DIRECTORIES_MAX; i++) {
                        directories[i] = (struct directory_settings){ .name = "d", .type = DIRECTORY_INTERNAL, .active = true,
                                .permissions = pass == 0 ? PERMISSIONS_ALL : PERMISSIONS_NONE };
                        mappings[i] = (struct mapping_settings){ .directory = i, .permissions = PERMISSIONS_ALL };
                        facts[i].group = PRESENCE_FOUND;
                }
                update_plan(&request, &plan);
                assert_int_equal(plan.change_count, pass == 0 ? UPDATE_CHANGES_MAX : 0);
                assert_int_equal(plan.skip_count, pass == 0 ? 0 : UPDATE_DIRECTORIES_MAX);
                assert_int_equal(plan.reason, pass == 0 ? REASON_OK : REASON_PERMISSION_DENIED);
        }
}

/* The rule that a plan names. */
static void rules_are_named(void **state) {
        const struct { char operation; bool aggregating, child; unsigned needs; const char *rule; } table[] = {
                { 'A', false, false, 0, "U1" }, { 'M', false, false, 2, "U2" }, { 'M', false, false, 4, "U3" }, { 'M', false, false, 6, "U3" },
                { 'N', false, false, 0, "U2" }, { 'P', false, false, 0, "U2" }, { 'R', false, false, 0, "U4" }, { 'a', false, false, 0, "U5" },
                { 'm', false, false, 0, "U6" }, { 'r', false, false, 0, "U6" }, { '+', false, false, 0, "U7" }, { '+', true, false, 0, "U8" },
                { '-', false, false, 0, "U9" }, { '-', true, false, 0, "U10" }, { '+', true, true, 0, "U11" }, { '-', false, true, 0, "U11" },
                { '+', false, true, 0, "U11" }, { '-', true, true, 0, "U11" },
        };
        static struct update_plan plan;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                char out[200];
                struct naive_update in = { .operation = table[i].operation, .aggregating = table[i].aggregating, .needs = table[i].needs,
                        .group_in_group = table[i].child, .name = "ok", .count = 1 };
                read_directory("nnnn", &in.directory[0]);
                update_run(&in, 0, &plan, out, sizeof out);
                assert_string_equal(plan.rule, table[i].rule);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rows),
                cmocka_unit_test(random_requests),
                cmocka_unit_test(nonsense_is_refused),
                cmocka_unit_test(the_largest_plan_fits),
                cmocka_unit_test(rules_are_named),
        };
        return cmocka_run_group_tests_name("U", tests, NULL, NULL);
}
