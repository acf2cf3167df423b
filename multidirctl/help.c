/* --help; see help.h. */
#include "multidirctl/help.h"

#include <string.h>

#include "base/sbuf.h"
#include "multidirctl/print.h"

static void add_usage(struct sbuf *out, const struct command *command) {
        sbuf_add(out, command->words);
        for (size_t i = 0; i < COMMAND_ARGUMENTS && command->arguments[i].kind != ARGUMENT_NONE; i++) {
                const struct argument *argument = &command->arguments[i];
                sbuf_printf(out, argument->kind == ARGUMENT_OPTIONAL ? " [%s]" : argument->kind == ARGUMENT_MANY ? " %s…" : " %s", argument->shown);
        }
}

static void print_command_line(struct ctl *ctl, const struct command *command) {
        _cleanup_sbuf_ struct sbuf usage = { 0 };
        add_usage(&usage, command);
        fputs("  ", ctl->out);
        print_cell(ctl, sbuf_text(&usage), 44, PRINT_BOLD);
        if (print_width(sbuf_text(&usage)) >= 44)
                fprintf(ctl->out, "\n%46s", "");
        fprintf(ctl->out, "%s\n", command->help);
}

static void print_options(struct ctl *ctl, uint32_t bits) {
        for (const struct option_row *row = option_rows; row->name; row++) {
                _cleanup_sbuf_ struct sbuf usage = { 0 };
                if (!(row->bit & bits))
                        continue;
                sbuf_printf(&usage, "%s%s%s", row->name, row->value ? " " : "", row->value ? row->value : "");
                fputs("  ", ctl->out);
                print_cell(ctl, sbuf_text(&usage), 24, PRINT_BOLD);
                fprintf(ctl->out, "%s\n", row->help);
        }
        fprintf(ctl->out, "  %-24s%s\n", "--json", "print one JSON object");
}

static bool starts_with_word(const char *words, const char *topic) {
        size_t len = strlen(topic);
        return strncmp(words, topic, len) == 0 && (words[len] == ' ' || words[len] == 0);
}

static void print_one(struct ctl *ctl, const struct command *command) {
        _cleanup_sbuf_ struct sbuf usage = { 0 };
        add_usage(&usage, command);
        fprintf(ctl->out, "multidirctl %s\n\n  %s\n\nOptions:\n", sbuf_text(&usage), command->help);
        print_options(ctl, command->options);
}

void help_print(struct ctl *ctl, const struct arguments *arguments) {
        bool some = false;
        if (arguments->command) {
                print_one(ctl, arguments->command);
                return;
        }
        for (const struct command *row = commands; arguments->topic && row->words; row++)
                some = some || starts_with_word(row->words, arguments->topic);
        fputs("multidirctl [--json] [--application A | --directory D] COMMAND …\n\nCommands:\n", ctl->out);
        for (const struct command *row = commands; row->words; row++)
                if (!some || starts_with_word(row->words, arguments->topic))
                        print_command_line(ctl, row);
        fputs("\nOptions may stand anywhere on the line. multidirctl COMMAND --help names a command's own.\n"
              "Exit status: 0 done, 1 refused, 2 usage, 3 does not exist, 4 exists already, 5 permission denied,\n"
              "6 directory unavailable, 7 service not running, 8 configuration error.\n", ctl->out);
}
