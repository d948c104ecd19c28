/* SPDX-License-Identifier: MIT
 * known.h: profiles of known content, for tests of what is made of them.
 */
#pragma once

#include "profile/profile.h"

/* A second of CPU time, 100 samples of 10 ms, frames of each kind. `root`: of the project's files. By function:
 * coupon.apply is in 75 (50 by itself at line 7 of known.lua, 25 calling lj_str_find from line 11), parse_number,
 * inlined into ordo_json_parse, in 15, write of the kernel in 5, "(queue wait)" in 3, and NASTY in 2. */
struct ordo_profile *known_cpu(const char *root);
/* The same before a change: line 7 took 10 samples, and two functions that are gone took 20 each. */
struct ordo_profile *known_cpu_before(const char *root);
/* Four values a sample, two of the inuse_space. */
struct ordo_profile *known_heap(const char *root);
/* `depth` frames above each other, and `leaves` of one sample each on their top. */
struct ordo_profile *known_deep(size_t depth, size_t leaves);

#define KNOWN_NASTY "a<b> \"x\" & 'y'; </script> ]]> \xc3\xbc \xf0\x9f\x98\x80"
