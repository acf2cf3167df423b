/* The two halves of enable and disable. Each adds to the "changes" object what it did or left alone.
 * Relies on: enable_file.h.
 * Must never: stop half-way in a file. */
#pragma once

#include "multidirctl/ctl.h"

/* 0 or a negative errno, *what then names the file. */
int enable_nsswitch(struct ctl *ctl, json_t *changes, const char **what);
int disable_nsswitch(struct ctl *ctl, json_t *changes, const char **what);
/* pam-auth-update where it exists; else nothing is edited, and skipped says so. -EBUSY: pam-auth-update did not do it. */
int enable_pam(struct ctl *ctl, json_t *changes, const char **what);
int disable_pam(struct ctl *ctl, json_t *changes, const char **what);

/* Notes in the changes object. */
void enable_note_changed(json_t *changes, const char *file, const char *what);
void enable_note_skipped(json_t *changes, const char *file, const char *text);
