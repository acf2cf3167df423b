/* When a directory is read in full though its changes are told.
 * Relies on: nothing.
 * Must never: trust what is told for ever; let a server whose members change every few seconds be read without a pause. */
#pragma once

#include <stdint.h>

#define SYNC_FULL_MS UINT64_C(86400000) /* between two full runs: no server's news are trusted for longer */

/* How old the last full run is. full_s: when it began, by the wall clock; 0: not known, and it counts from known_ms ago. One that begins in the future was
 * dated by a clock that was wrong: it counts as SYNC_FULL_MS old. */
uint64_t sync_full_since_ms(uint64_t full_s, uint64_t now_s, uint64_t known_ms);

/* How long to wait for a full run that what was told makes necessary: time for the server to do the rest; and after one that took so long and ended so long
 * ago a pause of ten times that, of 15 s at least. */
uint64_t sync_full_wait_ms(uint64_t took_ms, uint64_t ended_ms_ago);

/* How long to wait for one because an account ends at end_s, by the wall clock: until then, a second at least; and after one that took so long and
 * ended so long ago a pause of ten times that, of 2.5 s at least. */
uint64_t sync_full_end_wait_ms(uint64_t end_s, uint64_t now_s, uint64_t took_ms, uint64_t ended_ms_ago);

/* Where what has changed cannot be told at all, and nothing comes in before everything is read: */
/* how many full runs were made necessary one soon after the other, with this one. fulls: before it; the last one ended so long ago. */
unsigned sync_full_count(unsigned fulls, uint64_t ended_ms_ago);
/* How long to wait before the fulls-th of them. The first few: 0; then as long as the last one took, 30 s at least, five minutes at most. */
uint64_t sync_full_pause_ms(unsigned fulls, uint64_t took_ms);
