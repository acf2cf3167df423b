/* directory test: asks one directory, through a checker or worker as a login would, whether it answers, has a user, takes a password.
 * Relies on: multidird/supervisor/pool, multidird/supervisor/configuration, rules/throttle, jansson.
 * Must never: try more passwords than L11 lets anybody try; let a password that L8 refuses reach the directory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/supervisor/configuration.h"
#include "multidird/supervisor/pool.h"
#include "multidird/requests/reply.h"
#include "multidird/requests/requests.h"

struct test {
        struct connection *connection;
        struct configuration *configuration; /* a reference */
        size_t directory;
        struct job *job;
        char user[WIRE_NAME_MAX + 1];        /* "": none was named */
        bool with_password, has_server;
        struct secret password;              /* until it is given away */
        uint64_t deadline_ms;
        json_t *steps;
        enum reason reason;                  /* of the first step that failed; REASON_OK: none has */
};

static const struct directory_settings *directory_of(const struct test *test) {
        return &configuration_settings(test->configuration)->directories[test->directory];
}

static void test_free(struct test *test) {
        job_cancel(test->job);
        configuration_unref(test->configuration);
        json_decref(test->steps);
        secret_done(&test->password);
        free(test);
}

static void cancel_test(void *work) {
        test_free(work);
}

static void step(struct test *test, const char *name, enum reason result, const char *text) {
        (void)json_array_append_new(test->steps, json_pack("{s:s, s:s, s:s}", "step", name, "result", reason_name(result), "text", text));
        if (test->reason == REASON_OK)
                test->reason = result;
}

/* Replies, and ends the work. */
static void end(struct test *test) {
        struct connection *connection = test->connection;
        int exit_status = test->reason == REASON_OK ? EXIT_DONE : test->reason == REASON_UNAVAILABLE ? EXIT_UNAVAILABLE :
                          test->reason == REASON_USER_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_REFUSED;
        json_t *object = json_pack("{s:s, s:o, s:s, s:s, s:O}", "directory", directory_of(test)->name, "user",
                                   test->user[0] ? json_string(test->user) : json_null(), "result", test->reason == REASON_OK ? "ok" : "failed",
                                   "reason", reason_name(test->reason), "steps", test->steps);
        if (test->with_password)
                log_notice("directory test: directory=%s reason=%s", directory_of(test)->name, reason_name(test->reason));
        connection_set_work(connection, NULL, NULL);
        test_free(test);
        reply_object(connection, exit_status, object);
}

static void judge_password(struct test *test, enum password_result result) {
        struct throttle *throttle = connection_service(test->connection)->throttle;
        switch (result) {
        case CHECK_RIGHT:
                step(test, "password", REASON_OK, "the password is right");
                break;
        case CHECK_MUST_CHANGE:
                step(test, "password", REASON_OK, "the password is right, and must be changed at the next login");
                break;
        case CHECK_EXPIRED:
                step(test, "password", REASON_PASSWORD_EXPIRED, "the password is right, has expired, and cannot be changed here");
                break;
        case CHECK_WRONG:
        case CHECK_NOT_FOUND:
                throttle_wrong(throttle, test->user, clock_monotonic_ms());
                step(test, "password", REASON_WRONG_PASSWORD, "the password is wrong");
                break;
        case CHECK_DENIED:
                step(test, "password", REASON_INACTIVE, "the server refuses the account, not the password: locked, disabled, or not now");
                break;
        case CHECK_UNAVAILABLE:
        default:
                step(test, "password", REASON_UNAVAILABLE, "the password could not be checked");
        }
}

/* What the kind tried, a line each; the last one says why when it failed. */
static void report(struct test *test, const struct protocol_answer *answer) {
        const char *line = answer->text;
        bool good = answer->presence == PRESENCE_FOUND;
        while (*line) {
                size_t len = strcspn(line, "\n");
                char text[WIRE_TEXT_MAX + 1];
                (void)snprintf(text, sizeof text, "%.*s", (int)len, line);
                line += len + (line[len] == '\n');
                step(test, "server", *line || good ? REASON_OK : REASON_UNAVAILABLE, text);
        }
        if (!good && test->reason == REASON_OK)
                step(test, "server", REASON_UNAVAILABLE, "the directory does not answer; the service's log says more");
}

static void take_user(struct test *test, const struct protocol_answer *answer) {
        if (answer->presence == PRESENCE_NOT_FOUND) {
                step(test, "user", REASON_USER_NOT_FOUND, "the directory does not have the user");
                return;
        }
        step(test, "user", answer->active ? REASON_OK : REASON_INACTIVE, answer->active ? "the directory has the user" : "the user is not active");
        if (test->with_password)
                judge_password(test, answer->password);
}

static void on_answer(const struct protocol_answer *answer, void *userdata) {
        struct test *test = userdata;
        test->job = NULL;
        if (answer->presence != PRESENCE_FOUND && answer->presence != PRESENCE_NOT_FOUND) {
                step(test, "read", REASON_UNAVAILABLE, "the directory does not answer; the service's log says more");
        } else {
                step(test, "read", REASON_OK, "the directory answers");
                if (test->user[0])
                        take_user(test, answer);
        }
        end(test);
}

/* L11 again when the check's turn comes: many tries may have been let in together before the first was found wrong. */
static bool before_check(void *userdata) {
        struct test *test = userdata;
        if (!throttle_refuses(connection_service(test->connection)->throttle, test->user, clock_monotonic_ms()))
                return true;
        test->job = NULL;
        step(test, "password", REASON_THROTTLED, "too many wrong passwords in a row for this name");
        end(test);
        return false;
}

/* L8, L11: refused before the directory is asked. password may be NULL. */
static enum reason refuse(const struct service *service, const char *user, const struct secret *password, bool over_long, const char **text) {
        *text = over_long ? "the password is too long" : password && password->len == 0 ? "the password is empty" : "the password holds a NUL byte";
        if (over_long)
                return REASON_BAD_PASSWORD;
        if (password && password->len == 0)
                return REASON_EMPTY_PASSWORD;
        if (password && secret_has_nul(password))
                return REASON_BAD_PASSWORD;
        *text = "too many wrong passwords in a row for this name";
        return password && throttle_refuses(service->throttle, user, clock_monotonic_ms()) ? REASON_THROTTLED : REASON_OK;
}

/* The question proper. The password is given away with it. */
static void ask(struct test *test) {
        struct pool *pool = test->has_server ? configuration_workers(test->configuration, test->directory)
                                             : configuration_checkers(test->configuration, test->directory);
        const struct job_request request = {
                .type = test->with_password ? CHECKER_CHECK : CHECKER_FIND, .user = test->user,
                .password = test->with_password ? &test->password : NULL, .deadline_ms = test->deadline_ms,
        };
        int r = pool ? pool_submit(pool, &request, on_answer, test, &test->job) : -ENOMEM;
        secret_done(&test->password);
        if (r < 0)
                on_answer(&(struct protocol_answer){ 0 }, test);
        else if (test->with_password)
                job_set_before(test->job, before_check);
}

/* The server answers as it should: then the user, if one was named. */
static void on_server(const struct protocol_answer *answer, void *userdata) {
        struct test *test = userdata;
        test->job = NULL;
        report(test, answer);
        if (test->reason == REASON_OK && test->user[0])
                ask(test);
        else
                end(test);
}

static void ask_server(struct test *test) {
        struct pool *pool = configuration_workers(test->configuration, test->directory);
        const struct job_request request = { .type = WORKER_TEST, .user = "", .deadline_ms = test->deadline_ms };
        int r = pool ? pool_submit(pool, &request, on_server, test, &test->job) : -ENOMEM;
        if (r < 0)
                on_server(&(struct protocol_answer){ 0 }, test);
}

/* Takes over the connection's request. password may be NULL. */
static int start(struct connection *connection, size_t directory, const char *user, const struct secret *password) {
        struct service *service = connection_service(connection);
        struct test *test = calloc(1, sizeof *test);
        json_t *steps = test ? json_array() : NULL;
        if (!steps) {
                free(test);
                return -ENOMEM;
        }
        *test = (struct test){ .connection = connection, .configuration = configuration_ref(service->configuration), .directory = directory,
                               .with_password = password, .steps = steps, .reason = REASON_OK };
        test->has_server = configuration_has_server(test->configuration, directory);
        test->deadline_ms = clock_monotonic_ms() + configuration_settings(test->configuration)->login_deadline_s * 1000;
        (void)snprintf(test->user, sizeof test->user, "%s", user);
        if (password)
                (void)secret_set(&test->password, password->bytes, password->len);
        connection_set_work(connection, test, cancel_test);
        if (test->has_server)
                ask_server(test);
        else
                ask(test);
        return 0;
}

int request_directory_test(struct connection *connection, json_t *request) {
        struct service *service = connection_service(connection);
        const struct settings *settings = configuration_settings(service->configuration);
        const char *name = json_string_value(json_object_get(request, "directory")), *user = json_string_value(json_object_get(request, "user"));
        const json_t *given = json_object_get(request, "password");
        if (!name || (user && (!*user || strlen(user) > WIRE_NAME_MAX)) || (given && !user)) {
                reply_usage(connection, "directory test needs a directory, and may have a user of at most 255 bytes, with a password");
                return 0;
        }
        size_t directory = settings_directory(settings, name);
        if (directory == SETTINGS_NONE) {
                reply_no_directory(connection, name);
                return 0;
        }
        _cleanup_secret_ struct secret password = { 0 };
        bool over_long = given && secret_set(&password, json_string_value(given), json_string_length(given)) < 0;
        const char *text;
        enum reason refusal = refuse(service, user ? user : "", given ? &password : NULL, over_long, &text);
        if (refusal != REASON_OK) {
                reply_error(connection, EXIT_REFUSED, refusal, text);
                return 0;
        }
        return start(connection, directory, user ? user : "", given ? &password : NULL);
}
