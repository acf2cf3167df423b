/* What the answer of a checker or a worker means to the login machine.
 * Relies on: supervisor/login_driver.h.
 * Must never: believe more than the question was; call a user of this host active because a server says so (L3). */
#pragma once

#include "multidird/channel/jobs.h"
#include "multidird/supervisor/login_driver.h"

/* The event that answers run->login.next; notes in *run which entry it is about. A replica that is wrong about it is asked for again. */
void login_answer(struct login_run *run, const struct protocol_answer *answer, struct login_event *event);
