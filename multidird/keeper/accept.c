/* Accepted names, kept until they are used; see keeper/accept.h. The file has a line "user NAME" or "group NAME" for each. */
#include "multidird/keeper/accept.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sbuf.h"
#include "base/text.h"

#define ACCEPTED_FILE "accepted"
#define ACCEPTED_MAX (1u << 20) /* bytes */

static char *accepted_path(const struct keeper *keeper) {
        char *path = NULL;
        return asprintf(&path, "%s/" ACCEPTED_FILE, keeper->folder) < 0 ? NULL : path;
}

static int add(struct keeper *keeper, enum name_kind kind, const char *name) {
        struct keeper_accepted *accepted = calloc(1, sizeof *accepted);
        if (!accepted)
                return -ENOMEM;
        accepted->kind = kind;
        accepted->name = strdup(name);
        if (!accepted->name) {
                free(accepted);
                return -ENOMEM;
        }
        accepted->next = keeper->accepted;
        keeper->accepted = accepted;
        return 0;
}

static void remove_last(struct keeper *keeper) {
        struct keeper_accepted *last = keeper->accepted;
        keeper->accepted = last->next;
        free(last->name);
        free(last);
}

/* What a run that ended before its build has left. */
static int load(struct keeper *keeper) {
        if (keeper->accepted_loaded)
                return 0;
        _cleanup_free_ char *text = NULL;
        _cleanup_free_ char *path = accepted_path(keeper);
        size_t len;
        int r = path ? file_read(path, ACCEPTED_MAX, &text, &len) : -ENOMEM;
        char *rest = text, *line;
        while (r == 0 && (line = strsep(&rest, "\n")))
                if (text_starts_with(line, "user "))
                        r = add(keeper, NAME_OF_USER, line + strlen("user "));
                else if (text_starts_with(line, "group "))
                        r = add(keeper, NAME_OF_GROUP, line + strlen("group "));
        if (r < 0 && r != -ENOENT)
                return r;
        keeper->accepted_loaded = true;
        return 0;
}

static int save(const struct keeper *keeper) {
        _cleanup_sbuf_ struct sbuf text = { 0 };
        _cleanup_free_ char *path = accepted_path(keeper);
        for (const struct keeper_accepted *one = keeper->accepted; one; one = one->next)
                sbuf_printf(&text, "%s %s\n", one->kind == NAME_OF_USER ? "user" : "group", one->name);
        return path && !text.failed ? file_replace(path, sbuf_text(&text), text.len, 0600) : -ENOMEM;
}

int keeper_accept_name(struct keeper *keeper, enum name_kind kind, const char *name) {
        const char *why;
        if (name_check(kind, name, &why) != REASON_OK)
                return -EINVAL; /* never published; and no line of the file */
        int r = load(keeper);
        if (r == 0)
                r = add(keeper, kind, name);
        if (r < 0)
                return r;
        r = save(keeper);
        if (r < 0)
                remove_last(keeper);
        return r;
}

void keeper_accept_undo(struct keeper *keeper) {
        if (!keeper->accepted)
                return;
        remove_last(keeper);
        int r = save(keeper);
        if (r < 0)
                log_warning("an acceptance that is not needed cannot be taken off the disk: %s", strerror(-r));
}

int keeper_accepted_apply(struct keeper *keeper) {
        int r = load(keeper);
        for (const struct keeper_accepted *one = keeper->accepted; one && r == 0; one = one->next)
                r = registry_accept(keeper->registry, one->kind, one->name);
        return r;
}

void keeper_accepted_used(struct keeper *keeper) {
        registry_clear_accepted(keeper->registry);
        if (!keeper->accepted)
                return;
        keeper_accepted_done(keeper);
        _cleanup_free_ char *path = accepted_path(keeper);
        if (!path || (unlink(path) < 0 && errno != ENOENT))
                log_warning("accepted names that were used cannot be taken off the disk");
}

void keeper_accepted_done(struct keeper *keeper) {
        while (keeper->accepted)
                remove_last(keeper);
}
