/* SPDX-License-Identifier: MIT
 * json_equal.h: whether two documents say the same, however they are spelled.
 *
 * White space, the order of members and escapes do not matter. Numbers are compared by value, exactly: 2, 2.0
 * and 20e-1 are equal, -0 and 0 are, 9007199254740993 and 9007199254740992.0 are not.
 */
#pragma once

#include "base/json_read.h"

/* Recursive: as deep as the parsers let the documents be. Takes n log n of the members of an object, whoever
 * chose them. */
bool ordo_json_equal(struct ordo_json_value a, struct ordo_json_value b);

/* The same of two texts, neither of which needs padding; false when one is not JSON. Allocates two parsers. */
bool ordo_json_text_equal(ordo_str a, ordo_str b);
