/* SPDX-License-Identifier: MIT
 * encode_impl.h: what the encoders share.
 */
#pragma once

#include "base/buffer.h"
#include "base/embedded.h"

/* The files of web/. */
extern const struct ordo_embedded ordo__web[];
extern const size_t ordo__web_count;

/* encode_gperftools.c: /proc/self/maps, by which clients find programs. */
void ordo__put_memory_map(struct ordo_buffer *out);
