/* SPDX-License-Identifier: MIT
 * option_value.h: what the files of the configuration share about values; see options.h for the rest of
 * option_value.c.
 */
#pragma once

#include <ordo/option.h>

#include "base/buffer.h"

/* "1 to 64", "true or false", "hold, reject or retry"; nothing where there is no bound. */
void ordo__option_range(struct ordo_buffer *out, const struct ordo_option *option);

/* Letters that mean nothing to YAML inside of a word. */
#define ORDO__YAML_SAFE "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:+@%=-"

/* Text as a YAML scalar, in double quotes when it needs them or when `quoted` asks for them. */
void ordo__yaml_text(struct ordo_buffer *out, const char *text, bool quoted);
