/* SPDX-License-Identifier: MIT
 * line_diff.h: what changed between two texts, line by line, as `diff -u` writes it.
 *
 * Any thread.
 */
#pragma once

#include "base/buffer.h"

/* Appends the unified diff of one file with three lines around each change, or nothing when the texts are equal. Of a text
 * that is not there (ptr NULL) the name is /dev/null. Texts that differ in very many places are shown as one whole change,
 * since the shortest diff of them would take too long to find. */
void ordo_line_diff(ordo_str from_name, ordo_str from, ordo_str to_name, ordo_str to,
                    struct ordo_buffer *out);
