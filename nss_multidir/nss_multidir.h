/* libnss_multidir.so.2: the functions that glibc finds by name. Their contracts are the GNU C library's ("NSS Modules Interface").
 * Relies on: common/view's reader, libc.
 * Must never: export anything else. */
#pragma once

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stddef.h>
#include <sys/types.h>

#define NSS_ENTRY __attribute__((visibility("default"))) enum nss_status

/* All: NSS_STATUS_SUCCESS; NOTFOUND (*errnop ENOENT); UNAVAIL (ENOENT: no usable view, or the entry is damaged in it); TRYAGAIN with ERANGE: the
 * buffer is too small and a larger one will do; TRYAGAIN with ENOMEM (initgroups_dyn). *result and *errnop are untouched where not said. */
NSS_ENTRY _nss_multidir_getpwnam_r(const char *name, struct passwd *result, char *buffer, size_t buflen, int *errnop);
NSS_ENTRY _nss_multidir_getpwuid_r(uid_t uid, struct passwd *result, char *buffer, size_t buflen, int *errnop);
NSS_ENTRY _nss_multidir_setpwent(int stayopen);
NSS_ENTRY _nss_multidir_getpwent_r(struct passwd *result, char *buffer, size_t buflen, int *errnop);
NSS_ENTRY _nss_multidir_endpwent(void);
NSS_ENTRY _nss_multidir_getgrnam_r(const char *name, struct group *result, char *buffer, size_t buflen, int *errnop);
NSS_ENTRY _nss_multidir_getgrgid_r(gid_t gid, struct group *result, char *buffer, size_t buflen, int *errnop);
NSS_ENTRY _nss_multidir_setgrent(int stayopen);
NSS_ENTRY _nss_multidir_getgrent_r(struct group *result, char *buffer, size_t buflen, int *errnop);
NSS_ENTRY _nss_multidir_endgrent(void);
/* Appends the groups of user except `group` at (*groups)[*start…], growing the array (realloc) up to limit entries (limit <= 0: any number). */
NSS_ENTRY _nss_multidir_initgroups_dyn(const char *user, gid_t group, long *start, long *size, gid_t **groups, long limit, int *errnop);
