/* What the runs of a synchronisation tell, in words; and the change at the server that each of them asks for.
 * Relies on: cmocka (include it before); ldap_help.h.
 * Must never: be included where nothing is synchronised in runs. */
#pragma once

#include "directory/ldap_help.h"

/* What a run told, one word each: "D" a delta, "F" a full one, "+name" a user or group ("++" one that is fresh), "name>key" a value, "-id" gone, "=id" still there. */
struct told {
        struct sbuf text;
        char cookie[SYNC_COOKIE_MAX + 1];
        const struct row *rows;
        size_t row, row_count;
        char group[64];
        struct directory_sync request;
        unsigned users, groups, present;
        void (*change)(const char *ldif);
};

struct row { const char *name, *ldif, *expected; };

static inline int on_begin(void *userdata, const struct sync_begin *begin) {
        struct told *told = userdata;
        told->text.len = 0;
        sbuf_printf(&told->text, "%s%s%s", begin->delta ? "D" : "F", begin->sweep_users ? "u" : "", begin->sweep_groups ? "g" : "");
        assert_true(!begin->delta || strcmp(begin->from, told->cookie) == 0);
        told->users = told->groups = told->present = 0;
        return 0;
}
static inline int on_user(void *userdata, const struct sync_user *user) {
        struct told *told = userdata;
        told->users++;
        sbuf_printf(&told->text, " %s%s", user->fresh ? "++" : "+", user->name);
        return 0;
}
static inline int on_group(void *userdata, const struct sync_group *group) {
        struct told *told = userdata;
        told->groups++;
        sbuf_printf(&told->text, " %s%s", group->fresh ? "++" : "+", group->name);
        (void)snprintf(told->group, sizeof told->group, "%s", group->name);
        return 0;
}
static inline int on_pair(void *userdata, uint32_t from, uint32_t to) {
        return 0;
}
static inline int on_stray(void *userdata, uint32_t group, const char *key) {
        return 0;
}
/* The first RDN's value will do. */
static inline int on_reference(void *userdata, const char *key) {
        struct told *told = userdata;
        const char *value = strchr(key, 1);
        value = value ? value + 1 : key;
        sbuf_printf(&told->text, " %s>%.*s", told->group, (int)strcspn(value, "\3"), value);
        return 0;
}
static inline int on_gone(void *userdata, enum sync_kind kind, const char *id) {
        struct told *told = userdata;
        sbuf_printf(&told->text, " -%s%s", kind == SYNC_KIND_USER ? "user" : "group", strlen(id) == 36 ? "" : "?");
        return 0;
}
static inline int on_present(void *userdata, enum sync_kind kind, const char *id) {
        struct told *told = userdata;
        told->users += kind == SYNC_KIND_USER;
        told->present += kind == SYNC_KIND_USER;
        told->groups += kind == SYNC_KIND_GROUP;
        return 0;
}
/* The run that the row before asked for is compared, then the next change is made; after the last one the synchronisation is ended from here. */
static inline int on_end(void *userdata, const char *cookie) {
        struct told *told = userdata;
        (void)snprintf(told->cookie, sizeof told->cookie, "%s", cookie);
        if (told->row > 0 || told->rows[0].expected) {
                const struct row *row = &told->rows[told->row];
                if (row->expected && strcmp(row->expected, sbuf_text(&told->text)) != 0)
                        fail_msg("%s: \"%s\" instead of \"%s\"", row->name, sbuf_text(&told->text), row->expected);
        }
        if (++told->row >= told->row_count)
                return -ECANCELED;
        if (told->rows[told->row].ldif)
                told->change(told->rows[told->row].ldif);
        return 0;
}

_unused_ static const struct sync_sink *sink_of(struct told *told) {
        static struct sync_sink sink;
        sink = (struct sync_sink){ .begin = on_begin, .user = on_user, .group = on_group, .member = on_pair, .child = on_pair, .stray = on_stray,
                                   .reference = on_reference, .gone = on_gone, .present = on_present, .end = on_end, .userdata = told };
        return &sink;
}

/* One run, whichever it is; the result. */
_unused_ static int run_once(struct ldap_case *c, struct told *told, bool watch, struct sbuf *why) {
        static const struct row once = { "once", NULL, NULL };
        told->rows = &once;
        told->row = 0;
        told->row_count = 1;
        told->request = (struct directory_sync){ .cookie = told->cookie, .watch = watch };
        char cookie[SYNC_COOKIE_MAX + 1];
        (void)snprintf(cookie, sizeof cookie, "%s", told->cookie);
        told->request.cookie = cookie;
        return directory_ldap.sync(c->directory, &told->request, sink_of(told), why);
}
