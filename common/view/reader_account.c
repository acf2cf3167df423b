/* What a view says beyond NSS: applications, the account phase, SSH keys; see reader.h.
 * Relies on: view/format.h.
 * Must never: use an offset or a count of the file unchecked; answer "ok" from a damaged record. */
#include <string.h>

#include "view/reader.h"
#include "view/reader_internal.h"

/* The meta section: its bytes and size. NULL when it is damaged: every text that begins inside ends inside. */
static const unsigned char *meta_bytes(const struct view *view, uint32_t *size) {
        const unsigned char *meta = view_section_bytes(view, VIEW_META, 1, size);
        return meta && *size > 0 && meta[*size - 1] == 0 ? meta : NULL;
}

/* count elements of `element` bytes lie in the meta section behind `before` bytes. NULL: they do not. */
static const unsigned char *meta_array(const struct view *view, uint64_t before, uint64_t count, uint32_t element) {
        uint32_t size = 0;
        const unsigned char *meta = meta_bytes(view, &size);
        return meta && before <= size && count * element <= size - before ? meta + before : NULL;
}

static const char *meta_text(const struct view *view, uint32_t offset) {
        uint32_t size = 0;
        const unsigned char *meta = meta_bytes(view, &size);
        return meta && offset < size ? (const char *)meta + offset : NULL;
}

static const char *directory_name(const struct view *view, uint32_t index) {
        const struct view_header *header = view_header_of(view);
        const uint32_t *names = (const void *)meta_array(view, 0, header->directory_count, sizeof(*names));
        return names && index < header->directory_count ? meta_text(view, names[index]) : NULL;
}

static const struct view_application_entry *applications(const struct view *view) {
        const struct view_header *header = view_header_of(view);
        return (const void *)meta_array(view, (uint64_t)header->directory_count * 4, header->application_count,
                                        sizeof(struct view_application_entry));
}

static const uint32_t *services(const struct view *view) {
        const struct view_header *header = view_header_of(view);
        uint64_t before = (uint64_t)header->directory_count * 4 +
                          (uint64_t)header->application_count * sizeof(struct view_application_entry);
        return (const void *)meta_array(view, before, header->service_count, sizeof(uint32_t));
}

uint32_t view_application_count(const struct view *view) {
        return applications(view) ? view_header_of(view)->application_count : 0;
}

const char *view_application_name(const struct view *view, uint32_t index) {
        const struct view_application_entry *all = applications(view);
        return all && index < view_header_of(view)->application_count ? meta_text(view, all[index].name) : NULL;
}

uint32_t view_application_by_name(const struct view *view, const char *name) {
        uint32_t count = view_application_count(view);
        for (uint32_t i = 0; i < count; i++) {
                const char *known = view_application_name(view, i);
                if (known && strcmp(known, name) == 0)
                        return i;
        }
        return UINT32_MAX;
}

/* Whether an application names the service. */
static bool serves(const struct view *view, const struct view_application_entry *application, const char *service) {
        const uint32_t *offsets = services(view);
        uint32_t total = view_header_of(view)->service_count, first = application->first_service;
        if (!offsets || first > total || application->service_count > total - first)
                return false;
        for (uint32_t i = 0; i < application->service_count; i++) {
                const char *known = meta_text(view, offsets[first + i]);
                if (known && strcmp(known, service) == 0)
                        return true;
        }
        return false;
}

uint32_t view_application_of_service(const struct view *view, const char *service) {
        const struct view_application_entry *all = applications(view);
        uint32_t count = all ? view_header_of(view)->application_count : 0;
        for (uint32_t i = 0; all && i < count; i++)
                if (serves(view, &all[i], service))
                        return i;
        return 0;
}

/* The account record of a user, which names that user in turn (so that damage cannot lend one user another's access). */
static const struct view_account_record *account_of(const struct view *view, uint32_t user, enum view_answer *answer) {
        *answer = VIEW_NOT_FOUND;
        if (user >= view_user_count(view))
                return NULL;
        *answer = VIEW_UNAVAILABLE;
        uint32_t count = 0;
        const uint32_t *table = (const void *)view_section_bytes(view, VIEW_USER_TABLE, sizeof(uint32_t), &count);
        struct view_user parsed;
        if (!table || user >= count || !view_parse_user(view, table[user], &parsed) || parsed.index != user)
                return NULL;
        const struct view_user_record *record = (const void *)view_record_bytes(view, table[user], sizeof(*record));
        uint32_t start = view_header_of(view)->sections[VIEW_ACCOUNTS].start;
        if (!record || record->account > UINT32_MAX - start)
                return NULL;
        const struct view_account_record *account = (const void *)view_record_bytes(view, start + record->account, sizeof(*account));
        if (!account || account->kind != VIEW_RECORD_ACCOUNT || account->index != user ||
            ((const char *)account)[account->size - 1] != 0)
                return NULL;
        *answer = VIEW_FOUND;
        return account;
}

enum view_answer view_user_access(const struct view *view, uint32_t user, uint32_t application, struct view_access *access) {
        if (application >= view_application_count(view))
                return VIEW_NOT_FOUND;
        enum view_answer answer;
        const struct view_account_record *account = account_of(view, user, &answer);
        if (!account)
                return answer;
        uint64_t at = sizeof(*account) + (uint64_t)application * sizeof(struct view_account_entry);
        if (at + sizeof(struct view_account_entry) > account->size)
                return VIEW_UNAVAILABLE;
        const struct view_account_entry *entry = (const void *)((const char *)account + at);
        const char *directory = entry->directory == UINT32_MAX ? "" : directory_name(view, entry->directory);
        if (!directory || entry->entry_id >= account->size || entry->reason >= REASON_MAX)
                return VIEW_UNAVAILABLE;
        if (entry->reason == REASON_OK && *directory == 0)
                return VIEW_UNAVAILABLE;
        *access = (struct view_access) {
                .reason = (enum reason)entry->reason, .directory = directory, .entry_id = (const char *)account + entry->entry_id,
        };
        return VIEW_FOUND;
}

enum view_answer view_user_keys(const struct view *view, uint32_t user, const char **keys, size_t *len) {
        enum view_answer answer;
        const struct view_account_record *account = account_of(view, user, &answer);
        if (!account)
                return answer;
        if (account->keys >= account->size || account->keys_len >= account->size - account->keys ||
            ((const char *)account)[account->keys + account->keys_len] != 0)
                return VIEW_UNAVAILABLE;
        *keys = (const char *)account + account->keys;
        *len = account->keys_len;
        return VIEW_FOUND;
}
