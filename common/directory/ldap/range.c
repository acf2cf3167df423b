/* The range option; see ldap/range.h. */
#include "directory/ldap/range.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

static bool take_number(const char **at, const char *end, uint32_t *number) {
        const char *from = *at;
        uint64_t value = 0;
        for (; *at < end && **at >= '0' && **at <= '9' && *at - from < 10; ++*at)
                value = value * 10 + (uint64_t)(**at - '0');
        *number = (uint32_t)value;
        return *at > from && value < UINT64_C(1) << 31;
}

/* "0-1499" or "1500-*" */
static int parse_numbers(const char *at, const char *end, struct range *range) {
        if (!take_number(&at, end, &range->from) || at == end || *at++ != '-' || at == end)
                return -EINVAL;
        range->ranged = true;
        if (*at == '*') {
                range->last = true;
                at++;
        } else {
                range->last = false;
                if (!take_number(&at, end, &range->to) || range->to < range->from)
                        return -EINVAL;
        }
        return at == end ? 0 : -EINVAL;
}

int range_parse(const char *text, size_t len, struct range *range) {
        static const char word[] = "range=";
        const size_t word_len = sizeof word - 1;
        const char *end = text + len, *at = memchr(text, ';', len);
        *range = (struct range){ .name_len = at ? (size_t)(at - text) : len, .last = true };
        if (range->name_len == 0)
                return -EINVAL;
        while (at && at < end) {
                const char *option = at + 1, *next = memchr(option, ';', (size_t)(end - option));
                const char *option_end = next ? next : end;
                bool is_range = (size_t)(option_end - option) >= word_len;
                for (size_t i = 0; is_range && i < word_len; i++)
                        is_range = text_fold_byte(option[i]) == word[i];
                if (!is_range)
                        return -ENOENT;
                if (range->ranged || parse_numbers(option + word_len, option_end, range) < 0)
                        return -EINVAL;
                at = next;
        }
        return 0;
}
