/* SPDX-License-Identifier: MIT
 * prefer.h: the Prefer header (RFC 7240): respond-async and wait=N. What is malformed or unknown is ignored.
 */
#pragma once

#include <ordo/types.h>

struct ordo__prefer {
    bool async;
    bool has_wait;
    uint32_t wait_s;
};

/* Adds one header's preferences; of several of a kind the first counts. Start with zeroes. */
void ordo__prefer_add(struct ordo__prefer *prefer, ordo_str header);
