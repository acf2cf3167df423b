/* DNs, filters, names of attributes; see ldap_syntax.h. */
#include "config/ldap_syntax.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"

#define FILTER_DEPTH_MAX 64 /* more nobody writes; OpenLDAP's own limit is of this order */

static bool is_alpha(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool is_hex(char c) {
        return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* How many bytes at text are a name or an OID; 0: none. */
static size_t descriptor_length(const char *text) {
        size_t n = 0;
        if (is_alpha(text[0])) {
                while (is_alpha(text[n]) || is_digit(text[n]) || text[n] == '-')
                        n++;
                return n;
        }
        for (;;) {
                size_t first = n;
                while (is_digit(text[n]))
                        n++;
                if (n == first || (text[first] == '0' && n > first + 1))
                        return 0;
                if (text[n] != '.')
                        return n;
                n++;
        }
}

/* ... with its options. */
static size_t attribute_length(const char *text) {
        size_t n = descriptor_length(text);
        while (n > 0 && text[n] == ';') {
                size_t option = strspn(text + n + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
                if (option == 0)
                        return 0;
                n += 1 + option;
        }
        return n;
}

bool ldap_attribute_is_valid(const char *text) {
        size_t n = attribute_length(text);
        return n > 0 && text[n] == 0;
}

/* A value in a DN; *at goes to the ',' or '+' behind it, or to the end. */
static const char *dn_value_problem(const char **at) {
        const char *p = *at;
        bool hex = *p == '#';
        size_t digits = 0;
        for (p += hex; *p && *p != ',' && *p != '+'; p++) {
                if (hex) {
                        if (!is_hex(*p))
                                return "a value that begins with '#' is hexadecimal digits only";
                        digits++;
                } else if (*p == '\\') {
                        if (is_hex(p[1]) && is_hex(p[2]))
                                p += 2;
                        else if (p[1] && strchr(" \"#+,;<=>\\", p[1]))
                                p++;
                        else
                                return "'\\' stands before two hexadecimal digits or a special character";
                } else if (strchr("\";<>", *p))
                        return "one of \" ; < > without a '\\' before it";
        }
        if (hex && (digits == 0 || digits % 2 != 0))
                return "a value that begins with '#' has an even number of hexadecimal digits";
        *at = p;
        return NULL;
}

const char *ldap_dn_problem(const char *text) {
        const char *p = text;
        if (*p == 0)
                return "it is empty";
        for (;;) {
                p += strspn(p, " ");
                size_t n = descriptor_length(p);
                p += n;
                p += strspn(p, " ");
                if (n == 0 || *p != '=')
                        return "each part is ATTRIBUTE=VALUE, with commas between";
                p++;
                p += strspn(p, " ");
                if (*p == 0 || *p == ',' || *p == '+')
                        return "a part has no value";
                const char *problem = dn_value_problem(&p);
                if (problem)
                        return problem;
                if (*p == 0)
                        return NULL;
                p++;
        }
}

/* The next byte of a DN for comparison: folded, blanks beside an unescaped comma or '=' left out. Reads from the end: *end goes down. */
static char last_byte(const char *text, size_t *end) {
        while (*end > 0) {
                char c = text[--*end];
                size_t left = *end, right = *end + 1;
                if (c != ' ')
                        return text_fold_byte(c);
                while (left > 0 && text[left - 1] == ' ')
                        left--;
                while (text[right] == ' ')
                        right++;
                bool beside = left == 0 || text[left - 1] == ',' || text[left - 1] == '=' || text[right] == ',' || text[right] == '=' || text[right] == 0;
                if (!beside)
                        return c;
        }
        return 0;
}

bool ldap_dn_is_below(const char *dn, const char *base) {
        size_t a = strlen(dn), b = strlen(base);
        for (;;) {
                char y = last_byte(base, &b), x = last_byte(dn, &a);
                if (y == 0)
                        return x == 0 || x == ',';
                if (x != y)
                        return false;
        }
}

/* An assertion's value up to its ')'. '*' may stand anywhere where the operator is '='. */
static const char *assertion_problem(const char **at, bool stars) {
        const char *p = *at;
        for (; *p && *p != ')'; p++) {
                if (*p == '(')
                        return "'(' in a value; it is written \\28";
                if (*p == '*' && !stars)
                        return "'*' in a value; it is written \\2a";
                if (*p == '\\') {
                        if (!is_hex(p[1]) || !is_hex(p[2]))
                                return "'\\' stands before two hexadecimal digits: '*' is \\2a, '(' \\28, ')' \\29, '\\' \\5c";
                        p += 2;
                }
        }
        *at = p;
        return NULL;
}

/* ATTRIBUTE=VALUE and its relatives; *at goes to the ')'. */
static const char *item_problem(const char **at) {
        const char *p = *at;
        size_t n = attribute_length(p);
        bool extended = false, rule = false;
        p += n;
        if (text_starts_with(p, ":dn") && p[3] == ':') {
                p += 3;
                extended = true;
        }
        if (p[0] == ':' && p[1] != '=') {
                size_t length = descriptor_length(p + 1);
                if (length == 0)
                        return "no matching rule after ':'";
                p += 1 + length;
                extended = rule = true;
        }
        if (n == 0 && !rule)
                return "no attribute before its operator";
        bool plain = *p == '=' && !extended;
        if (plain)
                p++;
        else if (p[0] && strchr(extended ? ":" : "~<>:", p[0]) && p[1] == '=')
                p += 2;
        else
                return "no operator after an attribute; valid: = ~= <= >= :=";
        const char *problem = assertion_problem(&p, plain);
        if (!problem && plain && strstr(*at, "**") && strstr(*at, "**") < p)
                problem = "'**' in a value; one '*' stands for any text";
        *at = p;
        return problem;
}

static const char *component_problem(const char **at, unsigned depth) {
        const char *p = *at, *problem;
        if (*p != '(')
                return "a filter, and each of its parts, stands in parentheses";
        if (depth > FILTER_DEPTH_MAX)
                return "it is nested too deep";
        p++;
        if (*p == '&' || *p == '|') {
                p++;
                do /* an empty list would be true or false for every entry: RFC 4526, which few servers have and nobody means */
                        if ((problem = component_problem(&p, depth + 1)))
                                return problem;
                while (*p == '(');
        } else if (*p == '!') {
                p++;
                if ((problem = component_problem(&p, depth + 1)))
                        return problem;
        } else if ((problem = item_problem(&p)))
                return problem;
        if (*p != ')')
                return "a parenthesis is not closed";
        *at = p + 1;
        return NULL;
}

const char *ldap_filter_problem(const char *text) {
        const char *problem = component_problem(&text, 0);
        return problem ? problem : *text ? "something follows the closing parenthesis" : NULL;
}
