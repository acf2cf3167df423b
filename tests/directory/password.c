/* Password hashes: known vectors, what is refused, and that a dummy costs what a check costs (L9).
 * Relies on: cmocka; vectors published by the authors of each method (SHA: also what openssl passwd computes).
 * Must never: be the only place where a vector comes from (none was computed by the code under test). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "directory/password.h"

#define YESCRYPT "$y$j9T$AAt9R641xPvCI9nXw1HHW/$cuQRBMN3N/f8IcmVN.4YrZ1bHMOiLOoz9/XQMKV/v0A"

static struct secret secret(const char *text, size_t len) {
        struct secret secret = { 0 };
        assert_int_equal(secret_set(&secret, text, len), 0);
        return secret;
}

static const struct {
        const char *password, *hash;
} vectors[] = {
        { "openwall", YESCRYPT },
        { "pleaseletmein", "$y$j9T$e8R9q85ZuzUkArEUurdtS.$esON.7y6H.u3UCPVCpbRFueRpAut2n2cMf1EhpjbuiC" },
        { "pleaseletmein", "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D" },
        { "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW" },
        { "Hello world!", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1" },
        { "Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5" },
};

static void known_vectors(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
                struct secret right = secret(vectors[i].password, strlen(vectors[i].password)), wrong = secret("openwalL", 8);
                if (password_check(&right, vectors[i].hash) != PASSWORD_ANSWER_RIGHT)
                        fail_msg("%s does not open %s", vectors[i].password, vectors[i].hash);
                if (password_check(&wrong, vectors[i].hash) != PASSWORD_ANSWER_WRONG)
                        fail_msg("another password opens %s", vectors[i].hash);
        }
}

#define DIGEST_43 "cuQRBMN3N/f8IcmVN.4YrZ1bHMOiLOoz9/XQMKV/v0A"

static const struct {
        const char *hash, *why;
} refused[] = {
        { "", "empty" },
        { "*", "locked" },
        { "!", "locked" },
        { "x", "locked" },
        { "!" YESCRYPT, "locked" },
        { "$1$abcdefgh$G/cL2KzhSpSbMYFAFFgwE1", "weak" },
        { "abJnggxhB/yWI", "weak" },
        { "_J9..rasmBYk8r9AiWNc", "weak" },
        { "$sha1$40000$jtNX3nZ2$hBNaIXkt4wBI2o5rsi8KejSjNqIq", "weak" },
        { "$3$$8846f7eaee8fb117ad06bdd830b7586c", "weak" },
        { "plain text", "weak" },
        { "$y$", "complete" },
        { "$y$j9T$AAt9R641xPvCI9nXw1HHW/", "complete" },
        { "$y$j9T$AAt9R641xPvCI9nXw1HHW/$", "complete" },
        { YESCRYPT "A", "complete" },
        { "$y$j9T$AAt9R641xPvCI9nXw1HHW/$cuQRBMN3N/f8IcmVN.4YrZ1bHMOiLOoz9/XQMKV/v0:", "complete" },
        { "$y$jFT$AAt9R641xPvCI9nXw1HHW/$" DIGEST_43, "cost" },   /* a gigabyte */
        { "$y$jD5.7$LdJMENpBABJJ3hIHjB1Bi.$" DIGEST_43, "cost" },
        { "$y$$$" DIGEST_43, "cost" },
        { "$7$FU..../....SodiumChloride$" DIGEST_43, "cost" },
        { "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "cost" },
        { "$5$rounds=999999999$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "cost" },
        { "$5$rounds=-1$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "cost" },
        { "$5$salt:string$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8", "know" },
};

static void refused_hashes(void **state) {
        struct secret password = secret("openwall", 8);
        for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
                const char *why = "";
                if (password_hash_is_usable(refused[i].hash, &why) || !strstr(why, refused[i].why))
                        fail_msg("'%s': \"%s\" should speak of \"%s\"", refused[i].hash, why, refused[i].why);
                if (password_check(&password, refused[i].hash) != PASSWORD_ANSWER_WRONG)
                        fail_msg("'%s' is opened", refused[i].hash);
        }
}

/* A refused hash is not opened by the very text that would compute to it, nor by the empty password. */
static void no_way_around(void **state) {
        struct secret empty = secret("", 0), star = secret("*", 1), nul = secret("openwall\0x", 10);
        assert_false(password_matches(&empty, ""));
        assert_false(password_matches(&star, "*"));
        assert_false(password_matches(&empty, "$y$j9T$AAt9R641xPvCI9nXw1HHW/$TOYgJKiXcH/auni8S.vtnILcYzHyZW70inELqm8O4j6"));
        assert_false(password_matches(&nul, YESCRYPT));
}

static void new_hashes(void **state) {
        char long_text[SECRET_MAX];
        _cleanup_free_ char *one = NULL, *two = NULL, *none = NULL;
        memset(long_text, 'a', sizeof long_text);
        struct secret password = secret("pass", 4), longest = secret(long_text, PASSWORD_BYTES_MAX);
        struct secret too_long = secret(long_text, PASSWORD_BYTES_MAX + 1), empty = secret("", 0), nul = secret("a\0b", 3);
        assert_int_equal(password_hash(&password, &one), 0);
        assert_int_equal(password_hash(&password, &two), 0);
        assert_string_not_equal(one, two);
        assert_memory_equal(one, "$y$j", 4);
        assert_true(password_hash_is_usable(one, NULL) && password_costs_default(one));
        assert_false(password_costs_default(vectors[4].hash) || password_costs_default(""));
        assert_true(password_matches(&password, one) && password_matches(&password, two));
        free(TAKE_PTR(two));
        assert_int_equal(password_hash(&longest, &two), 0);
        assert_true(password_matches(&longest, two));
        assert_false(password_matches(&too_long, two));
        assert_int_equal(password_hash(&too_long, &none), -EMSGSIZE);
        assert_int_equal(password_hash(&empty, &none), -EINVAL);
        assert_int_equal(password_hash(&nul, &none), -EINVAL);
        assert_null(none);
}

static double cpu_ms(void) {
        struct timespec t;
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* L9: processor time, the best of several, so that a busy machine does not matter. */
static void a_dummy_costs_a_check(void **state) {
        double check = 1e9, dummy = 1e9;
        struct secret password = secret("guess", 5);
        for (int i = 0; i < 7; i++) {
                double start = cpu_ms();
                assert_false(password_matches(&password, YESCRYPT));
                double middle = cpu_ms();
                password_dummy(&password);
                double end = cpu_ms();
                check = middle - start < check ? middle - start : check;
                dummy = end - middle < dummy ? end - middle : dummy;
        }
        if (dummy < check * 0.8 || dummy > check * 1.25)
                fail_msg("a check takes %.1f ms, a dummy %.1f ms", check, dummy);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(known_vectors),
                cmocka_unit_test(refused_hashes),
                cmocka_unit_test(no_way_around),
                cmocka_unit_test(new_hashes),
                cmocka_unit_test(a_dummy_costs_a_check),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
