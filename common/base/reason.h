/* The reasons that multidir gives for an answer: one list, used by login, changes, `masked`, `explain` and the wire.
 * Relies on: nothing.
 * Must never: change the number of a reason that is on the wire or in a view file; add new ones at the end.
 * The words are fixed by the command's documented interface. Zero is the safe answer: unavailable. */
#pragma once

enum reason {
        REASON_UNAVAILABLE = 0, /* a directory, the service or the view could not answer (L5) */
        REASON_OK,
        REASON_USER_NOT_FOUND,
        REASON_WRONG_PASSWORD,       /* L1 */
        REASON_EMPTY_PASSWORD,       /* L8 */
        REASON_INACTIVE,             /* L3 */
        REASON_PASSWORD_EXPIRED,     /* L7 */
        REASON_NO_ACCESS,            /* L4 */
        REASON_SEAT_LIMIT,           /* C1 */
        REASON_THROTTLED,            /* L11 */
        REASON_EXISTS,               /* U1, U5 */
        REASON_GROUP_NOT_FOUND,
        REASON_NOT_A_MEMBER,
        REASON_ALREADY_A_MEMBER,
        REASON_NEEDS_UNMASK,         /* U4 */
        REASON_BAD_PASSWORD,         /* L8 */
        REASON_CIRCULAR,             /* U11 */
        REASON_PERMISSION_DENIED,    /* P2 */
        REASON_READ_ONLY_KIND,       /* P5 */
        REASON_NESTING_NOT_SUPPORTED, /* U11 */
        REASON_INVALID_NAME,         /* N2, N3 */
        REASON_ID_CONFLICT,          /* L12, M10, I3, I4, I5 */
        REASON_RESERVED_NAME,        /* N4 */
        REASON_LOCAL_ACCOUNT,        /* N4 */
        REASON_POLICY_REJECTED,      /* the server's own policy */
        REASON_MASKED,               /* `masked` only: a higher directory owns the name */
        REASON_NOT_CHECKED,          /* a step of `explain login` without a password */
        REASON_MAX
};

/* The reason's word, e.g. "wrong-password". Never NULL: an unknown number gives "unavailable". Static storage. */
const char *reason_name(enum reason reason);

/* The reason with that word; REASON_MAX if there is none. */
enum reason reason_from_name(const char *name);
