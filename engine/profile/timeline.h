/* SPDX-License-Identifier: MIT
 * timeline.h: the flight recorder (base/timeline.h) as Chrome trace-event JSON, for ui.perfetto.dev.
 *
 * One process; a track for each thread, whose spans nest; a track for each order, whose stages are spans inside the order's;
 * counters. Times are microseconds since the first event; `otherData` tells which moment that is, what the trace covers, and
 * what was left out: the share of orders that were recorded when not all could be, short spans, orders that began before
 * what is kept.
 */
#pragma once

#include "base/buffer.h"

/* What happened between two monotonic times, as far as it is kept. Any thread; takes milliseconds. */
void ordo_timeline_write(struct ordo_buffer *out, int64_t from_ns, int64_t to_ns);

/* To be called every 100 ms or so, by one thread: keeps the clock, and saves the events of orders that were too slow. */
void ordo_timeline_tick(void);
/* How many slow orders are kept, the newest ones; 100 at first. */
void ordo_timeline_keep_slow(size_t count);
void ordo_timeline_forget_slow(void); /* frees them */

/* {"slower_than_ms":…,"orders":[{"id":…,"received_at":…,"took_ms":…,…}]}, newest first. Any thread. */
void ordo_timeline_slow_list(struct ordo_buffer *out);
/* The trace of the newest slow order with this id; false: there is none. */
bool ordo_timeline_slow_write(ordo_str id, struct ordo_buffer *out);
