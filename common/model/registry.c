/* The id registry in memory; see registry.h.
 * Rows lie in chunks that never move; hash tables of row numbers lead to them. A million rows cost about 150 MB.
 * Relies on: base/hash, base/name_map.
 * Must never: drop a saved row. */
#include "model/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bulk.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/name_map.h"
#include "base/text.h"

enum { CHUNK_SIZE = 1 << 20, KINDS = 2 };

struct stored_row {
        struct registry_row row;
        bool born_older; /* loaded as an older row: never current, whatever is reverted */
};

/* Newest first. */
struct chunk { struct chunk *older; size_t used, size; char bytes[]; };

/* Which columns are the key of a table. */
enum key { KEY_NAME, KEY_ID, KEY_ENTRY, KEY_MAX };

/* row: number + 1; 0 is free. The hash beside it saves the walk to a row that is another's. */
struct slot { uint32_t row, hash; };

/* size is a power of two, or 0. */
struct table { struct slot *slots; uint32_t used, size; };

struct registry {
        struct chunk *chunks;
        struct stored_row **rows;
        uint32_t row_count, row_size;
        uint32_t saved_count;                       /* rows from here on are pending */
        struct chunk *saved_chunk;                  /* where the text of the saved rows ends */
        size_t saved_used;
        struct table tables[KINDS][KEY_MAX];        /* by name_kind: the groups' stay small beside a million users' */
        struct arena accepted_text;
        struct name_map accepted[KINDS], used[KINDS];       /* by name_kind; used: cleared since the last save, back after a revert */
        const char *last_directory;                 /* in the chunks: neighbours mostly share it */
};

struct registry *registry_new(void) {
        return calloc(1, sizeof(struct registry));
}

static void forget_accepted(struct registry *registry) {
        for (size_t kind = 0; kind < KINDS; kind++) {
                name_map_done(&registry->accepted[kind]);
                name_map_done(&registry->used[kind]);
        }
        arena_done(&registry->accepted_text);
}

static void table_free(struct table *table) {
        bulk_free(table->slots, table->size * sizeof *table->slots);
}

void registry_free(struct registry *registry) {
        if (!registry)
                return;
        while (registry->chunks) {
                struct chunk *older = registry->chunks->older;
                bulk_free(registry->chunks, sizeof *older + registry->chunks->size);
                registry->chunks = older;
        }
        for (size_t i = 0; i < KINDS * KEY_MAX; i++)
                table_free(&registry->tables[i / KEY_MAX][i % KEY_MAX]);
        forget_accepted(registry);
        bulk_free(registry->rows, registry->row_size * sizeof *registry->rows);
        free(registry);
}

/* Room for one row or text; never moves. */
static void *take(struct registry *registry, size_t size) {
        const size_t align = _Alignof(struct stored_row);
        size = (size + align - 1) / align * align;
        struct chunk *chunk = registry->chunks;
        if (!chunk || chunk->size - chunk->used < size) {
                size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
                chunk = bulk_alloc(sizeof *chunk + room);
                if (!chunk)
                        return NULL;
                *chunk = (struct chunk){ .older = registry->chunks, .size = room };
                registry->chunks = chunk;
        }
        void *p = chunk->bytes + chunk->used;
        chunk->used += size;
        return p;
}

static uint32_t text_hash(const char *text, uint32_t seed) {
        return (uint32_t)hash_bytes(text, strlen(text), seed);
}

static uint32_t row_hash(enum key key, const struct registry_row *row) {
        char folded[NAME_LENGTH_MAX + 1];
        switch (key) {
        case KEY_NAME: {
                size_t len = strnlen(row->name, NAME_LENGTH_MAX);
                text_fold(folded, row->name, len);
                return (uint32_t)hash_bytes(folded, len, row->kind);
        }
        case KEY_ID:
                return (uint32_t)hash_u64(row->id, row->kind);
        default:
                return text_hash(row->entry_id, text_hash(row->directory, row->kind));
        }
}

static bool row_matches(enum key key, const struct registry_row *a, const struct registry_row *b) {
        if (key == KEY_NAME)
                return text_same_name(a->name, b->name);
        if (key == KEY_ID)
                return a->id == b->id;
        return strcmp(a->entry_id, b->entry_id) == 0 && strcmp(a->directory, b->directory) == 0;
}

/* The slot of a row's key: its own, or the free one where it would go. */
static struct slot *find_slot(const struct registry *registry, const struct table *table, enum key key, const struct registry_row *row, uint32_t hash) {
        uint32_t mask = table->size - 1;
        for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
                struct slot *slot = &table->slots[i];
                if (slot->row == 0 || (slot->hash == hash && row_matches(key, &registry->rows[slot->row - 1]->row, row)))
                        return slot;
        }
}

static int table_grow(struct table *table) {
        if (table->size > 0 && table->used < table->size / 2)
                return 0;
        uint32_t size = table->size ? table->size * 2 : 64;
        struct slot *slots = bulk_alloc(size * sizeof *slots);
        if (!slots)
                return -ENOMEM;
        for (uint32_t i = 0; i < table->size; i++) {
                if (table->slots[i].row == 0)
                        continue;
                uint32_t place = table->slots[i].hash & (size - 1);
                while (slots[place].row != 0)
                        place = (place + 1) & (size - 1);
                slots[place] = table->slots[i];
        }
        table_free(table);
        table->slots = slots;
        table->size = size;
        return 0;
}

/* Makes row number the key's; gives the row that was, plus one, or 0. */
static uint32_t table_set(struct registry *registry, enum key key, uint32_t number) {
        const struct registry_row *row = &registry->rows[number]->row;
        struct table *table = &registry->tables[row->kind][key];
        uint32_t hash = row_hash(key, row);
        struct slot *slot = find_slot(registry, table, key, row, hash);
        uint32_t former = slot->row;
        if (former == 0)
                table->used++;
        *slot = (struct slot){ .row = number + 1, .hash = hash };
        return former;
}

static const struct registry_row *look_up(const struct registry *registry, enum key key, const struct registry_row *row) {
        const struct table *table = &registry->tables[row->kind][key];
        if (table->size == 0)
                return NULL;
        uint32_t number = find_slot(registry, table, key, row, row_hash(key, row))->row;
        return number != 0 ? &registry->rows[number - 1]->row : NULL;
}

const struct registry_row *registry_by_name(const struct registry *registry, enum name_kind kind, const char *name) {
        return look_up(registry, KEY_NAME, &(struct registry_row){ .kind = kind, .name = name });
}

const struct registry_row *registry_by_id(const struct registry *registry, enum name_kind kind, uint32_t id) {
        return look_up(registry, KEY_ID, &(struct registry_row){ .kind = kind, .id = id });
}

const struct registry_row *registry_by_entry(const struct registry *registry, enum name_kind kind, const char *directory, const char *entry_id) {
        return look_up(registry, KEY_ENTRY, &(struct registry_row){ .kind = kind, .directory = directory, .entry_id = entry_id });
}

/* Makes a row known to the look-ups. A row that takes a name's place demotes the former one. */
static void enter(struct registry *registry, uint32_t number) {
        struct stored_row *stored = registry->rows[number];
        if (!stored->born_older) {
                uint32_t former = table_set(registry, KEY_NAME, number);
                if (former != 0)
                        registry->rows[former - 1]->row.current = false;
                stored->row.current = true;
        }
        (void)table_set(registry, KEY_ID, number);
        if (stored->row.entry_id[0])
                (void)table_set(registry, KEY_ENTRY, number);
}

/* A copy of the row and its texts in the chunks. */
static struct stored_row *copy_row(struct registry *registry, const struct registry_row *row) {
        size_t name_len = strlen(row->name) + 1, entry_len = strlen(row->entry_id) + 1;
        if (!registry->last_directory || strcmp(registry->last_directory, row->directory) != 0) {
                size_t len = strlen(row->directory) + 1;
                char *directory = take(registry, len);
                if (!directory)
                        return NULL;
                registry->last_directory = memcpy(directory, row->directory, len);
        }
        struct stored_row *stored = take(registry, sizeof *stored + name_len + entry_len);
        if (!stored)
                return NULL;
        char *texts = (char *)(stored + 1);
        text_fold(texts, row->name, name_len);
        memcpy(texts + name_len, row->entry_id, entry_len);
        *stored = (struct stored_row){ .row = *row };
        stored->row.name = texts;
        stored->row.entry_id = texts + name_len;
        stored->row.directory = registry->last_directory;
        return stored;
}

static int append(struct registry *registry, const struct registry_row *row, bool older) {
        if (registry->row_count == registry->row_size) {
                uint32_t size = registry->row_size ? registry->row_size * 2 : 64;
                struct stored_row **rows = size > registry->row_size ? bulk_resize(registry->rows, registry->row_size * sizeof *rows, size * sizeof *rows) : NULL;
                if (!rows)
                        return -ENOMEM;
                registry->rows = rows;
                registry->row_size = size;
        }
        for (enum key key = 0; key < KEY_MAX; key++) {
                int r = table_grow(&registry->tables[row->kind][key]);
                if (r < 0)
                        return r;
        }
        struct stored_row *stored = copy_row(registry, row);
        if (!stored)
                return -ENOMEM;
        stored->born_older = older;
        stored->row.current = false;
        registry->rows[registry->row_count] = stored;
        enter(registry, registry->row_count++);
        return 0;
}

int registry_put(struct registry *registry, const struct registry_row *row) {
        const struct registry_row *now = registry_by_name(registry, row->kind, row->name);
        if (now && now->id == row->id && strcmp(now->entry_id, row->entry_id) == 0 && strcmp(now->directory, row->directory) == 0)
                return 0;
        return append(registry, row, false);
}

static void mark_saved(struct registry *registry) {
        registry->saved_count = registry->row_count;
        registry->saved_chunk = registry->chunks;
        registry->saved_used = registry->chunks ? registry->chunks->used : 0;
}

int registry_load(struct registry *registry, const struct registry_row *row) {
        int r = append(registry, row, !row->current);
        if (r < 0)
                return r;
        mark_saved(registry);
        return 0;
}

size_t registry_pending_count(const struct registry *registry) {
        return registry->row_count - registry->saved_count;
}

const struct registry_row *registry_pending(const struct registry *registry, size_t index) {
        return index < registry_pending_count(registry) ? &registry->rows[registry->saved_count + index]->row : NULL;
}

void registry_saved(struct registry *registry) {
        mark_saved(registry);
        for (size_t kind = 0; kind < KINDS; kind++)
                name_map_done(&registry->used[kind]);
}

/* Gives back the chunks' room behind the saved rows. */
static void cut_chunks(struct registry *registry) {
        while (registry->chunks != registry->saved_chunk) {
                struct chunk *older = registry->chunks->older;
                bulk_free(registry->chunks, sizeof *older + registry->chunks->size);
                registry->chunks = older;
        }
        if (registry->chunks)
                registry->chunks->used = registry->saved_used;
        registry->last_directory = NULL;
}

void registry_revert(struct registry *registry) {
        for (size_t kind = 0; kind < KINDS; kind++) {
                if (registry->used[kind].used == 0)
                        continue;
                name_map_done(&registry->accepted[kind]);
                registry->accepted[kind] = registry->used[kind];
                registry->used[kind] = (struct name_map){ 0 };
        }
        if (registry_pending_count(registry) == 0)
                return;
        registry->row_count = registry->saved_count;
        cut_chunks(registry);
        /* A thrown-away build is rare: the tables are made anew from the rows that stay, instead of undone. */
        for (size_t i = 0; i < KINDS * KEY_MAX; i++) {
                struct table *table = &registry->tables[i / KEY_MAX][i % KEY_MAX];
                if (table->size > 0)
                        memset(table->slots, 0, table->size * sizeof *table->slots);
                table->used = 0;
        }
        for (uint32_t i = 0; i < registry->row_count; i++)
                enter(registry, i);
}

int registry_accept(struct registry *registry, enum name_kind kind, const char *name) {
        char *copy = arena_strdup(&registry->accepted_text, name);
        if (!copy)
                return -ENOMEM;
        int r = name_map_add(&registry->accepted[kind], copy, 0);
        return r == -EEXIST ? 0 : r;
}

bool registry_is_accepted(const struct registry *registry, enum name_kind kind, const char *name) {
        return name_map_get(&registry->accepted[kind], name) != NAME_MAP_NONE;
}

bool registry_has_accepted(const struct registry *registry) {
        for (size_t kind = 0; kind < KINDS; kind++)
                if (registry->accepted[kind].used > 0)
                        return true;
        return false;
}

void registry_clear_accepted(struct registry *registry) {
        for (size_t kind = 0; kind < KINDS; kind++) {
                if (registry->accepted[kind].used == 0)
                        continue;
                name_map_done(&registry->used[kind]);
                registry->used[kind] = registry->accepted[kind];
                registry->accepted[kind] = (struct name_map){ 0 };
        }
}
