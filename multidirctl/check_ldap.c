/* check: what is worth a word in a directory with an LDAP server; see check.h.
 * Relies on: config, base/secret_file.
 * Must never: say what a secret is, or how long; keep it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/secret_file.h"
#include "base/text.h"
#include "multidirctl/check.h"

#define AUTHORITIES_MAX (16u << 20)

/* "FILE:LINE" of the directory's key. Owned by the configuration. */
static const char *origin_of(const struct config *config, const char *section, const char *key) {
        const char *origin = NULL;
        (void)config_value(config, section, key, &origin);
        return origin ? origin : "";
}

/* Who may not read the file cannot tell, and whether it is root's alone was looked at before. */
static void warn_of_secret(json_t *warnings, const char *origin, const char *path) {
        _cleanup_secret_ struct secret secret = { 0 };
        int r = secret_file_read(path, &secret);
        if (r < 0 && r != -EACCES && r != -EPERM)
                check_warn(warnings, "%s: bind_password_file: %s: %s: the directory cannot be read, and nobody logs in there", origin, path, secret_file_problem(r));
}

static bool has_certificate(const char *text) {
        static const char *const heads[] = { "-----BEGIN CERTIFICATE-----", "-----BEGIN X509 CERTIFICATE-----", "-----BEGIN TRUSTED CERTIFICATE-----" };
        for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
                if (strstr(text, heads[i]))
                        return true;
        return false;
}

static void warn_of_authorities(json_t *warnings, const char *origin, const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        _cleanup_free_ char *text = NULL;
        size_t len;
        if (fd >= 0 && file_read_fd(fd, AUTHORITIES_MAX, &text, &len) == 0 && !has_certificate(text))
                check_warn(warnings, "%s: tls_ca_file: %s holds no certificate (PEM): no server would be trusted", origin, path);
}

static void warn_of_files(json_t *warnings, const struct config *config, const char *section, const struct ldap_settings *ldap) {
        bool tls = ldap->starttls;
        for (size_t i = 0; i < ldap->uri_count; i++)
                tls = tls || text_starts_with(ldap->uris[i], "ldaps");
        if (*ldap->bind_password_file)
                warn_of_secret(warnings, origin_of(config, section, "bind_password_file"), ldap->bind_password_file);
        if (tls)
                warn_of_authorities(warnings, origin_of(config, section, "tls_ca_file"), ldap->tls_ca_file);
}

void check_warn_of_ldap(json_t *warnings, const struct config *config, size_t index) {
        const struct directory_settings *directory = &config->settings.directories[index];
        const struct ldap_settings *ldap = config_ldap(config, index);
        _cleanup_sbuf_ struct sbuf section = { 0 };
        if (!ldap)
                return;
        sbuf_printf(&section, "directory/%s", directory->name);
        const char *name = sbuf_text(&section);
        if (ldap->insecure_plaintext)
                check_warn(warnings, "%s: insecure_plaintext = yes: whoever can listen to the network, or on that port of this host, learns the passwords of all who log in",
                           origin_of(config, name, "insecure_plaintext"));
        if (strcmp(origin_of(config, name, "preset"), "default") == 0)
                check_warn(warnings, "[%s]: no preset: it is read as preset = generic says, user names from %s", name, ldap->user_name);
        if (directory->replica_max_age_s < directory->refresh_s)
                check_warn(warnings, "[%s]: replica_max_age is shorter than refresh: between two copies nothing proves that a user is not in it (L5)", name);
        warn_of_files(warnings, config, name, ldap);
}
