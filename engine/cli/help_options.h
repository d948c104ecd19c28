/* SPDX-License-Identifier: MIT
 * help_options.h: `ordo --help-options`: the table of the engine's options, as documents show it.
 */
#pragma once

#include <stdio.h>

void ordo_cli_help_options(FILE *out);
