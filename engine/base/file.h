/* SPDX-License-Identifier: MIT
 * file.h: small files that must be there whole or not at all, also after a crash or a power cut.
 *
 * Blocks; any thread. Functions return 0 or -errno.
 */
#pragma once

#include <sys/types.h>

#include "base/buffer.h"

/* Makes the file anew in the folder (a descriptor), with these bytes, and syncs it. On failure there is none. */
int ordo_file_write(int folder, const char *name, ordo_str bytes, mode_t mode);

/* The same in the place of one that may be there: written as NAME.new, renamed, and the folder is synced. */
int ordo_file_replace(int folder, const char *name, ordo_str bytes, mode_t mode);

/* Appends the file's bytes; -EFBIG when there are more than `most`. */
int ordo_file_read(int folder, const char *name, size_t most, struct ordo_buffer *out);
