/* SPDX-License-Identifier: MIT
 * waits_impl.h: the table of waits.
 */
#pragma once

#include "profile/waits.h"

enum { ORDO__WAIT_PLACES = ORDO_WAIT_STACKS + 1, ORDO__WAIT_ONE = 1 << 16 /* counts have a fraction */ };
enum { ORDO__WAIT_FREE = 0, ORDO__WAIT_FILLED /* being filled */, ORDO__WAIT_READY };

struct ordo__wait_place {
    _Atomic int state;
    /* set once, before it is ready */
    uint32_t frame_count;
    uint64_t hash;
    struct ordo_wait_about about;
    uint64_t frames[ORDO_WAIT_DEPTH];

    _Atomic uint64_t count, ns;
};

extern struct ordo__wait_place ordo__wait_places[ORDO_WAIT_KINDS][ORDO__WAIT_PLACES];
