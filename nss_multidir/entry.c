/* The entry points; see nss_multidir.h. Each takes the newest view, looks up, packs, lets go.
 * Relies on: view/reader.h, pack.h.
 * Must never: log, read the environment, or make a status outside status_of. */
#include <errno.h>

#include "nss_multidir.h"
#include "pack.h"

static struct view_cursor passwd_cursor, group_cursor;

/* The one place where a result becomes an NSS status. */
static enum nss_status status_of(enum result result, int *errnop) {
        switch (result) {
        case RESULT_FOUND:
                return NSS_STATUS_SUCCESS;
        case RESULT_NOT_FOUND:
                *errnop = ENOENT;
                return NSS_STATUS_NOTFOUND;
        case RESULT_TOO_SMALL:
                *errnop = ERANGE;
                return NSS_STATUS_TRYAGAIN;
        case RESULT_NO_MEMORY:
                *errnop = ENOMEM;
                return NSS_STATUS_TRYAGAIN;
        case RESULT_UNAVAILABLE:
        default:
                *errnop = ENOENT;
                return NSS_STATUS_UNAVAIL;
        }
}

static enum result result_of(enum view_answer answer) {
        return answer == VIEW_FOUND ? RESULT_FOUND : answer == VIEW_NOT_FOUND ? RESULT_NOT_FOUND : RESULT_UNAVAILABLE;
}

/* By name; by uid when name is NULL. */
static enum nss_status find_user(const char *name, uid_t uid, struct passwd *out, char *buffer, size_t len, int *errnop) {
        struct view view;
        struct view_user user;
        if (!view_current(&view))
                return status_of(RESULT_UNAVAILABLE, errnop);
        enum result r = result_of(name ? view_user_by_name(&view, name, &user) : view_user_by_uid(&view, uid, &user));
        if (r == RESULT_FOUND)
                r = pack_user(&user, out, buffer, len);
        view_release(&view);
        return status_of(r, errnop);
}

/* By name; by gid when name is NULL. */
static enum nss_status find_group(const char *name, gid_t gid, struct group *out, char *buffer, size_t len, int *errnop) {
        struct view view;
        struct view_group group;
        if (!view_current(&view))
                return status_of(RESULT_UNAVAILABLE, errnop);
        enum result r = result_of(name ? view_group_by_name(&view, name, &group) : view_group_by_gid(&view, gid, &group));
        if (r == RESULT_FOUND)
                r = pack_group(&group, out, buffer, len);
        view_release(&view);
        return status_of(r, errnop);
}

NSS_ENTRY _nss_multidir_getpwnam_r(const char *name, struct passwd *result, char *buffer, size_t buflen, int *errnop) {
        return find_user(name, 0, result, buffer, buflen, errnop);
}

NSS_ENTRY _nss_multidir_getpwuid_r(uid_t uid, struct passwd *result, char *buffer, size_t buflen, int *errnop) {
        return find_user(NULL, uid, result, buffer, buflen, errnop);
}

NSS_ENTRY _nss_multidir_getgrnam_r(const char *name, struct group *result, char *buffer, size_t buflen, int *errnop) {
        return find_group(name, 0, result, buffer, buflen, errnop);
}

NSS_ENTRY _nss_multidir_getgrgid_r(gid_t gid, struct group *result, char *buffer, size_t buflen, int *errnop) {
        return find_group(NULL, gid, result, buffer, buflen, errnop);
}

NSS_ENTRY _nss_multidir_initgroups_dyn(const char *user, gid_t group, long *start, long *size, gid_t **groups, long limit, int *errnop) {
        struct view view;
        struct view_user found;
        if (!view_current(&view))
                return status_of(RESULT_UNAVAILABLE, errnop);
        enum result r = result_of(view_user_by_name(&view, user, &found));
        if (r == RESULT_FOUND)
                r = pack_gids(&found, group, start, size, groups, limit);
        view_release(&view);
        return status_of(r, errnop);
}

/* An entry that was found but does not fit is given again at the next call, to a larger buffer; a damaged one is passed over. */
static bool stays(enum result r) {
        return r == RESULT_TOO_SMALL || r == RESULT_NOT_FOUND;
}

NSS_ENTRY _nss_multidir_getpwent_r(struct passwd *result, char *buffer, size_t buflen, int *errnop) {
        struct view view;
        struct view_user user;
        uint32_t index;
        while (view_cursor_get(&passwd_cursor, &view, &index)) {
                enum result r = result_of(view_user_at(&view, index, &user));
                if (r == RESULT_FOUND)
                        r = pack_user(&user, result, buffer, buflen);
                bool ours = stays(r) || view_cursor_advance(&passwd_cursor, &view, index);
                view_release(&view);
                if (ours && r != RESULT_UNAVAILABLE)
                        return status_of(r, errnop);
        }
        return status_of(RESULT_UNAVAILABLE, errnop);
}

NSS_ENTRY _nss_multidir_getgrent_r(struct group *result, char *buffer, size_t buflen, int *errnop) {
        struct view view;
        struct view_group group;
        uint32_t index;
        while (view_cursor_get(&group_cursor, &view, &index)) {
                enum result r = result_of(view_group_at(&view, index, &group));
                if (r == RESULT_FOUND)
                        r = pack_group(&group, result, buffer, buflen);
                bool ours = stays(r) || view_cursor_advance(&group_cursor, &view, index);
                view_release(&view);
                if (ours && r != RESULT_UNAVAILABLE)
                        return status_of(r, errnop);
        }
        return status_of(RESULT_UNAVAILABLE, errnop);
}

/* Opening is left to the first step: a walk shows the view that is the newest when it really begins. */
NSS_ENTRY _nss_multidir_setpwent(int stayopen) {
        view_cursor_reset(&passwd_cursor);
        return status_of(RESULT_FOUND, NULL);
}

NSS_ENTRY _nss_multidir_endpwent(void) {
        view_cursor_reset(&passwd_cursor);
        return status_of(RESULT_FOUND, NULL);
}

NSS_ENTRY _nss_multidir_setgrent(int stayopen) {
        view_cursor_reset(&group_cursor);
        return status_of(RESULT_FOUND, NULL);
}

NSS_ENTRY _nss_multidir_endgrent(void) {
        view_cursor_reset(&group_cursor);
        return status_of(RESULT_FOUND, NULL);
}
