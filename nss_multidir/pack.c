/* Records into callers' buffers; see pack.h. */
#include "pack.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char no_password[] = "*"; /* the password is PAM's business: nothing of it is published */

enum result pack_user(const struct view_user *user, struct passwd *out, char *buffer, size_t len) {
        /* The record has the four texts in one run (reader.h), so that one copy takes them all. */
        size_t texts = (size_t)(user->shell + user->shell_len + 1 - user->name);
        if (len < sizeof(no_password) || len - sizeof(no_password) < texts)
                return RESULT_TOO_SMALL;
        memcpy(buffer, user->name, texts);
        memcpy(buffer + texts, no_password, sizeof(no_password));
        *out = (struct passwd) {
                .pw_name = buffer, .pw_passwd = buffer + texts, .pw_uid = user->uid, .pw_gid = user->gid,
                .pw_gecos = buffer + (user->gecos - user->name), .pw_dir = buffer + (user->home - user->name),
                .pw_shell = buffer + (user->shell - user->name),
        };
        return RESULT_FOUND;
}

/* members[i] = base + offsets[i]. false: an offset is not below len. The sign bits are gathered so that the loop has no branch: len is below 2^31,
 * thus an offset is bad if its own top bit is set, or that of len - 1 - offset. */
static bool point_members(char **members, char *base, const uint32_t *offsets, uint32_t count, uint32_t len) {
        uint32_t bad = 0, last = len - 1;
        for (uint32_t i = 0; i < count; i++) {
                bad |= offsets[i] | (last - offsets[i]);
                members[i] = base + (offsets[i] & INT32_MAX);
        }
        return bad >> 31 == 0;
}

enum result pack_group(const struct view_group *group, struct group *out, char *buffer, size_t len) {
        size_t pad = -(uintptr_t)buffer % _Alignof(char *);
        uint64_t pointers = ((uint64_t)group->member_count + 1) * sizeof(char *), name = (uint64_t)group->name_len + 1;
        if (len < pad + pointers + name + sizeof(no_password) + group->members_len)
                return RESULT_TOO_SMALL;
        char **members = (char **)(void *)(buffer + pad);
        char *text = buffer + pad + pointers, *password = text + name, *names = password + sizeof(no_password);
        if (!point_members(members, names, group->member_offsets, group->member_count, group->members_len))
                return RESULT_UNAVAILABLE;
        members[group->member_count] = NULL;
        memcpy(text, group->name, name);
        memcpy(password, no_password, sizeof(no_password));
        if (group->members_len > 0)
                memcpy(names, group->members, group->members_len);
        *out = (struct group) { .gr_name = text, .gr_passwd = password, .gr_gid = group->gid, .gr_mem = members };
        return RESULT_FOUND;
}

/* Room for `more` entries behind *start, as far as limit lets; *room is how many there are. */
static enum result grow_gids(long more, const long *start, long *size, gid_t **gids, long limit, long *room) {
        if (*size - *start < more && (limit <= 0 || *size < limit)) {
                long wanted = *start + more;
                if (wanted < *size * 2 && *size < LONG_MAX / 2)
                        wanted = *size * 2;
                if (limit > 0 && wanted > limit)
                        wanted = limit;
                int saved = errno;
                gid_t *grown = realloc(*gids, (size_t)wanted * sizeof(**gids));
                if (!grown) {
                        errno = saved;
                        return RESULT_NO_MEMORY;
                }
                *gids = grown;
                *size = wanted;
        }
        *room = *size - *start;
        return RESULT_FOUND;
}

enum result pack_gids(const struct view_user *user, gid_t skip, long *start, long *size, gid_t **gids, long limit) {
        /* The caller has the primary group in its array already, unless it asked for another one. */
        bool primary = user->primary_listed && user->gid != skip;
        long room, at = *start;
        enum result r = grow_gids((long)user->gid_count + primary, start, size, gids, limit, &room);
        if (r != RESULT_FOUND)
                return r;
        gid_t *list = *gids;
        long end = at + room;
        if (primary && at < end)
                list[at++] = user->gid;
        if (skip == user->gid) { /* the common case: the primary one is not among the gids */
                size_t count = (size_t)(end - at) < user->gid_count ? (size_t)(end - at) : user->gid_count;
                if (count > 0)
                        memcpy(list + at, user->gids, count * sizeof(*list));
                at += (long)count;
        } else
                for (uint32_t i = 0; i < user->gid_count && at < end; i++) {
                        list[at] = user->gids[i];
                        at += user->gids[i] != skip;
                }
        *start = at;
        return RESULT_FOUND;
}
