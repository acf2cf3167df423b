/* Objects for people. The renderers of single commands are declared in ctl.h, beside the table that names them.
 * Relies on: print.h.
 * Must never: leave a field of the object out. */
#pragma once

#include "multidirctl/ctl.h"

/* Any object: texts and numbers as aligned lines, lists of objects as tables. */
void render_object(struct ctl *ctl, const json_t *object);
/* An error object, on standard error. */
void render_error(struct ctl *ctl, const json_t *error);
