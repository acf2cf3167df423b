/* A password for a request; see password.h. */
#include "multidirctl/password.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"

#define LINE_MAX_BYTES 8192 /* above L8's limit, so that the service is the one to refuse */

struct line { size_t len; bool ended; char bytes[LINE_MAX_BYTES + 1]; };

/* One line; what follows it is not read as a password. */
static void read_line(FILE *from, struct line *line) {
        int c;
        line->len = 0;
        while (line->len < LINE_MAX_BYTES && (c = fgetc(from)) != EOF) {
                if (c == '\n')
                        break;
                line->bytes[line->len++] = (char)c;
        }
        line->bytes[line->len] = 0;
        line->ended = line->len < LINE_MAX_BYTES;
}

static json_t *set_password(const struct line *line, json_t *fields, int *exit) {
        if (!line->ended || memchr(line->bytes, 0, line->len))
                return ctl_error(exit, EXIT_REFUSED, "bad-password", "the password is too long or holds a NUL byte");
        if (!text_is_utf8(line->bytes, line->len))
                return ctl_error(exit, EXIT_REFUSED, "bad-password", "the password is not valid UTF-8");
        json_t *value = json_stringn(line->bytes, line->len);
        if (!value || json_object_set_new(fields, "password", value) < 0)
                return ctl_error(exit, EXIT_UNAVAILABLE, "unavailable", "out of memory");
        return NULL;
}

json_t *password_from_stream(FILE *from, json_t *fields, int *exit) {
        struct line line;
        /* Without a buffer of libc's own, which would keep a copy. */
        (void)setvbuf(from, NULL, _IONBF, 0);
        read_line(from, &line);
        json_t *error = set_password(&line, fields, exit);
        explicit_bzero(&line, sizeof line);
        return error;
}

static const int interrupts[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP };
static volatile sig_atomic_t interrupted; /* which of them came */

static void on_interrupt(int number) {
        interrupted = number;
}

/* A line with what interrupts made to end the reading instead of the program: the terminal must get its echo back first. */
static void read_interruptibly(FILE *from, struct line *line) {
        struct sigaction before[ARRAY_SIZE(interrupts)], ours = { .sa_handler = on_interrupt };
        interrupted = 0;
        for (size_t i = 0; i < ARRAY_SIZE(interrupts); i++)
                (void)sigaction(interrupts[i], &ours, &before[i]);
        read_line(from, line);
        for (size_t i = 0; i < ARRAY_SIZE(interrupts); i++)
                (void)sigaction(interrupts[i], &before[i], NULL);
}

/* One line without echo; false: there is no terminal, or an interrupt came that this program outlives. */
static bool ask(const struct ctl *ctl, const char *prompt, struct line *line) {
        struct termios before, silent;
        if (tcgetattr(STDIN_FILENO, &before) < 0)
                return false;
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        /* Before the prompt: what is typed as soon as that shows is neither shown nor thrown away. */
        if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) < 0)
                return false;
        fputs(prompt, ctl->err);
        fflush(ctl->err);
        read_interruptibly(stdin, line);
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', ctl->err);
        if (interrupted)
                (void)raise(interrupted);
        return !interrupted;
}

json_t *password_from_terminal(const struct ctl *ctl, json_t *fields, int *exit) {
        struct line first, second;
        json_t *error;
        (void)setvbuf(stdin, NULL, _IONBF, 0);
        if (!isatty(STDIN_FILENO) || !ask(ctl, "New password: ", &first))
                return ctl_error(exit, EXIT_USAGE, "usage", "no terminal to ask for the password on; give it on standard input with --password-stdin");
        if (!ask(ctl, "The same again: ", &second) || first.len != second.len || memcmp(first.bytes, second.bytes, first.len) != 0)
                error = ctl_error(exit, EXIT_USAGE, "usage", "the two passwords differ");
        else
                error = set_password(&first, fields, exit);
        explicit_bzero(&first, sizeof first);
        explicit_bzero(&second, sizeof second);
        return error;
}

json_t *password_to_check(const struct ctl *ctl, json_t *fields, int *exit) {
        struct line line = { 0 };
        if (!isatty(STDIN_FILENO))
                return password_from_stream(stdin, fields, exit);
        (void)setvbuf(stdin, NULL, _IONBF, 0);
        json_t *error = ask(ctl, "Password: ", &line) ? set_password(&line, fields, exit)
                : ctl_error(exit, EXIT_USAGE, "usage", "the password could not be asked for");
        explicit_bzero(&line, sizeof line);
        return error;
}

void password_wipe(json_t *fields) {
        const char *key;
        json_t *value;
        json_object_foreach(fields, key, value) {
                if (json_is_object(value))
                        password_wipe(value);
                if (strcmp(key, "password") == 0 && json_is_string(value))
                        explicit_bzero((char *)(uintptr_t)json_string_value(value), json_string_length(value));
        }
}
