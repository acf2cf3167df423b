/* Lines -> settings, replicas, local files; see compile_parse.h. */
#include "unit/compile_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void parsed_done(struct parsed *parsed) {
        arena_done(&parsed->arena);
        sbuf_done(&parsed->passwd);
        sbuf_done(&parsed->group);
        sbuf_done(&parsed->subuid);
}

void parsed_reset(struct parsed *parsed) {
        parsed_done(parsed);
        *parsed = (struct parsed){ 0 };
}

static int hex(char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode(char *word) {
        char *out = word;
        for (const char *p = word; *p; p++) {
                if (p[0] == '%' && p[1] && hex(p[1]) >= 0 && hex(p[2]) >= 0) {
                        *out++ = (char)(hex(p[1]) * 16 + hex(p[2]));
                        p += 2;
                } else
                        *out++ = *p;
        }
        *out = 0;
}

size_t parsed_words(char *line, char *words[WORLD_WORDS]) {
        size_t count = 0;
        char *word;
        while ((word = strsep(&line, " "))) {
                if (!*word)
                        continue;
                assert_true(count < WORLD_WORDS);
                decode(word);
                words[count++] = word;
        }
        return count;
}

const char *parsed_value(char **words, size_t count, const char *key, const char *fallback) {
        size_t len = strlen(key);
        for (size_t i = 0; i < count; i++)
                if (strncmp(words[i], key, len) == 0 && words[i][len] == '=')
                        return words[i] + len + 1;
        return fallback;
}

static bool value_is(char **words, size_t count, const char *key, const char *value) {
        return strcmp(parsed_value(words, count, key, ""), value) == 0;
}

static uint32_t value_number(char **words, size_t count, const char *key) {
        return (uint32_t)strtoul(parsed_value(words, count, key, "0"), NULL, 10);
}

static char *keep(struct parsed *parsed, const char *text) {
        char *copy = arena_strdup(&parsed->arena, text);
        assert_non_null(copy);
        return copy;
}

/* "a,b" as a list in the arena; "-" is none. */
static size_t keep_list(struct parsed *parsed, const char *text, char separator, const char *const **items) {
        const char separators[2] = { separator, 0 };
        const char **list = arena_alloc(&parsed->arena, WORLD_WORDS * sizeof *list);
        char *rest = keep(parsed, text), *word;
        size_t count = 0;
        while (strcmp(text, "-") != 0 && (word = strsep(&rest, separators)))
                if (*word)
                        list[count++] = word;
        *items = list;
        return count;
}

static uint32_t directory_index(const struct parsed *parsed, const char *name) {
        for (size_t i = 0; i < parsed->settings.directory_count; i++)
                if (strcmp(parsed->directory_settings[i].name, name) == 0)
                        return (uint32_t)i;
        fail_msg("the script has no directory %s", name);
        return 0;
}

static void take_directory(struct parsed *parsed, char **words, size_t count) {
        size_t index = parsed->settings.directory_count++;
        struct directory_settings *directory = &parsed->directory_settings[index];
        assert_true(index < WORLD_DIRECTORIES);
        const char *range = parsed_value(words, count, "range", NULL), *primary = parsed_value(words, count, "primary", NULL);
        *directory = (struct directory_settings){
                .name = keep(parsed, words[1]), .type = DIRECTORY_INTERNAL, .active = !value_is(words, count, "active", "no"),
                .permissions = PERMISSIONS_ALL, .nested_groups = !value_is(words, count, "nested", "no"),
                .ids = value_is(words, count, "ids", "attribute") ? IDS_ATTRIBUTE : value_is(words, count, "ids", "sid") ? IDS_SID : IDS_ALLOCATE,
                .has_id_range = range != NULL, .min_id = value_number(words, count, "min"),
                .on_unavailable = value_is(words, count, "unavailable", "next") ? ON_UNAVAILABLE_NEXT : ON_UNAVAILABLE_STOP,
                .home = keep(parsed, parsed_value(words, count, "home", "/home/%u")),
                .shell = keep(parsed, parsed_value(words, count, "shell", "/bin/bash")),
                .primary_group = primary ? keep(parsed, primary) : NULL,
                .name_case = value_is(words, count, "case", "preserve") ? NAME_CASE_PRESERVE : NAME_CASE_LOWER,
                .ignore_inactive_groups = value_is(words, count, "inactive-groups", "ignore"),
        };
        if (range) {
                char *end;
                directory->id_range_first = (uint32_t)strtoul(range, &end, 10);
                directory->id_range_last = (uint32_t)strtoul(end + 1, NULL, 10);
        }
        parsed->directories[index].complete = !value_is(words, count, "complete", "no");
}

static void take_mapping(struct parsed *parsed, struct application_settings *application, const char *word) {
        const char *const *parts;
        size_t count = keep_list(parsed, word, ':', &parts), len = strlen(parts[0]);
        struct mapping_settings *mapping = &application->mappings[application->mapping_count++];
        char *name = keep(parsed, parts[0]);
        if (name[len - 1] == '+') {
                mapping->allow_all = true;
                name[len - 1] = 0;
        }
        mapping->directory = directory_index(parsed, name);
        mapping->permissions = PERMISSIONS_ALL;
        mapping->allow_groups = parts + 1;
        mapping->allow_group_count = count - 1;
}

static void take_local_groups(struct parsed *parsed, struct application_settings *application, const char *text) {
        const char *const *items;
        size_t count = keep_list(parsed, text, ',', &items);
        application->local_groups = arena_alloc(&parsed->arena, (count + 1) * sizeof *application->local_groups);
        for (size_t i = 0; i < count; i++) {
                char *item = keep(parsed, items[i]), *slash = strchr(item, '/'), *colon = strchr(item, ':');
                *slash = *colon = 0;
                application->local_groups[application->local_group_count++] =
                        (struct local_group_settings){ .directory = directory_index(parsed, item), .group = slash + 1, .local = colon + 1 };
        }
}

static void take_application(struct parsed *parsed, char **words, size_t count) {
        const char *const *items;
        size_t index = parsed->settings.application_count++;
        struct application_settings *application = &parsed->application_settings[index];
        assert_true(index < WORLD_APPLICATIONS);
        *application = (struct application_settings){
                .name = keep(parsed, words[1]), .profile = "crowd",
                .membership = value_is(words, count, "membership", "aggregating") ? AGGREGATING : NON_AGGREGATING,
                .publish = value_is(words, count, "publish", "with-access") ? PUBLISH_WITH_ACCESS : PUBLISH_ALL,
                .allow_other_owner = value_is(words, count, "other-owner", "yes"),
        };
        application->service_count = keep_list(parsed, parsed_value(words, count, "services", "-"), ',', &application->services);
        size_t mappings = keep_list(parsed, words[2], ',', &items);
        application->mappings = arena_alloc(&parsed->arena, (mappings + 1) * sizeof *application->mappings);
        for (size_t i = 0; i < mappings; i++)
                take_mapping(parsed, application, items[i]);
        take_local_groups(parsed, application, parsed_value(words, count, "local", "-"));
        if (strcmp(words[1], "host") == 0)
                parsed->settings.host = index;
}

bool parsed_line(struct parsed *parsed, char **words, size_t count) {
        struct sbuf *file = strcmp(words[0], "passwd") == 0 ? &parsed->passwd : strcmp(words[0], "group-file") == 0 ? &parsed->group
                          : strcmp(words[0], "subuid") == 0 ? &parsed->subuid : NULL;
        if (file)
                sbuf_printf(file, "%s\n", words[1]);
        else if (strcmp(words[0], "dir") == 0)
                take_directory(parsed, words, count);
        else if (strcmp(words[0], "app") == 0)
                take_application(parsed, words, count);
        else if (strcmp(words[0], "user") == 0 || strcmp(words[0], "group") == 0) {
                char **copy = arena_alloc(&parsed->arena, (count + 1) * sizeof *copy);
                for (size_t i = 0; i < count; i++)
                        copy[i] = keep(parsed, words[i]);
                assert_true(parsed->line_count < WORLD_LINES);
                parsed->lines[parsed->line_count++] = copy;
        } else
                return false;
        return true;
}

void parsed_finish(struct parsed *parsed) {
        parsed->settings.directories = parsed->directory_settings;
        parsed->settings.applications = parsed->application_settings;
}

static size_t word_count(char **words) {
        size_t count = 0;
        while (words[count])
                count++;
        return count;
}

static text_ref add_text(struct replica *replica, const char *text) {
        text_ref ref;
        assert_int_equal(replica_add_text(replica, text, &ref), 0);
        return ref;
}

static text_ref entry_text(struct replica *replica, char **words, size_t count) {
        char made[600];
        (void)snprintf(made, sizeof made, "%s-%s", words[1], words[2]);
        return add_text(replica, parsed_value(words, count, "entry", made));
}

static void add_user(struct replica *replica, char **words) {
        size_t count = word_count(words);
        uint32_t index;
        struct replica_user user = {
                .name = add_text(replica, words[2]), .entry_id = entry_text(replica, words, count),
                .display_name = add_text(replica, parsed_value(words, count, "gecos", "")),
                .home = add_text(replica, parsed_value(words, count, "home", "")), .shell = add_text(replica, parsed_value(words, count, "shell", "")),
                .ssh_keys = add_text(replica, parsed_value(words, count, "key", "")), .sid = add_text(replica, parsed_value(words, count, "sid", "")),
                .uid = value_number(words, count, "uid"), .gid = value_number(words, count, "gid"),
                .active = !value_is(words, count, "active", "no"), .posix_primary = value_number(words, count, "gid") != 0,
        };
        assert_int_equal(replica_add_user(replica, &user, &index), 0);
}

static void add_group(struct replica *replica, char **words) {
        size_t count = word_count(words);
        uint32_t index;
        struct replica_group group = {
                .name = add_text(replica, words[2]), .entry_id = entry_text(replica, words, count),
                .sid = add_text(replica, parsed_value(words, count, "sid", "")), .gid = value_number(words, count, "gid"),
                .active = !value_is(words, count, "active", "no"),
        };
        assert_int_equal(replica_add_group(replica, &group, &index), 0);
}

/* Index of the first entry of a kind with that very name. */
static uint32_t find(const struct parsed *parsed, const char *directory, const char *kind, const char *name) {
        uint32_t index = 0;
        for (size_t i = 0; i < parsed->line_count; i++) {
                char **words = parsed->lines[i];
                if (strcmp(words[0], kind) != 0 || strcmp(words[1], directory) != 0)
                        continue;
                if (strcmp(words[2], name) == 0)
                        return index;
                index++;
        }
        fail_msg("the script's directory %s has no %s %s", directory, kind, name);
        return 0;
}

static void add_members(const struct parsed *parsed, struct replica *replica, char **words, const char *key, const char *kind) {
        const char *names = parsed_value(words, word_count(words), key, "-");
        char *copy = strdup(strcmp(names, "-") == 0 ? "" : names), *rest = copy, *name;
        uint32_t group = find(parsed, words[1], "group", words[2]);
        while ((name = strsep(&rest, ","))) {
                if (!*name)
                        continue;
                uint32_t member = find(parsed, words[1], kind, name);
                assert_int_equal(strcmp(kind, "user") == 0 ? replica_add_user_edge(replica, member, group)
                                                           : replica_add_group_edge(replica, member, group), 0);
        }
        free(copy);
}

struct replica *parsed_replica(const struct parsed *parsed, size_t directory) {
        const char *name = parsed->directory_settings[directory].name;
        struct replica *replica = replica_new();
        assert_non_null(replica);
        for (size_t i = 0; i < parsed->line_count; i++)
                if (strcmp(parsed->lines[i][1], name) == 0) {
                        if (strcmp(parsed->lines[i][0], "user") == 0)
                                add_user(replica, parsed->lines[i]);
                        else
                                add_group(replica, parsed->lines[i]);
                }
        for (size_t i = 0; i < parsed->line_count; i++)
                if (strcmp(parsed->lines[i][1], name) == 0 && strcmp(parsed->lines[i][0], "group") == 0) {
                        add_members(parsed, replica, parsed->lines[i], "users", "user");
                        add_members(parsed, replica, parsed->lines[i], "groups", "group");
                }
        replica->synchronised_s = 1;
        assert_int_equal(replica_finish(replica), 0);
        return replica;
}
