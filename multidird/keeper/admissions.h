/* Logins to delegated directories (D3) that wait for the view: a user whom it does not show yet cannot log in (L12).
 * Relies on: keeper/delegated.
 * Must never: answer a login with a user before the view that has the user is installed. */
#pragma once

#include "multidird/channel/admit.h"
#include "multidird/keeper/state.h"

struct admissions;
typedef void (*admissions_send_fn)(void *data, const struct protocol_admitted *admitted);

/* NULL when memory is out. */
struct admissions *admissions_new(struct keeper *keeper, admissions_send_fn send, void *data);
void admissions_free(struct admissions *admissions);
/* Does what keeper_admit does, and sends the answer: at once, or after the view that follows. in_flight: a view is on its way. */
void admissions_take(struct admissions *admissions, const struct protocol_admit *admit, bool in_flight);
/* The view of `built` is installed; failure: it could not be, and whom they put on record is nobody yet. */
void admissions_release(struct admissions *admissions, uint64_t built, const char *failure);
