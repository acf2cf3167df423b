/* One command line; see run.h. */
#include "multidirctl/run.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "multidirctl/arguments.h"
#include "multidirctl/help.h"
#include "multidirctl/password.h"
#include "multidirctl/print.h"
#include "multidirctl/render.h"
#include "multidirctl/request.h"

#define SSH_KEYS_MAX 65536

/* Blank lines, and lines that are a comment, as authorized_keys(5) has them: out. */
static void drop_comments(char *text) {
        char *to = text;
        for (const char *from = text; *from;) {
                size_t len = strcspn(from, "\n"), whole = len + (from[len] == '\n'), blank = strspn(from, " \t\r");
                if (blank < len && from[blank] != '#') {
                        memmove(to, from, whole);
                        to += whole;
                }
                from += whole;
        }
        *to = 0;
}

static json_t *read_ssh_keys(const char *path, json_t *fields, int *exit) {
        _cleanup_free_ char *text = NULL;
        size_t len = 0;
        int r = strcmp(path, "/dev/null") == 0 ? (text = strdup("")) ? 0 : -ENOMEM : file_read(path, SSH_KEYS_MAX, &text, &len);
        if (r < 0)
                return ctl_error(exit, EXIT_USAGE, "usage", "%s: %s", path, strerror(-r));
        bool good = !memchr(text, 0, len);
        if (good)
                drop_comments(text);
        json_t *value = good ? json_string(text) : NULL;
        if (!value || json_object_set_new(fields, "ssh_keys", value) < 0)
                return ctl_error(exit, EXIT_USAGE, "usage", "%s: not a text of SSH public keys", path);
        return NULL;
}

/* What the command line only points at: the password, the keys. */
static json_t *complete(struct ctl *ctl, struct arguments *arguments, int *exit) {
        json_t *fields = arguments->update ? json_object_get(arguments->fields, "update") : arguments->fields;
        bool tests = strcmp(arguments->command->words, "directory test") == 0 && json_object_get(fields, "user");
        bool asks = strcmp(arguments->command->words, "user password") == 0;
        json_t *error = arguments->password_stdin ? password_from_stream(stdin, fields, exit) : asks ? password_from_terminal(ctl, fields, exit) :
                tests ? password_to_check(ctl, fields, exit) : NULL;
        if (!error && arguments->ssh_keys_file)
                error = read_ssh_keys(arguments->ssh_keys_file, fields, exit);
        if (!error && strcmp(arguments->command->words, "explain login") == 0 && !json_object_get(fields, "service"))
                (void)json_object_set_new(fields, "service", json_string("login"));
        if (!error && strcmp(arguments->command->words, "view rollback") == 0) {
                const char *generation = ctl_field(fields, "generation");
                uint64_t number;
                if ((generation != NULL) == (json_object_get(fields, "end") != NULL) || (generation && text_to_u64(generation, INT64_MAX, &number) < 0))
                        return ctl_error(exit, EXIT_USAGE, "usage", "view rollback needs a view's number (see view list), or --end");
                if (generation)
                        (void)json_object_set_new(fields, "generation", json_integer((json_int_t)number));
        }
        return error;
}

static void render(struct ctl *ctl, const struct command *command, const json_t *object) {
        if (command && command->render)
                command->render(ctl, object);
        else
                render_object(ctl, object);
}

static void print_object(struct ctl *ctl, const struct command *command, json_t *object) {
        _cleanup_json_ json_t *error = json_incref(json_object_get(object, "error"));
        if (ctl->json) {
                print_json(ctl, object);
        } else if (json_is_object(error) && json_is_array(json_object_get(object, "errors"))) {
                render_check(ctl, object); /* a configuration that cannot be read, whatever the command was */
        } else if (json_is_object(error)) {
                /* What was done all the same comes first: a change that is made and cannot be published. */
                (void)json_object_del(object, "error");
                if (json_object_size(object) > 0)
                        render(ctl, command, object);
                (void)fflush(ctl->out);
                render_error(ctl, error);
        } else
                render(ctl, command, object);
}

static json_t *answer(struct ctl *ctl, struct arguments *arguments, int *exit) {
        json_t *error = complete(ctl, arguments, exit);
        if (error)
                return error;
        return arguments->command->run ? arguments->command->run(ctl, arguments->fields, exit)
                : request_service(ctl, arguments->command->words, arguments->fields, exit);
}

int ctl_run(struct ctl *ctl, int argc, char *const *argv) {
        struct arguments arguments;
        json_t *object = NULL;
        int status = arguments_parse(argc, argv, &arguments, &object);
        for (int i = 1; i < argc; i++)
                /* An error in what comes before it is an object too. */
                ctl->json = ctl->json || strcmp(argv[i], "--json") == 0;
        if (status == 0 && (arguments.help || arguments.version)) {
                if (arguments.help)
                        help_print(ctl, &arguments);
                else
                        fputs("multidirctl " CTL_VERSION "\n", ctl->out);
                arguments_done(&arguments);
                return EXIT_DONE;
        }
        if (status == 0)
                object = answer(ctl, &arguments, &status);
        if (!object)
                object = ctl_error(&status, EXIT_UNAVAILABLE, "unavailable", "out of memory");
        print_object(ctl, arguments.command, object);
        json_decref(object);
        password_wipe(arguments.fields);
        arguments_done(&arguments);
        return fflush(ctl->out) == 0 ? status : EXIT_REFUSED;
}
