/* The installer's part for the tests of a keeper: what it sent, a view or a patch, becomes a file, and the keeper is given that.
 * Relies on: multidird/keeper/build, view/patch.
 * Must never: be linked into the product. */
#pragma once

#include "multidird/keeper/build.h"

/* Takes what was built, if anything; *file is the published one (-1 at first). True: it was a patch, and the keeper's view is the file that came of it. */
bool keeper_publish(struct keeper *keeper, int *file);
