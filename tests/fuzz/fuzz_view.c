/* The view's reader over any bytes: the header is made to add up (a fuzzer cannot guess a checksum), the rest is taken as it comes.
 * Relies on: view/reader_internal.h for the header's check on memory.
 * Must never: crash, hang or read outside the bytes. */
#include <stdlib.h>
#include <string.h>

#include "view/reader_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t touched;

static void touch_user(const struct view_user *user) {
        touched += strlen(user->name) + strlen(user->gecos) + strlen(user->home) + strlen(user->shell) + (size_t)user->index;
        for (uint32_t i = 0; i < user->gid_count; i++)
                touched += user->gids[i];
}

static void touch_group(const struct view_group *group) {
        touched += strlen(group->name);
        for (uint32_t i = 0; i < group->member_count; i++)
                if (group->member_offsets[i] < group->members_len)
                        touched += (size_t)(unsigned char)group->members[group->member_offsets[i]];
}

static void look_up(const struct view *view, const char *name, uint32_t id) {
        struct view_user user;
        struct view_group group;
        if (view_user_by_name(view, name, &user) == VIEW_FOUND)
                touch_user(&user);
        if (view_user_by_uid(view, id, &user) == VIEW_FOUND)
                touch_user(&user);
        if (view_group_by_name(view, name, &group) == VIEW_FOUND)
                touch_group(&group);
        if (view_group_by_gid(view, id, &group) == VIEW_FOUND)
                touch_group(&group);
}

static void walk(const struct view *view) {
        struct view_user user;
        struct view_group group;
        struct view_access access;
        const char *keys;
        size_t len;
        for (uint32_t i = 0; i <= view_user_count(view); i++) {
                if (view_user_at(view, i, &user) == VIEW_FOUND)
                        look_up(view, user.name, user.uid);
                for (uint32_t a = 0; a <= view_application_count(view) && a < 4; a++)
                        if (view_user_access(view, i, a, &access) == VIEW_FOUND)
                                touched += strlen(access.directory) + strlen(access.entry_id);
                if (view_user_keys(view, i, &keys, &len) == VIEW_FOUND)
                        touched += strlen(keys);
        }
        for (uint32_t i = 0; i <= view_group_count(view); i++)
                if (view_group_at(view, i, &group) == VIEW_FOUND)
                        look_up(view, group.name, group.gid);
}

static void ask(const struct view *view) {
        static const char *const names[] = { "", "a", "everybody", "user00000", "user00001", "Group00001" };
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                look_up(view, names[i], (uint32_t)(10000 + i));
        walk(view);
        for (uint32_t a = 0; a <= view_application_count(view) && a < 8; a++) {
                const char *name = view_application_name(view, a);
                touched += name ? strlen(name) : 0;
        }
        touched += view_application_of_service(view, "httpd") + view_application_by_name(view, "wiki");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        /* The exact size on the heap, so that AddressSanitizer sees a byte too far. */
        size_t whole = size < sizeof(struct view_header) ? sizeof(struct view_header) : size;
        void *memory;
        if (posix_memalign(&memory, VIEW_LINE, whole) != 0)
                return 0;
        unsigned char *bytes = memory;
        memset(bytes, 0, whole);
        if (size > 0)
                memcpy(bytes, data, size);
        struct view view = { .base = bytes, .size = whole, .pin = VIEW_PIN_OWN };
        const char *what;
        if (view_check_header(&view) == 0)
                (void)view_verify(&view, &what);
        struct view_header *header = (void *)bytes;
        memcpy(header->magic, VIEW_MAGIC, sizeof(header->magic));
        header->version = VIEW_VERSION;
        header->file_size = whole;
        header->body_checksum = hash_bytes(bytes + sizeof(*header), whole - sizeof(*header), 0);
        header->header_checksum = view_header_checksum(header);
        if (view_check_header(&view) == 0) {
                ask(&view);
                (void)view_verify(&view, &what);
        }
        free(bytes);
        return 0;
}
