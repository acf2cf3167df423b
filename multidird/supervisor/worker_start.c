/* Starting a worker; see supervisor/worker_start.h. */
#include "multidird/supervisor/worker_start.h"

#include <string.h>
#include <strings.h>

#include "base/secret_file.h"
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

int worker_greet(const struct configuration *configuration, size_t directory, struct channel *channel, struct sbuf *why) {
        const struct ldap_settings *ldap = config_ldap(configuration->config, directory);
        const char *path = ldap ? ldap->bind_password_file : "";
        const char *name = configuration_settings(configuration)->directories[directory].name;
        _cleanup_secret_ struct secret password = { 0 };
        server_notes_password(configuration->service, name);
        int r = path[0] ? secret_file_read(path, &password) : 0;
        if (r < 0) {
                sbuf_printf(why, "%s: %s", path, secret_file_problem(r));
                return r;
        }
        r = protocol_send_config(channel, &configuration->sources);
        return r == 0 ? protocol_send_secret(channel, &password) : r;
}
