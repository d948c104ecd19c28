/* SPDX-License-Identifier: MIT
 * functions.h: frames that differ in nothing but their line or address are of one function: its number, over one or
 * two profiles.
 *
 * The profiles must stay until the end. One owner.
 */
#pragma once

#include "profile/intern.h"
#include "profile/profile.h"

struct ordo_functions {
    struct ordo_intern keys;
    struct ordo_buffer frames; /* struct ordo_frame: the first of each function */
    struct ordo_buffer key;
};

void ordo_functions_done(struct ordo_functions *functions);
/* The function of each frame of a profile, by the frame's number. The caller frees it. */
uint32_t *ordo_functions_of(struct ordo_functions *functions, const struct ordo_profile *profile);

static inline uint32_t ordo_functions_count(const struct ordo_functions *functions)
{
    return functions->keys.count;
}

static inline const struct ordo_frame *ordo_functions_at(const struct ordo_functions *functions,
                                                         uint32_t number)
{
    return (const struct ordo_frame *)(const void *)functions->frames.ptr + number;
}
