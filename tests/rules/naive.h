/* The rule book a second time, written straight from its text and as plainly as can be: what the rules of common/rules are compared with.
 * Relies on: nothing but libc; small fixed arrays, letters and words instead of enums, brute force instead of algorithms.
 * Must never: include or link anything of common/, so that one mistake cannot be made in both. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define NAIVE_DIRECTORIES 3
#define NAIVE_USERS 5   /* entries of one directory */
#define NAIVE_GROUPS 6

/* Login. Letters: replica: 'h' fresh and has the user, 'l' fresh and lacks, 'H' 'L' the same but stale, '-' none; live: 'y', 'n', '?' no answer;
 * gate: 'a' allow_all, 'i' in one of allow_groups, 'o' in none of them, '-' neither is set; check, of the password, if it is asked: 'r' right,
 * 'w' wrong, 'm' right but must be changed, 'x' right but expired, 'g' entry gone,
 * 'd' refused whatever the password, '?' no answer; fixed: who forbids passwords to be changed: 'd' the directory's level, 'a' the application's, 'n' its
 * external_writes, 'k' the kind, 0 nobody. creates: a delegated directory that creates on login: its replica is fresh, and live is what its
 * server says of a name that nobody has. */
struct naive_login_directory {
        bool on, next, creates;
        char replica, live, gate, check, fixed;
        bool replica_active, live_active, check_active;
};
/* password: 'g' given, 'e' empty, 'b' bad, 'n' not given (explain). name: "ok" or its refusal. */
struct naive_login {
        int count;
        struct naive_login_directory directory[NAIVE_DIRECTORIES]; /* in the application's order */
        const char *name;
        char password;
        bool throttled, published_same, published_other, allow_other_owner, is_host;
};
struct naive_login_answer {
        bool allow, must_change;
        const char *reason;
        int owner;      /* position, -1: nobody, or not known */
        int asked;      /* how many directories see the password */
        int created;    /* how many were asked to create somebody */
        bool dummy;     /* a check for nobody */
};
struct naive_login_answer naive_login(const struct naive_login *in);

/* Memberships. Names are small numbers; two entries of one directory with one number are ambiguous (N2). */
struct naive_entry { int name; bool active; int gid; };
struct naive_directory {
        bool on, replica, next, nested, ignore_inactive, allow_all;
        unsigned allow_groups; /* a bit per group name */
        int users, groups;
        struct naive_entry user[NAIVE_USERS], group[NAIVE_GROUPS];
        bool direct[NAIVE_USERS][NAIVE_GROUPS];
        bool nest[NAIVE_GROUPS][NAIVE_GROUPS]; /* [child][parent] */
};
struct naive_world {
        bool aggregating;
        int count;
        struct naive_directory directory[NAIVE_DIRECTORIES]; /* in the application's order */
};
int naive_owner(const struct naive_world *world, bool of_group, int name);          /* position, -1 */
unsigned naive_groups_of(const struct naive_world *world, int user_name);           /* a bit per group name */
unsigned naive_members_of(const struct naive_world *world, int group_name);         /* a bit per user name */
bool naive_access(const struct naive_world *world, int user_name);                  /* L4 in the owner; false for nobody */

/* Permissions. type: 'i' internal, 'l' LDAP, 'd' delegated, 'c' Crowd, 'j' Jira, '-' none. Gives "ok", or reason and level: "permission-denied
 * directory", "permission-denied application", "read-only-kind kind". */
struct naive_permission {
        char type;
        bool read_only, console, external_never, at_directory, at_application, password;
};
const char *naive_permission(const struct naive_permission *in);

/* Updates. Facts: 'y', 'n', '?' no answer. */
struct naive_update_directory {
        bool on, above, nested, read_only;
        char user, new_name, group, member, type;
        unsigned permissions, application_permissions; /* a bit each, in the order of P1 */
};
struct naive_update {
        char operation; /* 'A' add user, 'M' modify user, 'N' rename, 'P' password, 'R' remove user; 'a' add group, 'm' modify group,
                           'r' remove group; '+' add member, '-' remove member */
        int count;
        struct naive_update_directory directory[NAIVE_DIRECTORIES]; /* in the application's order; the console: one */
        bool console, aggregating, first_writable, first_group, external_never, group_in_group, unmask, sets_password;
        unsigned needs;
        const char *name;
};
/* Writes the plan as text: "reason@position" ("unavailable" and refusals by nobody in particular without position), with " permission level" after
 * P's refusals, then " +position:what" per change and " !position:permission/level" per directory passed over. */
void naive_update(const struct naive_update *in, char *out, size_t size);
