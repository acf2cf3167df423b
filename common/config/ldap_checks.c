/* The rules between the keys of one LDAP directory.
 * Relies on: config/ldap_syntax, model/ldap_uri, stat.
 * Must never: open a file: the password is the supervisor's to read. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ports.h"
#include "config/ldap_syntax.h"
#include "config/parse.h"
#include "model/ldap_uri.h"

/* Whether a key has the value that the files or the preset give: one that was refused was answered already, and what depends on it is not known. */
static bool is_valid(const struct config_section *section, const char *key, const char *value) {
        const char *text = section->slots[config_key_index(SECTION_DIRECTORY, key)].text;
        return !text || strcmp(text, value) == 0;
}

/* From which port on anybody on this host may listen, also in the server's place while it is restarted. What the host says of it counts where the host is
 * looked at: the service's other processes take what the supervisor took. */
static unsigned first_unprivileged(const struct config_parser *parser) {
        return parser->check_files ? ports_first_unprivileged() : PORTS_UNPRIVILEGED;
}

static void refuse_anybodys(struct config_parser *parser, const struct config_section *section, const char *uri) {
        unsigned first = first_unprivileged(parser);
        char below[40] = "";
        if (first > 1)
                (void)snprintf(below, sizeof below, "a port below %u, ", first);
        config_error(parser, config_place_of(section, "uri"),
                     "[%s] uri: %s: any user of this host may listen on a port from %u on%s, and would be given passwords; valid: %sldaps://, ldapi://, or starttls = yes, or insecure_plaintext = yes",
                     section->name, uri, first, first < PORTS_UNPRIVILEGED ? " (net.ipv4.ip_unprivileged_port_start)" : "", below);
}

/* Passwords, the reader's and the users', go over the wire as they are: never in the clear over a network or to nobody knows whom, unless it is said. */
static void check_transport(struct config_parser *parser, const struct config_section *section, const struct ldap_settings *ldap) {
        bool any_ldap = false;
        for (size_t i = 0; i < ldap->uri_count; i++) {
                struct ldap_uri uri;
                const char *why;
                if (!ldap->uris[i] || ldap_uri_parse(ldap->uris[i], &uri, &why) < 0 || uri.scheme != LDAP_SCHEME_LDAP)
                        continue;
                any_ldap = true;
                bool checked = ldap->starttls || ldap->insecure_plaintext;
                if (uri.loopback && uri.port >= first_unprivileged(parser) && !checked)
                        refuse_anybodys(parser, section, ldap->uris[i]);
                else if (!uri.loopback && !checked)
                        config_error(parser, config_place_of(section, "uri"),
                                     "[%s] uri: %s would carry passwords over the network in the clear; valid: ldaps://, or starttls = yes, or insecure_plaintext = yes",
                                     section->name, ldap->uris[i]);
        }
        if (ldap->starttls && !any_ldap && ldap->uri_count > 0)
                config_error(parser, config_place_of(section, "starttls"), "[%s] starttls = yes: no uri is ldap://, and the others are encrypted or local already; valid: no",
                             section->name);
        if (ldap->insecure_plaintext && !any_ldap && ldap->uri_count > 0)
                config_error(parser, config_place_of(section, "insecure_plaintext"),
                             "[%s] insecure_plaintext = yes: no uri is ldap://, and the others are encrypted or local already; valid: no", section->name);
        if (ldap->starttls && ldap->insecure_plaintext && any_ldap)
                config_error(parser, config_place_of(section, "insecure_plaintext"),
                             "[%s] insecure_plaintext = yes: starttls = yes encrypts every ldap:// connection; valid: one of the two", section->name);
}

/* user@example.com or EXAMPLE\user. */
static bool is_windows_name(const char *text) {
        const char *mark = strpbrk(text, "@\\");
        return mark && mark > text && mark[1] && !strpbrk(mark + 1, "@\\") && !strchr(text, '=');
}

static void check_bind(struct config_parser *parser, const struct config_section *section, const struct ldap_settings *ldap) {
        const char *problem = *ldap->bind_dn ? ldap_dn_problem(ldap->bind_dn) : NULL;
        if (problem && !(ldap->active_directory && is_windows_name(ldap->bind_dn)))
                config_error(parser, config_place_of(section, "bind_dn"), "[%s] bind_dn: not a DN: %s; valid: such as cn=reader,dc=example,dc=com%s", section->name,
                             problem, ldap->active_directory ? ", reader@example.com or EXAMPLE\\reader" : "");
        if (*ldap->bind_dn && !*ldap->bind_password_file && is_valid(section, "bind_password_file", ""))
                config_error(parser, config_place_of(section, "bind_dn"),
                             "[%s] has bind_dn and no bind_password_file: a bind without a password proves nothing; valid: both, or neither", section->name);
        if (*ldap->bind_password_file && !*ldap->bind_dn && is_valid(section, "bind_dn", ""))
                config_error(parser, config_place_of(section, "bind_password_file"),
                             "[%s] has bind_password_file and no bind_dn: nobody would use the password; valid: both, or neither", section->name);
}

/* A base of users is relative to base; the whole DN would be searched for below base, and never be found. */
static void check_base(struct config_parser *parser, const struct config_section *section, const char *key, const char *value, const char *base) {
        if (*value && base && ldap_dn_is_below(value, base))
                config_error(parser, config_place_of(section, key), "[%s] %s = %s: it is relative to base = %s; valid: only the part before that", section->name, key,
                             value, base);
}

static void check_ids(struct config_parser *parser, const struct config_section *section, const struct config_directory *made) {
        const struct ldap_settings *ldap = &made->ldap;
        struct config_place place = config_place_of(section, "ids");
        if (made->directory.ids == IDS_SID && (!*ldap->user_sid || !*ldap->group_sid))
                config_error(parser, place, "[%s] ids = sid: %s names no attribute (I1); valid: ids = allocate or attribute, or set it, as preset = active-directory does",
                             section->name, *ldap->user_sid ? "group_sid" : "user_sid");
        if (made->directory.ids == IDS_ATTRIBUTE && (!*ldap->user_uid || !*ldap->group_gid))
                config_error(parser, place, "[%s] ids = attribute: %s names no attribute (I1); valid: ids = allocate, or set it", section->name,
                             *ldap->user_uid ? "group_gid" : "user_uid");
}

static void check_members(struct config_parser *parser, const struct config_section *section, const struct config_directory *made) {
        if (made->ldap.members == LDAP_MEMBERS_NAME && made->directory.nested_groups)
                config_error(parser, config_place_of(section, "nested_groups"),
                             "[%s] nested_groups = yes: with members = name, members are users only (M9); valid: nested_groups = no, or members = dn", section->name);
        if (made->ldap.members == LDAP_MEMBERS_NAME && *made->ldap.user_member_of)
                config_error(parser, config_place_of(section, "user_member_of"),
                             "[%s] user_member_of: with members = name, groups name their members (M9); valid: nothing, or members = dn", section->name);
}

/* As sources.c: root must not act on what others could have written, or tell what others could have read. Anybody else only checks a draft, and may not
 * see the file. false: an error was noted, or nothing can be known. */
static bool check_file(struct config_parser *parser, const struct config_section *section, const char *key, const char *path, mode_t refused,
                       const char *wanted) {
        struct stat st;
        struct config_place place = config_place_of(section, key);
        if (stat(path, &st) < 0) {
                if (errno != EACCES || geteuid() == 0)
                        config_error(parser, place, "[%s] %s: %s: %s; valid: a file that is there", section->name, key, path, strerror(errno));
        } else if (!S_ISREG(st.st_mode))
                config_error(parser, place, "[%s] %s: %s is not a regular file; valid: a file", section->name, key, path);
        else if (geteuid() == 0 && st.st_uid != 0)
                config_error(parser, place, "[%s] %s: %s is owned by uid %u; valid: owned by root", section->name, key, path, st.st_uid);
        else if (geteuid() == 0 && (st.st_mode & refused))
                config_error(parser, place, "[%s] %s: %s has mode %04o; valid: %s", section->name, key, path, st.st_mode & 07777, wanted);
        else
                return true;
        return false;
}

/* The process that talks to the server is an ordinary user and opens the certificates itself: they, and each folder on the way, must let it. */
static void check_readable(struct config_parser *parser, const struct config_section *section, const char *key, const char *path) {
        char part[PATH_MAX];
        for (size_t len = 1; len < sizeof part; len++) {
                bool whole = path[len] == 0;
                struct stat st;
                if (!whole && path[len] != '/')
                        continue;
                memcpy(part, path, len);
                part[len] = 0;
                if (stat(part, &st) == 0 && !(st.st_mode & (whole ? S_IROTH : S_IXOTH))) {
                        config_error(parser, config_place_of(section, key),
                                     "[%s] %s: %s has mode %04o, and certificates are read by a process that is not root; valid: %s or wider", section->name, key,
                                     part, st.st_mode & 07777, whole ? "0444" : "0711");
                        return;
                }
                if (whole)
                        return;
        }
}

static void check_files(struct config_parser *parser, const struct config_section *section, const struct ldap_settings *ldap) {
        bool tls = ldap->starttls;
        for (size_t i = 0; i < ldap->uri_count; i++)
                tls = tls || (ldap->uris[i] && strncmp(ldap->uris[i], "ldaps", 5) == 0);
        if (*ldap->bind_password_file)
                (void)check_file(parser, section, "bind_password_file", ldap->bind_password_file, S_IRWXG | S_IRWXO, "0600 or stricter: it is a secret");
        if (tls && check_file(parser, section, "tls_ca_file", ldap->tls_ca_file, S_IWGRP | S_IWOTH, "0644: who can write it can be any server"))
                check_readable(parser, section, "tls_ca_file", ldap->tls_ca_file);
}

void config_check_ldap(struct config_parser *parser, const struct config_section *section, const struct config_directory *made) {
        const struct ldap_settings *ldap = &made->ldap;
        check_transport(parser, section, ldap);
        check_base(parser, section, "user_base", ldap->user_base, ldap->base);
        check_base(parser, section, "group_base", ldap->group_base, ldap->base);
        if (is_valid(section, "preset", ldap->preset)) {
                check_bind(parser, section, ldap);
        }
        /* A delegated directory has users and groups of its own: the server's are not read. */
        if (is_valid(section, "preset", ldap->preset) && made->directory.type == DIRECTORY_LDAP) {
                check_ids(parser, section, made);
                check_members(parser, section, made);
        }
        if (parser->check_files)
                check_files(parser, section, ldap);
}
