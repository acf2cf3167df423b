/* One change of one entry at a directory's own server (U12), and what became of it: the shapes that the keeper, the supervisor and the directory kinds
 * share.
 * Relies on: base/reason.
 * Must never: hold a password. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

enum entry_change {
        CHANGE_NONE = 0,
        CHANGE_ADD_USER,
        CHANGE_MODIFY_USER,
        CHANGE_RENAME_USER,
        CHANGE_SET_PASSWORD,
        CHANGE_REMOVE_USER,
        CHANGE_ADD_GROUP,
        CHANGE_MODIFY_GROUP,
        CHANGE_REMOVE_GROUP,
        CHANGE_ADD_MEMBER,
        CHANGE_REMOVE_MEMBER,
        CHANGE_MAX
};

#define CHANGE_ATTRIBUTES_MAX 64
/* Texts are borrowed, NUL-terminated; NULL: not given, it stays as it is. An empty one takes the value away. */
struct directory_change {
        enum entry_change operation;
        const char *name, *entry_id;        /* the user or the group that is changed: what the replica has; of one that is added the id is "" */
        const char *new_name;               /* RENAME_USER */
        const char *member, *member_id;     /* ADD_, REMOVE_MEMBER: who; name and entry_id are the group's */
        bool member_is_group;               /* U11 */
        const char *display_name, *email, *home, *shell, *ssh_keys; /* of users; keys one per line */
        const char *description;            /* of groups */
        bool has_uid, has_gid, has_active;
        uint32_t uid, gid;
        bool active;
        const char *attributes[CHANGE_ATTRIBUTES_MAX]; /* "KEY=VALUE"; an empty VALUE takes the attribute away */
        size_t attribute_count;
};

/* L2: a password goes along with these, and with nothing else. */
static inline bool change_takes_password(enum entry_change operation) {
        return operation == CHANGE_SET_PASSWORD || operation == CHANGE_ADD_USER;
}

/* Zero is the safe answer: who has heard nothing must not promise anything. */
enum change_state {
        CHANGE_UNKNOWN = 0, /* the server was asked, and did not answer: perhaps it is done */
        CHANGE_DONE,
        CHANGE_REFUSED,     /* nothing was changed: `reason` says why */
        CHANGE_PARTLY,      /* the entry was changed, but not all that belongs to it: the text says what is left */
        CHANGE_STATE_MAX
};
#define CHANGE_TEXT_MAX 1023
struct change_result {
        enum change_state state;
        enum reason reason;             /* with CHANGE_REFUSED */
        bool by_right;                  /* ... PERMISSION_DENIED: the server's own, for want of a right of bind_dn's (P6) */
        char text[CHANGE_TEXT_MAX + 1]; /* one sentence for the administrator, printable; may be "" */
};
