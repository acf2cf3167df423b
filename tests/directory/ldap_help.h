/* What the tests of LDAP directories share: a real slapd in a folder of its own, settings without a configuration, and a sink that writes down what it gets.
 * Relies on: cmocka (include it before); tests/servers/slapd.sh; SERVERS, the folder of those scripts, given by meson.
 * Must never: leave a server or a folder behind; use a port that is not free. */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/sbuf.h"
#include "directory/directory.h"
#include "unit/store_help.h"

#define SUFFIX "dc=example,dc=org"
#define READER "cn=reader," SUFFIX

struct slapd {
        char dir[64], port[8], tls_port[8];
        char uri[64], tls_uri[64], ca[96], other_ca[96];
};

/* A port that nobody has now. */
_unused_ static unsigned help_port(void) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof address;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && getsockname(fd, (struct sockaddr *)&address, &len) == 0);
        (void)close(fd);
        return ntohs(address.sin_port);
}

/* Runs slapd.sh with up to four arguments; input (may be NULL) is what it reads. Its exit status. */
_unused_ static int help_slapd_run(const char *command, const struct slapd *slapd, const char *a, const char *b, const char *c, const char *input) {
        int in[2], status = -1;
        assert_int_equal(pipe(in), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void)dup2(in[0], STDIN_FILENO);
                int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
                (void)dup2(null, STDOUT_FILENO);
                (void)close(in[0]);
                (void)close(in[1]);
                (void)execl("/bin/bash", "bash", SERVERS "/slapd.sh", command, slapd->dir, a, b, c, (char *)NULL);
                _exit(126);
        }
        (void)close(in[0]);
        size_t len = input ? strlen(input) : 0;
        for (ssize_t n; len > 0 && (n = write(in[1], input, len)) > 0; input += n)
                len -= (size_t)n;
        (void)close(in[1]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Whether this host has the server at all; if not, the test is skipped (exit 77). */
_unused_ static bool help_slapd_is_there(void) {
        return access("/usr/sbin/slapd", X_OK) == 0 && access("/usr/bin/ldapmodify", X_OK) == 0;
}

_unused_ static void help_slapd_start(struct slapd *slapd, const char *seed) {
        char path[256];
        if (!slapd->dir[0]) {
                (void)snprintf(slapd->dir, sizeof slapd->dir, "/tmp/multidir-slapd-XXXXXX");
                assert_non_null(mkdtemp(slapd->dir));
                (void)snprintf(slapd->port, sizeof slapd->port, "%u", help_port());
                (void)snprintf(slapd->tls_port, sizeof slapd->tls_port, "%u", help_port());
                (void)snprintf(slapd->uri, sizeof slapd->uri, "ldap://127.0.0.1:%s", slapd->port);
                (void)snprintf(slapd->tls_uri, sizeof slapd->tls_uri, "ldaps://127.0.0.1:%s", slapd->tls_port);
                (void)snprintf(slapd->ca, sizeof slapd->ca, "%s/tls/ca.crt", slapd->dir);
                (void)snprintf(slapd->other_ca, sizeof slapd->other_ca, "%s/tls/other-ca.crt", slapd->dir);
        }
        (void)snprintf(path, sizeof path, "%s/seeds/%s", SERVERS, seed);
        assert_int_equal(help_slapd_run("start", slapd, slapd->port, slapd->tls_port, seed[0] == '/' ? seed : path, NULL), 0);
}
_unused_ static void help_slapd_stop(const struct slapd *slapd) {
        assert_int_equal(help_slapd_run("stop", slapd, NULL, NULL, NULL, NULL), 0);
}
_unused_ static void help_slapd_wipe(struct slapd *slapd) {
        (void)help_slapd_run("wipe", slapd, NULL, NULL, NULL, NULL);
        slapd->dir[0] = 0;
}
_unused_ static void help_slapd_change(const struct slapd *slapd, const char *ldif) {
        assert_int_equal(help_slapd_run("change", slapd, NULL, NULL, NULL, ldif), 0);
}
_unused_ static void help_slapd_config(const struct slapd *slapd, const char *ldif) {
        assert_int_equal(help_slapd_run("config", slapd, NULL, NULL, NULL, ldif), 0);
}

/* A directory: what the configuration would say. */
struct ldap_case {
        struct directory_settings settings;
        struct ldap_settings ldap;
        const char *uris[4];
        struct secret password;
        struct directory_opening opening;
        struct directory *directory;
};

/* People with the OpenLDAP preset, but the name from uid. */
_unused_ static void help_case(struct ldap_case *c, const char *uri, const char *ca) {
        *c = (struct ldap_case){
                .settings = { .name = "people", .type = DIRECTORY_LDAP, .active = true, .nested_groups = true, .permissions = PERMISSIONS_ALL },
                .ldap = { .preset = "openldap", .uri_count = 1, .base = SUFFIX, .bind_dn = READER, .bind_password_file = "", .tls_ca_file = ca,
                          .insecure_plaintext = true, /* the ports here are high ones */
                          .user_base = "ou=people", .group_base = "ou=groups", .user_object_class = "inetOrgPerson",
                          .user_filter = "(objectclass=inetorgperson)", .user_rdn = "uid", .user_name = "uid", .user_first_name = "givenName",
                          .user_last_name = "sn", .user_display_name = "displayName", .user_email = "mail", .user_password = "userPassword",
                          .user_member_of = "", .user_uid = "uidNumber", .user_gid = "gidNumber", .user_home = "homeDirectory",
                          .user_shell = "loginShell", .user_ssh_keys = "sshPublicKey", .user_sid = "", .user_primary_group_id = "",
                          .group_object_class = "groupOfUniqueNames", .group_filter = "(objectclass=groupOfUniqueNames)", .group_name = "cn",
                          .group_description = "description", .group_member = "uniqueMember", .group_gid = "gidNumber", .group_sid = "",
                          .external_id = "entryUUID" },
                .uris = { uri },
        };
        assert_int_equal(secret_set(&c->password, "reader-pw", 9), 0);
        c->ldap.uris = c->uris;
}
/* RFC 2307. */
_unused_ static void help_case_posix(struct ldap_case *c, const char *uri) {
        help_case(c, uri, "");
        c->settings.ids = IDS_ATTRIBUTE;
        c->ldap.preset = "posix";
        c->ldap.user_filter = "(objectclass=posixAccount)";
        c->ldap.user_display_name = "cn";
        c->ldap.group_filter = "(objectclass=posixGroup)";
        c->ldap.group_member = "memberUid";
        c->ldap.members = LDAP_MEMBERS_NAME;
}
_unused_ static void help_open(struct ldap_case *c) {
        c->opening.settings = &c->settings;
        c->opening.ldap = &c->ldap;
        c->opening.bind_password = &c->password;
        assert_int_equal(directory_ldap.open(&c->opening, &c->directory), 0);
}
_unused_ static void help_close(struct ldap_case *c) {
        directory_ldap.close(c->directory);
        c->directory = NULL;
}

/* What a synchronisation delivered. */
struct collected {
        char *users[4096], *groups[4096];
        size_t user_count, group_count;
        char *lines[16384];   /* "user>group", "child>>parent" */
        size_t line_count;
        bool children;        /* they come after all groups and their members */
        struct sbuf details;  /* one line a user or group, with everything */
        uint64_t progress;
        struct sbuf why;
};

static inline const char *help_text(const char *text) { return text ? text : "-"; }

static inline int collect_user(void *userdata, const struct sync_user *user) {
        struct collected *c = userdata;
        assert_true(c->user_count < ARRAY_SIZE(c->users) && c->group_count == 0 && user->entry_id && user->entry_id[0]);
        c->users[c->user_count++] = strdup(user->name);
        sbuf_printf(&c->details, "user %s|%s|%s|%s|%s|%s|%s|%s|%u|%u|%s|%s\n", user->name, help_text(user->dn), help_text(user->display_name),
                    help_text(user->email), help_text(user->home), help_text(user->shell), help_text(user->ssh_keys), help_text(user->sid),
                    user->uid, user->gid, user->active ? "active" : "inactive", user->posix_primary ? "posix" : "-");
        return 0;
}
static inline int collect_group(void *userdata, const struct sync_group *group) {
        struct collected *c = userdata;
        assert_true(c->group_count < ARRAY_SIZE(c->groups) && !c->children && group->entry_id && group->entry_id[0]);
        c->groups[c->group_count++] = strdup(group->name);
        sbuf_printf(&c->details, "group %s|%s|%s|%u\n", group->name, help_text(group->description), help_text(group->sid), group->gid);
        return 0;
}
static inline void collect_line(struct collected *c, const char *from, const char *arrow, const char *to) {
        assert_true(c->line_count < ARRAY_SIZE(c->lines) && asprintf(&c->lines[c->line_count], "%s%s%s", from, arrow, to) > 0);
        c->line_count++;
}
static inline int collect_member(void *userdata, uint32_t user, uint32_t group) {
        struct collected *c = userdata;
        assert_true(user < c->user_count && group < c->group_count && !c->children);
        collect_line(c, c->users[user], ">", c->groups[group]);
        return 0;
}
static inline int collect_child(void *userdata, uint32_t child, uint32_t parent) {
        struct collected *c = userdata;
        assert_true(child < c->group_count && parent < c->group_count);
        c->children = true;
        collect_line(c, c->groups[child], ">>", c->groups[parent]);
        return 0;
}
static inline void collect_progress(void *userdata, uint64_t done, uint64_t total) {
        struct collected *c = userdata;
        assert_true(done >= c->progress && (total == 0 || done <= total));
        c->progress = done;
}

/* *c is emptied first; collected_done() afterwards. The synchronisation's result. */
_unused_ static int help_sync(struct ldap_case *directory, struct collected *c) {
        *c = (struct collected){ 0 };
        const struct sync_sink sink = { .user = collect_user, .group = collect_group, .member = collect_member, .child = collect_child,
                                        .progress = collect_progress, .userdata = c };
        struct directory_sync request = { .cookie = "" };
        return directory_ldap.sync(directory->directory, &request, &sink, &c->why);
}
_unused_ static void collected_done(struct collected *c) {
        for (size_t i = 0; i < c->user_count; i++)
                free(c->users[i]);
        for (size_t i = 0; i < c->group_count; i++)
                free(c->groups[i]);
        for (size_t i = 0; i < c->line_count; i++)
                free(c->lines[i]);
        sbuf_done(&c->details);
        sbuf_done(&c->why);
        *c = (struct collected){ 0 };
}
static inline void help_sorted(char *const *items, size_t count, struct sbuf *text) {
        char **sorted = calloc(count + 1, sizeof *sorted);
        if (count > 0)
                memcpy(sorted, items, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, help_compare);
        for (size_t i = 0; i < count; i++)
                sbuf_printf(text, "%s%s", i > 0 ? " " : "", sorted[i]);
        free(sorted);
}
/* All memberships in one line, sorted. */
_unused_ static void help_lines(const struct collected *c, struct sbuf *text) {
        help_sorted(c->lines, c->line_count, text);
}
_unused_ static void help_names(const struct collected *c, struct sbuf *text) {
        help_sorted(c->users, c->user_count, text);
        sbuf_add(text, " / ");
        help_sorted(c->groups, c->group_count, text);
}
/* The line of details that starts so; "" if there is none. */
_unused_ static const char *help_detail(const struct collected *c, const char *start) {
        static char line[2048];
        line[0] = 0;
        for (const char *at = sbuf_text(&c->details); *at; at = strchr(at, '\n') + 1)
                if (strncmp(at, start, strlen(start)) == 0)
                        (void)snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        return line;
}
