/* Where an entry and its server are: moved entries, two connections of which one is to another server, ports and sockets that anybody could have (L1, L9).
 * Relies on: cmocka, slapd.
 * Must never: need a network but the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <sys/un.h>

#include "directory/ldap/dial.h"
#include "directory/ldap/kind.h"
#include "directory/ldap_people.h"

/* An entry that was moved, or whose place another one has, is asked for its password where it is now; wrong ones alike. */
static void moved(void **state) {
        help_open(&c);
        help_slapd_change(&server, "dn: uid=mo,ou=people," SUFFIX "\nchangetype: add\nobjectClass: inetOrgPerson\nuid: mo\ncn: Mo\nsn: M\nuserPassword: mo-pw\n");
        const struct directory_entry before = find("mo");
        for (int taken = 0; taken < 2; taken++) {
                struct directory_entry right = before, wrong = before, other = before;
                if (taken)
                        help_slapd_change(&server, "dn: uid=mo,ou=people," SUFFIX "\nchangetype: add\nobjectClass: inetOrgPerson\nuid: mo\nuid: moe\ncn: Moe\n"
                                          "sn: M\nuserPassword: moe-pw\n\ndn: uid=mo,ou=people," SUFFIX "\nchangetype: modrdn\nnewrdn: cn=Moe\ndeleteoldrdn: 1\n");
                else
                        help_slapd_change(&server, "dn: uid=mo,ou=people," SUFFIX "\nchangetype: modrdn\nnewrdn: uid=mo\ndeleteoldrdn: 0\n"
                                          "newsuperior: ou=guests,ou=people," SUFFIX "\n");
                if (taken)
                        for (struct directory_entry *old[] = { &right, &wrong, &other }, **at = old; at < old + 3; at++)
                                (void)snprintf((*at)->dn, sizeof (*at)->dn, "cn=Moe,ou=people," SUFFIX);
                assert_int_equal(check("mo", "mo-pw", &right), CHECK_RIGHT);
                assert_string_equal(right.dn, "uid=mo,ou=guests,ou=people," SUFFIX);
                assert_string_equal(right.entry_id, before.entry_id);
                assert_true(right.active);
                assert_int_equal(check("mo", "x", &wrong), CHECK_WRONG);
                assert_string_equal(wrong.dn, right.dn);
                assert_int_equal(check("mo", "moe-pw", &other), CHECK_WRONG);
        }
}

/* The server's port is one that any user could have: without a word of the administrator's no password goes there. */
static void high_ports(void **state) {
        struct directory_entry entry = { 0 };
        c.ldap.insecure_plaintext = false;
        help_open(&c);
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_UNAVAILABLE);
        c.ldap.insecure_plaintext = true;
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_RIGHT);
}

/* A UNIX socket is as private as TLS, where nobody else can put one. */
static void unix_socket(void **state) {
        char uri[256] = "ldapi://";
        for (const char *at = server.dir; *at; at++)
                (void)snprintf(uri + strlen(uri), sizeof uri - strlen(uri), *at == '/' ? "%%2F" : "%c", *at);
        (void)snprintf(uri + strlen(uri), sizeof uri - strlen(uri), "%%2Fldapi");
        struct directory_entry entry = { 0 };
        help_case(&c, uri, "");
        help_open(&c);
        c.ldap.insecure_plaintext = false;
        assert_int_equal(check("bob", "bob-pw", &entry), CHECK_RIGHT);
        help_close(&c);
        assert_int_equal(chmod(server.dir, 01777), 0);
        help_open(&c);
        entry = (struct directory_entry){ 0 };
        enum password_result anybodys = check("bob", "bob-pw", &entry);
        assert_int_equal(chmod(server.dir, 0700), 0);
        assert_int_equal(anybodys, CHECK_UNAVAILABLE);
}

/* The socket is root's, but somebody else listens on it. */
static void another_listener(void **state) {
        char folder[] = "/tmp/multidir-listener-XXXXXX";
        struct ldap_uri uri = { .scheme = LDAP_SCHEME_LDAPI };
        if (geteuid() != 0)
                skip();
        assert_non_null(mkdtemp(folder));
        (void)snprintf(uri.path, sizeof uri.path, "%s/ldapi", folder);
        for (unsigned uid = 0; uid <= 12345; uid += 12345) {
                _cleanup_sbuf_ struct sbuf why = { 0 };
                struct sockaddr_un address = { .sun_family = AF_UNIX };
                memcpy(address.sun_path, uri.path, strlen(uri.path));
                int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof address), 0);
                assert_int_equal(seteuid(uid), 0);
                int listens = listen(listening, 4);
                assert_int_equal(seteuid(0), 0);
                assert_int_equal(listens, 0);
                int fd = dial(&uri, clock_monotonic_ms() + 1000, &why);
                (void)close(listening);
                (void)unlink(uri.path);
                if (fd >= 0)
                        (void)close(fd);
                assert_true(uid == 0 ? fd >= 0 : fd == -EPERM && strstr(sbuf_text(&why), "uid 12345 listens"));
        }
        (void)rmdir(folder);
}

/* Two connections, one server: a password is checked where the entry was read, also when the preferred server has come back meanwhile. */
static void read_and_bound_at_one_server(void **state) {
        struct directory_entry entry = { 0 };
        help_slapd_start(&second, "people.ldif");
        help_slapd_stop(&server);
        c.uris[1] = second.uri;
        c.ldap.uri_count = 2;
        help_open(&c);
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_RIGHT);
        help_slapd_start(&server, "people.ldif");
        help_slapd_change(&server, "dn: uid=solo,ou=people," SUFFIX "\nchangetype: add\nobjectClass: inetOrgPerson\nuid: solo\ncn: Solo\nsn: S\nuserPassword: solo-pw\n");
        c.directory->session.prefer_after_ms = 0;
        entry = find("solo");
        assert_int_equal(c.directory->session.reader->uri, 0);
        struct directory_entry known = entry, alice = { 0 };
        assert_int_equal(check("solo", "solo-pw", &entry), CHECK_RIGHT);
        /* What was known of the entry had the bind sent to the other server, which has no such entry, while it was read at the preferred one. */
        session_close(&c.directory->session);
        c.directory->session.down_until_ms[0] = UINT64_MAX;
        assert_int_equal(check("alice", "alice-pw", &alice), CHECK_RIGHT);
        assert_int_equal(c.directory->session.login->uri, 1);
        c.directory->session.prefer_after_ms = 0;
        assert_int_equal(check("solo", "solo-pw", &known), CHECK_RIGHT);
        assert_int_equal(c.directory->session.login->uri, 0);
}

/* Who watches at another server than the preferred one looks now and then whether that one is back: not at once, not for long where it hangs, and not
 * so soon where it refuses the account, which is no word on the account either. */
static void looks(void **state) {
        _cleanup_close_ int hung = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof address;
        char silent[64];
        assert_int_equal(bind(hung, (struct sockaddr *)&address, len), 0);
        assert_int_equal(listen(hung, 4), 0);
        assert_int_equal(getsockname(hung, (struct sockaddr *)&address, &len), 0);
        (void)snprintf(silent, sizeof silent, "ldap://127.0.0.1:%u", ntohs(address.sin_port));
        const struct { const char *what, *uri, *password; bool back; uint64_t next_ms; } rows[] = {
                { "back", server.uri, "reader-pw", true, 60000 }, { "hung", silent, "reader-pw", false, 60000 },
                { "nobody listens", "ldap://127.0.0.1:1", "reader-pw", false, 60000 }, { "it refuses the account", server.uri, "wrong", false, 600000 },
        };
        const struct link first = { .uri = 0 }, second_one = { .uri = 1 };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_sbuf_ struct sbuf why = { 0 };
                uint64_t now = clock_monotonic_ms();
                c.uris[0] = rows[i].uri;
                assert_int_equal(secret_set(&c.password, rows[i].password, strlen(rows[i].password)), 0);
                help_open(&c);
                struct session *session = &c.directory->session;
                assert_true(session_look_ms(session, &first) == UINT64_MAX);
                uint64_t at = session_look_ms(session, &second_one);
                assert_true(at >= now + 60000 && at <= clock_monotonic_ms() + 60000 && session_look_ms(session, &second_one) == at);
                bool back = session_look(session, SUFFIX);
                uint64_t took = clock_monotonic_ms() - now, next = session_look_ms(session, &second_one);
                if (back != rows[i].back || took > 1500 || next < now + rows[i].next_ms || next > now + took + rows[i].next_ms)
                        fail_msg("%s: %d after %llu ms", rows[i].what, back, (unsigned long long)took);
                assert_true(directory_ldap.take_account(c.directory, &why) != ACCOUNT_REFUSED);
                /* Until then it is not tried: not even the right password would be taken. */
                assert_int_equal(secret_set(&c.password, "reader-pw", 9), 0);
                assert_int_equal(session_look(session, SUFFIX), rows[i].back);
                help_close(&c);
        }
        help_open(&c);
}

/* The same of a password that is set, by its owner and by the service account: the preferred server has come back since the entry was read, and is not
 * known to be down any more. */
static void read_and_set_at_one_server(void **state) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        help_slapd_start(&second, "people.ldif");
        help_slapd_config(&second, "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\nolcAccess: {0}to attrs=userPassword by dn.exact=\""
                          READER "\" =w by self =xw by anonymous auth by * none\n");
        help_slapd_stop(&server);
        c.settings.writes_passwords = true;
        c.uris[1] = second.uri;
        c.ldap.uri_count = 2;
        help_open(&c);
        struct directory_entry bob = find("bob"), carol = find("carol"), read = bob;
        help_slapd_start(&server, "people.ldif");
        c.directory->session.down_until_ms[0] = 0;
        assert_int_equal(set("bob", "bob-pw", "bob-2nd", &bob, &why), PASSWORD_SET_DONE);
        assert_string_equal(bob.entry_id, read.entry_id);
        assert_int_equal(set("carol", NULL, "carol-2nd", &carol, &why), PASSWORD_SET_DONE);
        for (int at = 0; at < 2; at++) {
                struct directory_entry entry = { 0 };
                help_close(&c);
                help_case(&c, at == 0 ? server.uri : second.uri, "");
                help_open(&c);
                assert_int_equal(check("bob", at == 0 ? "bob-pw" : "bob-2nd", &entry), CHECK_RIGHT);
                entry = (struct directory_entry){ 0 };
                assert_int_equal(check("carol", at == 0 ? "carol-pw" : "carol-2nd", &entry), CHECK_RIGHT);
        }
}

/* What a server said of a password that is another one now is no word on the one that it takes. */
static void a_refusal_that_is_over(void **state) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        assert_int_equal(secret_set(&c.password, "wrong", 5), 0);
        help_open(&c);
        assert_int_equal(find("alice").presence, PRESENCE_UNAVAILABLE);
        assert_int_equal(directory_ldap.take_account(c.directory, &why), ACCOUNT_REFUSED);
        assert_int_equal(find("alice").presence, PRESENCE_UNAVAILABLE);
        assert_int_equal(secret_set(&c.password, "reader-pw", 9), 0);
        assert_int_equal(find("alice").presence, PRESENCE_FOUND);
        assert_int_equal(directory_ldap.take_account(c.directory, &why), ACCOUNT_TAKEN);
}

/* Who is bound goes on, whatever the account's password is by now: that is no word on it. */
static void a_word_on_the_account_is_of_a_bind(void **state) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        assert_int_equal(secret_set(&c.password, "reader-pw", 9), 0);
        help_open(&c);
        assert_int_equal(directory_ldap.take_account(c.directory, &why), ACCOUNT_NO_WORD);
        assert_int_equal(find("alice").presence, PRESENCE_FOUND);
        assert_int_equal(directory_ldap.take_account(c.directory, &why), ACCOUNT_TAKEN);
        assert_int_equal(secret_set(&c.password, "wrong", 5), 0);
        assert_int_equal(find("alice").presence, PRESENCE_FOUND);
        assert_int_equal(directory_ldap.take_account(c.directory, &why), ACCOUNT_NO_WORD);
        assert_int_equal(why.len, 0);
}

/* The policy would have it changed. */
static void reader_password(const struct slapd *slapd, const char *password) {
        char ldif[512];
        (void)snprintf(ldif, sizeof ldif, "dn: " READER "\nchangetype: modify\nreplace: userPassword\nuserPassword: %s\n\n"
                       "dn: " READER "\nchangetype: modify\nreplace: pwdReset\n", password);
        help_slapd_change(slapd, ldif);
}

/* A server that refuses the account is passed over, and not tried again for the preference's sake: servers lock accounts for that. */
static void passed_over(void **state) {
        help_slapd_start(&second, "people.ldif");
        reader_password(&server, "older-pw");
        assert_int_equal(secret_set(&c.password, "reader-pw", 9), 0);
        c.uris[1] = second.uri;
        c.ldap.uri_count = 2;
        help_open(&c);
        struct session *session = &c.directory->session;
        for (int minute = 0; minute < 3; minute++) {
                _cleanup_sbuf_ struct sbuf why = { 0 };
                session->prefer_after_ms = 1;
                uint64_t refused = session->refused_until_ms;
                assert_int_equal(find("alice").presence, PRESENCE_FOUND);
                assert_int_equal(session->reader->uri, 1);
                assert_true(minute == 0 ? session->refused_until_ms > clock_monotonic_ms() + 60000 : session->refused_until_ms == refused);
                assert_int_equal(directory_ldap.take_account(c.directory, &why), minute == 0 ? ACCOUNT_TAKEN : ACCOUNT_NO_WORD);
        }
        session->refused_until_ms = session->prefer_after_ms = 1;
        reader_password(&server, "reader-pw");
        assert_int_equal(find("alice").presence, PRESENCE_FOUND);
        assert_int_equal(session->reader->uri, 0);
        help_slapd_stop(&second);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(moved, setup, teardown),
                cmocka_unit_test_setup_teardown(a_refusal_that_is_over, setup, teardown),
                cmocka_unit_test_setup_teardown(a_word_on_the_account_is_of_a_bind, setup, teardown),
                cmocka_unit_test_setup_teardown(high_ports, setup, teardown),
                cmocka_unit_test_setup_teardown(unix_socket, setup, teardown),
                cmocka_unit_test(another_listener),
                cmocka_unit_test_setup_teardown(read_and_bound_at_one_server, setup, teardown),
                cmocka_unit_test_setup_teardown(looks, setup, teardown),
                cmocka_unit_test_setup_teardown(passed_over, setup, teardown),
                cmocka_unit_test_setup_teardown(read_and_set_at_one_server, setup, teardown),
        };
        if (!help_slapd_is_there())
                return 77;
        return cmocka_run_group_tests(tests, start_all, stop_all);
}
