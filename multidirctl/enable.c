/* enable, disable: into and out of nsswitch.conf and PAM.
 * Relies on: nsswitch.h, enable.h.
 * Must never: edit a file of PAM itself (pam-auth-update does). */
#include "multidirctl/enable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "multidirctl/enable_file.h"
#include "multidirctl/nsswitch.h"

#define NSSWITCH "/etc/nsswitch.conf"
#define NSSWITCH_NAME "nsswitch.conf"

void enable_note_changed(json_t *changes, const char *file, const char *what) {
        (void)json_array_append_new(json_object_get(changes, "changed"), json_pack("{s:s, s:s}", "file", file, "what", what));
}

void enable_note_skipped(json_t *changes, const char *file, const char *text) {
        (void)json_array_append_new(json_object_get(changes, "skipped"), json_pack("{s:s, s:s}", "file", file, "text", text));
}

int enable_nsswitch(struct ctl *ctl, json_t *changes, const char **what) {
        _cleanup_free_ char *text = NULL, *made = NULL, *bare = NULL;
        bool exists = false, changed = false, half;
        char why[NSSWITCH_WHY_SIZE] = "";
        *what = NSSWITCH;
        int r = enable_read(ctl, NSSWITCH, &text, &exists);
        if (r == 0)
                r = nsswitch_insert(text, &made, &changed, why);
        if (r == -EINVAL && why[0])
                (void)json_object_set_new(changes, "text", json_sprintf("%s, %s", NSSWITCH, why));
        if (r < 0 || !changed)
                return r;
        /* What it was is on disk before it changes; a crash in between leaves the file as it was. Where we were here before, and somebody took out
         * one of the words since, the original is the file without the other. */
        _cleanup_free_ char *original = NULL, *enabled = NULL;
        r = nsswitch_remove(text, &bare, &half);
        if (r == 0) {
                bool again = enable_kept(ctl, NSSWITCH_NAME, &original, &enabled) == 0;
                r = enable_keep(ctl, NSSWITCH_NAME, !exists ? NULL : again ? bare : text, made);
        }
        if (r == 0)
                r = enable_write(ctl, NSSWITCH, made);
        if (r == 0)
                enable_note_changed(changes, NSSWITCH, "multidir added to passwd and group");
        return r;
}

int disable_nsswitch(struct ctl *ctl, json_t *changes, const char **what) {
        _cleanup_free_ char *text = NULL, *made = NULL, *original = NULL, *enabled = NULL;
        bool exists = false, changed = false;
        *what = NSSWITCH;
        int r = enable_read(ctl, NSSWITCH, &text, &exists);
        if (r < 0)
                return r;
        bool ours = enable_kept(ctl, NSSWITCH_NAME, &original, &enabled) == 0 && strcmp(enabled, text) == 0;
        if (ours) {
                r = original ? enable_write(ctl, NSSWITCH, original) : enable_remove(ctl, NSSWITCH);
                changed = r == 0;
        } else {
                /* Others changed the file since: what they wrote stays. */
                r = nsswitch_remove(text, &made, &changed);
                if (r == 0 && changed)
                        r = enable_write(ctl, NSSWITCH, made);
        }
        if (r < 0)
                return r;
        if (changed)
                enable_note_changed(changes, NSSWITCH, ours ? "as it was before" : "multidir taken out; other changes stay");
        enable_forget(ctl, NSSWITCH_NAME);
        return 0;
}

static json_t *refused(json_t *changes, int error, const char *what, int *exit) {
        (void)json_object_set_new(changes, "result", json_string("refused"));
        (void)json_object_set_new(changes, "reason", json_string("permission-denied"));
        if (!json_object_get(changes, "text"))
                (void)json_object_set_new(changes, "text", error == -EBUSY ? json_sprintf("%s was left as it is: pam-auth-update refused to change it (edited by hand? see pam-auth-update --force)", what)
                                          : json_sprintf("%s: %s", what, error == -EINVAL ? "not a text file" : strerror(-error)));
        *exit = EXIT_REFUSED;
        return changes;
}

/* Before anything is touched: half of it would be no use. A test's own root folder needs none. */
static json_t *needs_root(const struct ctl *ctl, int *exit) {
        return geteuid() == 0 || ctl->root[0] ? NULL : ctl_error(exit, EXIT_REFUSED, "not-root", "needs root");
}

/* Names first, then passwords: PAM must not be asked for people who do not resolve. All or nothing: without PAM, names go out again. */
json_t *enable_run(struct ctl *ctl, const json_t *fields, int *exit) {
        json_t *refusal = needs_root(ctl, exit);
        if (refusal)
                return refusal;
        json_t *changes = ctl_changes("done", "ok");
        const char *what = "", *undone = "";
        if (!changes)
                return NULL;
        *exit = EXIT_DONE;
        int r = enable_nsswitch(ctl, changes, &what);
        json_t *changed = json_object_get(changes, "changed");
        bool added = json_array_size(changed) > 0;
        if (r == 0) {
                r = enable_pam(ctl, changes, &what);
                if (r < 0 && added && disable_nsswitch(ctl, changes, &undone) == 0)
                        (void)json_array_clear(changed);
        }
        return r < 0 ? refused(changes, r, what, exit) : changes;
}

/* The other way round. */
json_t *disable_run(struct ctl *ctl, const json_t *fields, int *exit) {
        json_t *refusal = needs_root(ctl, exit);
        if (refusal)
                return refusal;
        json_t *changes = ctl_changes("done", "ok");
        const char *what = "";
        if (!changes)
                return NULL;
        *exit = EXIT_DONE;
        int r = disable_pam(ctl, changes, &what);
        if (r == 0)
                r = disable_nsswitch(ctl, changes, &what);
        return r < 0 ? refused(changes, r, what, exit) : changes;
}
