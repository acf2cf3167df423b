/* Import files: CSV and LDIF to rows, every bad line named with its number.
 * Relies on: cmocka, multidirctl's library.
 * Must never: need a service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "multidirctl/import.h"

#define ERRORS_MAX 4
struct row {
        const char *name;
        enum import_kind kind;
        const char *text;
        const char *rows;      /* as the service gets them, JSON */
        const char *errors[ERRORS_MAX]; /* "LINE: part of the text" */
};

static const struct row csv_rows[] = {
        { "one user", IMPORT_USERS, "name\nann\n", "[{\"line\":2,\"name\":\"ann\"}]", { NULL } },
        { "RFC 4180: CRLF, quotes, commas, line ends", IMPORT_USERS, "name,display_name\r\nann,\"Ann \"\"A\"\", X\"\r\nbob,\"two\r\nlines\"\r\neve,E\r\n",
          "[{\"line\":2,\"name\":\"ann\",\"display_name\":\"Ann \\\"A\\\", X\"},{\"line\":3,\"name\":\"bob\",\"display_name\":\"two\\r\\nlines\"},{\"line\":5,\"name\":\"eve\",\"display_name\":\"E\"}]", { NULL } },
        { "no newline at the end, a byte order mark, empty lines", IMPORT_USERS, "\xef\xbb\xbfname\n\n\nann", "[{\"line\":4,\"name\":\"ann\"}]", { NULL } },
        { "all columns", IMPORT_USERS, "name,display_name,email,uid,gid,home,shell,ssh_keys,hash,active,groups,attribute.x\nann,A,a@b,5000,6000,/h,/bin/sh,ssh-rsa k,$y$x,No,\"g1; g2,g3\",v\n",
          "[{\"line\":2,\"name\":\"ann\",\"display_name\":\"A\",\"email\":\"a@b\",\"uid\":5000,\"gid\":6000,\"home\":\"/h\",\"shell\":\"/bin/sh\",\"ssh_keys\":\"ssh-rsa k\",\"hash\":\"$y$x\","
          "\"active\":false,\"groups\":[\"g1\",\"g2\",\"g3\"],\"attributes\":{\"x\":\"v\"}}]", { NULL } },
        { "empty cells say nothing", IMPORT_USERS, "name,uid,email,groups\nann,,,\n", "[{\"line\":2,\"name\":\"ann\"}]", { NULL } },
        { "groups", IMPORT_GROUPS, "name,description,gid,members,groups\ng,G,7000,\"a,b\",h\n",
          "[{\"line\":2,\"name\":\"g\",\"description\":\"G\",\"gid\":7000,\"members\":[\"a\",\"b\"],\"groups\":[\"h\"]}]", { NULL } },
        { "a password is never in a row", IMPORT_USERS, "name,password\nann,secret\n", "[{\"line\":2,\"name\":\"ann\"}]", { NULL } },
        { "unknown column", IMPORT_USERS, "name,colour\nann,red\n", "[]", { "1: unknown column \"colour\"; valid: name," } },
        { "a group's column for users", IMPORT_USERS, "name,members\n", "[]", { "1: unknown column \"members\"" } },
        { "column twice", IMPORT_USERS, "name,email,email\n", "[]", { "1: the column \"email\" stands in the header twice" } },
        { "no name column", IMPORT_USERS, "email\nx\n", "[]", { "1: the header has no column \"name\"" } },
        { "empty file", IMPORT_USERS, "", "[]", { "1: no header line" } },
        { "too few and too many cells", IMPORT_USERS, "name,email\nann\nbob,x,y\neve,e\n", "[{\"line\":4,\"name\":\"eve\",\"email\":\"e\"}]",
          { "2: 1 cells, the header has 2", "3: 3 cells, the header has 2" } },
        { "bad values, all of them", IMPORT_USERS, "name,uid,active\nann,x,maybe\nbob,0,yes\n", "[{\"line\":2,\"name\":\"ann\"},{\"line\":3,\"name\":\"bob\",\"active\":true}]",
          { "2: uid: \"x\" is not a number", "2: active: \"maybe\" is neither", "3: uid: \"0\" is not a number" } },
        { "a quote in a plain cell", IMPORT_USERS, "name\na\"b\neve\n", "[{\"line\":3,\"name\":\"eve\"}]", { "2: a quote inside a cell" } },
        { "text behind a quote", IMPORT_USERS, "name\n\"a\"b\neve\n", "[{\"line\":3,\"name\":\"eve\"}]", { "2: text behind a closing quote" } },
        { "a quote not closed", IMPORT_USERS, "name\nann\n\"b\neve\n", "[{\"line\":2,\"name\":\"ann\"}]", { "3: a quote is not closed" } },
        { "not UTF-8", IMPORT_USERS, "name,email\nann,\xff\n", "[{\"line\":2,\"name\":\"ann\"}]", { "2: email:" } },
};

static const struct row ldif_rows[] = {
        { "a person", IMPORT_USERS, "version: 1\n\ndn: uid=ann,ou=p,dc=x\nobjectClass: inetOrgPerson\nuid: ann\ncn: Ann A\nmail: a@b\n", "[{\"line\":3,\"name\":\"ann\",\"display_name\":\"Ann A\",\"email\":\"a@b\"}]", { NULL } },
        { "posixAccount in any case, CRLF, no blank after the colon", IMPORT_USERS,
          "dn:uid=ann,dc=x\r\nOBJECTCLASS:POSIXACCOUNT\r\nUID:ann\r\nuidNumber:5000\r\ngidNumber:6000\r\nhomeDirectory:/h\r\nloginShell:/bin/sh\r\nuserPassword:{crypt}$6$x\r\n",
          "[{\"line\":1,\"name\":\"ann\",\"uid\":5000,\"gid\":6000,\"home\":\"/h\",\"shell\":\"/bin/sh\",\"hash\":\"$6$x\"}]", { NULL } },
        { "base64, folded lines, comments", IMPORT_USERS, "# c\n go on\ndn: cn=a\nobjectClass: person\ncn:: QW5u\ndisplayName: An\n n A\n", "[{\"line\":3,\"name\":\"Ann\",\"display_name\":\"Ann A\"}]", { NULL } },
        { "entries of the other kind are passed over", IMPORT_USERS, "dn: ou=p\nobjectClass: organizationalUnit\nou: p\n\ndn: cn=g\nobjectClass: groupOfNames\ncn: g\n", "[]", { NULL } },
        { "members by DN of the file, by uid=, by cn=", IMPORT_GROUPS,
          "dn: cn=Ann,dc=x\nobjectClass: inetOrgPerson\nuid: ann\ncn: Ann\n\ndn: cn=g, dc=x\nobjectClass: groupOfNames\ncn: g\nmember: CN=ann , DC=x\nmember: uid=bob,dc=y\nmember: cn=h,dc=y\n",
          "[{\"line\":6,\"name\":\"g\",\"members\":[\"ann\",\"bob\"],\"groups\":[\"h\"]}]", { NULL } },
        { "escapes in a DN", IMPORT_GROUPS, "dn: cn=g\nobjectClass: groupOfNames\ncn: g\nmember: uid=a\\2Cb\\+c,dc=x\n", "[{\"line\":1,\"name\":\"g\",\"members\":[\"a,b+c\"]}]", { NULL } },
        { "M9 memberUid", IMPORT_GROUPS, "dn: cn=g\nobjectClass: posixGroup\ncn: g\ngidNumber: 7000\ndescription: d\nmemberUid: a\nmemberUid: b\n",
          "[{\"line\":1,\"name\":\"g\",\"description\":\"d\",\"gid\":7000,\"members\":[\"a\",\"b\"]}]", { NULL } },
        { "an option is another attribute", IMPORT_USERS, "dn: uid=a\nobjectClass: person\nuid: a\ncn: x\ndisplayName;lang-de: y\n", "[{\"line\":1,\"name\":\"a\",\"display_name\":\"x\"}]", { NULL } },
        { "a scheme that crypt does not know", IMPORT_USERS, "dn: uid=a\nobjectClass: person\nuid: a\nuserPassword: {SSHA}abc\n", "[{\"line\":1,\"name\":\"a\"}]", { "1: userPassword: the scheme {SSHA}" } },
        { "a DN twice", IMPORT_USERS, "dn: uid=a\nobjectClass: person\nuid: a\n\ndn: UID = a\nobjectClass: person\nuid: b\n", "[{\"line\":1,\"name\":\"a\"},{\"line\":5,\"name\":\"b\"}]", { "5: the dn \"UID = a\" is on line 1 already" } },
        { "no name", IMPORT_USERS, "dn: uid=a\nobjectClass: person\nsn: x\n", "[]", { "1: the entry has no uid or cn" } },
        { "not a line of LDIF", IMPORT_USERS, "dn: uid=a\nobjectClass: person\nuid a\n\ndn: uid=b\nobjectClass: person\nuid: b\n", "[{\"line\":5,\"name\":\"b\"}]", { "3: not a line" } },
        { "a URL", IMPORT_USERS, "dn: uid=a\nobjectClass: person\njpegPhoto:< file:///etc/shadow\n", "[]", { "3: values in other files" } },
        { "bad base64", IMPORT_USERS, "dn: uid=a\nuid:: Q!==\n", "[]", { "2: not base64" } },
        { "a NUL inside", IMPORT_USERS, "dn: uid=a\nuid:: AGE=\n", "[]", { "2: a NUL byte" } },
        { "a change", IMPORT_USERS, "dn: uid=a\nchangetype: delete\n", "[]", { "2: a change" } },
        { "no dn first", IMPORT_USERS, "version: 1\nuid: a\n", "[]", { "2: an entry starts with its dn" } },
        { "a member that is neither", IMPORT_GROUPS, "dn: cn=g\nobjectClass: groupOfNames\ncn: g\nmember: ou=x\n", "[{\"line\":1,\"name\":\"g\"}]", { "1: member: \"ou=x\" names neither" } },
};

static void check_row(const struct row *row, void (*read)(struct import_table *, const char *, size_t)) {
        struct import_table table = { .kind = row->kind };
        size_t len = strlen(row->text), count = 0;
        /* A copy without its NUL, so that a sanitizer sees a read past the end. */
        char *copy = malloc(len ? len : 1);
        assert_non_null(copy);
        memcpy(copy, row->text, len);
        read(&table, copy, len);
        free(copy);
        while (count < ERRORS_MAX && row->errors[count])
                count++;
        if (table.error_count != count)
                fail_msg("%s: %zu errors, the first: %s", row->name, table.error_count, table.error_count ? table.errors[0].text : "-");
        for (size_t i = 0; i < count; i++) {
                char *line = NULL;
                assert_true(asprintf(&line, "%u: %s", table.errors[i].line, table.errors[i].text) > 0);
                if (strncmp(line, row->errors[i], strlen(row->errors[i])) != 0)
                        fail_msg("%s: got \"%s\", wanted \"%s\"", row->name, line, row->errors[i]);
                free(line);
        }
        _cleanup_json_ json_t *rows = json_array(), *wanted = json_loads(row->rows, 0, NULL);
        for (size_t i = 0; i < table.count; i++)
                json_array_append_new(rows, import_row_json(&table, &table.rows[i], true));
        char *got = json_dumps(rows, JSON_COMPACT);
        if (!wanted || !json_equal(rows, wanted))
                fail_msg("%s: got %s", row->name, got);
        free(got);
        import_table_done(&table);
}

static void test_csv(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(csv_rows); i++)
                check_row(&csv_rows[i], import_csv);
}

static void test_ldif(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(ldif_rows); i++)
                check_row(&ldif_rows[i], import_ldif);
}

static void test_which(void **state) {
        assert_true(import_is_ldif("# c\n\ndn: x\n", 10));
        assert_true(import_is_ldif("version: 1\n", 11));
        assert_false(import_is_ldif("name,dn\n", 8));
        assert_false(import_is_ldif("# only a comment", 16));
        assert_false(import_is_ldif("", 0));
}

static void test_passwords(void **state) {
        struct import_table table = { .kind = IMPORT_USERS };
        struct ctl ctl = { .out = stdout, .err = stderr, .root = "" };
        const char *text = "name,password,hash\nann,secret,\nbob,,$6$x\neve,secret,$6$x\n";
        import_csv(&table, text, strlen(text));
        assert_int_equal(table.error_count, 0);
        assert_int_equal(import_hash_passwords(&ctl, &table), 0);
        assert_int_equal(strncmp(table.rows[0].texts[IMPORT_HASH], "$y$", 3), 0);
        assert_string_equal(table.rows[1].texts[IMPORT_HASH], "$6$x");
        assert_int_equal(table.error_count, 1);
        assert_int_equal(table.errors[0].line, 4);
        import_table_done(&table);
}

/* --ignore-ids */
static void test_without_ids(void **state) {
        struct import_table table = { .kind = IMPORT_USERS };
        const char *text = "name,uid,gid\nann,5000,6000\n";
        import_csv(&table, text, strlen(text));
        _cleanup_json_ json_t *row = import_row_json(&table, &table.rows[0], false);
        assert_null(json_object_get(row, "uid"));
        assert_null(json_object_get(row, "gid"));
        import_table_done(&table);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_csv),
                cmocka_unit_test(test_ldif),
                cmocka_unit_test(test_which),
                cmocka_unit_test(test_passwords),
                cmocka_unit_test(test_without_ids),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
