/* See update_run.h. */
#include "update_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static enum presence presence_of(char letter) {
        return letter == 'y' ? PRESENCE_FOUND : letter == 'n' ? PRESENCE_NOT_FOUND : PRESENCE_UNAVAILABLE;
}

static enum update_operation operation_of(char letter) {
        static const char letters[] = ".AMNPRamr+-"; /* in the order of enum update_operation */
        return (enum update_operation)(strchr(letters, letter) - letters);
}

static void describe(const struct naive_update_directory *d, struct directory_settings *settings, struct mapping_settings *mapping,
                     struct update_facts *facts) {
        static const char types[] = "-ildcj";
        *settings = (struct directory_settings){ .name = "d", .type = (enum directory_type)(strchr(types, d->type) - types), .active = d->on,
                .permissions = (permission_set)d->permissions, .read_only_kind = d->read_only, .nested_groups = d->nested };
        mapping->permissions = (permission_set)d->application_permissions;
        *facts = (struct update_facts){ .user = presence_of(d->user), .new_name = presence_of(d->new_name), .group = presence_of(d->group),
                .member = presence_of(d->member), .above = d->above };
}

static void add(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void add(char *out, size_t size, const char *format, ...) {
        size_t len = strlen(out);
        va_list args;
        va_start(args, format);
        (void)vsnprintf(out + len, size - len, format, args);
        va_end(args);
}

/* A change says in two ways what it is; they must agree. */
static bool change_agrees(const struct update_change *change) {
        const struct { const char *what; enum update_operation operation; permission_set set; } table[] = {
                { "add-user", UPDATE_ADD_USER, PERMISSION_BIT(PERMISSION_ADD_USER) },
                { "modify-user", UPDATE_MODIFY_USER, PERMISSION_BIT(PERMISSION_MODIFY_USER) },
                { "modify-user-attributes", UPDATE_MODIFY_USER, PERMISSION_BIT(PERMISSION_MODIFY_USER_ATTRIBUTES) },
                { "rename-user", UPDATE_RENAME_USER, PERMISSION_BIT(PERMISSION_MODIFY_USER) },
                { "set-password", UPDATE_SET_PASSWORD, PERMISSION_BIT(PERMISSION_MODIFY_USER) },
                { "remove-user", UPDATE_REMOVE_USER, PERMISSION_BIT(PERMISSION_REMOVE_USER) },
                { "add-group", UPDATE_ADD_GROUP, PERMISSION_BIT(PERMISSION_ADD_GROUP) },
                { "modify-group", UPDATE_MODIFY_GROUP, PERMISSION_BIT(PERMISSION_MODIFY_GROUP) },
                { "modify-group-attributes", UPDATE_MODIFY_GROUP, PERMISSION_BIT(PERMISSION_MODIFY_GROUP_ATTRIBUTES) },
                { "remove-group", UPDATE_REMOVE_GROUP, PERMISSION_BIT(PERMISSION_REMOVE_GROUP) },
                { "add-member", UPDATE_ADD_MEMBER, PERMISSION_BIT(PERMISSION_MODIFY_GROUP) },
                { "remove-member", UPDATE_REMOVE_MEMBER, PERMISSION_BIT(PERMISSION_MODIFY_GROUP) },
        };
        for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
                if (strcmp(table[i].what, change->what) == 0)
                        return table[i].operation == change->operation && table[i].set == change->permissions;
        return false;
}

static void write_plan(const struct update_plan *plan, size_t count, size_t shift, char *out, size_t size) {
#define POSITION(directory) (int)(((directory) + count - shift) % count)
        out[0] = 0;
        add(out, size, "%s", reason_name(plan->reason));
        if (plan->directory != SETTINGS_NONE && plan->reason != REASON_UNAVAILABLE)
                add(out, size, "@%d", POSITION(plan->directory));
        if (plan->reason == REASON_PERMISSION_DENIED || plan->reason == REASON_READ_ONLY_KIND)
                add(out, size, " %s %s", permission_name(plan->permission), permission_level_name(plan->level));
        for (size_t i = 0; i < plan->change_count; i++)
                add(out, size, " +%d:%s%s", POSITION(plan->changes[i].directory), plan->changes[i].what,
                    change_agrees(&plan->changes[i]) ? "" : "?");
        for (size_t i = 0; i < plan->skip_count; i++)
                add(out, size, " !%d:%s/%s", POSITION(plan->skips[i].directory), permission_name(plan->skips[i].permission),
                    permission_level_name(plan->skips[i].level));
}

void update_run(const struct naive_update *in, size_t shift, struct update_plan *plan, char *out, size_t size) {
        struct directory_settings directories[NAIVE_DIRECTORIES];
        struct mapping_settings mappings[NAIVE_DIRECTORIES] = { 0 };
        struct update_facts facts[NAIVE_DIRECTORIES];
        size_t count = (size_t)in->count;
        for (size_t i = 0; i < count; i++) {
                size_t at = (i + shift) % count;
                mappings[i].directory = (uint32_t)at;
                describe(&in->directory[i], &directories[at], &mappings[i], &facts[at]);
        }
        const struct application_settings application = { .name = "a", .mappings = mappings, .mapping_count = count,
                .membership = in->aggregating ? AGGREGATING : NON_AGGREGATING,
                .updates = in->first_writable ? UPDATES_FIRST_WRITABLE : UPDATES_OWNER,
                .group_writes = in->first_group ? GROUP_WRITES_FIRST : GROUP_WRITES_ALL,
                .external_writes = in->external_never ? EXTERNAL_WRITES_NEVER : EXTERNAL_WRITES_ALLOWED };
        const struct settings settings = { .directories = directories, .directory_count = count };
        const struct update_request request = { .operation = operation_of(in->operation), .settings = &settings,
                .application = in->console ? NULL : &application, .console = shift % (count ? count : 1), .facts = facts,
                .needs = (permission_set)in->needs, .group_in_group = in->group_in_group, .unmask = in->unmask,
                .sets_password = in->sets_password, .name = strcmp(in->name, "ok") == 0 ? REASON_OK : reason_from_name(in->name) };
        update_plan(&request, plan);
        write_plan(plan, count, shift, out, size);
}

static void explain(const struct naive_update *in, const char *what, const char *want, const char *got) {
        print_error("%s: operation %c name %s console %d aggregating %d first_writable %d first_group %d external_never %d\n"
                    "  group_in_group %d unmask %d sets_password %d needs %x\n", what, in->operation, in->name, in->console, in->aggregating,
                    in->first_writable, in->first_group, in->external_never, in->group_in_group, in->unmask, in->sets_password, in->needs);
        for (int i = 0; i < in->count; i++) {
                const struct naive_update_directory *d = &in->directory[i];
                print_error("  d%d: on %d type %c read_only %d nested %d user %c new %c group %c member %c above %d permissions %02x %02x\n", i,
                            d->on, d->type, d->read_only, d->nested, d->user, d->new_name, d->group, d->member, d->above, d->permissions,
                            d->application_permissions);
        }
        print_error("  want: %s\n   got: %s\n", want, got);
}

void update_compare(const struct naive_update *in, size_t shift, const char *want, const char *what) {
        static struct update_plan plan; /* large */
        char naive[1200], got[1200];
        naive_update(in, naive, sizeof naive);
        update_run(in, shift, &plan, got, sizeof got);
        if (strcmp(naive, got) == 0 && (!want || strcmp(want, got) == 0) && (plan.reason == REASON_OK) == (plan.change_count > 0))
                return;
        explain(in, what, want ? want : naive, got);
        fail();
}
