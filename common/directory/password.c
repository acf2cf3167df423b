/* Password hashes; see password.h. */
#include "directory/password.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

_Static_assert(PASSWORD_BYTES_MAX < CRYPT_MAX_PASSPHRASE_SIZE, "what crypt takes");

#define DIGEST_BYTES "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* 32 KiB that will hold the phrase and its schedule: on the heap, and wiped. */
static void crypt_data_free(struct crypt_data *data) {
        explicit_bzero(data, sizeof *data);
        free(data);
}
DEFINE_CLEANUP(struct crypt_data *, crypt_data_free)

/* Computes setting's hash into *data; NULL with errno when crypt refuses. */
static const char *compute(const char *phrase, const char *setting, struct crypt_data *data) {
        errno = 0;
        const char *output = crypt_r(phrase, setting, data);
        return output && output[0] != '*' ? output : NULL;
}

int password_hash(const struct secret *password, char **hash) {
        if (password->len == 0 || secret_has_nul(password))
                return -EINVAL;
        if (password->len > PASSWORD_BYTES_MAX)
                return -EMSGSIZE;
        _cleanup_(crypt_data_freep) struct crypt_data *data = calloc(1, sizeof *data);
        _cleanup_free_ char *setting = crypt_gensalt_ra("$y$", 0, NULL, 0);
        if (!data || !setting)
                return -ENOMEM;
        const char *output = compute(password->bytes, setting, data);
        char *copy = output ? strdup(output) : NULL;
        if (!copy)
                return -ENOMEM;
        *hash = copy;
        return 0;
}

/* yescrypt's flavour j, log2(N) as one digit, r as one: what crypt_gensalt makes, up to 256 MiB. */
static bool yescrypt_bounded(const char *p) {
        return p[0] == 'j' && p[1] != 0 && strchr("789ABCD", p[1]) && (p[2] == '5' || p[2] == 'T') && p[3] == '$';
}

/* log2(N) as one digit, then r = 8 or 32, p = 1. */
static bool scrypt_bounded(const char *p) {
        return p[0] >= 'A' && p[0] <= 'E' && (p[1] == '6' || p[1] == 'U') && text_starts_with(p + 2, "..../....");
}

/* Two digits, at most 14: about a second. */
static bool bcrypt_bounded(const char *p) {
        return (p[0] == '0' || (p[0] == '1' && p[1] <= '4')) && p[1] >= '0' && p[1] <= '9' && p[2] == '$';
}

static bool sha_bounded(const char *p) {
        char number[8] = { 0 };
        uint32_t rounds;
        if (!text_starts_with(p, "rounds="))
                return true;
        size_t len = strcspn(p + 7, "$");
        if (len >= sizeof number)
                return false;
        memcpy(number, p + 7, len);
        return text_to_u32(number, 5000000, &rounds) == 0;
}

/* prefix, length of what follows the last '$', whether the cost fits into a login. */
static const struct method {
        const char *prefix;
        size_t digest;
        bool (*bounded)(const char *parameters);
} methods[] = {
        { "$y$", 43, yescrypt_bounded },  { "$gy$", 43, yescrypt_bounded }, { "$7$", 43, scrypt_bounded },
        { "$2a$", 53, bcrypt_bounded },   { "$2b$", 53, bcrypt_bounded },   { "$2x$", 53, bcrypt_bounded },
        { "$2y$", 53, bcrypt_bounded },   { "$6$", 86, sha_bounded },       { "$5$", 43, sha_bounded },
};

static const struct method *method_of(const char *hash) {
        for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
                if (text_starts_with(hash, methods[i].prefix))
                        return &methods[i];
        return NULL;
}

static const char *refusal(const char *hash) {
        if (!*hash)
                return "it is empty";
        if (*hash == '!' || *hash == '*' || strcmp(hash, "x") == 0)
                return "it is locked";
        const struct method *method = method_of(hash);
        if (!method)
                return "its method is unknown or too weak: use yescrypt, scrypt, bcrypt, SHA-512 or SHA-256";
        const char *digest = strrchr(hash, '$') + 1;
        if (digest < hash + strlen(method->prefix) || strlen(digest) != method->digest || strspn(digest, DIGEST_BYTES) != method->digest)
                return "it is not complete";
        if (strlen(hash) >= CRYPT_OUTPUT_SIZE)
                return "it is too long";
        if (!method->bounded(hash + strlen(method->prefix)))
                return "its cost is malformed or too high for a login";
        int salt = crypt_checksalt(hash);
        return salt == CRYPT_SALT_OK || salt == CRYPT_SALT_METHOD_LEGACY ? NULL : "this host's crypt does not know it";
}

bool password_hash_is_usable(const char *hash, const char **why) {
        const char *reason = refusal(hash);
        if (reason && why)
                *why = reason;
        return !reason;
}

/* Of texts of one length: looks at every byte, whatever the others were. */
static bool same_digest(const char *a, const char *b) {
        size_t len = strlen(a);
        unsigned char difference = 0;
        if (strlen(b) != len)
                return false;
        for (size_t i = 0; i < len; i++)
                difference |= (unsigned char)(a[i] ^ b[i]);
        return difference == 0;
}

enum password_answer password_check(const struct secret *password, const char *hash) {
        if (password->len == 0 || password->len > PASSWORD_BYTES_MAX || secret_has_nul(password) || !password_hash_is_usable(hash, NULL))
                return PASSWORD_ANSWER_WRONG;
        _cleanup_(crypt_data_freep) struct crypt_data *data = calloc(1, sizeof *data);
        if (!data)
                return PASSWORD_ANSWER_NONE;
        const char *output = compute(password->bytes, hash, data);
        if (!output)
                return errno == ENOMEM ? PASSWORD_ANSWER_NONE : PASSWORD_ANSWER_WRONG;
        return same_digest(output, hash) ? PASSWORD_ANSWER_RIGHT : PASSWORD_ANSWER_WRONG;
}

bool password_matches(const struct secret *password, const char *hash) {
        return password_check(password, hash) == PASSWORD_ANSWER_RIGHT;
}

/* The default setting with a salt that nobody's hash has: given bytes, so that no randomness is asked for. */
static char *default_setting(void) {
        static const char salt[16];
        return crypt_gensalt_ra("$y$", 0, salt, sizeof salt);
}

void password_dummy(const struct secret *password) {
        char phrase[PASSWORD_BYTES_MAX + 1];
        size_t len = password->len < sizeof phrase ? password->len : sizeof phrase - 1;
        _cleanup_(crypt_data_freep) struct crypt_data *data = calloc(1, sizeof *data);
        _cleanup_free_ char *setting = default_setting();
        memcpy(phrase, password->bytes, len);
        phrase[len] = 0;
        if (data && setting)
                (void)compute(phrase, setting, data);
        explicit_bzero(phrase, sizeof phrase);
}

/* The parameters stand before the third '$' of yescrypt's settings. */
bool password_costs_default(const char *hash) {
        _cleanup_free_ char *setting = default_setting();
        const char *end = setting ? strchr(setting + 3, '$') : NULL;
        return end && strncmp(hash, setting, (size_t)(end - setting) + 1) == 0;
}
