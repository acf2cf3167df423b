/* Writes the view that the PAM tests log in against: one user for each reason that an application can give, and a few with a story.
 * Relies on: view/writer.
 * Must never: be used for anything but tests.
 *
 * Usage: make_view FILE BUILT_S ACCOUNT_MAX_AGE_S
 * Applications: host; ssh (serves the PAM service t-ssh), where everybody is without access but `other`. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "view/writer.h"

static uint32_t next_uid = 70000;

static int add_user(struct view_writer *writer, const char *name, enum reason host, enum reason ssh, const char *ssh_entry) {
        char entry[64];
        uint32_t index;
        snprintf(entry, sizeof entry, "entry-of-%s", name);
        const struct view_writer_access access[2] = {
                { .reason = host, .directory = 0, .entry_id = entry },
                { .reason = ssh, .directory = ssh_entry ? 1 : 0, .entry_id = ssh_entry ? ssh_entry : entry },
        };
        uint32_t uid = next_uid++;
        const struct view_writer_user user = {
                .name = name, .gecos = "", .home = "/", .shell = "/bin/sh", .keys = "", .uid = uid, .gid = uid, .private_group = 1, .access = access,
        };
        return view_writer_add_user(writer, &user, &index);
}

static int fill(struct view_writer *writer) {
        static const char *const services[] = { "t-ssh" };
        uint32_t index;
        int r = view_writer_add_directory(writer, "first", &index);
        if (r == 0)
                r = view_writer_add_directory(writer, "second", &index);
        if (r == 0)
                r = view_writer_add_application(writer, "host", NULL, 0);
        if (r == 0)
                r = view_writer_add_application(writer, "ssh", services, 1);
        if (r == 0)
                r = add_user(writer, "alice", REASON_OK, REASON_NO_ACCESS, NULL);
        if (r == 0)
                r = add_user(writer, "BobBig", REASON_OK, REASON_NO_ACCESS, NULL);
        if (r == 0)
                r = add_user(writer, "other", REASON_OK, REASON_OK, "entry-in-second");
        if (r == 0)
                r = add_user(writer, "localname", REASON_OK, REASON_OK, NULL);
        for (int reason = 0; r == 0 && reason < REASON_MAX; reason++) {
                char name[32];
                snprintf(name, sizeof name, "reason%d", reason);
                r = add_user(writer, name, (enum reason)reason, REASON_NO_ACCESS, NULL);
        }
        return r;
}

int main(int argc, char **argv) {
        struct view_writer *writer = NULL;
        uint64_t built;
        uint32_t max_age;
        if (argc != 4 || text_to_u64(argv[2], UINT64_MAX, &built) < 0 || text_to_u32(argv[3], UINT32_MAX, &max_age) < 0)
                return 2;
        _cleanup_close_ int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        int r = fd < 0 ? -errno : view_writer_new(1, built, 42, &writer);
        if (r == 0) {
                view_writer_set_account_max_age(writer, max_age);
                r = fill(writer);
        }
        if (r == 0)
                r = view_writer_finish(writer, fd);
        view_writer_free(writer);
        if (r < 0)
                fprintf(stderr, "make_view: %s\n", strerror(-r));
        return r < 0 ? 1 : 0;
}
