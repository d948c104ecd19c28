/* SPDX-License-Identifier: MIT
 * stack_text.h: stacks with names, as Go's texts have them. Frames are innermost first; each call appends.
 */
#pragma once

#include "profile/symbols.h"

/* A function a line, and its place in a line below it; an empty line is the end. */
void ordo_stack_text(struct ordo_symbols *symbols, const uint64_t *frames, size_t count,
                     struct ordo_buffer *out);
/* "#\t0x401000\tfunction\tfile.c:7", a line a function: behind a line of addresses, where clients pass it over. */
void ordo_stack_comment(struct ordo_symbols *symbols, const uint64_t *frames, size_t count,
                        struct ordo_buffer *out);
