/* Tests of multidird/supervisor/recent: what a checker said of a user in a replica stands until something changes (L6).
 * Relies on: cmocka. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "multidird/supervisor/recent.h"

static struct protocol_answer answer_of(const char *entry_id, bool active) {
        struct protocol_answer answer = { .presence = PRESENCE_FOUND, .active = active, .synchronised_s = 1000, .reason = REASON_OK };
        (void)snprintf(answer.entry_id, sizeof answer.entry_id, "%s", entry_id);
        (void)snprintf(answer.dn, sizeof answer.dn, "uid=%s,dc=example", entry_id);
        return answer;
}

/* ann is noted with change 5, at 7000 ms. */
static const struct row { const char *name, *user; uint64_t changes, now_ms; bool found; } rows[] = {
        { "L6 the same user", "ann", 5, 7000, true },
        { "L6 as long as it may stand", "ann", 5, 7000 + RECENT_MS, true },
        { "L6 no longer", "ann", 5, 7001 + RECENT_MS, false },
        { "L6 a clock that went back", "ann", 5, 6999, false },
        { "L6 after a change", "ann", 6, 7000, false },
        { "L6 before one: asked of a configuration that is gone", "ann", 4, 7000, false },
        { "N1 another spelling is another question", "Ann", 5, 7000, false },
        { "L6 another user", "bob", 5, 7000, false },
        { "L6 nobody", "", 5, 7000, false },
};

static void test_rows(void **state) {
        struct recent *recent = NULL;
        struct protocol_answer answer = answer_of("id-1", true), told;
        assert_false(recent_find(NULL, "ann", 5, 7000, &told));
        recent_note(&recent, "ann", &answer, 5, 7000);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (recent_find(recent, rows[i].user, rows[i].changes, rows[i].now_ms, &told) != rows[i].found)
                        fail_msg("%s", rows[i].name);
        memset(&told, 0xff, sizeof told);
        assert_true(recent_find(recent, "ann", 5, 7000, &told));
        assert_memory_equal(&told.presence, &answer.presence, sizeof answer.presence);
        assert_string_equal(told.entry_id, "id-1");
        assert_string_equal(told.dn, "uid=id-1,dc=example");
        assert_string_equal(told.external_id, "");
        assert_true(told.active);
        assert_false(told.refused || told.unreachable);
        assert_int_equal(told.synchronised_s, 1000);
        recent_free(recent);
}

/* What is never kept: each is an answer that is not about one entry of a complete replica. */
static void test_never(void **state) {
        struct recent *recent = NULL;
        struct protocol_answer told, missing = answer_of("id", true), away = missing, nobody = missing, incomplete = missing;
        missing.presence = PRESENCE_NOT_FOUND;
        away.presence = PRESENCE_UNAVAILABLE;
        nobody.entry_id[0] = 0;
        incomplete.synchronised_s = 0;
        const struct protocol_answer *const answers[] = { &missing, &away, &nobody, &incomplete };
        for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
                recent_note(&recent, "ann", answers[i], 5, 7000);
                assert_false(recent_find(recent, "ann", 5, 7000, &told));
        }
        assert_null(recent);
}

/* The last word on a name counts; and more names than there are places leave every answer its own. */
static void test_many(void **state) {
        struct recent *recent = NULL;
        unsigned kept = 0;
        for (unsigned i = 0; i < 2 * RECENT_SLOTS; i++) {
                char name[32], id[32];
                (void)snprintf(name, sizeof name, "user%u", i);
                (void)snprintf(id, sizeof id, "id-%u", i);
                struct protocol_answer first = answer_of("old", true), answer = answer_of(id, i % 2 == 0);
                recent_note(&recent, name, &first, 5, 7000);
                recent_note(&recent, name, &answer, 5, 7000);
        }
        for (unsigned i = 0; i < 2 * RECENT_SLOTS; i++) {
                char name[32], id[32];
                struct protocol_answer told;
                (void)snprintf(name, sizeof name, "user%u", i);
                (void)snprintf(id, sizeof id, "id-%u", i);
                if (!recent_find(recent, name, 5, 7000, &told))
                        continue;
                kept++;
                assert_string_equal(told.entry_id, id);
                assert_int_equal(told.active, i % 2 == 0);
        }
        assert_in_range(kept, RECENT_SLOTS / 2, RECENT_SLOTS);
        recent_free(recent);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_never), cmocka_unit_test(test_many) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
