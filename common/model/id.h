/* Ids: which are refused, and how they are computed (rules I1 to I3).
 * Relies on: base, model/local, model/settings.
 * Must never: remember anything; the registry is replica/registry.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"
#include "model/local.h"
#include "model/settings.h"

#define ID_NONE 0u
#define ID_ALLOCATE_FIRST 1900000000u /* I2 */
#define ID_ALLOCATE_LAST 2147483646u
#define ID_SID_FIRST 200000u          /* I2: SSSD's defaults */
#define ID_SID_LAST 2000200000u

/* The range that a directory's ids must lie in, with the defaults of I2; inclusive. */
void id_range(const struct directory_settings *directory, uint32_t *first, uint32_t *last);

/* I3. REASON_OK or REASON_ID_CONFLICT; *why as in name_check. The local files' own ids are refused here too (N4). */
enum reason id_check(const struct directory_settings *directory, const struct local_accounts *local, uint32_t id, const char **why);

/* I2: where probing starts for an entry, inside first..last. The same on every host. For a group, entry_id is replaced
 * by the folded group name, so that same-named groups of several directories share one id (pass directory ""). */
uint32_t id_position(const char *directory, const char *entry_id, uint32_t first, uint32_t last);

/* I1 ids = sid: SSSD's default arithmetic, with the further slices that it gives to RIDs of 200,000 and more. 0, -EINVAL for a text that is no
 * domain SID with a RID, -ERANGE if the range has no slice for the RID. (Which slices a domain gets depends on its SID alone when no two
 * domains collide. Two further slices of one domain that collide give two entries one id, which I4 refuses; SSSD refuses one of the slices.) */
int id_from_sid(const char *sid, uint32_t first, uint32_t last, uint32_t *id);
