/* SPDX-License-Identifier: MIT
 * encode_impl.h: what the encoders share.
 */
#pragma once

#include "base/buffer.h"
#include "base/embedded.h"

/* The files of web/. */
extern const struct ordo_embedded ordo__web[];
extern const size_t ordo__web_count;

/* encode_gperftools.c: a small file of /proc, as it is; nothing where it cannot be read. */
void ordo__put_file(const char *path, struct ordo_buffer *out);

/* /proc/self/maps, by which clients find programs. */
void ordo__put_memory_map(struct ordo_buffer *out);
