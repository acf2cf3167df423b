/* Synchronisations on their way in: a sync stream per directory, read as it comes, and what becomes of each of its runs once it is whole (D5).
 * Relies on: channel/sync_wire, replica/store_sync, multidird/keeper/state.
 * Must never: block on a stream; change what a store, a replica or the view says before the end of a run that was whole. */
#pragma once

#include <poll.h>

#include "multidird/channel/protocol.h"
#include "multidird/keeper/state.h"

struct intakes;

typedef void (*intake_answer_fn)(void *data, const struct protocol_keeper_synced *synced);

/* answer: called once for each run that was taken in, and for the one that was not, which ends its stream; at least once for each intake_begin, from any function
 * below; it must not call back. NULL: memory is out. */
struct intakes *intakes_new(struct keeper *keeper, intake_answer_fn answer, void *data);
/* Gives up what is under way, without an answer. NULL is fine. */
void intakes_free(struct intakes *intakes);

/* A stream begins; its worker is greeted with where it may go on. fd: taken; -1 (it did not come) is answered as a failure. One that is under way for the same
 * directory is given up; one that is between two runs ends without an answer. */
void intake_begin(struct intakes *intakes, const struct protocol_sync *sync, int fd);

/* The streams, to be polled: writes at most size of them and gives how many there are. */
size_t intakes_poll(const struct intakes *intakes, struct pollfd *fds, size_t size);
/* Reads what has come, a bounded part of it, and takes in what is whole: the view may be out of date then. True: what `status` says has changed. */
bool intakes_read(struct intakes *intakes);

/* Answers those whose content the view of `built` has (keeper_touch); failure: it is not published, why. */
void intakes_release(struct intakes *intakes, uint64_t built, const char *failure);
