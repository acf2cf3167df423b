/* What goes into a view, collected as it will lie in the file; see writer.h. writer_layout.c puts it together.
 * Relies on: view/format.h, view/writer_store.h.
 * Must never: keep a caller's pointer. */
#include "view/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "view/writer_internal.h"

int view_writer_new(uint64_t generation, uint64_t built_s, uint64_t seed, struct view_writer **writer) {
        struct view_writer *w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->generation = generation;
        w->built_s = built_s;
        w->seed = seed;
        *writer = w;
        return 0;
}

void view_writer_set_account_max_age(struct view_writer *writer, uint32_t seconds) {
        writer->account_max_age_s = seconds;
}

void view_writer_set_gates(struct view_writer *writer, uint64_t gates) {
        writer->gates = gates;
}

void view_writer_free(struct view_writer *writer) {
        if (!writer)
                return;
        struct store *stores[] = { &writer->directories, &writer->applications, &writer->services, &writer->texts, &writer->groups,
                                   &writer->group_names, &writer->users, &writer->accounts, &writer->lists };
        for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++)
                store_done(stores[i]);
        free(writer);
}

/* Appends a text with its NUL; *offset is where it begins. */
static int add_text(struct store *store, const char *text, uint32_t *offset) {
        size_t len = strlen(text) + 1, before = store->used;
        if (before + len > UINT32_MAX)
                return -EOVERFLOW;
        unsigned char *at;
        int r = store_take(store, len, &at);
        if (r < 0)
                return r;
        memcpy(at, text, len);
        *offset = (uint32_t)before;
        return 0;
}

static int add_u32(struct store *store, uint32_t value) {
        unsigned char *at;
        int r = store_take(store, sizeof(value), &at);
        if (r < 0)
                return r;
        memcpy(at, &value, sizeof(value));
        return 0;
}

int view_writer_add_directory(struct view_writer *writer, const char *name, uint32_t *index) {
        uint32_t offset, known = writer_directory_count(writer);
        int r = *name ? add_text(&writer->texts, name, &offset) : -EINVAL;
        if (r == 0)
                r = add_u32(&writer->directories, offset);
        if (r == 0)
                *index = known;
        return r;
}

int view_writer_add_application(struct view_writer *writer, const char *name, const char *const *services, uint32_t service_count) {
        struct view_application_entry entry = { .first_service = writer_service_count(writer), .service_count = service_count };
        int r = *name == 0 || writer->user_count > 0 ? -EINVAL : add_text(&writer->texts, name, &entry.name);
        for (uint32_t i = 0; r == 0 && i < service_count; i++) {
                uint32_t offset;
                r = add_text(&writer->texts, services[i], &offset);
                if (r == 0)
                        r = add_u32(&writer->services, offset);
        }
        unsigned char *at;
        if (r == 0)
                r = store_take(&writer->applications, sizeof(entry), &at);
        if (r == 0)
                memcpy(at, &entry, sizeof(entry));
        return r;
}

int view_writer_add_group(struct view_writer *writer, const char *name, uint32_t gid, uint32_t *index) {
        struct group_build group = { .name_len = (uint32_t)strnlen(name, VIEW_NAME_MAX + 1), .gid = gid };
        if (group.name_len == 0 || group.name_len > VIEW_NAME_MAX || writer->user_count > 0)
                return -EINVAL;
        uint32_t known = writer_group_count(writer);
        unsigned char *at;
        int r = add_text(&writer->group_names, name, &group.name);
        if (r == 0)
                r = store_take(&writer->groups, sizeof(group), &at);
        if (r < 0)
                return r;
        memcpy(at, &group, sizeof(group));
        *index = known;
        return 0;
}

static int compare_u32(const void *a, const void *b) {
        uint32_t x, y;
        memcpy(&x, a, sizeof(x));
        memcpy(&y, b, sizeof(y));
        return x < y ? -1 : x > y;
}

/* Ascending. Most users are in a few groups: then qsort's calls cost more than the work. */
static void sort_u32(uint32_t *values, uint32_t count) {
        if (count > 32) {
                qsort(values, count, sizeof(*values), compare_u32);
                return;
        }
        for (uint32_t i = 1; i < count; i++) {
                uint32_t value = values[i], j = i;
                for (; j > 0 && values[j - 1] > value; j--)
                        values[j] = values[j - 1];
                values[j] = value;
        }
}

/* The user's supplementary gids, ascending, each once, without the primary one, at gids[]. Returns how many; the room behind them is zeroed. */
static uint32_t write_gids(const struct view_writer *w, const struct view_writer_user *user, uint32_t *gids) {
        uint32_t total = user->group_count + user->extra_gid_count, kept = 0;
        for (uint32_t i = 0; i < user->group_count; i++)
                gids[i] = writer_group(w, user->groups[i])->gid;
        if (user->extra_gid_count > 0)
                memcpy(gids + user->group_count, user->extra_gids, (size_t)user->extra_gid_count * 4);
        sort_u32(gids, total);
        for (uint32_t i = 0; i < total; i++)
                if (gids[i] != user->gid && (kept == 0 || gids[i] != gids[kept - 1]))
                        gids[kept++] = gids[i];
        if (kept < total)
                memset(gids + kept, 0, (size_t)(total - kept) * 4);
        return kept;
}

/* Counts the user into its groups (M5: the one list that both readings come from). */
static int join_groups(struct view_writer *w, const struct view_writer_user *user, uint32_t name_len) {
        unsigned char *at;
        int r = store_take(&w->lists, 4 * ((size_t)user->group_count + 1), &at);
        if (r < 0)
                return r;
        memcpy(at, &user->group_count, 4);
        if (user->group_count > 0)
                memcpy(at + 4, user->groups, 4 * (size_t)user->group_count);
        for (uint32_t i = 0; i < user->group_count; i++) {
                if (user->groups[i] >= writer_group_count(w))
                        return -EINVAL;
                struct group_build *group = writer_group(w, user->groups[i]);
                if (group->last_user == w->user_count + 1)
                        return -EINVAL;
                group->last_user = w->user_count + 1;
                group->member_count++;
                group->members_len += name_len + 1;
        }
        return 0;
}

static bool listed_in_primary(const struct view_writer *w, const struct view_writer_user *user) {
        for (uint32_t i = 0; i < user->group_count; i++)
                if (writer_group(w, user->groups[i])->gid == user->gid)
                        return true;
        return false;
}

/* Appends the user's record; its gids are known to name groups. */
static int add_record(struct view_writer *w, const struct view_writer_user *user, uint32_t name_len, uint32_t account) {
        uint64_t gecos = strlen(user->gecos), home = strlen(user->home), shell = strlen(user->shell);
        uint64_t texts = sizeof(struct view_user_record) + view_name_room(name_len);
        uint64_t gids = (texts + gecos + home + shell + 3 + 3) & ~UINT64_C(3);
        uint64_t most = gids + 4 * ((uint64_t)user->group_count + user->extra_gid_count);
        if (most > UINT32_MAX - VIEW_LINE)
                return -EOVERFLOW;
        size_t before = w->users.used;
        unsigned char *at;
        int r = store_take(&w->users, view_round(most, VIEW_LINE), &at);
        if (r < 0)
                return r;
        struct view_user_record *record = (void *)at;
        uint32_t kept = write_gids(w, user, (void *)(at + gids));
        *record = (struct view_user_record) {
                .size = view_round(gids + 4 * (uint64_t)kept, VIEW_LINE), .kind = VIEW_RECORD_USER, .name_len = (uint8_t)name_len,
                .flags = (uint8_t)((user->private_group ? VIEW_FLAG_PRIVATE_GROUP : 0) | (listed_in_primary(w, user) ? VIEW_FLAG_PRIMARY_LISTED : 0)),
                .uid = user->uid, .gid = user->gid, .index = w->user_count, .account = account,
                .gecos_len = (uint32_t)gecos, .home_len = (uint32_t)home, .shell_len = (uint32_t)shell, .gid_count = kept,
        };
        memcpy(at + sizeof(*record), user->name, name_len);
        at += texts;
        memcpy(at, user->gecos, gecos);
        memcpy(at + gecos + 1, user->home, home);
        memcpy(at + gecos + 1 + home + 1, user->shell, shell);
        w->users.used = before + record->size; /* what duplicates took is zeroed already */
        return 0;
}

/* Bytes that the entry ids and keys of an account take, each id once. */
static uint64_t account_size(const struct view_writer_user *user, uint32_t applications) {
        uint64_t size = sizeof(struct view_account_record) + (uint64_t)applications * sizeof(struct view_account_entry);
        for (uint32_t i = 0; i < applications; i++)
                if (i == 0 || strcmp(user->access[i].entry_id, user->access[0].entry_id) != 0)
                        size += strlen(user->access[i].entry_id) + 1;
        return size + strlen(user->keys) + 1;
}

/* Appends the user's account record; *position is its place in units from the section's start. */
static int add_account(struct view_writer *w, const struct view_writer_user *user, uint32_t *position) {
        uint32_t applications = writer_application_count(w);
        uint64_t size = account_size(user, applications), start = w->accounts.used / VIEW_UNIT;
        if (size > UINT32_MAX - VIEW_UNIT || start > UINT32_MAX)
                return -EOVERFLOW;
        unsigned char *at;
        int r = store_take(&w->accounts, view_round(size, VIEW_UNIT), &at);
        if (r < 0)
                return r;
        struct view_account_record *record = (void *)at;
        struct view_account_entry *entries = (void *)(record + 1);
        uint32_t text = (uint32_t)(sizeof(*record) + applications * sizeof(*entries));
        for (uint32_t i = 0; i < applications; i++) {
                const struct view_writer_access *access = &user->access[i];
                entries[i] = (struct view_account_entry) { .reason = (uint32_t)access->reason, .directory = access->directory, .entry_id = text };
                if (i > 0 && strcmp(access->entry_id, user->access[0].entry_id) == 0) {
                        entries[i].entry_id = entries[0].entry_id;
                        continue;
                }
                size_t len = strlen(access->entry_id) + 1;
                memcpy(at + text, access->entry_id, len);
                text += (uint32_t)len;
        }
        size_t keys_len = strlen(user->keys);
        memcpy(at + text, user->keys, keys_len);
        *record = (struct view_account_record) {
                .size = view_round(size, VIEW_UNIT), .kind = VIEW_RECORD_ACCOUNT, .index = w->user_count, .keys = text, .keys_len = (uint32_t)keys_len,
        };
        *position = (uint32_t)start;
        return 0;
}

/* A grant without a directory would be an "ok" that nobody vouches for. */
static bool access_is_sound(const struct view_writer *w, const struct view_writer_user *user) {
        for (uint32_t i = 0; i < writer_application_count(w); i++) {
                const struct view_writer_access *access = &user->access[i];
                bool none = access->directory == UINT32_MAX;
                if ((unsigned)access->reason >= REASON_MAX || (!none && access->directory >= writer_directory_count(w)) ||
                    (none && access->reason == REASON_OK))
                        return false;
        }
        return true;
}

int view_writer_add_user(struct view_writer *writer, const struct view_writer_user *user, uint32_t *index) {
        uint32_t name_len = (uint32_t)strnlen(user->name, VIEW_NAME_MAX + 1), account;
        if (name_len == 0 || name_len > VIEW_NAME_MAX || !access_is_sound(writer, user) || (user->private_group && user->gid != user->uid))
                return -EINVAL;
        if (writer->user_count == UINT32_MAX - 1)
                return -EOVERFLOW;
        int r = join_groups(writer, user, name_len);
        if (r == 0)
                r = add_account(writer, user, &account);
        if (r == 0)
                r = add_record(writer, user, name_len, account);
        if (r < 0)
                return r;
        writer->private_count += user->private_group ? 1 : 0;
        *index = writer->user_count++;
        return 0;
}

int view_mark_superseded(int fd) {
        char magic[sizeof(((struct view_header *)NULL)->magic)];
        if (pread(fd, magic, sizeof(magic), 0) != (ssize_t)sizeof(magic) || memcmp(magic, VIEW_MAGIC, sizeof(magic)) != 0)
                return -EBADMSG;
        const uint32_t mark = 1;
        ssize_t n;
        do
                n = pwrite(fd, &mark, sizeof(mark), (off_t)offsetof(struct view_header, superseded));
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return n == (ssize_t)sizeof(mark) ? 0 : -EIO;
}
