/* JSON as the command sees it; see keeper/json.h. */
#include "multidird/keeper/json.h"

#include <string.h>

#include "base/sbuf.h"
#include "base/text.h"

int keeper_exit_for(enum reason reason) {
        switch (reason) {
        case REASON_OK: return EXIT_DONE;
        case REASON_USER_NOT_FOUND:
        case REASON_GROUP_NOT_FOUND: return EXIT_NOT_FOUND;
        case REASON_EXISTS:
        case REASON_ALREADY_A_MEMBER: return EXIT_EXISTS;
        case REASON_PERMISSION_DENIED:
        case REASON_READ_ONLY_KIND: return EXIT_PERMISSION;
        case REASON_UNAVAILABLE: return EXIT_UNAVAILABLE;
        default: return EXIT_REFUSED;
        }
}

json_t *keeper_text(const char *text) {
        if (text_is_utf8(text, strlen(text)))
                return json_string(text);
        _cleanup_free_ char *copy = strdup(text);
        if (!copy)
                return NULL;
        for (char *p = copy; *p; p++)
                if ((unsigned char)*p >= 0x80)
                        *p = '?';
        return json_string(copy);
}

json_t *keeper_id(uint32_t id) {
        return id == 0 ? json_null() : json_integer((json_int_t)id);
}

json_t *keeper_texts(const char *const *texts, size_t count) {
        json_t *array = json_array();
        for (size_t i = 0; i < count; i++)
                (void)json_array_append_new(array, keeper_text(texts[i]));
        return array;
}

json_t *keeper_error(const char *word, const char *format, ...) {
        _cleanup_sbuf_ struct sbuf text = { 0 };
        va_list args;
        va_start(args, format);
        sbuf_vprintf(&text, format, args);
        va_end(args);
        return json_pack("{s:{s:s, s:o}}", "error", "reason", word, "text", keeper_text(sbuf_text(&text)));
}

const char *keeper_field(const json_t *request, const char *name) {
        return json_string_value(json_object_get(request, name));
}

const char *keeper_type_name(enum directory_type type) {
        switch (type) {
        case DIRECTORY_INTERNAL: return "internal";
        case DIRECTORY_LDAP: return "ldap";
        case DIRECTORY_DELEGATED: return "delegated";
        case DIRECTORY_CROWD: return "crowd";
        case DIRECTORY_JIRA: return "jira";
        case DIRECTORY_TYPE_NONE: break;
        }
        return "none";
}
