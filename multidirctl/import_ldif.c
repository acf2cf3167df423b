/* LDIF entries; see import_ldif.h. */
#include "multidirctl/import_ldif.h"

#include <string.h>

#include "base/text.h"

void ldif_init(struct ldif *ldif, const char *text, size_t len, struct arena *arena) {
        *ldif = (struct ldif){ .at = text, .end = text + len, .line = 1, .arena = arena };
}

/* The end of the physical line at p, before its line end. */
static const char *line_end(const struct ldif *ldif, const char *p, const char **next) {
        const char *newline = memchr(p, '\n', (size_t)(ldif->end - p));
        const char *end = newline ? newline : ldif->end;
        *next = newline ? newline + 1 : ldif->end;
        return end > p && end[-1] == '\r' ? end - 1 : end;
}

/* One logical line: physical ones that start with a blank go on with the one before. NULL when memory is out. An empty text is an empty line. */
static char *unfolded(struct ldif *ldif, size_t *len, uint32_t *line) {
        const char *next, *p = ldif->at;
        size_t size = 0;
        *line = ldif->line;
        for (bool first = true; p < ldif->end && (first || *p == ' '); first = false) {
                size += (size_t)(line_end(ldif, p, &next) - p);
                p = next;
        }
        char *text = arena_alloc(ldif->arena, size + 1);
        if (!text) {
                ldif->out_of_memory = true;
                return NULL;
        }
        *len = 0;
        for (bool first = true; ldif->at < ldif->end && (first || *ldif->at == ' '); first = false) {
                const char *end = line_end(ldif, ldif->at, &next), *start = first ? ldif->at : ldif->at + 1;
                if (end > start) {
                        memcpy(text + *len, start, (size_t)(end - start));
                        *len += (size_t)(end - start);
                }
                ldif->at = next;
                ldif->line++;
                if (*len == 0)
                        break; /* an empty line ends an entry; a blank behind it starts nothing */
        }
        return text;
}

static int base64_digit(char c) {
        return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes in place. false: not base64. */
static bool decode_base64(char *text, size_t *len) {
        size_t n = *len, out = 0;
        unsigned bits = 0, held = 0;
        while (n > 0 && text[n - 1] == ' ')
                n--;
        if (n % 4 != 0)
                return false;
        for (size_t pad = 0; n > 0 && pad < 2 && text[n - 1] == '='; pad++)
                n--;
        for (size_t i = 0; i < n; i++) {
                int digit = base64_digit(text[i]);
                if (digit < 0)
                        return false;
                held = (held << 6 | (unsigned)digit) & 0xfff;
                bits += 6;
                if (bits >= 8) {
                        bits -= 8;
                        text[out++] = (char)(held >> bits & 0xff);
                }
        }
        text[out] = 0;
        *len = out;
        return true;
}

/* "name;option: value", "name:: base64". NULL, or what is wrong. */
static const char *read_pair(char *text, size_t len, struct ldif_pair *pair) {
        char *colon = memchr(text, ':', len);
        if (!colon || colon == text)
                return "not a line \"ATTRIBUTE: VALUE\"";
        char *value = colon + 1, *end = text + len;
        bool base64 = value < end && *value == ':';
        if (value < end && *value == '<')
                return "values in other files (\":<\") are not read";
        value += base64;
        while (value < end && *value == ' ')
                value++;
        size_t value_len = (size_t)(end - value);
        if (base64 && !decode_base64(value, &value_len))
                return "not base64";
        if (memchr(value, 0, value_len))
                return "a NUL byte in a value";
        *colon = 0;
        text_fold(text, text, (size_t)(colon - text));
        *pair = (struct ldif_pair){ text, value, value_len };
        return NULL;
}

/* "cn;lang-de" is another attribute than cn: it is not ours to read. */
static void add_pair(struct ldif *ldif, struct ldif_entry *entry, size_t *size, struct ldif_pair pair) {
        if (entry->pair_count == *size) {
                size_t more = *size ? 2 * *size : 16;
                struct ldif_pair *pairs = arena_alloc(ldif->arena, more * sizeof *pairs);
                if (!pairs) {
                        ldif->out_of_memory = true;
                        return;
                }
                if (*size > 0)
                        memcpy(pairs, entry->pairs, *size * sizeof *pairs);
                entry->pairs = pairs;
                *size = more;
        }
        entry->pairs[entry->pair_count++] = pair;
}

static void set_problem(struct ldif_entry *entry, const char *problem, uint32_t line) {
        if (entry->problem)
                return;
        entry->problem = problem;
        entry->problem_line = line;
}

static void take_line(struct ldif *ldif, struct ldif_entry *entry, size_t *size, char *text, size_t len, uint32_t line) {
        struct ldif_pair pair;
        const char *problem = read_pair(text, len, &pair);
        if (problem)
                set_problem(entry, problem, line);
        else if (!entry->dn && strcmp(pair.name, "dn") == 0) {
                entry->dn = pair.value;
                entry->line = line;
        } else if (!entry->dn)
                set_problem(entry, "an entry starts with its dn", line);
        else if (strcmp(pair.name, "changetype") == 0) {
                if (strcmp(pair.value, "add") != 0)
                        set_problem(entry, "a change; only entries (changetype: add) are imported", line);
        } else
                add_pair(ldif, entry, size, pair);
}

bool ldif_next(struct ldif *ldif, struct ldif_entry *entry) {
        size_t size = 0;
        bool any = false;
        *entry = (struct ldif_entry){ 0 };
        while (ldif->at < ldif->end && !ldif->out_of_memory) {
                uint32_t line;
                size_t len = 0;
                char *text = unfolded(ldif, &len, &line);
                if (!text)
                        return false;
                if (len == 0) {
                        if (any)
                                return true;
                        continue;
                }
                if (text[0] == '#')
                        continue;
                if (!ldif->started && strncmp(text, "version:", 8) == 0) {
                        ldif->started = true;
                        continue;
                }
                ldif->started = true;
                if (!any)
                        entry->line = line;
                any = true;
                take_line(ldif, entry, &size, text, len, line);
        }
        return any && !ldif->out_of_memory;
}

const char *ldif_value(const struct ldif_entry *entry, const char *name, size_t n) {
        for (size_t i = 0; i < entry->pair_count; i++)
                if (strcmp(entry->pairs[i].name, name) == 0 && n-- == 0)
                        return entry->pairs[i].value;
        return NULL;
}

static int hex_digit(char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Copies a DN's value up to an unescaped ',' or '+', without the escapes. NULL: it holds a NUL, or memory is out. */
static const char *unescaped(struct arena *arena, const char *text) {
        size_t n = 0, kept = 0;
        char *out = arena_alloc(arena, strlen(text) + 1);
        while (out && *text && *text != ',' && *text != '+' && *text != ';') {
                char c = *text++;
                bool escaped = c == '\\' && *text != 0;
                if (escaped && hex_digit(text[0]) >= 0 && hex_digit(text[1]) >= 0) {
                        c = (char)(hex_digit(text[0]) * 16 + hex_digit(text[1]));
                        text += 2;
                } else if (escaped)
                        c = *text++;
                if (c == 0)
                        return NULL;
                out[n++] = c;
                if (escaped || c != ' ')
                        kept = n;
        }
        if (out)
                out[kept] = 0;
        return out;
}

bool ldif_rdn(struct arena *arena, const char *dn, const char **name, const char **value) {
        const char *equals = strchr(dn, '=');
        if (!equals)
                return false;
        size_t start = strspn(dn, " "), end = (size_t)(equals - dn);
        while (end > start && dn[end - 1] == ' ')
                end--;
        char *folded = arena_copy(arena, dn + start, end > start ? end - start : 0);
        if (!folded || *folded == 0)
                return false;
        text_fold(folded, folded, strlen(folded));
        const char *made = unescaped(arena, equals + 1 + strspn(equals + 1, " "));
        if (!made || *made == 0)
                return false;
        *name = folded;
        *value = made;
        return true;
}

static bool is_separator(char c) {
        return c == ',' || c == '=' || c == '+';
}

const char *ldif_normal_dn(struct arena *arena, const char *dn) {
        char *out = arena_alloc(arena, strlen(dn) + 1);
        size_t n = 0;
        for (const char *p = dn; out && *p; p++) {
                if (*p == '\\' && p[1]) {
                        out[n++] = *p++;
                        out[n++] = text_fold_byte(*p);
                        continue;
                }
                if (is_separator(*p))
                        while (n > 0 && out[n - 1] == ' ' && (n < 2 || out[n - 2] != '\\'))
                                n--;
                if (*p == ' ' && (n == 0 || is_separator(out[n - 1])))
                        continue;
                out[n++] = text_fold_byte(*p);
        }
        if (out)
                out[n] = 0;
        return out;
}
