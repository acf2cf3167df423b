/* What a worker's answer to a change means: the reason and the words for each (P6, U12).
 * Relies on: cmocka.
 * Must never: need a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "multidird/requests/server_change.h"

static const struct { const char *rule; bool given; struct protocol_answer answer; enum change_state state; enum reason reason; const char *has, *lacks; } rows[] = {
        { "done", true, { .change = CHANGE_DONE }, CHANGE_DONE, REASON_UNAVAILABLE, "", "a" },
        { "nobody was asked", false, { .change = CHANGE_UNKNOWN }, CHANGE_REFUSED, REASON_UNAVAILABLE, "nothing was changed", "not known" },
        { "nobody was asked, whatever is said", false, { .change = CHANGE_DONE }, CHANGE_REFUSED, REASON_UNAVAILABLE, "nothing was changed", "not known" },
        { "asked, and silent", true, { 0 }, CHANGE_UNKNOWN, REASON_UNAVAILABLE, "not known", "nothing was changed" },
        { "refused", true, { .change = CHANGE_REFUSED, .reason = REASON_POLICY_REJECTED, .text = "no such class" }, CHANGE_REFUSED, REASON_POLICY_REJECTED,
          "user ann, directory corp: no such class", "not known" },
        { "refused by right", true, { .change = CHANGE_REFUSED, .reason = REASON_PERMISSION_DENIED, .by_right = true, .text = "50" }, CHANGE_REFUSED,
          REASON_PERMISSION_DENIED, "the server of directory corp itself refuses modify-user", "not known" },
        { "refused without a word", true, { .change = CHANGE_REFUSED }, CHANGE_REFUSED, REASON_UNAVAILABLE, "refuses the change", "not known" },
        { "partly", true, { .change = CHANGE_PARTLY, .text = "the rest" }, CHANGE_PARTLY, REASON_UNAVAILABLE, "the rest", "not known" },
};

static void each_row(void **state) {
        const struct directory_settings directory = { .name = "corp", .type = DIRECTORY_LDAP };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_sbuf_ struct sbuf text = { 0 };
                enum reason reason = REASON_OK;
                enum change_state said = server_change_outcome(&rows[i].answer, rows[i].given, &directory, "user ann", "rename-user", &reason, &text);
                if (said != rows[i].state || reason != rows[i].reason || !strstr(sbuf_text(&text), rows[i].has) || strstr(sbuf_text(&text), rows[i].lacks))
                        fail_msg("%s: %d %s \"%s\"", rows[i].rule, said, reason_name(reason), sbuf_text(&text));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(each_row) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
