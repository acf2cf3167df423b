/* The objects that commands answer with; see ctl.h.
 * Relies on: jansson.
 * Must never: print. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/sbuf.h"
#include "base/text.h"
#include "multidirctl/ctl.h"

json_t *ctl_text(const char *text) {
        json_t *value = json_string(text);
        if (value)
                return value;
        _cleanup_free_ char *copy = strdup(text);
        for (char *p = copy; p && *p; p++)
                if ((unsigned char)*p >= 0x80)
                        *p = '?';
        return copy ? json_string(copy) : NULL;
}

json_t *ctl_error(int *exit, enum exit_status status, const char *reason, const char *format, ...) {
        _cleanup_sbuf_ struct sbuf text = { 0 };
        va_list args;
        va_start(args, format);
        sbuf_vprintf(&text, format, args);
        va_end(args);
        *exit = status;
        return json_pack("{s:{s:s, s:o}}", "error", "reason", reason, "text", ctl_text(sbuf_text(&text)));
}

json_t *ctl_changes(const char *result, const char *reason) {
        return json_pack("{s:s, s:s, s:[], s:[]}", "result", result, "reason", reason, "changed", "skipped");
}

const char *ctl_field(const json_t *fields, const char *name) {
        return json_string_value(json_object_get(fields, name));
}

char *ctl_path(const struct ctl *ctl, const char *path) {
        char *made;
        return asprintf(&made, "%s%s", ctl->root, path) < 0 ? NULL : made;
}
