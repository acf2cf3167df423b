/* Login, memberships and permissions by the letter of the rule book; see naive.h.
 * Relies on: libc.
 * Must never: be clever. */
#include "naive.h"

#include <string.h>

/* L6: fresh replica or live answer. */
static char has_user(const struct naive_login_directory *d) {
        if (d->replica == 'h')
                return 'y';
        if (d->replica == 'l')
                return 'n';
        return d->live;
}

static bool some_replica_has(const struct naive_login_directory *d) {
        return d->replica == 'h' || d->replica == 'H';
}

/* L5: "try the next" needs on_unavailable = next and no replica, of whatever age, with the user. */
static bool search_goes_on(const struct naive_login_directory *d) {
        return !d->on || has_user(d) == 'n' || (has_user(d) == '?' && d->next && !some_replica_has(d));
}

/* D3: the directory whose server has a name that nobody has. -1: none; and none is asked while a directory cannot answer that could have the name (U1,
 * chapter 6), were it passed over or not. -2: that one stops the login (L5). */
static int newcomer(const struct naive_login *in) {
        for (int i = 0; i < in->count; i++)
                if (in->directory[i].on && has_user(&in->directory[i]) == '?' && !in->directory[i].creates)
                        return -1;
        for (int i = 0; i < in->count; i++) {
                const struct naive_login_directory *d = &in->directory[i];
                if (!d->on || !d->creates || d->live == 'n')
                        continue;
                return d->live == 'y' ? i : d->next ? -1 : -2;
        }
        return -1;
}

struct naive_login_answer naive_login(const struct naive_login *in) {
        static const struct naive_login_directory nobody = { .on = true, .replica = 'l', .gate = '-' };
        int at = 0;
        while (at < in->count && search_goes_on(&in->directory[at]))
                at++;
        int new = at < in->count ? -1 : newcomer(in), owner = new >= 0 ? new : at;
        const struct naive_login_directory *d = owner < in->count ? &in->directory[owner] : &nobody;
        bool refused_before = strcmp(in->name, "ok") != 0 || in->password == 'e' || in->password == 'b' || in->throttled;
        bool given = in->password == 'g', is_new = new >= 0;
        /* L7, P2, P5: a password that must be changed and cannot be from here has expired. */
        bool expired = d->check == 'x' || (d->check == 'm' && (d->fixed || d->creates));
        bool active = given ? d->check_active : d->replica == 'h' ? d->replica_active : d->live_active;
        const struct { bool when; const char *reason; } chain[] = {
                { strcmp(in->name, "ok") != 0, in->name },                                          /* L12, N3, N4 */
                { in->password == 'e', "empty-password" },                                          /* L8 */
                { in->password == 'b', "bad-password" },                                            /* L8 */
                { in->throttled, "throttled" },                                                     /* L11 */
                { new == -2, "unavailable" },                                                       /* L5 */
                { at == in->count && (!is_new || !given), "user-not-found" },                       /* L9, D3 */
                { !is_new && has_user(d) == '?', "unavailable" },                                   /* L5 */
                { given && d->check == '?', "unavailable" },                                       /* L5 */
                { given && (d->check == 'w' || d->check == 'g'), "wrong-password" },              /* L1 */
                { given && d->check == 'd', "inactive" },                                           /* L3 */
                { given && is_new && expired, "password-expired" },                                 /* L7: and nobody is created */
                { !active, "inactive" },                                                            /* L3 */
                { d->gate != 'a' && d->gate != 'i', "no-access" },                                  /* L4 */
                { given && expired, "password-expired" },                                          /* L7 */
                { !in->published_same && (in->is_host || !in->allow_other_owner || !in->published_other), "id-conflict" }, /* L12, M8 */
                { true, "ok" },
        };
        int link = 0;
        while (!chain[link].when)
                link++;
        struct naive_login_answer answer = { .reason = chain[link].reason, .owner = -1 };
        answer.allow = strcmp(answer.reason, "ok") == 0;
        answer.must_change = answer.allow && given && d->check == 'm';
        if (!refused_before && (is_new || (at < in->count && (has_user(d) == 'y' || some_replica_has(d)))))
                answer.owner = owner;
        answer.asked = !refused_before && given && (is_new || (at < in->count && has_user(d) == 'y'));
        answer.dummy = !refused_before && given && at == in->count && new == -1;
        answer.created = answer.asked && is_new && (d->check == 'r' || (d->check == 'm' && !expired));
        return answer;
}

static int count_named(const struct naive_entry *entries, int count, int name) {
        int n = 0;
        for (int i = 0; i < count; i++)
                n += entries[i].name == name;
        return n;
}

/* D6: below a directory without a complete replica nothing is published, unless on_unavailable = next. */
static bool takes_part(const struct naive_world *world, int position) {
        for (int i = 0; i < position; i++)
                if (world->directory[i].on && !world->directory[i].replica && !world->directory[i].next)
                        return false;
        return world->directory[position].on && world->directory[position].replica;
}

int naive_owner(const struct naive_world *world, bool of_group, int name) {
        for (int i = 0; i < world->count; i++) {
                const struct naive_directory *d = &world->directory[i];
                if (takes_part(world, i) && count_named(of_group ? d->group : d->user, of_group ? d->groups : d->users, name) > 0)
                        return i;
        }
        return -1;
}

/* N2: of a name that its owner has twice nothing is published. */
static bool published(const struct naive_world *world, bool of_group, int name) {
        int owner = naive_owner(world, of_group, name);
        if (owner < 0)
                return false;
        const struct naive_directory *d = &world->directory[owner];
        return count_named(of_group ? d->group : d->user, of_group ? d->groups : d->users, name) == 1;
}

/* N2, M6 */
static bool group_grants(const struct naive_directory *d, int g) {
        return count_named(d->group, d->groups, d->group[g].name) == 1 && (d->group[g].active || !d->ignore_inactive);
}

/* M1, M9: the group names of one user entry inside one directory, by repeating until nothing is new. */
static unsigned names_inside(const struct naive_directory *d, int u) {
        bool in[NAIVE_GROUPS] = { false };
        unsigned names = 0;
        bool again = count_named(d->user, d->users, d->user[u].name) == 1;
        for (int g = 0; again && g < d->groups; g++)
                in[g] = group_grants(d, g) && (d->direct[u][g] || (d->user[u].gid != 0 && d->user[u].gid == d->group[g].gid));
        while (again) {
                again = false;
                for (int child = 0; child < d->groups; child++)
                        for (int parent = 0; parent < d->groups; parent++)
                                if (d->nested && in[child] && d->nest[child][parent] && group_grants(d, parent) && !in[parent])
                                        again = in[parent] = true;
        }
        for (int g = 0; g < d->groups; g++)
                names |= in[g] ? 1u << d->group[g].name : 0;
        return names;
}

/* The one relation (M5): whether the user of that name is, in the application's eyes, in the group of that name. M2, M3, M4. */
static bool related(const struct naive_world *world, int user_name, int group_name) {
        if (!published(world, false, user_name) || !published(world, true, group_name))
                return false;
        for (int i = 0; i < world->count; i++) {
                const struct naive_directory *d = &world->directory[i];
                if (!takes_part(world, i) || (!world->aggregating && i != naive_owner(world, false, user_name)))
                        continue;
                for (int u = 0; u < d->users; u++)
                        if (d->user[u].name == user_name && (names_inside(d, u) >> group_name & 1))
                                return true;
        }
        return false;
}

unsigned naive_groups_of(const struct naive_world *world, int user_name) {
        unsigned names = 0;
        for (int g = 0; g < 32; g++)
                names |= naive_owner(world, true, g) >= 0 && related(world, user_name, g) ? 1u << g : 0;
        return names;
}

unsigned naive_members_of(const struct naive_world *world, int group_name) {
        unsigned names = 0;
        for (int u = 0; u < 32; u++)
                names |= naive_owner(world, false, u) >= 0 && related(world, u, group_name) ? 1u << u : 0;
        return names;
}

bool naive_access(const struct naive_world *world, int user_name) {
        int owner = naive_owner(world, false, user_name);
        if (owner < 0 || !published(world, false, user_name))
                return false;
        const struct naive_directory *d = &world->directory[owner];
        for (int u = 0; u < d->users; u++)
                if (d->user[u].name == user_name)
                        return d->allow_all || (names_inside(d, u) & d->allow_groups) != 0;
        return false;
}

const char *naive_permission(const struct naive_permission *in) {
        bool external = in->type != 'i' && in->type != 'd';
        if (!in->at_directory)
                return "permission-denied directory";           /* P2: wins over the application's value */
        if (!in->console && !in->at_application)
                return "permission-denied application";         /* P2, P3 */
        if (in->type == '-' || in->read_only)
                return "read-only-kind kind";                   /* P5 */
        if (in->type == 'd' && in->password)
                return "read-only-kind kind";                   /* P5 */
        if (!in->console && in->external_never && external)
                return "read-only-kind kind";                   /* P5 */
        return "ok";
}
