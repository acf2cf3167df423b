/* The insides of the keeper's loop: what the loop (keeper.c) and the messages that it hands out (messages.c) share.
 * Relies on: keeper/admissions, keeper/intake, keeper/replies.
 * Must never: be included elsewhere. */
#pragma once

#include "multidird/keeper/admissions.h"
#include "multidird/keeper/intake.h"
#include "multidird/keeper/replies.h"

#define RETRY_MS 5000u            /* after a build or an installation that failed */

struct loop {
        struct keeper *keeper;
        struct channel *channel;
        struct replies *replies;
        struct admissions *admissions;
        struct intakes *intakes;
        struct pollfd *fds;              /* the channel's, then the streams' */
        size_t fd_size;
        bool in_flight;                  /* a view is with the supervisor */
        uint64_t in_flight_built;        /* keeper->built of that view */
        uint64_t retry_ms;               /* when to try again; 0: no need */
        bool rested;                     /* nothing was done since keeper_rest but the supervisor asked whether this lives */
        uint64_t progress_connection, progress_id; /* whose command runs */
};

/* One message of the supervisor's. What is wrong with it is logged, and it is dropped. */
void loop_handle(struct loop *loop, const struct channel_frame *frame);
/* Tells the supervisor what `status` is to say. */
void loop_send_state(struct loop *loop);
/* Answers whoever waited for the view of `built`. failure: it could not be published. */
void loop_release(struct loop *loop, uint64_t built, const char *failure);
