/* SPDX-License-Identifier: MIT
 * array.h: arrays that grow at their end, of members of any size.
 *
 *   list->members = ordo_array_grow(list->members, list->count, &list->capacity, sizeof(*list->members));
 *   list->members[list->count++] = member;
 */
#pragma once

#include <stdlib.h>

#include "base/error.h"

/* Room for one more behind `count` members; the array may move. Running out of memory aborts. */
static inline void *ordo_array_grow(void *members, size_t count, size_t *capacity, size_t size)
{
    enum { FIRST = 16 };

    if (count < *capacity)
        return members;
    *capacity = *capacity == 0 ? FIRST : *capacity * 2;
    members = realloc(members, *capacity * size);
    ORDO_REQUIRE(members != NULL);
    return members;
}
