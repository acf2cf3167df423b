/* The value parsers of the table of keys: one text to one value, or what would be valid.
 * Relies on: base/text, model/name, config/parse.h.
 * Must never: accept a value in part; look at another key. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "config/parse.h"
#include "model/name.h"

bool value_bool(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        bool yes = strcmp(text, "yes") == 0;
        if (!yes && strcmp(text, "no") != 0) {
                sbuf_add(why, "valid: yes, no");
                return false;
        }
        *(bool *)target = yes;
        return true;
}

bool value_word(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        for (const struct config_word *w = key->words; w->word; w++)
                if (strcmp(text, w->word) == 0) {
                        memcpy(target, &w->value, sizeof w->value);
                        return true;
                }
        sbuf_add(why, "valid:");
        for (const struct config_word *w = key->words; w->word; w++)
                sbuf_printf(why, "%s %s", w == key->words ? "" : ",", w->word);
        return false;
}

bool value_profile(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        if (!config_profile(text, "membership")) {
                sbuf_add(why, "valid: crowd, jira, confluence, confluence-3.5, fisheye, bitbucket");
                return false;
        }
        *(const char **)target = text;
        return true;
}

bool value_u32(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        uint32_t value;
        if (text_to_u32(text, (uint32_t)key->max, &value) < 0 || value < key->min) {
                sbuf_printf(why, "valid: a number from %ju to %ju", (uintmax_t)key->min, (uintmax_t)key->max);
                return false;
        }
        *(uint32_t *)target = value;
        return true;
}

static void add_seconds(struct sbuf *out, uint64_t seconds) {
        if (seconds > 0 && seconds % 86400 == 0)
                sbuf_printf(out, "%jud", (uintmax_t)(seconds / 86400));
        else
                sbuf_printf(out, "%jus", (uintmax_t)seconds);
}

bool value_duration(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        uint64_t seconds;
        if (text_to_seconds(text, key->max, &seconds) < 0 || seconds < key->min) {
                sbuf_add(why, "valid: a number with s, m, h or d, such as 90s or 24h, from ");
                add_seconds(why, key->min);
                sbuf_add(why, " to ");
                add_seconds(why, key->max);
                return false;
        }
        *(uint64_t *)target = seconds;
        return true;
}

/* "no", or a maximum age (L10). */
bool value_offline(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        if (strcmp(text, "no") == 0) {
                *(uint64_t *)target = 0;
                return true;
        }
        if (value_duration(parser, key, text, target, why))
                return true;
        sbuf_add(why, ", or no");
        return false;
}

/* Splits a comma-separated list into the arena. NULL with *count 0 for an empty one; false and *why for an empty item or an item twice. */
static bool split(struct config_parser *parser, const char *text, const char ***items, size_t *count, struct sbuf *why) {
        size_t n = 1;
        *items = NULL;
        *count = 0;
        if (*text == 0)
                return true;
        for (const char *p = text; *p; p++)
                n += *p == ',';
        const char **list = arena_alloc(parser->arena, n * sizeof *list);
        if (!list) {
                parser->out_of_memory = true;
                return true;
        }
        for (size_t i = 0; i < n; i++) {
                size_t len = strcspn(text, ","), skip = strspn(text, " \t");
                size_t end = len;
                skip = skip > len ? len : skip;
                while (end > skip && (text[end - 1] == ' ' || text[end - 1] == '\t'))
                        end--;
                if (end == skip) {
                        sbuf_add(why, "an empty item; valid: a comma-separated list");
                        return false;
                }
                list[i] = arena_copy(parser->arena, text + skip, end - skip);
                if (!list[i]) {
                        parser->out_of_memory = true;
                        return true;
                }
                text += len + (i + 1 < n);
        }
        *items = list;
        *count = n;
        return true;
}

/* An item that stands twice, as names are compared (N1); NULL if there is none. */
static const char *first_twice(struct config_parser *parser, const char *const *items, size_t count) {
        struct name_map seen = { 0 };
        const char *twice = NULL;
        for (size_t i = 0; i < count && !twice; i++) {
                int r = name_map_add(&seen, items[i], (uint32_t)i);
                if (r == -ENOMEM)
                        parser->out_of_memory = true;
                else if (r < 0)
                        twice = items[i];
        }
        name_map_done(&seen);
        return twice;
}

/* *target: const char *const *; the number of items goes to the same struct at count_offset. */
bool value_list(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        const char **items;
        size_t count;
        if (!split(parser, text, &items, &count, why))
                return false;
        const char *twice = first_twice(parser, items, count);
        if (twice) {
                sbuf_printf(why, "\"%s\" stands in it twice; valid: each once", twice);
                return false;
        }
        memcpy(target, &items, sizeof items);
        memcpy((char *)target - key->offset + key->count_offset, &count, sizeof count);
        return true;
}

/* A list whose every item must pass a check. */
static bool checked_list(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why,
                         bool (*check)(const char *item, struct sbuf *why)) {
        const char **items;
        size_t count;
        if (!split(parser, text, &items, &count, why))
                return false;
        for (size_t i = 0; i < count; i++)
                if (!check(items[i], why))
                        return false;
        return value_list(parser, key, text, target, why);
}

static bool group_item(const char *item, struct sbuf *why) {
        const char *reason = NULL;
        if (name_check(NAME_OF_GROUP, item, &reason) == REASON_OK)
                return true;
        sbuf_printf(why, "\"%s\" cannot be a group's name: %s; valid: names of groups", item, reason ? reason : "refused");
        return false;
}

/* PAM folds service names to lower case and uses them as file names. */
static bool service_item(const char *item, struct sbuf *why) {
        size_t good = strspn(item, "abcdefghijklmnopqrstuvwxyz0123456789_.-");
        if (item[good] == 0 && item[0] != '.' && item[0] != '-' && strlen(item) <= NAME_LENGTH_MAX)
                return true;
        sbuf_printf(why, "\"%s\" cannot be a PAM service; valid: file names of /etc/pam.d in lower case", item);
        return false;
}

static bool name_item(const char *item, struct sbuf *why) {
        if (config_name_is_valid(item, strlen(item)))
                return true;
        sbuf_printf(why, "\"%s\" cannot be a directory's name; " CONFIG_NAME_VALID, item);
        return false;
}

bool value_groups(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        return checked_list(parser, key, text, target, why, group_item);
}

bool value_services(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        return checked_list(parser, key, text, target, why, service_item);
}

bool value_names(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        return checked_list(parser, key, text, target, why, name_item);
}

/* One group, or nothing: *target NULL. */
bool value_group(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        if (*text && !group_item(text, why))
                return false;
        *(const char **)target = *text ? text : NULL;
        return true;
}

static const struct { const char *word; permission_set set; } bundles[] = { /* P4 */
        { "read-write", PERMISSIONS_ALL },
        { "read-only", PERMISSIONS_READ_ONLY },
        { "read-only-local-groups", PERMISSIONS_READ_ONLY_LOCAL_GROUPS },
        { "none", PERMISSIONS_NONE },
};

/* P1, P4: a bundle alone, or a list of permissions. */
bool value_permissions(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        const char **items;
        size_t count;
        permission_set set = PERMISSIONS_NONE;
        for (size_t i = 0; i < ARRAY_SIZE(bundles); i++)
                if (strcmp(text, bundles[i].word) == 0) {
                        *(permission_set *)target = bundles[i].set;
                        return true;
                }
        if (!split(parser, text, &items, &count, why))
                return false;
        for (size_t i = 0; i < count; i++) {
                enum permission permission = permission_from_name(items[i]);
                if (permission == PERMISSION_MAX) {
                        sbuf_printf(why, "\"%s\" is no permission; valid: read-write, read-only, read-only-local-groups or none, alone, or a list of", items[i]);
                        for (unsigned p = 0; p < PERMISSION_MAX; p++)
                                sbuf_printf(why, "%s %s", p ? "," : "", permission_name((enum permission)p));
                        return false;
                }
                set |= PERMISSION_BIT(permission);
        }
        *(permission_set *)target = set;
        return true;
}

/* I2, I3: "A-B"; target is the directory. Empty: the default of the id source. */
bool value_id_range(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        struct directory_settings *directory = target;
        char first_text[16] = "";
        const char *dash = strchr(text, '-');
        uint32_t first, last;
        if (*text == 0) {
                directory->has_id_range = false;
                return true;
        }
        size_t len = dash ? (size_t)(dash - text) : 0;
        if (len > 0 && len < sizeof first_text)
                memcpy(first_text, text, len);
        if (!dash || text_to_u32(first_text, INT32_MAX, &first) < 0 || text_to_u32(dash + 1, INT32_MAX, &last) < 0 ||
            first < 1000 || last < first || (first >= 60000 && last <= 65535)) {
                sbuf_add(why, "valid: FIRST-LAST, from 1000 to 2147483647, not all of it inside 60000-65535, such as 200000-399999");
                return false;
        }
        directory->has_id_range = true;
        directory->id_range_first = first;
        directory->id_range_last = last;
        return true;
}

/* N5: what the template makes of a harmless name must be publishable. */
bool value_home(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        char path[1024];
        if (path_expand(text, "u", "d", path, sizeof path) < 0 || !path_is_publishable(path)) {
                sbuf_add(why, "valid: an absolute path without ':' or \"..\" parts, of less than 1000 bytes; %u is the user, %d the directory, %% a percent sign");
                return false;
        }
        *(const char **)target = text;
        return true;
}

bool value_shell(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why) {
        if (!path_is_publishable(text)) {
                sbuf_add(why, "valid: an absolute path without ':' or \"..\" parts");
                return false;
        }
        *(const char **)target = text;
        return true;
}

bool config_name_is_valid(const char *text, size_t len) {
        if (len == 0 || len > CONFIG_NAME_MAX)
                return false;
        for (size_t i = 0; i < len; i++) {
                bool alnum = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9');
                if (!alnum && (i == 0 || (text[i] != '_' && text[i] != '-')))
                        return false;
        }
        return true;
}
