/* What is known of directories' servers; see supervisor/server_notes.h. */
#include "multidird/supervisor/server_notes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/supervisor/configuration.h"
#include "wire/message.h"

#define WAIT_FIRST_MS 30000u
#define WAIT_MAX_MS 300000u

/* Enough of a file to see that it is another one. */
struct stamp { dev_t device; ino_t inode; off_t size; struct timespec changed; };

/* One directory. */
struct server_note {
        struct server_note *next;
        char *name;
        bool kept;                   /* while server_notes_configure looks who is still there */
        struct stamp password;       /* of the file, when it was last read */
        bool refused, trying;        /* trying: the one whose turn it was has not come back */
        uint64_t wait_ms, until_ms;
        char refusal[WIRE_TEXT_MAX + 1], remark[WIRE_TEXT_MAX + 1];
};
struct server_notes { struct server_note *first; };

static struct server_note *find(const struct service *service, const char *name) {
        struct server_note *note = service->notes ? service->notes->first : NULL;
        while (note && strcmp(note->name, name) != 0)
                note = note->next;
        return note;
}

static void set_text(char out[WIRE_TEXT_MAX + 1], const char *text) {
        size_t i = 0;
        for (; text[i] && i < WIRE_TEXT_MAX; i++)
                out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
        out[i] = 0;
}

static void stamp_password(const struct service *service, const char *name, struct stamp *stamp) {
        const struct configuration *configuration = service->configuration;
        size_t directory = settings_directory(configuration_settings(configuration), name);
        const struct ldap_settings *ldap = directory == SETTINGS_NONE ? NULL : config_ldap(configuration->config, directory);
        struct stat st;
        memset(stamp, 0, sizeof *stamp);
        if (ldap && ldap->bind_password_file[0] && stat(ldap->bind_password_file, &st) == 0) {
                stamp->device = st.st_dev;
                stamp->inode = st.st_ino;
                stamp->size = st.st_size;
                stamp->changed = st.st_ctim;
        }
}

static bool same_stamp(const struct stamp *a, const struct stamp *b) {
        return a->device == b->device && a->inode == b->inode && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
               a->changed.tv_nsec == b->changed.tv_nsec;
}

static void forget(struct server_note *note) {
        note->refused = note->trying = false;
        note->wait_ms = 0;
        note->refusal[0] = 0;
}

void server_notes_password(const struct service *service, const char *directory) {
        struct server_note *note = find(service, directory);
        if (note)
                stamp_password(service, directory, &note->password);
}

void server_notes_refused(struct service *service, const char *directory, const char *text) {
        struct server_note *note = find(service, directory);
        /* Those that were under way together are one refusal. */
        if (!note || (note->refused && !note->trying))
                return;
        note->wait_ms = !note->refused ? WAIT_FIRST_MS : note->wait_ms < WAIT_MAX_MS / 2 ? note->wait_ms * 2 : WAIT_MAX_MS;
        note->until_ms = clock_monotonic_ms() + note->wait_ms;
        note->refused = true;
        note->trying = false;
        set_text(note->refusal, text);
        log_error("directory %s: %s; logins that need bind_dn are told to be unavailable, and it is tried again in %llu s", directory, note->refusal,
                  (unsigned long long)(note->wait_ms / 1000));
}

void server_notes_taken(struct service *service, const char *directory) {
        struct server_note *note = find(service, directory);
        if (!note || !note->refused)
                return;
        forget(note);
        log_notice("directory %s: the server takes the bind as bind_dn again", directory);
}

bool server_notes_is_refused(struct service *service, const char *directory) {
        struct server_note *note = find(service, directory);
        struct stamp now;
        if (!note || !note->refused)
                return false;
        stamp_password(service, directory, &now);
        if (!same_stamp(&note->password, &now)) {
                forget(note);
                return false;
        }
        return clock_monotonic_ms() < note->until_ms;
}

void server_notes_try(struct service *service, const char *directory) {
        struct server_note *note = find(service, directory);
        if (!note || !note->refused || clock_monotonic_ms() < note->until_ms)
                return;
        note->trying = true;
        note->until_ms = clock_monotonic_ms() + note->wait_ms;
}

bool server_notes_let(struct service *service, const char *directory, struct sbuf *why) {
        const struct server_note *note = find(service, directory);
        if (!server_notes_is_refused(service, directory)) {
                server_notes_try(service, directory);
                return true;
        }
        /* No number: what fails for the same reason again is one line in the log. */
        sbuf_printf(why, "%s; tried again later, or after a reload", note->refusal);
        return false;
}

void server_notes_remark(struct service *service, const char *directory, const char *text) {
        struct server_note *note = find(service, directory);
        if (note)
                set_text(note->remark, text);
}

bool server_notes_get(const struct service *service, const char *directory, struct server_notes_state *state) {
        const struct server_note *note = find(service, directory);
        uint64_t now = clock_monotonic_ms();
        if (!note || (!note->refusal[0] && !note->remark[0]))
                return false;
        *state = (struct server_notes_state){ note->refusal, note->until_ms > now ? (note->until_ms - now + 999) / 1000 : 0, note->remark };
        return true;
}

static struct server_note *add(struct service *service, const char *name) {
        struct server_note *note = calloc(1, sizeof *note);
        if (!note)
                return NULL;
        *note = (struct server_note){ .next = service->notes->first, .name = strdup(name) };
        if (!note->name) {
                free(note);
                return NULL;
        }
        service->notes->first = note;
        return note;
}

static void remove_others(struct server_notes *notes) {
        for (struct server_note **at = &notes->first; *at;) {
                struct server_note *note = *at;
                if (note->kept) {
                        at = &note->next;
                        continue;
                }
                *at = note->next;
                free(note->name);
                free(note);
        }
}

int server_notes_configure(struct service *service) {
        const struct configuration *configuration = service->configuration;
        const struct settings *settings = configuration_settings(configuration);
        if (!service->notes && !(service->notes = calloc(1, sizeof *service->notes)))
                return -ENOMEM;
        for (struct server_note *n = service->notes->first; n; n = n->next)
                n->kept = false;
        for (size_t i = 0; i < settings->directory_count; i++) {
                if (!configuration_has_server(configuration, i) || !settings->directories[i].active)
                        continue;
                struct server_note *note = find(service, settings->directories[i].name);
                if (!note && !(note = add(service, settings->directories[i].name)))
                        return -ENOMEM;
                note->kept = true;
                forget(note);
        }
        remove_others(service->notes);
        return 0;
}

void server_notes_stop(struct service *service) {
        if (!service->notes)
                return;
        for (struct server_note *n = service->notes->first; n; n = n->next)
                n->kept = false;
        remove_others(service->notes);
        free(service->notes);
        service->notes = NULL;
}
