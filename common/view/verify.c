/* The whole check of a view file, for the installer, `view list` and `doctor`; see reader.h.
 * Relies on: the reader's own look-ups, so that what is verified is what NSS will see.
 * Must never: be called at a look-up: it reads everything. */
#include <errno.h>
#include <string.h>

#include "view/reader.h"
#include "view/reader_internal.h"

/* Every used entry of an index; *entries counts them. The record must be of a kind that belongs there and lie inside the file. */
static bool index_is_sound(const struct view *view, enum view_section_id id, uint64_t *entries) {
        uint32_t count = 0;
        const struct view_bucket *buckets = (const void *)view_section_bytes(view, id, sizeof(*buckets), &count);
        *entries = 0;
        if (!buckets)
                return false;
        for (uint32_t b = 0; b < count; b++) {
                bool ended = false;
                for (unsigned i = 0; i < 8; i++) {
                        bool used = buckets[b].entry[i].position != 0;
                        if (used && ended)
                                return false;
                        ended = !used;
                        *entries += used;
                }
        }
        return true;
}

static bool texts_have_length(const char *text, uint32_t len) {
        return strlen(text) == len;
}

static const char *verify_user(const struct view *view, uint32_t index, uint64_t *private_groups) {
        struct view_user user, again;
        if (view_user_at(view, index, &user) != VIEW_FOUND)
                return "a user record";
        if (!texts_have_length(user.name, user.name_len) || !texts_have_length(user.gecos, user.gecos_len) ||
            !texts_have_length(user.home, user.home_len) || !texts_have_length(user.shell, user.shell_len))
                return "a user's texts";
        if (view_user_by_name(view, user.name, &again) != VIEW_FOUND || again.index != index)
                return "the index of users by name";
        if (view_user_by_uid(view, user.uid, &again) != VIEW_FOUND || again.index != index)
                return "the index of users by id";
        for (uint32_t i = 0; i < user.gid_count; i++)
                if (user.gids[i] == user.gid || (i > 0 && user.gids[i] <= user.gids[i - 1]))
                        return "a user's group ids";
        struct view_group group;
        if (user.private_group && (user.gid != user.uid || view_group_by_gid(view, user.gid, &group) != VIEW_FOUND || group.name != user.name ||
                                   view_group_by_name(view, user.name, &group) != VIEW_FOUND || group.name != user.name))
                return "a private group";
        *private_groups += user.private_group;
        struct view_access access;
        for (uint32_t i = 0; i < view_application_count(view); i++)
                if (view_user_access(view, index, i, &access) != VIEW_FOUND)
                        return "a user's access";
        const char *keys;
        size_t len;
        return view_user_keys(view, index, &keys, &len) == VIEW_FOUND && strlen(keys) == len ? NULL : "a user's keys";
}

/* Has the buckets that a user is looked up in on their way: a million users one after the other would wait for memory four times each. */
static void fetch_user(const struct view *view, uint32_t index) {
        struct view_user user;
        struct view_key key;
        if (view_user_at(view, index, &user) != VIEW_FOUND)
                return;
        uint64_t seed = view_header_of(view)->seed;
        view_key_init(&key, user.name, user.name_len, seed);
        for (unsigned i = VIEW_USER_NAMES; i <= (user.private_group ? VIEW_GROUP_IDS : VIEW_USER_IDS); i++) {
                uint32_t count = 0;
                const struct view_bucket *buckets = (const void *)view_section_bytes(view, i, sizeof *buckets, &count);
                bool by_name = i == VIEW_USER_NAMES || i == VIEW_GROUP_NAMES;
                if (buckets && count > 0)
                        __builtin_prefetch(&buckets[view_bucket_of(by_name ? key.hash : hash_u64(user.uid, seed), count)]);
        }
}

static const char *verify_group(const struct view *view, uint32_t index) {
        struct view_group group, again;
        if (view_group_at(view, index, &group) != VIEW_FOUND || !texts_have_length(group.name, group.name_len))
                return "a group record";
        if (view_group_by_name(view, group.name, &again) != VIEW_FOUND || again.name != group.name)
                return "the index of groups by name";
        if (view_group_by_gid(view, group.gid, &again) != VIEW_FOUND || again.name != group.name)
                return "the index of groups by id";
        uint32_t expected = 0;
        for (uint32_t i = 0; i < group.member_count; i++) {
                if (group.member_offsets[i] != expected || expected >= group.members_len)
                        return "a group's members";
                uint32_t len = (uint32_t)strlen(group.members + expected);
                if (len == 0)
                        return "a group's members";
                expected += len + 1;
        }
        return expected == group.members_len ? NULL : "a group's members";
}

static const char *verify_applications(const struct view *view) {
        if (view_application_count(view) != view_header_of(view)->application_count)
                return "the applications";
        for (uint32_t i = 0; i < view_application_count(view); i++)
                if (!view_application_name(view, i))
                        return "the applications";
        return NULL;
}

static const char *verify_all(const struct view *view) {
        const struct view_header *header = view_header_of(view);
        if (header->body_checksum != hash_bytes(view->base + sizeof(*header), view->size - sizeof(*header), 0))
                return "the checksum";
        const char *what = verify_applications(view);
        uint64_t private_groups = 0, users = view_user_count(view), groups = view_group_count(view), entries[4] = { 0 };
        for (uint32_t i = 0; !what && i < users; i++) {
                fetch_user(view, i + 8);
                what = verify_user(view, i, &private_groups);
        }
        for (uint32_t i = 0; !what && i < groups; i++)
                what = verify_group(view, i);
        for (unsigned i = 0; !what && i < 4; i++)
                if (!index_is_sound(view, VIEW_USER_NAMES + i, &entries[i]))
                        what = "an index";
        /* No entry beyond those that the walks found: an index cannot know somebody whom the enumeration does not. */
        if (!what && (entries[0] != users || entries[1] != users || entries[2] != groups + private_groups || entries[3] != entries[2]))
                what = "an index";
        return what;
}

int view_verify(const struct view *view, const char **what) {
        int r = view_check_header(view);
        const char *where = r < 0 ? "the header" : verify_all(view);
        if (!where)
                return 0;
        *what = where;
        return -EBADMSG;
}
