/* The value parsers of LDAP directories' keys.
 * Relies on: config/ldap_syntax, model/ldap_uri, config/parse.h.
 * Must never: open a file or a connection; look at another key. */
#include <limits.h>
#include <string.h>

#include "base/text.h"
#include "config/ldap_syntax.h"
#include "config/parse.h"
#include "model/ldap_uri.h"
#include "model/name.h"
#include "model/sync.h"

#define FILTER_MAX 4096
#define ATTRIBUTE_MAX 128
#define PAGE_SIZE_DEFAULT 1000 /* the most that Active Directory gives unless it is told otherwise */
#define URIS_MAX 16

bool value_preset(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        if (config_preset_is(text)) {
                *(const char **)target = text;
                return true;
        }
        size_t count = 0;
        while (config_preset_names[count])
                count++;
        const char *nearest = config_nearest(text, config_preset_names, count);
        sbuf_add(why, "no such preset; ");
        if (nearest)
                sbuf_printf(why, "did you mean \"%s\"? ", nearest);
        sbuf_add(why, "valid:");
        for (size_t i = 0; i < count; i++)
                sbuf_printf(why, "%s %s", i ? "," : "", config_preset_names[i]);
        return false;
}

/* A list of addresses, each without a slash at its end. */
bool value_uris(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        struct ldap_settings *ldap = &((struct config_directory *)(void *)((char *)target - key->offset))->ldap;
        if (*text == 0) {
                sbuf_printf(why, "valid: %s", key->required);
                return false;
        }
        if (!value_list(parser, key, text, target, why))
                return false;
        size_t count = ldap->uri_count;
        const char **uris = config_take(parser, count, sizeof *uris);
        if (!uris || !ldap->uris)
                ldap->uri_count = count = 0; /* memory is out, which the parser knows */
        for (size_t i = 0; i < count; i++) {
                const char *item = ldap->uris[i], *problem;
                struct ldap_uri uri;
                if (strpbrk(item, " \t")) {
                        sbuf_printf(why, "\"%.80s\": there is a blank in it; valid: several servers with commas between them", item);
                        ldap->uri_count = 0;
                        return false;
                }
                if (ldap_uri_parse(item, &uri, &problem) < 0 || count > URIS_MAX) {
                        sbuf_printf(why, "\"%.80s\": %s", item, problem ? problem : "too many; valid: at most 16");
                        ldap->uri_count = 0;
                        return false;
                }
                size_t len = strlen(item);
                uris[i] = arena_copy(parser->arena, item, item[len - 1] == '/' ? len - 1 : len);
                if (!uris[i])
                        parser->out_of_memory = true;
        }
        ldap->uris = uris;
        return true;
}

/* A DN; "" where it may be none (min 0). */
bool value_dn(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        const char *problem = *text == 0 && key->min == 0 ? NULL : strlen(text) > SYNC_DN_MAX ? "longer than 1023 bytes" : ldap_dn_problem(text);
        if (problem) {
                sbuf_printf(why, "not a DN: %s; valid: such as ou=people,dc=example,dc=com", problem);
                return false;
        }
        *(const char **)target = text;
        return true;
}

bool value_text(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        if (strlen(text) > SYNC_DN_MAX) {
                sbuf_add(why, "valid: at most 1023 bytes");
                return false;
        }
        *(const char **)target = text;
        return true;
}

bool value_filter(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        const char *problem = strlen(text) > FILTER_MAX ? "longer than 4096 bytes" : ldap_filter_problem(text);
        if (problem) {
                sbuf_printf(why, "not an LDAP filter: %s; valid: such as (&(objectClass=person)(uid=*))", problem);
                return false;
        }
        *(const char **)target = text;
        return true;
}

/* The name of an attribute or object class; "" where it may be none (min 0). */
bool value_attribute(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        bool none = *text == 0 && key->min == 0;
        if (!none && (strlen(text) > ATTRIBUTE_MAX || !ldap_attribute_is_valid(text))) {
                sbuf_printf(why, "valid: the name of an LDAP attribute or object class: letters, digits and '-', at most %d bytes%s", ATTRIBUTE_MAX,
                            key->min == 0 ? ", or nothing" : "");
                return false;
        }
        *(const char **)target = text;
        return true;
}

bool value_file(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        bool none = *text == 0 && key->min == 0;
        if (!none && (text[0] != '/' || strlen(text) >= PATH_MAX || text_has_control(text, strlen(text)))) {
                sbuf_add(why, "valid: the absolute path of a file");
                return false;
        }
        *(const char **)target = text;
        return true;
}

/* RFC 2696: no, yes, or how many entries a page has. */
bool value_paged(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        bool yes;
        _cleanup_sbuf_ struct sbuf ignored = { 0 };
        if (value_bool(parser, key, text, &yes, &ignored)) {
                *(uint32_t *)target = yes ? PAGE_SIZE_DEFAULT : 0;
                return true;
        }
        if (value_u32(parser, key, text, target, why))
                return true;
        sbuf_add(why, ", yes or no");
        return false;
}
