/* What a server says when a password is to be set there, and what it says of one beside letting its owner in.
 * Relies on: nothing.
 * Must never: hold a password. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Zero is the safe answer: who has heard nothing must not promise anything. */
enum password_set {
        PASSWORD_SET_UNKNOWN = 0,     /* the server was asked, and did not answer: perhaps it is changed */
        PASSWORD_SET_DONE,
        PASSWORD_SET_UNAVAILABLE,     /* nothing was changed: the server could not be asked, or takes no changes now */
        PASSWORD_SET_WRONG,           /* the old password is wrong */
        PASSWORD_SET_EXPIRED,         /* the old one is right but expired, and its owner is let in no more, not even to change it (L7) */
        PASSWORD_SET_REJECTED,        /* the server's policy refuses the new one */
        PASSWORD_SET_DENIED,          /* the server refuses whoever asked: the right to do it is missing */
        PASSWORD_SET_LOCKED,          /* the server refuses the account, whatever the password */
        PASSWORD_SET_NOT_FOUND,       /* the entry is gone, or is not that user's any more */
};

/* L7: of a right password. Zeroed: nothing was said. */
struct password_notice {
        uint32_t expires_s;  /* it will expire after so many seconds; 0: not said */
        bool grace;          /* it has expired, and this was one of the last logins with it ... */
        uint32_t grace_left; /* ... of which so many are left */
};
