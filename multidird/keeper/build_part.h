/* A view from the last one and the users who changed, where nothing else can have.
 * Relies on: view/compile, view/merge, multidird/keeper/follow.
 * Must never: guess: what is not certain is built of everybody. */
#pragma once

#include "multidird/keeper/state.h"

/* 0: the keeper's view is the new one, with its ids on disk, *fd the memory of its patch (view/patch.h), the caller's, and *part what compile_join takes;
 * -EAGAIN: everybody is to be built; another negative errno likewise; the view and the registry are then as they were. */
int keeper_build_part(struct keeper *keeper, int *fd, struct compile_result *part);
