/* Starting a worker; see supervisor/worker_start.h. */
#include "multidird/supervisor/worker_start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "multidird/channel/jobs.h"
#include "multidird/supervisor/process.h"
#include "multidird/supervisor/server_notes.h"

int worker_start(const struct configuration *configuration, size_t directory, pid_t *pid, int *fd) {
        const struct ldap_settings *ldap = config_ldap(configuration->config, directory);
        struct process_role what = { .role = SANDBOX_WORKER, .directory = configuration_settings(configuration)->directories[directory].name };
        if (ldap) {
                what.authorities = ldap->tls_ca_file;
                for (size_t i = 0; i < ldap->uri_count; i++)
                        what.unix_sockets = what.unix_sockets || strncasecmp(ldap->uris[i], "ldapi:", 6) == 0;
        }
        return process_start(configuration->service, &what, pid, fd);
}

/* The configuration was checked when it was read; the file may be another one by now. */
static int check_file(int fd) {
        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        return st.st_uid != 0 || (st.st_mode & (S_IRWXG | S_IRWXO)) ? -EPERM : 0;
}

/* One line, without its end. */
static int take_line(struct secret *secret, const char *text, size_t len) {
        if (len > 0 && text[len - 1] == '\n')
                len--;
        if (len > 0 && text[len - 1] == '\r')
                len--;
        if (len == 0)
                return -ENODATA;
        int r = secret_set(secret, text, len);
        return r == 0 && (secret_has_nul(secret) || memchr(text, '\n', len)) ? -EBADMSG : r;
}

static int read_password(const char *path, struct secret *secret) {
        char *text = NULL;
        size_t len = 0;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        int r = check_file(fd);
        if (r == 0)
                r = file_read_fd(fd, SECRET_MAX + 2, &text, &len);
        if (r < 0)
                return r;
        r = take_line(secret, text, len);
        if (text)
                explicit_bzero(text, len);
        free(text);
        return r;
}

static const char *explain(int error) {
        switch (error) {
        case -EPERM: return "it must be root's, and nobody else may read it";
        case -EINVAL: return "it is no regular file";
        case -ENODATA: return "it is empty";
        case -EBADMSG: return "it must hold one line, without a NUL byte";
        case -EFBIG:
        case -EMSGSIZE: return "it is too long";
        default: return strerror(-error);
        }
}

int worker_greet(const struct configuration *configuration, size_t directory, struct channel *channel, struct sbuf *why) {
        const struct ldap_settings *ldap = config_ldap(configuration->config, directory);
        const char *path = ldap ? ldap->bind_password_file : "";
        const char *name = configuration_settings(configuration)->directories[directory].name;
        _cleanup_secret_ struct secret password = { 0 };
        server_notes_password(configuration->service, name);
        int r = path[0] ? read_password(path, &password) : 0;
        if (r < 0) {
                log_error("directory %s: %s: %s", name, path, explain(r));
                if (why)
                        sbuf_printf(why, "%s: %s", path, explain(r));
                return r;
        }
        r = protocol_send_config(channel, &configuration->sources);
        return r == 0 ? protocol_send_secret(channel, &password) : r;
}
