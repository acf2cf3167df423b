/* A build of a few users only, on the grounds of the last view: whether it may stand for one of everybody, and joining the two results.
 *
 * Users meet in three ways: by a name (all of one name are decided together), by an id, and by what the registry says of a name, an entry or an id.
 * Groups are decided anew each time. So the others stay as they are unless an id that one of the few had, has or asked for is also theirs: one they
 * have, were refused, or were computed (I2, I4, I5). Where that may be, the answer is -EAGAIN, never a guess.
 * Relies on: model/registry, view/reader.
 * Must never: take an id for free that somebody outside the build has. */
#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "view/compile_internal.h"

static bool is_one_of(const struct name_map *names, const char *name) {
        return name_map_get(names, name) != NAME_MAP_NONE;
}

/* A set of ids that is asked often: sorted. */
struct ids { uint32_t *items; size_t count, size; };

static void ids_done(struct ids *ids) {
        free(ids->items);
}

static int ids_add(struct ids *ids, uint32_t id) {
        if (ids->count == ids->size) {
                size_t size = ids->size ? ids->size * 2 : 64;
                uint32_t *bigger = reallocarray(ids->items, size, sizeof *bigger);
                if (!bigger)
                        return -ENOMEM;
                ids->items = bigger;
                ids->size = size;
        }
        ids->items[ids->count++] = id;
        return 0;
}

static int id_order(const void *a, const void *b) {
        const uint32_t *x = a, *y = b;
        return *x < *y ? -1 : *x > *y;
}

static bool ids_have(const struct ids *ids, uint32_t id) {
        return ids->count > 0 && bsearch(&id, ids->items, ids->count, sizeof id, id_order) != NULL;
}

static void ids_sort(struct ids *ids) {
        if (ids->count > 1)
                qsort(ids->items, ids->count, sizeof *ids->items, id_order);
}

struct base_state {
        struct ids refused; /* what others were refused, or have and are not published with (M10): who has such an id, the last view does not say */
        bool unsure;        /* one of these was asked for */
};

int base_prepare(struct compiler *c) {
        const struct compile_base *base = c->input->base;
        int r = 0;
        if (!base)
                return 0;
        c->base_state = calloc(1, sizeof *c->base_state);
        if (!c->base_state)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < base->result->row_count; i++) {
                const struct masked_row *row = &base->result->rows[i];
                if (row->kind == NAME_OF_USER && row->reason == REASON_ID_CONFLICT && !is_one_of(base->names, row->name))
                        r = ids_add(&c->base_state->refused, row->id);
        }
        ids_sort(&c->base_state->refused);
        return r;
}

void base_done(struct compiler *c) {
        if (c->base_state)
                ids_done(&c->base_state->refused);
        free(c->base_state);
}

bool base_has_id(const struct compiler *c, const struct side *side, uint32_t id) {
        struct view_user user;
        const struct compile_base *base = c->input->base;
        if (!base || side->kind != NAME_OF_USER) /* groups are all in this build */
                return false;
        c->base_state->unsure |= ids_have(&c->base_state->refused, id);
        enum view_answer answer = view_user_by_uid(base->view, id, &user);
        return answer == VIEW_FOUND ? !is_one_of(base->names, user.name) : answer != VIEW_NOT_FOUND;
}

bool is_claimed(const struct compiler *c, const struct side *side, uint32_t id) {
        uint32_t holder;
        return claims_get(&side->claims, id, &holder) || base_has_id(c, side, id);
}

int displaced_add(struct compiler *c, uint32_t computed) {
        struct compile_result *result = &c->result;
        if (result->displaced_count == c->displaced_size) {
                size_t size = c->displaced_size ? c->displaced_size * 2 : 64;
                uint32_t *bigger = reallocarray(result->displaced, size, sizeof *bigger);
                if (!bigger)
                        return -ENOMEM;
                result->displaced = bigger;
                c->displaced_size = size;
        }
        result->displaced[result->displaced_count++] = computed;
        return 0;
}

/* Every id that one of the few had, has, or was refused. */
static int concerned_ids(const struct compiler *c, struct ids *ids) {
        const struct compile_base *base = c->input->base;
        int r = 0;
        for (uint32_t i = 0; r == 0 && i < base->names->size; i++) {
                struct view_user user;
                if (base->names->slots[i].name && view_user_by_name(base->view, base->names->slots[i].name, &user) == VIEW_FOUND)
                        r = ids_add(ids, user.uid);
        }
        for (size_t i = 0; r == 0 && i < base->result->row_count; i++)
                if (base->result->rows[i].kind == NAME_OF_USER && is_one_of(base->names, base->result->rows[i].name))
                        r = ids_add(ids, base->result->rows[i].id);
        for (uint32_t i = 0; r == 0 && i < c->users.base[c->host->count]; i++)
                if (c->users.entries[i].id != 0)
                        r = ids_add(ids, c->users.entries[i].id);
        for (size_t i = 0; r == 0 && i < c->result.row_count; i++)
                if (c->result.rows[i].kind == NAME_OF_USER)
                        r = ids_add(ids, c->result.rows[i].id);
        ids_sort(ids);
        return r;
}

/* An id that `allocate` gives is looked for anew in each build until its user is published. One of the few who was refused may have had the place that
 * another one, refused too, takes now; and in a range that is full every id may be the one. */
static bool hangs_on_others(const struct compiler *c) {
        const struct compile_base *base = c->input->base;
        bool few = false, others = false, full = false;
        for (size_t i = 0; i < base->result->row_count; i++) {
                const struct masked_row *row = &base->result->rows[i];
                if (row->kind != NAME_OF_USER || row->reason != REASON_ID_CONFLICT)
                        continue;
                bool allocated = c->settings->directories[row->directory].ids == IDS_ALLOCATE;
                if (is_one_of(base->names, row->name))
                        few = true;
                else
                        others |= allocated;
                full |= allocated && row->id == 0;
        }
        return full || (few && others);
}

static int check_others(const struct compiler *c) {
        const struct compile_result *last = c->input->base->result;
        _cleanup_(ids_done) struct ids ids = { 0 };
        int r = concerned_ids(c, &ids);
        for (size_t i = 0; r == 0 && i < ids.count; i++)
                if (ids.items[i] != 0 && ids_have(&c->base_state->refused, ids.items[i]))
                        r = -EAGAIN;
        if (r == 0 && hangs_on_others(c))
                r = -EAGAIN;
        for (size_t i = 0; r == 0 && i < last->displaced_count; i++)
                if (ids_have(&ids, last->displaced[i]))
                        r = -EAGAIN;
        for (size_t i = 0; r == 0 && i < c->settings->directory_count; i++)
                if (c->prepared[i].range_full)
                        r = -EAGAIN;
        return r;
}

/* Whether a row that this build put could make the next one decide otherwise: about who waits for that id, or, as users and groups share the ids that
 * `allocate` gives, about whoever of the other kind has it. */
static bool row_unsettles(const struct compiler *c, const struct ids *refused, const struct registry_row *row) {
        size_t directory = settings_directory(c->settings, row->directory);
        if (ids_have(refused, row->id))
                return true;
        if (directory != SETTINGS_NONE && c->settings->directories[directory].ids != IDS_ALLOCATE)
                return false;
        return is_claimed(c, row->kind == NAME_OF_USER ? &c->groups : &c->users, row->id);
}

static int check_settled(const struct compiler *c, bool *settled) {
        _cleanup_(ids_done) struct ids refused = { 0 };
        int r = 0;
        for (size_t i = 0; r == 0 && i < c->result.row_count; i++)
                if (c->result.rows[i].reason == REASON_ID_CONFLICT)
                        r = ids_add(&refused, c->result.rows[i].id);
        ids_sort(&refused);
        *settled = !registry_has_accepted(c->input->registry);
        for (size_t i = 0, count = registry_pending_count(c->input->registry); r == 0 && *settled && i < count; i++)
                *settled = !row_unsettles(c, &refused, registry_pending(c->input->registry, i));
        return r;
}

int base_check(struct compiler *c) {
        int r = check_settled(c, &c->result.settled);
        if (r < 0 || !c->input->base)
                return r;
        if (!c->result.settled || !c->input->base->result->settled || c->base_state->unsure)
                return -EAGAIN;
        return check_others(c);
}

static bool row_is_replaced(const struct masked_row *row, const struct name_map *names) {
        return row->kind == NAME_OF_GROUP || is_one_of(names, row->name);
}

int compile_join(struct compile_result *result, struct compile_result *part, const struct name_map *names) {
        size_t kept = 0;
        struct masked_row *rows = reallocarray(result->rows, result->row_count + part->row_count + 1, sizeof *rows);
        if (!rows)
                return -ENOMEM;
        result->rows = rows;
        uint32_t *displaced = reallocarray(result->displaced, result->displaced_count + part->displaced_count + 1, sizeof *displaced);
        if (!displaced)
                return -ENOMEM;
        result->displaced = displaced;
        for (size_t i = 0; i < result->row_count; i++)
                if (!row_is_replaced(&rows[i], names))
                        rows[kept++] = rows[i];
        for (size_t i = 0; i < part->row_count; i++)
                rows[kept++] = part->rows[i];
        result->row_count = kept;
        for (size_t i = 0; i < part->displaced_count; i++)
                displaced[result->displaced_count++] = part->displaced[i];
        result->settled = part->settled;
        if (result->arena && part->arena)
                arena_join(result->arena, part->arena);
        compile_result_done(part);
        return 0;
}
