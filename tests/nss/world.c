/* Hand-made views; see world.h. */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "view/writer.h"

static int add_groups(struct view_writer *writer, const struct world *world) {
        for (uint32_t g = 0; g < world->groups; g++) {
                char name[32];
                uint32_t index;
                (void)snprintf(name, sizeof(name), g == 0 ? "everybody" : "Group%05u", g);
                int r = view_writer_add_group(writer, name, 50000 + g, &index);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The groups of user i; returns how many. */
static uint32_t groups_of(const struct world *world, uint32_t i, uint32_t *groups) {
        uint32_t count = 0, each = i == 1 ? world->groups : world->each;
        if (world->groups == 0)
                return 0;
        uint32_t first = i % world->groups;
        int has_first = 0;
        for (uint32_t k = 0; k < each && k < world->groups; k++) {
                groups[count] = (first + k) % world->groups;
                has_first |= groups[count++] == 0;
        }
        if (world->all_in_first && !has_first)
                groups[count++] = 0;
        return count;
}

static int add_user(struct view_writer *writer, const struct world *world, uint32_t i, uint32_t *groups) {
        char name[32], gecos[48], home[48], entry[48], keys[64];
        (void)snprintf(name, sizeof(name), "user%05u", i);
        (void)snprintf(gecos, sizeof(gecos), "User %u %c", i, world->tag);
        (void)snprintf(home, sizeof(home), "/home/%s", name);
        (void)snprintf(entry, sizeof(entry), "0a6f6cd8-1111-2222-3333-%012u", i);
        (void)snprintf(keys, sizeof(keys), "ssh-ed25519 AAAA%u\n", i);
        if (i % 4 != 0)
                keys[0] = 0;
        const struct view_writer_access access[2] = {
                { .reason = i % 5 == 0 ? REASON_INACTIVE : REASON_OK, .directory = i % 2, .entry_id = entry },
                { .reason = REASON_NO_ACCESS, .directory = 1, .entry_id = i % 2 ? entry : "other" },
        };
        int private_group = i % 3 == 0 || world->groups == 0;
        const struct view_writer_user user = {
                .name = name, .gecos = gecos, .home = home, .shell = "/bin/sh", .keys = keys, .uid = 10000 + i,
                .gid = private_group ? 10000 + i : 50000, .private_group = private_group, .groups = groups,
                .group_count = groups_of(world, i, groups), .access = access,
        };
        uint32_t index;
        return view_writer_add_user(writer, &user, &index);
}

int world_write(const struct world *world, int fd) {
        struct view_writer *writer;
        uint32_t index;
        int r = view_writer_new(world->generation, 1700000000, world->generation * 7919 + 1, &writer);
        if (r < 0)
                return r;
        uint32_t *groups = calloc(world->groups + 1, sizeof(*groups));
        r = groups ? view_writer_add_directory(writer, "main", &index) : -ENOMEM;
        if (r == 0)
                r = view_writer_add_directory(writer, "other", &index);
        if (r == 0)
                r = view_writer_add_application(writer, "host", (const char *const[]) { "login" }, 1);
        if (r == 0)
                r = view_writer_add_application(writer, "wiki", (const char *const[]) { "httpd", "wiki" }, 2);
        if (r == 0)
                r = add_groups(writer, world);
        for (uint32_t i = 0; r == 0 && i < world->users; i++)
                r = add_user(writer, world, i, groups);
        if (r == 0)
                r = view_writer_finish(writer, fd);
        free(groups);
        view_writer_free(writer);
        return r;
}

int world_publish(const struct world *world, const char *path, unsigned mode) {
        char temporary[256];
        (void)snprintf(temporary, sizeof(temporary), "%s.new", path);
        (void)unlink(temporary);
        _cleanup_close_ int fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        int r = world_write(world, fd);
        if (r < 0)
                return r;
        return fchmod(fd, (mode_t)mode) < 0 || rename(temporary, path) < 0 ? -errno : 0;
}

int world_replace(const struct world *world, const char *path) {
        _cleanup_close_ int old = open(path, O_RDWR | O_CLOEXEC);
        int r = world_publish(world, path, 0444);
        return r == 0 && old >= 0 ? view_mark_superseded(old) : r;
}
