/* The describing half of the script language of compile_world.h: lines -> settings, replicas, local files.
 * Relies on: model/.
 * Must never: be linked into the product. */
#pragma once

#include "base/arena.h"
#include "base/sbuf.h"
#include "model/replica.h"
#include "model/settings.h"

#define WORLD_DIRECTORIES 8
#define WORLD_APPLICATIONS 4
#define WORLD_WORDS 32
#define WORLD_LINES 4096

struct parsed_directory { bool complete; };

struct parsed {
        struct arena arena;
        struct settings settings;
        struct directory_settings directory_settings[WORLD_DIRECTORIES];
        struct application_settings application_settings[WORLD_APPLICATIONS];
        struct parsed_directory directories[WORLD_DIRECTORIES];
        char **lines[WORLD_LINES];      /* the user and group lines, as words ended by NULL */
        size_t line_count;
        struct sbuf passwd, group, subuid;
};

void parsed_reset(struct parsed *parsed);
void parsed_done(struct parsed *parsed);
/* Cuts a line at blanks in place and decodes %XX. Returns how many words. */
size_t parsed_words(char *line, char *words[WORLD_WORDS]);
/* Takes a describing line; false if it is none. */
bool parsed_line(struct parsed *parsed, char **words, size_t count);
/* Before settings are used. */
void parsed_finish(struct parsed *parsed);
/* The replica of a directory; the caller frees it. */
struct replica *parsed_replica(const struct parsed *parsed, size_t directory);
/* The value of KEY= among words, or fallback. */
const char *parsed_value(char **words, size_t count, const char *key, const char *fallback);
