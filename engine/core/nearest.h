/* SPDX-License-Identifier: MIT
 * nearest.h: "did you mean": the candidate that a mistyped word is nearest to.
 *
 *   struct ordo_nearest near = ordo_nearest(word);
 *   for (...) ordo_nearest_try(&near, ordo_str_from(candidate));
 *   if (near.best[0] != '\0') ...
 */
#pragma once

#include <ordo/types.h>

struct ordo_nearest {
    const char *word;
    char best[64];   /* empty: none is near; a copy */
    size_t distance; /* of best; without one, the first that is too far */
};

struct ordo_nearest ordo_nearest(const char *word);
void ordo_nearest_try(struct ordo_nearest *nearest, ordo_str candidate);
