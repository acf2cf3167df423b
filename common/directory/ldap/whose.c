/* A base search for an id; see ldap/whose.h. */
#include "directory/ldap/whose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct asking {
        const struct directory *directory;
        const char *id;
        struct entry_text *text; /* scratch */
        enum whose whose;
};

static int take_entry(void *userdata, const struct ldap_entry *entry) {
        struct asking *asking = userdata;
        const struct entry_context context = { asking->directory->ldap, asking->directory->settings->ids, 0 };
        asking->text->used = 0;
        const char *id = entry_id(&context, entry, asking->text);
        if (id)
                asking->whose = strcmp(id, asking->id) == 0 ? WHOSE_SAME : WHOSE_OTHERS;
        return 0;
}

static enum whose without_entry(int error) {
        switch (error) {
        case -EACCES:
        case -ENOENT: return WHOSE_HIDDEN;
        case -ECANCELED: return WHOSE_UNWILLING;
        case -EAGAIN:
        case -ETIMEDOUT:
        case -ECONNRESET: return WHOSE_LOST;
        default: return WHOSE_UNTOLD;
        }
}

enum whose whose_entry(struct directory *directory, struct link *link, const char *dn, const char *id, uint64_t deadline_ms) {
        const char *const attributes[] = { directory->ldap->external_id, NULL };
        struct asking asking = { .directory = directory, .id = id, .text = malloc(sizeof *asking.text), .whose = WHOSE_HIDDEN };
        const struct search search = { .base = dn, .scope = LDAP_SCOPE_BASE, .filter = "(objectClass=*)", .attributes = attributes, .size_limit = 1,
                                       .domain_scope = directory->ldap->active_directory, .entry = take_entry, .userdata = &asking };
        _cleanup_sbuf_ struct sbuf why = { 0 };
        if (!asking.text)
                return WHOSE_UNTOLD;
        int r = search_run(link, &search, deadline_ms, &why);
        if (r < 0)
                asking.whose = without_entry(r);
        if (asking.whose == WHOSE_UNTOLD || asking.whose == WHOSE_LOST || asking.whose == WHOSE_UNWILLING)
                log_warning("directory %s: who is bound cannot be asked for: %s", directory->settings->name, sbuf_text(&why));
        if (asking.whose == WHOSE_OTHERS)
                log_warning("directory %s: %s is another entry at the server that was to be asked: what answers as %s is not one server", directory->settings->name,
                            dn, link->server);
        free(asking.text);
        return asking.whose;
}
