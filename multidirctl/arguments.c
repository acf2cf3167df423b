/* The command line; see arguments.h. */
#include "multidirctl/arguments.h"

#include <stdlib.h>
#include <string.h>

#include "base/sbuf.h"
#include "base/text.h"
#include "config/config.h"

const struct option_row option_rows[] = {
        { "--application", "A", "application", OPTION_TEXT, OPTION_APPLICATION, "as the application A sees it (default: host)" },
        { "--directory", "D", "directory", OPTION_TEXT, OPTION_DIRECTORY, "the directory D itself (the console)" },
        { "--password-stdin", NULL, "password", OPTION_STDIN, OPTION_PASSWORD_STDIN, "read the password from one line of standard input" },
        { "--display-name", "TEXT", "display_name", OPTION_TEXT, OPTION_DISPLAY_NAME, "the name for people" },
        { "--email", "ADDRESS", "email", OPTION_TEXT, OPTION_EMAIL, "the e-mail address" },
        { "--uid", "NUMBER", "uid", OPTION_NUMBER, OPTION_UID, "the user id, in directories with ids = attribute" },
        { "--gid", "NUMBER", "gid", OPTION_NUMBER, OPTION_GID, "the group id, in directories with ids = attribute" },
        { "--home", "PATH", "home", OPTION_TEXT, OPTION_HOME, "the home folder" },
        { "--shell", "PATH", "shell", OPTION_TEXT, OPTION_SHELL, "the login shell" },
        { "--attribute", "K=V", "attributes", OPTION_PAIR, OPTION_ATTRIBUTE, "an attribute; may be given again" },
        { "--ssh-keys", "FILE", "ssh_keys", OPTION_FILE, OPTION_SSH_KEYS, "the SSH public keys in FILE, one a line" },
        { "--unmask", NULL, "unmask", OPTION_FLAG, OPTION_UNMASK, "also when a lower directory's user of that name becomes visible" },
        { "--description", "TEXT", "description", OPTION_TEXT, OPTION_DESCRIPTION, "what the group is for" },
        { "--group", NULL, "is_group", OPTION_FLAG, OPTION_MEMBER_GROUP, "NAME is a group" },
        { "--group", NULL, "group", OPTION_FLAG, OPTION_ACCEPT_GROUP, "NAME is a group" },
        { "--service", "S", "service", OPTION_TEXT, OPTION_SERVICE, "for the PAM service S (default: login)" },
        { "--dry-run", NULL, "dry_run", OPTION_FLAG, OPTION_DRY_RUN, "say what would be done, and do nothing" },
        { "--ignore-ids", NULL, "ignore_ids", OPTION_FLAG, OPTION_IGNORE_IDS, "leave the file's uids and gids out: the directory gives out its own" },
        { "--end", NULL, "end", OPTION_FLAG, OPTION_END, "end a rollback: publish new views again" },
        { "--full", NULL, "full", OPTION_FLAG, OPTION_FULL, "everything, not only what has changed (internal directories: always)" },
        { "--force", NULL, "force", OPTION_FLAG, OPTION_FORCE, "also read every directory again, whether it has changed or not" },
        { NULL, NULL, NULL, OPTION_TEXT, 0, NULL },
};

/* What the command line holds before its command is known. */
struct given { const char *name, *value; size_t name_len; };
struct line {
        const char **words;
        size_t word_count;
        struct given *options;
        size_t option_count;
};

static bool same(const char *name, size_t len, const char *row) {
        return strlen(row) == len && memcmp(name, row, len) == 0;
}

/* Two rows may share a name: allowed says which is meant. */
static const struct option_row *find_option(const char *name, size_t len, uint32_t allowed) {
        for (const struct option_row *row = option_rows; row->name; row++)
                if (same(name, len, row->name) && (row->bit & allowed))
                        return row;
        return NULL;
}

static bool take_global(struct arguments *arguments, const char *text) {
        bool *flag = strcmp(text, "--json") == 0 ? &arguments->json
                : strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0 ? &arguments->help
                : strcmp(text, "--version") == 0 ? &arguments->version : NULL;
        if (flag)
                *flag = true;
        return flag;
}

static json_t *unknown_option(const char *name, size_t len) {
        int exit;
        char text[64] = "";
        const char *names[64];
        size_t count = 0;
        for (const struct option_row *row = option_rows; row->name && count < ARRAY_SIZE(names); row++)
                names[count++] = row->name;
        if (len < sizeof text)
                memcpy(text, name, len);
        const char *nearest = config_nearest(text, names, count);
        if (nearest)
                return ctl_error(&exit, EXIT_USAGE, "usage", "there is no option %.*s; did you mean %s?", (int)len, name, nearest);
        return ctl_error(&exit, EXIT_USAGE, "usage", "there is no option %.*s; see multidirctl --help", (int)len, name);
}

/* Takes argv[i] as an option, with argv[i + 1] as its value where it needs one. Gives how many of argv it was, or 0 with *error. */
static int take_option(struct line *line, int argc, char *const *argv, int i, json_t **error) {
        const char *text = argv[i], *equals = strchr(text, '=');
        size_t len = equals ? (size_t)(equals - text) : strlen(text);
        const struct option_row *row = find_option(text, len, UINT32_MAX);
        int exit;
        if (!row) {
                *error = unknown_option(text, len);
                return 0;
        }
        if (!row->value && equals)
                *error = ctl_error(&exit, EXIT_USAGE, "usage", "%s takes no value", row->name);
        else if (row->value && !equals && i + 1 >= argc)
                *error = ctl_error(&exit, EXIT_USAGE, "usage", "%s needs a value: %s %s", row->name, row->name, row->value);
        if (*error)
                return 0;
        bool next = row->value && !equals;
        line->options[line->option_count++] = (struct given){ text, equals ? equals + 1 : next ? argv[i + 1] : NULL, len };
        return next ? 2 : 1;
}

static json_t *split_line(int argc, char *const *argv, struct arguments *arguments, struct line *line) {
        json_t *error = NULL;
        bool only_words = false;
        for (int i = 1; i < argc;) {
                if (!only_words && strcmp(argv[i], "--") == 0) {
                        only_words = true;
                        i++;
                } else if (only_words || argv[i][0] != '-' || argv[i][1] == 0)
                        line->words[line->word_count++] = argv[i++];
                else if (take_global(arguments, argv[i]))
                        i++;
                else {
                        int taken = take_option(line, argc, argv, i, &error);
                        if (taken == 0)
                                return error;
                        i += taken;
                }
        }
        return NULL;
}

/* How many of the words are the command's own; 0 if they are not. */
static size_t match_words(const char *command, const char *const *words, size_t count) {
        size_t used = 0;
        for (const char *at = command; *at; used++) {
                size_t len = strcspn(at, " ");
                if (used >= count || !same(at, len, words[used]))
                        return 0;
                at += len + (at[len] == ' ');
        }
        return used;
}

static const struct command *find_command(const char *const *words, size_t count, size_t *used) {
        for (const struct command *row = commands; row->words; row++) {
                *used = match_words(row->words, words, count);
                if (*used > 0)
                        return row;
        }
        return NULL;
}

/* "user" alone, or "usr": what there is. */
static json_t *unknown_command(const struct line *line) {
        _cleanup_sbuf_ struct sbuf valid = { 0 };
        const char *names[64];
        size_t count = 0;
        int exit;
        const char *first = line->word_count ? line->words[0] : "", *second = line->word_count > 1 ? line->words[1] : "";
        for (const struct command *row = commands; row->words && count < ARRAY_SIZE(names); row++) {
                names[count++] = row->words;
                size_t len = strlen(first);
                if (strncmp(row->words, first, len) == 0 && row->words[len] == ' ')
                        sbuf_printf(&valid, "%s%s", valid.len ? ", " : "", row->words);
        }
        if (line->word_count == 0)
                return ctl_error(&exit, EXIT_USAGE, "usage", "no command; see multidirctl --help");
        if (valid.len > 0)
                return ctl_error(&exit, EXIT_USAGE, "usage", "%s %s: there are %s", first, *second ? second : "alone is no command", sbuf_text(&valid));
        _cleanup_sbuf_ struct sbuf both = { 0 };
        sbuf_printf(&both, "%s %s", first, second);
        const char *nearest = config_nearest(first, names, count);
        if (!nearest)
                nearest = config_nearest(sbuf_text(&both), names, count);
        if (nearest)
                return ctl_error(&exit, EXIT_USAGE, "usage", "there is no command \"%s\"; did you mean \"%s\"?", first, nearest);
        return ctl_error(&exit, EXIT_USAGE, "usage", "there is no command \"%s\"; see multidirctl --help", first);
}

/* Sets a field; false for a text that is not UTF-8. */
static bool set_text(json_t *fields, const char *field, const char *text) {
        json_t *value = text_is_utf8(text, strlen(text)) ? json_string(text) : NULL;
        return value && json_object_set_new(fields, field, value) == 0;
}

static json_t *not_utf8(void) {
        int exit;
        return ctl_error(&exit, EXIT_USAGE, "usage", "an argument is not valid UTF-8");
}

static json_t *take_arguments(const struct command *command, const char *const *words, size_t count, json_t *fields) {
        size_t at = 0;
        int exit;
        for (size_t i = 0; i < COMMAND_ARGUMENTS && command->arguments[i].kind != ARGUMENT_NONE; i++) {
                const struct argument *argument = &command->arguments[i];
                if (at >= count && argument->kind == ARGUMENT_OPTIONAL)
                        continue;
                if (at >= count)
                        return ctl_error(&exit, EXIT_USAGE, "usage", "%s needs %s; see multidirctl %s --help", command->words, argument->shown, command->words);
                if (argument->kind != ARGUMENT_MANY) {
                        if (!set_text(fields, argument->field, words[at++]))
                                return not_utf8();
                        continue;
                }
                json_t *list = json_array();
                if (!list || json_object_set_new(fields, argument->field, list) < 0)
                        return not_utf8();
                for (; at < count; at++)
                        if (!text_is_utf8(words[at], strlen(words[at])) || json_array_append_new(list, json_string(words[at])) < 0)
                                return not_utf8();
        }
        if (at < count)
                return ctl_error(&exit, EXIT_USAGE, "usage", "%s does not take \"%s\"; see multidirctl %s --help", command->words, words[at], command->words);
        return NULL;
}

static json_t *take_pair(const struct option_row *row, const char *text, json_t *fields) {
        const char *equals = strchr(text, '=');
        int exit;
        if (!equals || equals == text)
                return ctl_error(&exit, EXIT_USAGE, "usage", "%s %s: it is written %s %s", row->name, text, row->name, row->value);
        if (!text_is_utf8(text, strlen(text)))
                return not_utf8();
        json_t *pairs = json_object_get(fields, row->field);
        if (!pairs) {
                pairs = json_object();
                if (!pairs || json_object_set_new(fields, row->field, pairs) < 0)
                        return not_utf8();
        }
        _cleanup_free_ char *key = strndup(text, (size_t)(equals - text));
        if (key && json_object_get(pairs, key))
                return ctl_error(&exit, EXIT_USAGE, "usage", "%s %s= is given twice", row->name, key);
        return key && json_object_set_new(pairs, key, json_string(equals + 1)) == 0 ? NULL : not_utf8();
}

static json_t *apply_option(const struct option_row *row, const char *value, struct arguments *arguments, json_t *fields) {
        uint32_t number;
        int exit;
        if (row->type != OPTION_PAIR && row->type != OPTION_FLAG && row->type != OPTION_STDIN && json_object_get(fields, row->field))
                return ctl_error(&exit, EXIT_USAGE, "usage", "%s is given twice, or stands for what is given already", row->name);
        switch (row->type) {
        case OPTION_TEXT:
                return set_text(fields, row->field, value) ? NULL : not_utf8();
        case OPTION_NUMBER:
                if (text_to_u32(value, UINT32_MAX - 1, &number) < 0)
                        return ctl_error(&exit, EXIT_USAGE, "usage", "%s %s: not a number", row->name, value);
                return json_object_set_new(fields, row->field, json_integer(number)) == 0 ? NULL : not_utf8();
        case OPTION_FLAG:
                return json_object_set_new(fields, row->field, json_true()) == 0 ? NULL : not_utf8();
        case OPTION_PAIR:
                return take_pair(row, value, fields);
        case OPTION_STDIN:
                arguments->password_stdin = true;
                return NULL;
        case OPTION_FILE:
                if (arguments->ssh_keys_file)
                        return ctl_error(&exit, EXIT_USAGE, "usage", "%s is given twice", row->name);
                arguments->ssh_keys_file = value;
                return NULL;
        }
        return not_utf8();
}

static json_t *apply_options(const struct line *line, const struct command *command, struct arguments *arguments, json_t *fields) {
        int exit;
        for (size_t i = 0; i < line->option_count; i++) {
                const struct given *given = &line->options[i];
                const struct option_row *row = find_option(given->name, given->name_len, command->options);
                json_t *error = row ? apply_option(row, given->value, arguments, fields)
                        : ctl_error(&exit, EXIT_USAGE, "usage", "%s takes no %.*s; see multidirctl %s --help", command->words, (int)given->name_len, given->name, command->words);
                if (error)
                        return error;
        }
        if ((command->options & OPTION_SCOPE) == OPTION_SCOPE && json_object_get(fields, "application") && json_object_get(fields, "directory"))
                return ctl_error(&exit, EXIT_USAGE, "usage", "--application and --directory exclude each other");
        return NULL;
}

/* explain update: the rest of the line is a command of its own, and its request the field. */
static json_t *parse_update(const struct line *line, size_t used, struct arguments *arguments) {
        size_t inner_used;
        int exit;
        const struct command *inner = find_command(line->words + used, line->word_count - used, &inner_used);
        if (!inner || inner->run || inner->render != render_changes)
                return ctl_error(&exit, EXIT_USAGE, "usage", "explain update needs a change, such as: explain update user add NAME");
        json_t *update = json_object();
        if (!update || json_object_set_new(arguments->fields, "update", update) < 0 || !set_text(update, "command", inner->words))
                return not_utf8();
        json_t *error = take_arguments(inner, line->words + used + inner_used, line->word_count - used - inner_used, update);
        arguments->update = true;
        return error ? error : apply_options(line, inner, arguments, update);
}

static json_t *parse_line(const struct line *line, struct arguments *arguments) {
        size_t used = 0;
        arguments->command = find_command(line->words, line->word_count, &used);
        arguments->topic = line->word_count > 0 ? line->words[0] : NULL;
        if (arguments->help || arguments->version)
                return NULL;
        if (!arguments->command)
                return unknown_command(line);
        arguments->fields = json_object();
        if (!arguments->fields)
                return not_utf8();
        if (strcmp(arguments->command->words, "explain update") == 0 && line->word_count > used)
                return parse_update(line, used, arguments);
        json_t *error = take_arguments(arguments->command, line->words + used, line->word_count - used, arguments->fields);
        return error ? error : apply_options(line, arguments->command, arguments, arguments->fields);
}

int arguments_parse(int argc, char *const *argv, struct arguments *arguments, json_t **error) {
        *arguments = (struct arguments){ 0 };
        *error = NULL;
        _cleanup_free_ const char **words = calloc((size_t)argc + 1, sizeof *words);
        _cleanup_free_ struct given *options = calloc((size_t)argc + 1, sizeof *options);
        struct line line = { .words = words, .options = options };
        if (!words || !options)
                *error = not_utf8();
        else {
                *error = split_line(argc, argv, arguments, &line);
                if (!*error)
                        *error = parse_line(&line, arguments);
        }
        return *error ? EXIT_USAGE : 0;
}

void arguments_done(struct arguments *arguments) {
        json_decref(arguments->fields);
        *arguments = (struct arguments){ 0 };
}
