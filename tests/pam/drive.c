/* A PAM application for tests: runs one conversation of real libpam, step by step, and prints everything that happens.
 * Relies on: libpam's private configuration folder (pam_start_confdir).
 * Must never: run outside a test's namespace, for the module under test uses its fixed paths.
 *
 * Usage: drive CONFDIR SERVICE USER STEP…
 *   say=TEXT         the answer to the next prompt; a prompt without an answer fails
 *   dropbear         from here on refuse everything but one hidden prompt at a time that says "password:"
 *   ruid=N           real user id N, effective root: as a set-user-id program of that user
 *   uid-of=NAME:N    what getpwnam gives for NAME from here on
 *   user=NAME        sets PAM_USER, as sudo does
 *   rhost=TEXT
 *   auth acct setcred open close chauthtok chauthtok-expired, each also with -silent */
#include <dlfcn.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <security/pam_appl.h>

#include "base/cleanup.h"
#include "base/text.h"

struct conversation { const char *answers[32]; size_t given, used; bool dropbear; };

static struct { const char *name; uid_t uid; } named[8];
static size_t named_count;

int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size, struct passwd **result);

/* Stands before libc's: what this host's look-up says is the test's to choose. */
__attribute__((visibility("default")))
int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size, struct passwd **result) {
        static char empty[] = "", locked[] = "*";
        for (size_t i = 0; i < named_count; i++)
                if (strcmp(named[i].name, name) == 0) {
                        *entry = (struct passwd) { .pw_name = (char *)named[i].name, .pw_passwd = locked, .pw_uid = named[i].uid,
                                                   .pw_gid = named[i].uid, .pw_gecos = empty, .pw_dir = empty, .pw_shell = empty };
                        *result = entry;
                        return 0;
                }
        __typeof__(getpwnam_r) *libc = (__typeof__(getpwnam_r) *)dlsym(RTLD_NEXT, "getpwnam_r");
        return libc ? libc(name, entry, buffer, size, result) : ENOSYS;
}

static const char *code_name(int code) {
        static const struct { int code; const char *name; } names[] = {
#define NAME(code) { code, #code }
                NAME(PAM_SUCCESS), NAME(PAM_SERVICE_ERR), NAME(PAM_SYSTEM_ERR), NAME(PAM_BUF_ERR), NAME(PAM_PERM_DENIED), NAME(PAM_AUTH_ERR),
                NAME(PAM_AUTHINFO_UNAVAIL), NAME(PAM_USER_UNKNOWN), NAME(PAM_MAXTRIES), NAME(PAM_NEW_AUTHTOK_REQD), NAME(PAM_ACCT_EXPIRED),
                NAME(PAM_CONV_ERR), NAME(PAM_AUTHTOK_ERR), NAME(PAM_AUTHTOK_RECOVERY_ERR), NAME(PAM_TRY_AGAIN), NAME(PAM_IGNORE),
                NAME(PAM_ABORT), NAME(PAM_MODULE_UNKNOWN), NAME(PAM_CRED_ERR), NAME(PAM_SESSION_ERR),
#undef NAME
        };
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (names[i].code == code)
                        return names[i].name;
        return "another code";
}

static int answer(struct conversation *conversation, const struct pam_message *message, struct pam_response *response) {
        static const char *const styles[] = { [PAM_PROMPT_ECHO_OFF] = "hidden", [PAM_PROMPT_ECHO_ON] = "shown",
                                              [PAM_ERROR_MSG] = "error", [PAM_TEXT_INFO] = "info" };
        bool prompt = message->msg_style == PAM_PROMPT_ECHO_OFF || message->msg_style == PAM_PROMPT_ECHO_ON;
        printf("%s|%s\n", styles[message->msg_style], message->msg);
        if (conversation->dropbear && (message->msg_style != PAM_PROMPT_ECHO_OFF || !strcasestr(message->msg, "password:")))
                return PAM_CONV_ERR;
        if (!prompt)
                return PAM_SUCCESS;
        if (conversation->used >= conversation->given)
                return PAM_CONV_ERR;
        response->resp = strdup(conversation->answers[conversation->used++]);
        return response->resp ? PAM_SUCCESS : PAM_BUF_ERR;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses, void *data) {
        struct conversation *conversation = data;
        if (count != 1) {
                printf("%d messages at once\n", count);
                return PAM_CONV_ERR;
        }
        struct pam_response *response = calloc(1, sizeof *response);
        if (!response)
                return PAM_BUF_ERR;
        int r = answer(conversation, messages[0], response);
        if (r == PAM_SUCCESS)
                *responses = response;
        else
                free(response);
        return r;
}

static const struct { const char *name; int (*call)(pam_handle_t *pamh, int flags); int flags; } calls[] = {
        { "auth", pam_authenticate, 0 },
        { "acct", pam_acct_mgmt, 0 },
        { "setcred", pam_setcred, PAM_ESTABLISH_CRED },
        { "open", pam_open_session, 0 },
        { "close", pam_close_session, 0 },
        { "chauthtok", pam_chauthtok, 0 },
        { "chauthtok-expired", pam_chauthtok, PAM_CHANGE_EXPIRED_AUTHTOK },
        { "auth-silent", pam_authenticate, PAM_SILENT },
        { "acct-silent", pam_acct_mgmt, PAM_SILENT },
        { "chauthtok-silent", pam_chauthtok, PAM_SILENT },
};

/* True when the step was a call of a hook. */
static bool run_call(pam_handle_t *pamh, const char *step) {
        for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
                if (strcmp(step, calls[i].name) == 0) {
                        const void *user = NULL;
                        int code = calls[i].call(pamh, calls[i].flags);
                        (void)pam_get_item(pamh, PAM_USER, &user);
                        printf("%s|%s|%s\n", step, code_name(code), user ? (const char *)user : "");
                        return true;
                }
        return false;
}

static bool name_uid(char *value) {
        char *colon = strrchr(value, ':');
        uint32_t uid;
        if (!colon || named_count == ARRAY_SIZE(named) || text_to_u32(colon + 1, UINT32_MAX, &uid) < 0)
                return false;
        *colon = 0;
        named[named_count].name = value;
        named[named_count++].uid = uid;
        return true;
}

static bool become(const char *value) {
        uint32_t uid;
        return text_to_u32(value, UINT32_MAX, &uid) == 0 && setresuid(uid, 0, 0) == 0;
}

/* A step of the form KEY=VALUE. */
static bool run_setting(pam_handle_t *pamh, struct conversation *conversation, char *step) {
        char *value = strchr(step, '=');
        if (!value)
                return false;
        *value++ = 0;
        if (strcmp(step, "user") == 0)
                return pam_set_item(pamh, PAM_USER, value) == PAM_SUCCESS;
        if (strcmp(step, "rhost") == 0)
                return pam_set_item(pamh, PAM_RHOST, value) == PAM_SUCCESS;
        if (strcmp(step, "ruid") == 0)
                return become(value);
        if (strcmp(step, "uid-of") == 0)
                return name_uid(value);
        if (strcmp(step, "say") != 0 || conversation->given == ARRAY_SIZE(conversation->answers))
                return false;
        conversation->answers[conversation->given++] = value;
        return true;
}

int main(int argc, char **argv) {
        struct conversation conversation = { 0 };
        struct pam_conv conv = { .conv = converse, .appdata_ptr = &conversation };
        pam_handle_t *pamh;
        if (argc < 4 || pam_start_confdir(argv[2], argv[3], &conv, argv[1], &pamh) != PAM_SUCCESS)
                return 2;
        (void)setvbuf(stdout, NULL, _IOLBF, 0);
        for (int i = 4; i < argc; i++) {
                if (strcmp(argv[i], "dropbear") == 0)
                        conversation.dropbear = true;
                else if (!run_call(pamh, argv[i]) && !run_setting(pamh, &conversation, argv[i]))
                        return 2;
        }
        if (conversation.used < conversation.given)
                printf("%zu answers were not asked for\n", conversation.given - conversation.used);
        return pam_end(pamh, PAM_SUCCESS) == PAM_SUCCESS ? 0 : 3;
}
