/* Lists of attributes, and names of entries; see ldap/mods.h. */
#include "directory/ldap/mods.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

void mods_done(struct mods *mods) {
        arena_done(&mods->arena);
        *mods = (struct mods){ 0 };
}

/* A new attribute with room for so many values, and the NULL behind them. */
static struct berval **add(struct mods *mods, int op, const char *attribute, size_t room) {
        LDAPMod *mod = mods->count < MODS_MAX ? arena_alloc(&mods->arena, sizeof *mod) : NULL;
        struct berval **values = arena_alloc(&mods->arena, (room + 1) * sizeof *values);
        char *name = arena_strdup(&mods->arena, attribute);
        if (!mod || !values || !name) {
                mods->failed = true;
                return NULL;
        }
        *mod = (LDAPMod){ .mod_op = op | LDAP_MOD_BVALUES, .mod_type = name, .mod_vals.modv_bvals = room > 0 ? values : NULL };
        mods->list[mods->count++] = mod;
        return values;
}

static void put(struct mods *mods, struct berval **at, const char *bytes, size_t len) {
        *at = arena_alloc(&mods->arena, sizeof **at);
        char *copy = arena_copy(&mods->arena, bytes, len);
        if (!*at || !copy)
                mods->failed = true;
        else
                **at = (struct berval){ .bv_len = len, .bv_val = copy };
}

void mods_value(struct mods *mods, int op, const char *attribute, const char *value) {
        struct berval **values = add(mods, op, attribute, value ? 1 : 0);
        if (values && value)
                put(mods, values, value, strlen(value));
}

void mods_lines(struct mods *mods, int op, const char *attribute, const char *lines) {
        size_t room = 0, count = 0;
        for (const char *at = lines; *at; at += strcspn(at, "\n"), at += *at == '\n')
                room += *at != '\n';
        struct berval **values = add(mods, op, attribute, room);
        for (const char *at = lines; values && *at && count < room;) {
                size_t len = strcspn(at, "\n");
                if (len > 0)
                        put(mods, &values[count++], at, len);
                at += len + (at[len] == '\n');
        }
}

void mods_number(struct mods *mods, int op, const char *attribute, uint32_t number) {
        char digits[12];
        (void)snprintf(digits, sizeof digits, "%u", number);
        mods_value(mods, op, attribute, digits);
}

bool mods_has(const struct mods *mods, const char *attribute) {
        for (size_t i = 0; i < mods->count; i++)
                if (strcasecmp(mods->list[i]->mod_type, attribute) == 0)
                        return true;
        return false;
}

LDAPMod **mods_list(struct mods *mods) {
        return mods->failed ? NULL : mods->list;
}

void rdn_write(struct sbuf *dn, const char *attribute, const char *value) {
        size_t len = strlen(value);
        sbuf_printf(dn, "%s=", attribute);
        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)value[i];
                bool at_end = (c == ' ' && (i == 0 || i + 1 == len)) || (c == '#' && i == 0);
                if (c < 0x20 || c >= 0x7f || at_end || strchr(",+\"\\<>;=", c))
                        sbuf_printf(dn, "\\%02x", c);
                else
                        sbuf_add_bytes(dn, &value[i], 1);
        }
}
