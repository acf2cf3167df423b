/* enable and disable, PAM's half: pam-auth-update is asked, and what it leaves different from before is put back.
 * Relies on: posix_spawn, enable_file.h.
 * Must never: run a shell; change a file of PAM that others changed since. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "multidirctl/enable.h"
#include "multidirctl/enable_file.h"

#define PAM_AUTH_UPDATE "/usr/sbin/pam-auth-update"
#define PAM_PROFILE "/usr/share/pam-configs/multidir"
#define COMMON_AUTH "/etc/pam.d/common-auth"

/* What pam-auth-update writes: the stacks, its memory of them, and which profiles it has seen (ours is not enabled by default, so that an unseen
 * one stays out). */
static const struct { const char *path, *name; } pam_files[] = {
        { COMMON_AUTH, "common-auth" },
        { "/etc/pam.d/common-account", "common-account" },
        { "/etc/pam.d/common-password", "common-password" },
        { "/etc/pam.d/common-session", "common-session" },
        { "/etc/pam.d/common-session-noninteractive", "common-session-noninteractive" },
        { "/var/lib/pam/auth", "pam-auth" },
        { "/var/lib/pam/account", "pam-account" },
        { "/var/lib/pam/password", "pam-password" },
        { "/var/lib/pam/session", "pam-session" },
        { "/var/lib/pam/session-noninteractive", "pam-session-noninteractive" },
        { "/var/lib/pam/seen", "pam-seen" },
};
#define PAM_FILES ARRAY_SIZE(pam_files)

struct texts { char *text[PAM_FILES]; bool exists[PAM_FILES]; };

static void texts_done(struct texts *texts) {
        for (size_t i = 0; i < PAM_FILES; i++)
                free(texts->text[i]);
}
#define _cleanup_texts_ __attribute__((cleanup(texts_done)))

static int read_texts(const struct ctl *ctl, struct texts *texts, const char **what) {
        for (size_t i = 0; i < PAM_FILES; i++) {
                *what = pam_files[i].path;
                int r = enable_read(ctl, pam_files[i].path, &texts->text[i], &texts->exists[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Runs it with a fixed environment, its messages to our standard error. 0, -EBUSY when it failed, or a negative errno. */
static int run_pam_auth_update(const struct ctl *ctl, const char *action) {
        static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", NULL };
        const char *const argv[] = { PAM_AUTH_UPDATE, "--package", action, "multidir", ctl->root[0] ? "--root" : NULL, ctl->root, NULL };
        posix_spawn_file_actions_t files;
        pid_t pid;
        int status;
        int r = posix_spawn_file_actions_init(&files);
        if (r != 0)
                return -r;
        r = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn(&pid, PAM_AUTH_UPDATE, &files, NULL, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)environment);
        (void)posix_spawn_file_actions_destroy(&files);
        if (r != 0)
                return -r;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EBUSY;
}

static bool has_pam_auth_update(const struct ctl *ctl, json_t *changes) {
        _cleanup_free_ char *profile = ctl_path(ctl, PAM_PROFILE);
        const char *text = access(PAM_AUTH_UPDATE, X_OK) < 0
                ? "there is no pam-auth-update on this host: nothing was edited; pam_multidir(8) shows the lines to add"
                : !profile || access(profile, R_OK) < 0 ? "its profile " PAM_PROFILE " is not installed: nothing was edited" : NULL;
        if (text)
                enable_note_skipped(changes, "/etc/pam.d", text);
        return !text;
}

static bool mentions_us(const char *text) {
        return strstr(text, "pam_multidir.so") != NULL;
}

int enable_pam(struct ctl *ctl, json_t *changes, const char **what) {
        _cleanup_texts_ struct texts before = { 0 }, after = { 0 };
        *what = "/etc/pam.d";
        if (!has_pam_auth_update(ctl, changes))
                return 0;
        int r = read_texts(ctl, &before, what);
        if (r < 0 || mentions_us(before.text[0]))
                return r;
        *what = COMMON_AUTH;
        r = run_pam_auth_update(ctl, "--enable");
        if (r == 0)
                r = read_texts(ctl, &after, what);
        if (r == 0 && !mentions_us(after.text[0])) {
                *what = COMMON_AUTH;
                r = -EBUSY;
        }
        for (size_t i = 0; i < PAM_FILES && r == 0; i++) {
                *what = pam_files[i].path;
                if (after.exists[i])
                        r = enable_keep(ctl, pam_files[i].name, before.exists[i] ? before.text[i] : NULL, after.text[i]);
        }
        if (r == 0)
                enable_note_changed(changes, "/etc/pam.d", "multidir enabled by pam-auth-update");
        return r;
}

/* What a file is after disable: as it was before enable, if nobody else changed it in between. */
static int give_back(const struct ctl *ctl, size_t i, const char *enabled_text) {
        _cleanup_free_ char *original = NULL, *enabled = NULL, *now = NULL;
        bool exists;
        if (enable_kept(ctl, pam_files[i].name, &original, &enabled) < 0)
                return 0;
        int r = 0;
        if (strcmp(enabled, enabled_text) == 0)
                r = original ? enable_read(ctl, pam_files[i].path, &now, &exists) : enable_remove(ctl, pam_files[i].path);
        if (r == 0 && now && strcmp(now, original) != 0)
                r = enable_write(ctl, pam_files[i].path, original);
        if (r == 0)
                enable_forget(ctl, pam_files[i].name);
        return r;
}

int disable_pam(struct ctl *ctl, json_t *changes, const char **what) {
        _cleanup_texts_ struct texts before = { 0 }, after = { 0 };
        *what = "/etc/pam.d";
        int r = read_texts(ctl, &before, what);
        if (r < 0 || !mentions_us(before.text[0]))
                return r;
        if (!has_pam_auth_update(ctl, changes))
                return 0;
        *what = COMMON_AUTH;
        r = run_pam_auth_update(ctl, "--disable");
        for (size_t i = 0; i < PAM_FILES && r == 0; i++) {
                *what = pam_files[i].path;
                r = give_back(ctl, i, before.text[i]);
        }
        *what = COMMON_AUTH;
        if (r == 0)
                r = read_texts(ctl, &after, what);
        if (r == 0 && mentions_us(after.text[0]))
                r = -EBUSY;
        if (r == 0)
                enable_note_changed(changes, "/etc/pam.d", "multidir disabled by pam-auth-update");
        return r;
}
