/* SPDX-License-Identifier: MIT
 * gzip.h: packs bytes, and unpacks them with a limit.
 */
#pragma once

#include "base/buffer.h"

/* Appends. The same bytes always give the same. */
void ordo_gzip(ordo_str bytes, struct ordo_buffer *out);
bool ordo_is_gzip(ordo_str bytes);
/* Appends what was packed, at most `limit` bytes. 0, or a code with *err: damaged, cut short, followed by something
 * else (-EBADMSG), or larger (ORDO_ELIMIT). */
int ordo_gunzip(ordo_str bytes, size_t limit, struct ordo_buffer *out, struct ordo_error *err);
