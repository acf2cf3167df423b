/* The naming context, and who may see what is deleted there; see ldap/active.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "directory/ldap/active.h"
#include "model/sync_key.h"

#define SHOW_DELETED "1.2.840.113556.1.4.417"
#define SHOW_RECYCLED "1.2.840.113556.1.4.2064" /* ... and what is left of what was deleted before that */
#define NOTIFICATION "1.2.840.113556.1.4.528"
#define DELETED_OBJECTS "<WKGUID=18E2EA80684F11D2B9AA00C04F79F805,%s>" /* whatever it is called in the server's language */
#define IS_DELETED "isDeleted"
#define USN "uSNChanged"
#define SAMPLES "(|(&(objectClass=user)(!(objectClass=computer)))(objectClass=group))"
#define SAMPLE 50u
#define PROOF_MS 15000u

static bool has(const struct ldap_attribute *attribute, const char *text) {
        for (size_t i = 0; attribute && i < attribute->count; i++)
                if (attribute->values[i].bv_len == strlen(text) && memcmp(attribute->values[i].bv_val, text, strlen(text)) == 0)
                        return true;
        return false;
}

static bool is_within(const char *key, size_t len, const char *above, size_t above_len) {
        return len >= above_len && memcmp(key + len - above_len, above, above_len) == 0 && (len == above_len || key[len - above_len - 1] == 3);
}

/* The innermost one that holds the base: that one search reads one of them (domain_scope). */
static void find_context(const char *base, const struct ldap_attribute *contexts, char context[SYNC_DN_MAX + 1]) {
        char key[SYNC_KEY_MAX + 1], above[SYNC_KEY_MAX + 1];
        size_t len, above_len, best = 0;
        if (sync_key_dn(base, strlen(base), key, &len) < 0)
                return;
        for (size_t i = 0; contexts && i < contexts->count; i++) {
                const struct berval *value = &contexts->values[i];
                if (value->bv_len > SYNC_DN_MAX || sync_key_dn(value->bv_val, value->bv_len, above, &above_len) < 0 || above_len <= best ||
                    !is_within(key, len, above, above_len))
                        continue;
                best = above_len;
                memcpy(context, value->bv_val, value->bv_len);
                context[value->bv_len] = 0;
        }
}

void active_read_root(const struct reading *reading, const struct ldap_attribute *controls, const struct ldap_attribute *contexts, struct active *active) {
        uint16_t port = reading->link->where.port;
        *active = (struct active){ 0 };
        /* The global catalogue: its searches go through all domains, and its entries are parts of theirs. */
        if (port == 3268 || port == 3269)
                return;
        find_context(reading->directory->ldap->base, contexts, active->context);
        active->deleted = has(controls, SHOW_RECYCLED) ? SHOW_RECYCLED : has(controls, SHOW_DELETED) ? SHOW_DELETED : NULL;
        active->tells = active->context[0] && has(controls, NOTIFICATION);
}

/* ---- Who sees what is deleted ---- */

struct proof {
        const char *id_name;
        char dn[SYNC_DN_MAX + 1];  /* of what holds them; "": it cannot be read */
        unsigned seen;
        bool hidden;               /* one of which not all can be read */
};

static int take_holder(void *userdata, const struct ldap_entry *entry) {
        struct proof *proof = userdata;
        /* Some servers name it to everybody, and show nothing of it. */
        if (has(entry_find(entry, IS_DELETED), "TRUE") && entry->dn.bv_len <= SYNC_DN_MAX) {
                memcpy(proof->dn, entry->dn.bv_val, entry->dn.bv_len);
                proof->dn[entry->dn.bv_len] = 0;
        }
        return 0;
}

static int take_sample(void *userdata, const struct ldap_entry *entry) {
        struct proof *proof = userdata;
        const struct ldap_attribute *id = entry_find(entry, proof->id_name), *usn = entry_find(entry, USN);
        proof->hidden = !id || id->count == 0 || !usn || usn->count == 0 || !has(entry_find(entry, IS_DELETED), "TRUE");
        return proof->hidden || ++proof->seen >= SAMPLE ? -ECANCELED : 0;
}

/* Lists what is deleted by its class, which anybody may read who may see it at all: of all that come, the attributes that it is looked for by must come, too. None
 * at all proves nothing. */
static int look(struct reading *reading, const struct active *active, struct proof *proof) {
        const char *const of_holder[] = { IS_DELETED, NULL };
        const char *const of_sample[] = { proof->id_name, IS_DELETED, USN, NULL };
        _cleanup_sbuf_ struct sbuf why = { 0 };
        char base[SYNC_DN_MAX + sizeof DELETED_OBJECTS];
        (void)snprintf(base, sizeof base, DELETED_OBJECTS, active->context);
        struct search search = { .base = base, .scope = LDAP_SCOPE_BASE, .filter = "(objectClass=*)", .attributes = of_holder, .size_limit = 1,
                                 .control = active->deleted, .silence_ms = PROOF_MS, .entry = take_holder, .userdata = proof };
        int r = search_run(reading->link, &search, reading->deadline_ms, &why);
        search = (struct search){ .base = proof->dn, .scope = LDAP_SCOPE_ONELEVEL, .filter = SAMPLES, .attributes = of_sample,
                                  .page_size = SAMPLE, .control = active->deleted, .domain_scope = true, .silence_ms = PROOF_MS, .entry = take_sample,
                                  .userdata = proof };
        if (r == 0 && proof->dn[0])
                r = search_run(reading->link, &search, reading->deadline_ms, &why);
        if (r == -ETIMEDOUT || r == -ECONNRESET)
                sbuf_add(reading->why, sbuf_text(&why));
        return r;
}

int active_prove(struct reading *reading, struct active *active) {
        const struct directory *directory = reading->directory;
        struct proof proof = { .id_name = directory->ldap->external_id };
        active->lists = true;
        if (!active->context[0] || !active->deleted)
                return 0;
        int r = look(reading, active, &proof);
        bool ended = r == 0 || (r == -ECANCELED && proof.seen >= SAMPLE);
        if (!ended || proof.seen == 0 || proof.hidden)
                active->deleted = NULL;
        active->lists = !active->deleted || !active_filter_is_own(sbuf_text(&directory->user_filter)) || !active_filter_is_own(sbuf_text(&directory->group_filter));
        return r == -ETIMEDOUT || r == -ECONNRESET ? r : 0;
}
