/* Active Directory sends a long attribute in pieces: "member;range=0-1499", then "member;range=1500-*". The option's parser.
 * Relies on: nothing.
 * Must never: read past the length it was given. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
        size_t name_len;       /* of the attribute without options */
        bool ranged;           /* has a range option; else the numbers are 0 and last is true */
        bool last;             /* "-*", or no range: nothing follows */
        uint32_t from, to;     /* inclusive; to is 0 with last */
};

/* text[0..len): an attribute description. 0, or -EINVAL: a range that is none ("range=5-3", two of them, numbers above 2^31), or no name.
 * Other options (";binary", ";lang-en") give -ENOENT: another attribute than the bare one. */
int range_parse(const char *text, size_t len, struct range *range);
