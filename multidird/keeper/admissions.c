/* Logins that wait for the view; see keeper/admissions.h. */
#include "multidird/keeper/admissions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "multidird/keeper/delegated.h"

struct waiting {
        struct waiting *next;
        uint64_t wanted;
        bool needs_view; /* it has put something on record, or its user was on none before; else it only lets others go before */
        char directory[WIRE_NAME_MAX + 1], user[WIRE_NAME_MAX + 1];
        struct protocol_admitted answer;
};
struct admissions { struct keeper *keeper; admissions_send_fn send; void *data; struct waiting *first; };

struct admissions *admissions_new(struct keeper *keeper, admissions_send_fn send, void *data) {
        struct admissions *admissions = calloc(1, sizeof *admissions);
        if (admissions)
                *admissions = (struct admissions){ .keeper = keeper, .send = send, .data = data };
        return admissions;
}

void admissions_free(struct admissions *admissions) {
        while (admissions && admissions->first) {
                struct waiting *first = admissions->first;
                admissions->first = first->next;
                free(first);
        }
        free(admissions);
}

/* The view that shows what other logins of the same user have changed; 0: none is waited for. */
static uint64_t awaited(const struct admissions *admissions, const struct protocol_admit *admit) {
        uint64_t wanted = 0;
        for (const struct waiting *one = admissions->first; one; one = one->next)
                if (one->wanted > wanted && strcmp(one->directory, admit->directory) == 0 && text_same_name(one->user, admit->user))
                        wanted = one->wanted;
        return wanted;
}

/* Who was there before, and is as before, waits for nothing. Of two first logins at once the second changes nothing, but its user is not shown yet either,
 * whether it found the user on record already or not. */
void admissions_take(struct admissions *admissions, const struct protocol_admit *admit, bool in_flight) {
        struct keeper *keeper = admissions->keeper;
        struct waiting *waiting = calloc(1, sizeof *waiting);
        uint64_t wanted = keeper->wanted;
        if (!waiting) {
                admissions->send(admissions->data, &(struct protocol_admitted){ .id = admit->id });
                return;
        }
        keeper_admit(keeper, admit, &waiting->answer);
        bool settled = !in_flight && !keeper_is_dirty(keeper), changes = keeper->wanted != wanted;
        uint64_t others = admit->entry_id[0] ? awaited(admissions, admit) : keeper->wanted;
        if (!changes && (others == 0 || settled)) {
                admissions->send(admissions->data, &waiting->answer);
                free(waiting);
                return;
        }
        waiting->wanted = changes ? keeper->wanted : others;
        waiting->needs_view = changes || !admit->entry_id[0];
        (void)snprintf(waiting->directory, sizeof waiting->directory, "%s", admit->directory);
        (void)snprintf(waiting->user, sizeof waiting->user, "%s", admit->user);
        waiting->next = admissions->first;
        admissions->first = waiting;
}

void admissions_release(struct admissions *admissions, uint64_t built, const char *failure) {
        for (struct waiting **at = &admissions->first; *at;) {
                struct waiting *one = *at;
                if (one->wanted > built) {
                        at = &one->next;
                        continue;
                }
                *at = one->next;
                if (failure && one->needs_view)
                        one->answer = (struct protocol_admitted){ .id = one->answer.id };
                admissions->send(admissions->data, &one->answer);
                free(one);
        }
}
