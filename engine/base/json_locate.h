/* SPDX-License-Identifier: MIT
 * json_locate.h: says where a text that is not JSON goes wrong. Slow and simple; only texts that were refused
 * pay for it.
 */
#pragma once

#include "base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fills *err with line, column (in characters, from 1) and what was expected there. Always returns
 * ORDO_EJSON. */
int ordo_json_locate(const char *bytes, size_t len, struct ordo_error *err);

/* Says that a key stands twice in an object, at its second place. `strings_before` are the strings and keys
 * that the text, which is valid JSON, has before that place. */
int ordo_json_locate_key(const char *bytes, size_t len, size_t strings_before, ordo_str key,
                         struct ordo_error *err);

#ifdef __cplusplus
}
#endif
