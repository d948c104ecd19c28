/* SPDX-License-Identifier: MIT
 * leaks.h: which line holds ever more memory. Compares the live bytes of every site over windows (a heap profile
 * a minute, say), and names those that rise steadily by more than sampling and the ebb and flow of load explain.
 *
 * A site is the line of Lua next to the allocation; without one, the next function of the engine or a plugin. One
 * owner; nothing is kept of the profiles that were added.
 *
 *   struct ordo_leaks *leaks = ordo_leaks_new();
 *   ordo_leaks_add_profile(leaks, profile, symbols, now_ns, orders_since_the_last);   every minute
 *   ordo_leaks_write_text(leaks, &out);
 */
#pragma once

#include "profile/profile.h"

struct ordo_symbols;
struct ordo_leaks;

struct ordo_leaks *ordo_leaks_new(void);
void ordo_leaks_free(struct ordo_leaks *leaks); /* NULL is allowed */

/* Sites in this module ("store_memory.so") may hold so much before they can be leaks: caches, and buffers that are
 * written when they are full, rise for hours and then do not. */
void ordo_leaks_allow(struct ordo_leaks *leaks, ordo_str module, int64_t bytes);

struct ordo_leak_site {
    ordo_str function, file, module, rule; /* any but the function may be empty */
    int line;                              /* 0: not known */
};

/* One window is a begin, an add for each site that has live bytes (once or in parts), and an end. */
void ordo_leaks_begin(struct ordo_leaks *leaks, int64_t at_ns, uint64_t orders); /* decided since the last */
/* `rate`: bytes between samples, which tells how sure the numbers are. */
void ordo_leaks_add(struct ordo_leaks *leaks, const struct ordo_leak_site *site, int64_t objects,
                    int64_t bytes, int64_t rate);
void ordo_leaks_end(struct ordo_leaks *leaks);
/* All three, from a heap profile. */
void ordo_leaks_add_profile(struct ordo_leaks *leaks, const struct ordo_profile *profile,
                            struct ordo_symbols *symbols, int64_t at_ns, uint64_t orders);

struct ordo_leak {
    struct ordo_leak_site site; /* texts live until the next window begins */
    int64_t live_bytes;         /* in the last window */
    double bytes_per_window, bytes_per_second;
    double bytes_per_order; /* 0: no orders were decided */
    uint32_t windows;       /* over which it rose */
    int64_t seconds;        /* how long these are */
};
/* The leaks, the fastest first. Returns how many there are, which may be more than `most`. */
size_t ordo_leaks_find(const struct ordo_leaks *leaks, struct ordo_leak *ret_leaks, size_t most);
uint64_t ordo_leaks_windows(const struct ordo_leaks *leaks); /* seen */

/* {"windows":…,"sites":…,"leaks":[{"function":…,"file":…,"line":…,"rule":…,"live_bytes":…,…}]} */
void ordo_leaks_write_json(const struct ordo_leaks *leaks, struct ordo_buffer *out);
/* The same in sentences. */
void ordo_leaks_write_text(const struct ordo_leaks *leaks, struct ordo_buffer *out);
