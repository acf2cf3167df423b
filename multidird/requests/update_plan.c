/* A plan's steps; see requests/update_plan.h.
 * Relies on: multidird/supervisor/keeper_link.
 * Must never: believe the keeper. */
#include "multidird/requests/update_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "multidird/supervisor/keeper_link.h"

/* "user ann", "group ops": for sentences. */
static char *subject_of(const struct directory_change *change) {
        bool of_group = change->operation >= CHANGE_ADD_GROUP;
        char *text = NULL;
        int n = change->member ? asprintf(&text, "%s %s and group %s", change->member_is_group ? "group" : "user", change->member, change->name)
                               : asprintf(&text, "%s %s", of_group ? "group" : "user", change->name);
        return n < 0 ? NULL : text;
}

/* Nothing of the keeper's is believed: a directory that is written, a change that can be read. */
static bool take_step(struct plan *plan, const struct update_step *from) {
        const struct settings *settings = configuration_settings(plan->configuration);
        struct step *to = &plan->steps[plan->count++];
        struct directory_change change;
        *to = (struct step){ .directory = settings_directory(settings, from->directory), .at_server = from->at_server };
        if (to->directory == SETTINGS_NONE || update_unpack(from->change, from->change_len, &change) < 0)
                return to->directory = 0, false;
        const struct directory_settings *directory = &settings->directories[to->directory];
        if (from->at_server != configuration_is_synchronised(plan->configuration, to->directory) || directory->read_only_kind || !directory->active)
                return false;
        to->takes_password = change_takes_password(change.operation);
        to->what = strdup(from->what);
        to->name = subject_of(&change);
        to->bytes = malloc(from->change_len + 1);
        to->len = from->change_len;
        if (to->bytes)
                memcpy(to->bytes, from->change, from->change_len);
        return to->what && to->name && to->bytes;
}

bool plan_take(struct plan *plan, struct configuration *configuration, const struct protocol_planned *planned) {
        plan->configuration = configuration_ref(configuration);
        plan->steps = calloc(planned->step_count + 1, sizeof *plan->steps);
        if (!plan->steps)
                return false;
        for (size_t i = 0; i < planned->step_count; i++)
                if (!take_step(plan, &planned->steps[i]))
                        return false;
        return true;
}

void plan_done(struct plan *plan) {
        for (size_t i = 0; i < plan->count; i++) {
                free(plan->steps[i].what);
                free(plan->steps[i].name);
                free(plan->steps[i].bytes);
        }
        free(plan->steps);
        configuration_unref(plan->configuration);
        *plan = (struct plan){ 0 };
}

const struct directory_settings *plan_directory(const struct plan *plan, size_t step) {
        return &configuration_settings(plan->configuration)->directories[plan->steps[step].directory];
}

void plan_tell_undone(const struct plan *plan, struct service *service, size_t from) {
        size_t count = 0;
        if (from >= plan->count)
                return;
        struct update_step *steps = calloc(plan->count + 1, sizeof *steps);
        for (size_t i = from; steps && i < plan->count; i++) {
                const struct step *step = &plan->steps[i];
                if (step->at_server && step->what && step->bytes)
                        steps[count++] = (struct update_step){ .directory = plan_directory(plan, i)->name, .what = step->what, .at_server = true,
                                                               .change = (const unsigned char *)step->bytes, .change_len = step->len };
        }
        if (count > 0)
                keeper_link_undone(service, steps, count);
        free(steps);
}
