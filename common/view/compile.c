/* The course of a build; see compile.h. The parts are in compile_order.c, compile_ids.c, compile_access.c and compile_people.c.
 * Relies on: those parts.
 * Must never: leave the caller with half a result. */
#include "view/compile.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "rules/gate.h"
#include "view/compile_internal.h"

void compile_result_done(struct compile_result *result) {
        if (result->arena) {
                arena_done(result->arena);
                free(result->arena);
        }
        free(result->rows);
        free(result->displaced);
        *result = (struct compile_result){ 0 };
}

/* A copy of text in the result; bulk rows come with the same text again and again, and share it. */
static const char *row_text(struct compiler *c, const char *text) {
        const struct compile_result *result = &c->result;
        if (result->row_count > 0 && strcmp(result->rows[result->row_count - 1].text, text) == 0)
                return result->rows[result->row_count - 1].text;
        return arena_strdup(result->arena, text);
}

int add_row(struct compiler *c, const struct side *side, const struct facts *facts, uint32_t id, uint32_t winner, enum reason reason,
            const char *format, ...) {
        char text[1024];
        struct compile_result *result = &c->result;
        if (result->row_count == c->row_size) {
                size_t size = c->row_size ? c->row_size * 2 : 64;
                struct masked_row *rows = reallocarray(result->rows, size, sizeof *rows);
                if (!rows)
                        return -ENOMEM;
                result->rows = rows;
                c->row_size = size;
        }
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        const char *sentence = row_text(c, text), *name = arena_strdup(result->arena, facts->name);
        if (!sentence || !name)
                return -ENOMEM;
        result->rows[result->row_count++] = (struct masked_row){
                .kind = side->kind, .name = name, .id = id, .directory = (uint32_t)(facts->directory - c->settings->directories),
                .winner = winner, .reason = reason, .text = sentence,
        };
        return 0;
}

static void side_done(struct side *side) {
        free(side->entries);
        free(side->base);
        free(side->claims.ids);
        free(side->claims.entries);
}

static void prepared_done(struct prepared *prepared) {
        closure_free(prepared->closure);
        direct_groups_done(&prepared->direct);
        free(prepared->scratch);
}

static void orders_done(struct compiler *c) {
        for (size_t a = 0; c->orders && a < c->settings->application_count; a++) {
                for (uint32_t i = 0; i < c->orders[a].count; i++)
                        free(c->orders[a].places[i].lets_in);
                free(c->orders[a].places);
        }
        free(c->orders);
}

/* All but the writer and the result; what only they need stays. Safe twice. */
static void workings_done(struct compiler *c) {
        for (size_t i = 0; c->prepared && i < c->settings->directory_count; i++)
                prepared_done(&c->prepared[i]);
        for (uint32_t i = 0; c->numbers && i < c->host->count; i++)
                free(c->numbers[i].items);
        for (size_t i = 0; i < c->grant_count; i++)
                free(c->grants[i].reaches);
        orders_done(c);
        base_done(c);
        side_done(&c->users);
        side_done(&c->groups);
        free(c->prepared);
        free(c->numbers);
        free(c->primary);
        free(c->grants);
        free(c->found);
        free(c->group_list);
        free(c->group_stamps);
        free(c->access);
        *c = (struct compiler){ .input = c->input, .settings = c->settings, .writer = c->writer, .result = c->result, .out_count = c->out_count };
}

/* publish = with-access: whom L4 does not let in is not shown, and takes no id. */
static int hide_without_access(struct compiler *c) {
        int r = 0;
        if (c->host_application->publish != PUBLISH_WITH_ACCESS)
                return 0;
        for (uint32_t place = 0; r == 0 && place < c->host->count; place++)
                for (uint32_t i = 0; r == 0 && i < side_count(&c->users, place); i++) {
                        struct facts facts;
                        struct entry *entry = &c->users.entries[c->users.base[place] + i];
                        if (entry->state != ENTRY_NAMED || gate_of(c, &c->host->places[place], i) == REASON_OK)
                                continue;
                        entry->state = ENTRY_REFUSED;
                        facts_of(c, &c->users, place, i, &facts);
                        r = add_row(c, &c->users, &facts, 0, NOBODY, REASON_NO_ACCESS, "publish = with-access, and the gate does not let the user in (L4)");
                }
        return r;
}

static int add_application(struct compiler *c, size_t application) {
        const struct application_settings *settings = &c->settings->applications[application];
        return view_writer_add_application(c->writer, settings->name, settings->services, (uint32_t)settings->service_count);
}

/* Directories and applications: host is the first, as the view's readers expect. */
static int writer_begin(struct compiler *c) {
        const struct compile_input *input = c->input;
        uint64_t seed = hash_u64(input->generation, input->built_s);
        int r = view_writer_new(input->generation, input->built_s, seed, &c->writer);
        uint64_t max_age_s = c->settings->account_max_age_s;
        if (r == 0)
                view_writer_set_account_max_age(c->writer, max_age_s > UINT32_MAX ? UINT32_MAX : (uint32_t)max_age_s);
        if (r == 0)
                view_writer_set_gates(c->writer, gate_digest(c->settings));
        for (size_t i = 0; r == 0 && i < c->settings->directory_count; i++)
                r = view_writer_add_directory(c->writer, c->settings->directories[i].name, &c->prepared[i].writer_index);
        if (r == 0)
                r = add_application(c, c->settings->host);
        for (size_t a = 0; r == 0 && a < c->settings->application_count; a++)
                if (a != c->settings->host)
                        r = add_application(c, a);
        if (r < 0)
                return r;
        c->access = calloc(c->settings->application_count, sizeof *c->access);
        return c->access ? 0 : -ENOMEM;
}

typedef int (*build_step)(struct compiler *);

static int own_groups(struct compiler *c) {
        return side_owners(c, &c->groups);
}

static int own_users(struct compiler *c) {
        return side_owners(c, &c->users);
}

/* Groups come before users throughout: a user's primary and private group depend on them (M10). */
static const build_step steps[] = {
        base_prepare, orders_make, directories_prepare, gates_make, grants_make,
        own_groups, own_users, hidden_rows, hide_without_access,
        ids_assign, numbers_make, writer_begin, groups_write, users_write, base_check,
};

int compile_view(const struct compile_input *input, int fd, struct compile_result *result) {
        struct compiler c = {
                .input = input, .settings = input->settings, .host_application = &input->settings->applications[input->settings->host],
                .users.kind = NAME_OF_USER, .groups.kind = NAME_OF_GROUP,
        };
        c.result.arena = calloc(1, sizeof *c.result.arena);
        int r = c.result.arena ? 0 : -ENOMEM;
        for (size_t i = 0; r == 0 && i < sizeof steps / sizeof *steps; i++)
                r = steps[i](&c);
        /* Before the file is laid out, which is when a build needs most memory: what is given back must leave the process. */
        workings_done(&c);
        (void)malloc_trim(0);
        if (r == 0)
                r = view_writer_finish(c.writer, fd);
        if (r == 0) {
                c.result.group_count = c.out_count;
                registry_clear_accepted(input->registry);
                *result = c.result;
                c.result = (struct compile_result){ 0 };
        }
        view_writer_free(c.writer);
        compile_result_done(&c.result);
        return r;
}
