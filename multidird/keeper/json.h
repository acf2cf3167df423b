/* JSON as the command sees it: texts that are always valid, errors, fields of a request.
 * Relies on: jansson, base/reason.
 * Must never: decide a rule. Every function gives NULL only when memory is out. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "base/reason.h"
#include "model/settings.h"
#include "wire/exit.h"

/* The exit status that goes with a refusal. */
int keeper_exit_for(enum reason reason);

/* A string; bytes of invalid UTF-8 become '?'. */
json_t *keeper_text(const char *text);
/* A number; null for 0, which is no id of ours. */
json_t *keeper_id(uint32_t id);
/* An array of texts. */
json_t *keeper_texts(const char *const *texts, size_t count);

/* {"error":{"reason","text"}}. The word is a reason's, or "usage", "directory-not-found", "application-not-found". */
json_t *keeper_error(const char *word, const char *format, ...) _printf_(2, 3);

/* The text of a field that is there (its type was checked by the command table); NULL when it is not. Owned by the request. */
const char *keeper_field(const json_t *request, const char *name);

/* The word of `type =`. Static storage. */
const char *keeper_type_name(enum directory_type type);
