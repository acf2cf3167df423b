/* Runs the login machine over what the naive model describes.
 * Relies on: rules/login, naive.h.
 * Must never: decide: it only answers what the machine asks. */
#pragma once

#include "naive.h"
#include "rules/login.h"

/* What came out, with what the machine asked on the way. */
struct login_run {
        struct login login;
        int asked;          /* how often a password was to be checked */
        bool asked_other;   /* at another directory than login.owner */
        bool dummy;
        int created;        /* how often somebody was to be put on record */
        int questions;
};

/* scheme plays no part (L4), and is set to show it. Ends after as many questions as any login can have. */
void login_run(const struct naive_login *in, enum membership_scheme scheme, struct login_run *run);

/* Runs it, and fails the test, with the row described, unless it is what the naive model says. */
void login_compare(const struct naive_login *in, enum membership_scheme scheme, const char *what);
