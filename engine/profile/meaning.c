/* SPDX-License-Identifier: MIT
 * meaning.c: what the numbers of each kind of profile are, in the words that clients know.
 */
#include "profile/profile.h"

const struct ordo_profile_meaning ordo_meaning_cpu = {
    .values = {{"samples", "count"}, {"cpu", "nanoseconds"}},
    .shown = 1,
    .period_type = {"cpu", "nanoseconds"},
};

const struct ordo_profile_meaning ordo_meaning_wall = {
    .values = {{"samples", "count"}, {"wall", "nanoseconds"}},
    .shown = 1,
    .period_type = {"wall", "nanoseconds"},
};

const struct ordo_profile_meaning ordo_meaning_heap = {
    .values = {{"alloc_objects", "count"},
               {"alloc_space", "bytes"},
               {"inuse_objects", "count"},
               {"inuse_space", "bytes"}},
    .shown = 3,
    .period_type = {"space", "bytes"},
};

const struct ordo_profile_meaning ordo_meaning_allocs = {
    .values = {{"alloc_objects", "count"},
               {"alloc_space", "bytes"},
               {"inuse_objects", "count"},
               {"inuse_space", "bytes"}},
    .shown = 1,
    .period_type = {"space", "bytes"},
};

const struct ordo_profile_meaning ordo_meaning_wait = {
    .values = {{"contentions", "count"}, {"delay", "nanoseconds"}},
    .shown = 1,
    .period_type = {"contentions", "count"},
};

const struct ordo_profile_meaning ordo_meaning_coroutine = {
    .values = {{"goroutine", "count"}},
    .period_type = {"goroutine", "count"},
};
