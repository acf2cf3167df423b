/* Questions to the module; see ask.h. */
#include "ask.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static char folder[64], before[4096];

void ask_enter(void) {
        (void)snprintf(folder, sizeof(folder), "/tmp/multidir-nss-XXXXXX");
        if (!getcwd(before, sizeof(before)) || !mkdtemp(folder) || chdir(folder) < 0)
                abort();
}

void ask_leave(void) {
        DIR *dir = opendir(folder);
        for (struct dirent *entry; dir && (entry = readdir(dir));)
                (void)unlinkat(dirfd(dir), entry->d_name, 0);
        if (dir)
                (void)closedir(dir);
        if (chdir(before) < 0 || rmdir(folder) < 0)
                abort();
}

int ask_user(uint32_t i) {
        struct passwd by_name = { 0 }, by_id = { 0 };
        char name[32], home[48], gecos[48], one[512], two[512];
        int error = 0;
        (void)snprintf(name, sizeof(name), "user%05u", i);
        (void)snprintf(home, sizeof(home), "/home/%s", name);
        enum nss_status status = _nss_multidir_getpwnam_r(name, &by_name, one, sizeof(one), &error);
        if (status != NSS_STATUS_SUCCESS)
                return status == NSS_STATUS_NOTFOUND || status == NSS_STATUS_UNAVAIL ? 0 : -1;
        const char *tag = strrchr(by_name.pw_gecos, ' ');
        (void)snprintf(gecos, sizeof(gecos), "User %u %c", i, tag ? tag[1] : '?');
        if (strcmp(by_name.pw_name, name) != 0 || strcmp(by_name.pw_dir, home) != 0 || strcmp(by_name.pw_gecos, gecos) != 0 ||
            strcmp(by_name.pw_shell, "/bin/sh") != 0 || strcmp(by_name.pw_passwd, "*") != 0 || by_name.pw_uid != 10000 + i)
                return -1;
        status = _nss_multidir_getpwuid_r(10000 + i, &by_id, two, sizeof(two), &error);
        if (status != NSS_STATUS_SUCCESS || strcmp(by_id.pw_name, name) != 0 || by_id.pw_gid != by_name.pw_gid)
                return -1;
        return tag ? tag[1] : -1;
}

/* A buffer that grows as ERANGE asks. */
static enum nss_status get_group(const char *name, gid_t gid, struct group *group, char **buffer) {
        for (size_t len = 256; len < 64 << 20; len *= 2) {
                int error = 0;
                free(*buffer);
                *buffer = malloc(len);
                enum nss_status status = name ? _nss_multidir_getgrnam_r(name, group, *buffer, len, &error)
                                              : _nss_multidir_getgrgid_r(gid, group, *buffer, len, &error);
                if (status != NSS_STATUS_TRYAGAIN || error != ERANGE)
                        return status;
        }
        return NSS_STATUS_TRYAGAIN;
}

static uint32_t count_members(const struct group *group) {
        uint32_t count = 0;
        while (group->gr_mem[count])
                if (strncmp(group->gr_mem[count++], "user", 4) != 0)
                        return UINT32_MAX;
        return count;
}

int ask_group(uint32_t g, uint32_t members) {
        _cleanup_free_ char *one = NULL, *two = NULL;
        struct group by_name = { 0 }, by_id = { 0 };
        char name[32];
        (void)snprintf(name, sizeof(name), g == 0 ? "everybody" : "Group%05u", g);
        enum nss_status status = get_group(name, 0, &by_name, &one);
        if (status != NSS_STATUS_SUCCESS)
                return status == NSS_STATUS_NOTFOUND || status == NSS_STATUS_UNAVAIL ? 0 : -1;
        if (strcmp(by_name.gr_name, name) != 0 || by_name.gr_gid != 50000 + g || strcmp(by_name.gr_passwd, "*") != 0)
                return -1;
        if (get_group(NULL, 50000 + g, &by_id, &two) != NSS_STATUS_SUCCESS || strcmp(by_id.gr_name, name) != 0)
                return -1;
        return count_members(&by_name) == members && count_members(&by_id) == members ? 1 : -1;
}

int ask_groups_of(uint32_t i, uint32_t groups, uint32_t each) {
        char name[32];
        long start = 0, size = 1;
        int error = 0;
        (void)snprintf(name, sizeof(name), "user%05u", i);
        _cleanup_free_ gid_t *gids = malloc(sizeof(*gids));
        enum nss_status status = _nss_multidir_initgroups_dyn(name, 50000, &start, &size, &gids, 0, &error);
        if (status != NSS_STATUS_SUCCESS)
                return status == NSS_STATUS_NOTFOUND || status == NSS_STATUS_UNAVAIL ? 0 : -1;
        uint32_t first = i % groups, expected = 0, count = i == 1 ? groups : each;
        for (uint32_t k = 0; k < count; k++)
                expected += (first + k) % groups != 0;
        for (long k = 0; k < start; k++)
                if (gids[k] <= 50000 || gids[k] >= 50000 + groups || (i != 1 && (gids[k] - 50000 + groups - first) % groups >= each))
                        return -1;
        return start == (long)expected && start <= size ? 1 : -1;
}

long ask_walk(void) {
        struct passwd user;
        char buffer[512], tag = 0;
        int error = 0;
        long count = 0;
        bool mixed = false;
        (void)_nss_multidir_setpwent(0);
        while (_nss_multidir_getpwent_r(&user, buffer, sizeof(buffer), &error) == NSS_STATUS_SUCCESS) {
                char seen = *user.pw_gecos ? user.pw_gecos[strlen(user.pw_gecos) - 1] : 0;
                mixed |= tag != 0 && tag != seen;
                tag = seen;
                count++;
        }
        (void)_nss_multidir_endpwent();
        return mixed ? -1 : count;
}

static void walk_groups(char *buffer, size_t len, uint32_t most) {
        struct group group;
        int error = 0;
        (void)_nss_multidir_setgrent(0);
        for (uint32_t i = 0; i <= most && _nss_multidir_getgrent_r(&group, buffer, len, &error) == NSS_STATUS_SUCCESS; i++)
                (void)count_members(&group);
        (void)_nss_multidir_endgrent();
}

void ask_everything(uint32_t users, uint32_t groups) {
        static char buffer[64 << 10];
        for (uint32_t i = 0; i <= users; i++) {
                (void)ask_user(i);
                (void)ask_groups_of(i, groups, 1);
        }
        for (uint32_t g = 0; g <= groups; g++)
                (void)ask_group(g, 0);
        (void)ask_walk();
        walk_groups(buffer, sizeof(buffer), groups);
}

int ask_descriptors(void) {
        DIR *dir = opendir("/proc/self/fd");
        int count = 0;
        while (dir && readdir(dir))
                count++;
        if (dir)
                (void)closedir(dir);
        return count;
}

int ask_mappings(void) {
        _cleanup_fclose_ FILE *maps = fopen("/proc/self/maps", "re");
        char line[1024];
        int count = 0;
        while (maps && fgets(line, sizeof(line), maps))
                count += strstr(line, "test.view") != NULL;
        return count;
}

long ask_resident(void) {
        _cleanup_fclose_ FILE *statm = fopen("/proc/self/statm", "re");
        long total = 0, resident = 0;
        return statm && fscanf(statm, "%ld %ld", &total, &resident) == 2 ? resident * 4 : -1;
}
