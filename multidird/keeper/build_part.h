/* A view from the last one and the users who changed, where nothing else can have.
 * Relies on: view/compile, view/merge, multidird/keeper/follow.
 * Must never: guess: what is not certain is built of everybody. */
#pragma once

#include "multidird/keeper/state.h"

/* 0: *fd is the new view's memory, the caller's, with its ids on disk, and *part what compile_join takes; -EAGAIN: everybody is to be built; another
 * negative errno likewise, and nothing of it is in the registry. */
int keeper_build_part(struct keeper *keeper, int *fd, struct compile_result *part);
