/* The configuration reader on any bytes: the input is multidir.conf and, after a byte 0xff, a later file.
 * Relies on: libFuzzer, common/config.
 * Must never: open a file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "model/ldap_uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void set_and_read_back(const char *text) {
        char *changed = NULL;
        if (config_set_text(text, "application/host", "publish", "all", &changed) < 0)
                return;
        /* What was set is there, once, and removing it works. */
        char *removed = NULL;
        if (!strstr(changed, "publish = all\n"))
                abort();
        if (config_set_text(changed, "application/host", "publish", NULL, &removed) < 0)
                abort();
        free(removed);
        free(changed);
}

/* What the LDAP kinds take for granted. */
static void check_ldap(const struct config *config) {
        for (size_t i = 0; i < config->settings.directory_count; i++) {
                const struct ldap_settings *ldap = config_ldap(config, i);
                if ((config->settings.directories[i].type == DIRECTORY_LDAP) != (ldap != NULL))
                        abort();
                if (ldap && (ldap->uri_count == 0 || !*ldap->base || !*ldap->user_name || !*ldap->group_member || !*ldap->external_id || !ldap->user_home ||
                             !ldap->group_sid || !*ldap->bind_dn != !*ldap->bind_password_file))
                        abort();
                for (size_t k = 0; ldap && k < ldap->uri_count; k++) {
                        struct ldap_uri uri;
                        const char *why;
                        if (ldap_uri_parse(ldap->uris[k], &uri, &why) < 0 || (!*uri.host && !*uri.path))
                                abort();
                }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const uint8_t *cut = size > 0 ? memchr(data, 0xff, size) : NULL;
        size_t first = cut ? (size_t)(cut - data) : size;
        struct config_source items[2] = {
                { .path = (char *)(uintptr_t)"multidir.conf", .text = (char *)(uintptr_t)data, .len = first },
                { .path = (char *)(uintptr_t)"95.conf", .text = (char *)(uintptr_t)(data + first + 1), .len = cut ? size - first - 1 : 0 },
        };
        struct config_sources sources = { items, cut ? 2 : 1 };
        struct sbuf errors = { 0 };
        struct config *config = NULL;
        int r = config_parse(&sources, false, &errors, &config);
        /* A configuration or an error, never both, never neither. */
        if ((r == 0) != (config != NULL) || (r == 0) != (errors.len == 0))
                abort();
        if (config) {
                (void)config_value(config, "application/host", "publish", NULL);
                check_ldap(config);
                config_free(config);
        }
        (void)config_overridden(&sources, "application/host", "publish");
        sbuf_done(&errors);
        char *text = strndup((const char *)data, size);
        if (text)
                set_and_read_back(text);
        free(text);
        return 0;
}
