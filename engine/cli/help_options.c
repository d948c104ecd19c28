/* SPDX-License-Identifier: MIT
 * help_options.c: prints the engine's own option table.
 */
#include "cli/help_options.h"

#include "core/config.h"

void ordo_cli_help_options(FILE *out)
{
    struct ordo_buffer text = {0};

    ordo_options_help(ordo_engine_options, &text);
    fwrite(text.ptr, 1, text.len, out);
    ordo_buffer_done(&text);
}
