/* SPDX-License-Identifier: MIT
 * json_locate.h: says where a text that is not JSON goes wrong. Slow and simple; only texts that were refused
 * pay for it.
 */
#pragma once

#include "base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fills *err with line, column and what was expected there. Always returns ORDO_EJSON. */
int ordo_json_locate(const char *bytes, size_t len, struct ordo_error *err);

/* The same for valid JSON in which an object has a key twice: at its second place. */
int ordo_json_locate_duplicate(const char *bytes, size_t len, ordo_str key, struct ordo_error *err);

#ifdef __cplusplus
}
#endif
