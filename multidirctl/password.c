/* A password for a request; see password.h. */
#include "multidirctl/password.h"

#include <errno.h>
#include <poll.h>
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

struct signals { struct sigaction actions[ARRAY_SIZE(interrupts)]; sigset_t mask; };

/* From here to signals_restore() they come only inside wait_for_line(). What is ignored, as under nohup, stays so. */
static void signals_hold(struct signals *before) {
        const struct sigaction ours = { .sa_handler = on_interrupt };
        sigset_t held;
        (void)sigemptyset(&held);
        interrupted = 0;
        for (size_t i = 0; i < ARRAY_SIZE(interrupts); i++)
                if (sigaction(interrupts[i], NULL, &before->actions[i]) == 0 && before->actions[i].sa_handler != SIG_IGN) {
                        (void)sigaddset(&held, interrupts[i]);
                        (void)sigaction(interrupts[i], &ours, NULL);
                }
        (void)sigprocmask(SIG_BLOCK, &held, &before->mask);
}

static void signals_restore(const struct signals *before) {
        for (size_t i = 0; i < ARRAY_SIZE(interrupts); i++)
                (void)sigaction(interrupts[i], &before->actions[i], NULL);
        (void)sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

/* A terminal hands out whole lines: once there is something to read, reading does not wait. */
static void wait_for_line(const struct signals *before) {
        struct pollfd terminal = { .fd = STDIN_FILENO, .events = POLLIN };
        while (!interrupted && ppoll(&terminal, 1, NULL, &before->mask) < 0 && errno == EINTR)
                ;
}

/* One question without echo. The terminal has its echo back before an interrupt does what it does. false: there is no terminal. */
static bool ask_once(const struct ctl *ctl, const char *prompt, struct line *line) {
        struct termios before, silent;
        struct signals signals;
        if (tcgetattr(STDIN_FILENO, &before) < 0)
                return false;
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        signals_hold(&signals);
        /* Before the prompt: it drops what was typed so far, which nobody must have typed as an answer. */
        bool silenced = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
        if (silenced) {
                fputs(prompt, ctl->err);
                fflush(ctl->err);
                wait_for_line(&signals);
                if (!interrupted)
                        read_line(stdin, line);
                (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
                fputc('\n', ctl->err);
        }
        signals_restore(&signals);
        return silenced;
}

/* Who was stopped and goes on is asked again. */
static bool ask(const struct ctl *ctl, const char *prompt, struct line *line) {
        while (ask_once(ctl, prompt, line)) {
                if (!interrupted)
                        return true;
                (void)raise(interrupted);
        }
        return false;
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
