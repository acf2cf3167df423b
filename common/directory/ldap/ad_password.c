/* Passwords for Active Directory; see ldap/ad_password.h. */
#include "directory/ldap/ad_password.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

static void put_unit(struct ad_password *value, uint32_t unit) {
        value->bytes[value->len++] = (char)(unit & 0xff);
        value->bytes[value->len++] = (char)(unit >> 8 & 0xff);
}

static void put_character(struct ad_password *value, uint32_t character) {
        if (character < 0x10000) {
                put_unit(value, character);
                return;
        }
        put_unit(value, 0xd800 + ((character - 0x10000) >> 10));
        put_unit(value, 0xdc00 + ((character - 0x10000) & 0x3ff));
}

/* The character at text, which is valid UTF-8; *size: of how many bytes. */
static uint32_t character_at(const char *text, size_t *size) {
        const unsigned char *bytes = (const unsigned char *)text;
        *size = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
        uint32_t character = *size == 1 ? bytes[0] : bytes[0] & (0xffu >> (*size + 1));
        for (size_t i = 1; i < *size; i++)
                character = character << 6 | (bytes[i] & 0x3f);
        return character;
}

int ad_password_make(const struct secret *password, struct ad_password *value) {
        size_t size;
        value->len = 0;
        if (!text_is_utf8(password->bytes, password->len))
                return -EILSEQ;
        put_unit(value, '"');
        for (size_t i = 0; i < password->len; i += size)
                put_character(value, character_at(password->bytes + i, &size));
        put_unit(value, '"');
        return 0;
}

void ad_password_done(struct ad_password *value) {
        explicit_bzero(value, sizeof *value);
}
