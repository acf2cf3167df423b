/* The options of the PAM line; see options.h. */
#include "options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "wire/message.h"

static const struct { const char *word; size_t at; } switches[] = {
        { "use_first_pass", offsetof(struct options, use_first_pass) },
        { "try_first_pass", offsetof(struct options, try_first_pass) },
        { "use_authtok", offsetof(struct options, use_authtok) },
        { "quiet", offsetof(struct options, quiet) },
        { "debug", offsetof(struct options, debug) },
};

static bool set_switch(const char *word, struct options *options) {
        for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
                if (strcmp(word, switches[i].word) == 0) {
                        *(bool *)((char *)options + switches[i].at) = true;
                        return true;
                }
        return false;
}

static bool set_application(const char *word, struct options *options) {
        static const char key[] = "application=";
        const char *name = word + sizeof key - 1;
        if (strncmp(word, key, sizeof key - 1) != 0 || *name == 0 || strlen(name) > WIRE_NAME_MAX || *options->application)
                return false;
        options->application = name;
        return true;
}

int options_parse(int argc, const char **argv, struct options *options, const char **wrong) {
        struct options read = { .application = "" };
        for (int i = 0; i < argc; i++)
                if (!set_switch(argv[i], &read) && !set_application(argv[i], &read)) {
                        *wrong = argv[i];
                        return -EINVAL;
                }
        *options = read;
        return 0;
}
