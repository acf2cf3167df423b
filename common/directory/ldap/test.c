/* `directory test`: connects, binds, and reads one user and one group, so that a mistake shows where it is.
 * Relies on: ldap/session, ldap/entry.
 * Must never: print what the entries hold beyond a name and a DN. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "directory/ldap/kind.h"
#include "directory/ldap/words.h"

#define SAMPLE 5

struct sample {
        struct directory *directory;
        struct sbuf *report;
        bool groups;
        unsigned seen, good;
        enum entry_verdict verdict;
        const char *why;
        struct entry_user user;
        struct entry_group group;
};

static int take_sample(void *userdata, const struct ldap_entry *entry) {
        struct sample *sample = userdata;
        const struct directory *directory = sample->directory;
        const struct entry_context context = { directory->ldap, directory->settings->ids, clock_real_s() };
        char dn[120], name[80];
        sample->seen++;
        sample->verdict = sample->groups ? entry_map_group(&context, entry, &sample->group, &sample->why) :
                                           entry_map_user(&context, entry, &sample->user, &sample->why);
        if (sample->verdict == ENTRY_OK && sample->good++ == 0) {
                const char *text = sample->groups ? sample->group.group.name : sample->user.user.name;
                const char *where = sample->groups ? sample->group.group.dn : sample->user.user.dn;
                words_copy(text, name, sizeof name);
                words_copy(where ? where : "", dn, sizeof dn);
                sbuf_printf(sample->report, "%s: for example %s, %s\n", sample->groups ? "groups" : "users", name, dn);
        }
        return 0;
}

/* The first few entries are enough: a server that has more stops at the limit that it was given. */
static int read_sample(struct directory *directory, struct link *link, bool groups, uint64_t deadline_ms, struct sbuf *report) {
        _cleanup_free_ struct sample *sample = calloc(1, sizeof *sample);
        _cleanup_sbuf_ struct sbuf why = { 0 };
        struct entry_attributes attributes;
        if (!sample)
                return -ENOMEM;
        *sample = (struct sample){ .directory = directory, .report = report, .groups = groups };
        if (groups)
                entry_group_attributes(directory->ldap, false, &attributes);
        else
                entry_user_attributes(directory->ldap, &attributes);
        const struct search search = {
                .base = sbuf_text(groups ? &directory->group_base : &directory->user_base), .scope = LDAP_SCOPE_SUBTREE,
                .filter = sbuf_text(groups ? &directory->group_filter : &directory->user_filter), .attributes = attributes.names, .size_limit = SAMPLE,
                .domain_scope = directory->ldap->active_directory, .entry = take_sample, .userdata = sample,
        };
        int r = search_run(link, &search, deadline_ms, &why);
        const char *what = groups ? "groups" : "users";
        if (r < 0 && !(r == -EFBIG && sample->seen > 0)) {
                if (r == -ENOENT)
                        ldap_kind_no_base(directory, search.base, &why);
                sbuf_printf(report, "%s: the search below \"%s\" failed: %s\n", what, search.base, sbuf_text(&why));
                return r;
        }
        if (sample->good > 0 || (groups && sample->seen == 0))
                return 0;
        if (sample->seen == 0)
                sbuf_printf(report, "%s: none below \"%s\" matches %s\n", what, search.base, search.filter);
        else
                sbuf_printf(report, "%s: %s\n", what, sample->verdict == ENTRY_NAMELESS ? "the entries have no name: is the name attribute right?" : sample->why);
        return -ENOENT;
}

int ldap_kind_test(struct directory *directory, struct sbuf *report) {
        _cleanup_(link_closep) struct link *link = NULL;
        _cleanup_sbuf_ struct sbuf why = { 0 };
        uint64_t deadline_ms = clock_monotonic_ms() + directory->login_ms;
        int r = session_connect(&directory->session, &(struct session_want){ LINK_MESSAGE_SMALL, true }, deadline_ms, &link, &why);
        if (r < 0) {
                sbuf_printf(report, "server: %s\n", sbuf_text(&why));
                return r;
        }
        sbuf_printf(report, "server: %s, %s, %s\n", link->server, ldap_tls_inplace(link->ld) ? "encrypted" : "not encrypted",
                    directory->ldap->bind_dn[0] ? "bound as bind_dn" : "anonymous");
        r = read_sample(directory, link, false, deadline_ms, report);
        if (r == 0 && directory->ldap->group_name[0])
                r = read_sample(directory, link, true, deadline_ms, report);
        return r;
}
