/* SPDX-License-Identifier: MIT
 * stack_text.c: all but the innermost address of a stack are return addresses; where calls were inlined, an address is
 * several functions.
 */
#include "profile/stack_text.h"

#include <inttypes.h>

#include "profile/frame_text.h"

/* A line, or two, for each function: `before` stands in front of its place. */
static void put_functions(struct ordo_symbols *symbols, const uint64_t *frames, size_t count,
                          bool with_address, const char *before, struct ordo_buffer *out)
{
    struct ordo_frame found[ORDO_SYMBOLS_INLINED];
    char name[ORDO_FRAME_TEXT];

    for (size_t i = 0; i < count; i++) {
        size_t inlined = ordo_symbols_find(symbols, frames[i], i > 0, found, ORDO_SYMBOLS_INLINED);

        for (size_t at = 0; at < inlined; at++) {
            if (with_address)
                ordo_buffer_printf(out, "#\t0x%" PRIx64 "\t", frames[i]);
            ordo_buffer_append(out, ordo_frame_name(&found[at], name));
            if (found[at].file.len > 0)
                ordo_buffer_printf(out, "%s" ORDO_STR_FMT ":%d", before, ORDO_STR_ARG(found[at].file),
                                   found[at].line);
            ordo_buffer_put(out, '\n');
        }
    }
}

void ordo_stack_text(struct ordo_symbols *symbols, const uint64_t *frames, size_t count,
                     struct ordo_buffer *out)
{
    put_functions(symbols, frames, count, false, "\n\t", out);
    ordo_buffer_put(out, '\n');
}

void ordo_stack_comment(struct ordo_symbols *symbols, const uint64_t *frames, size_t count,
                        struct ordo_buffer *out)
{
    put_functions(symbols, frames, count, true, "\t", out);
}
