/* What the parts of the LDAP kind share: the opened directory.
 * Relies on: ldap/session, ldap/entry.
 * Must never: be included outside this folder. */
#pragma once

#include "directory/directory.h"
#include "directory/ldap/entry.h"
#include "directory/ldap/session.h"

struct directory {
        const struct directory_settings *settings;
        const struct ldap_settings *ldap;
        struct session session;
        struct sbuf user_base, group_base, user_filter, group_filter;
        uint32_t login_ms, sync_ms;
};

/* For whoever reads that the server has no entry dn, which was searched below: the keys that name it; nothing if none does. */
void ldap_kind_no_base(const struct directory *directory, const char *dn, struct sbuf *why);

/* Parts of an operation, that kind.c begins (session_begin) and begins again where its server failed. */
/* find.c */
void ldap_kind_find(struct directory *directory, const char *user, uint64_t deadline_ms, struct directory_entry *entry);
enum password_result ldap_kind_check(struct directory *directory, const char *user, const struct secret *password, uint64_t deadline_ms,
                                     struct directory_entry *entry);
/* The entry that is meant, as the server has it now: searched for if entry_id or dn is "", else read there and compared. FOUND: both are set. */
enum presence ldap_kind_confirm(struct directory *directory, const char *user, uint64_t deadline_ms, struct directory_entry *entry);
/* groups.c: the groups of the user whose entry and profile those are, with what they are in (nested_groups); all or none. 0 or a negative errno, logged. */
int ldap_kind_groups(struct directory *directory, const char *dn, uint64_t deadline_ms, struct user_profile *profile);
/* delegated.c */
enum password_result delegated_kind_check(struct directory *directory, const char *user, const struct secret *password, uint64_t deadline_ms,
                                          struct directory_entry *entry);
/* password.c */
enum password_set ldap_kind_set_password(struct directory *directory, const char *user, const struct secret *old, const struct secret *new,
                                         uint64_t deadline_ms, struct directory_entry *entry, struct sbuf *why);
/* change.c */
void ldap_kind_change(struct directory *directory, const struct directory_change *change, const struct secret *password, struct change_result *result);
/* feed.c */
int ldap_kind_sync(struct directory *directory, struct directory_sync *request, const struct sync_sink *sink, struct sbuf *why);
/* test.c */
int ldap_kind_test(struct directory *directory, struct sbuf *report);
/* probe.c */
int ldap_kind_probe(struct directory *directory, uint32_t limit_ms, struct sbuf *why);
