/* What the LDAP kinds need to know of one directory: where its server is, and which attribute holds what. config/ fills it from the preset and
 * the keys that override it; nothing changes it afterwards.
 * Relies on: nothing.
 * Must never: hold a secret (bind_password_file is a path); be looked at by the rules. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a group names its members (M1, M9). */
enum ldap_members {
        LDAP_MEMBERS_DN = 0, /* group_member holds DNs, of users and groups */
        LDAP_MEMBERS_NAME,   /* ... user names (memberUid); and whose user_gid is the group's group_gid is a member too (M9). Groups do not nest */
};

/* Strings are owned by the configuration and never NULL; "" is "none". Attribute names are as the server spells them; their case means nothing. */
struct ldap_settings {
        const char *preset;
        const char *const *uris;       /* uri_count of them, "ldap://", "ldaps://" or "ldapi://", in order of preference; "ldaps+srv://DOMAIN"
                                          and "ldap+srv://DOMAIN" stand for what DNS lists under _ldaps._tcp or _ldap._tcp */
        size_t uri_count;
        const char *base;
        const char *bind_dn;           /* "": anonymous */
        const char *bind_password_file;
        bool starttls, insecure_plaintext;
        const char *tls_ca_file;
        const char *user_base, *group_base; /* DNs relative to base that are searched instead of it; "": base itself */
        const char *user_object_class, *user_filter, *user_rdn;
        const char *user_name, *user_first_name, *user_last_name, *user_display_name, *user_email, *user_password;
        const char *user_member_of;    /* "": off, memberships are read from the groups */
        const char *user_uid, *user_gid, *user_home, *user_shell, *user_ssh_keys;
        const char *user_sid, *user_primary_group_id; /* Active Directory: objectSid, primaryGroupID */
        const char *group_object_class, *group_filter, *group_name, *group_description, *group_member, *group_gid, *group_sid;
        const char *external_id;       /* the attribute with the immutable id */
        enum ldap_members members;
        uint32_t page_size;            /* RFC 2696; 0: unpaged */
        bool active_directory;         /* ranges (member;range=), sub-codes in diagnostics, domain scope */
        bool writable;                 /* P5: false: read-only whatever the permissions say */
};
