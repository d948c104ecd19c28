/* SPDX-License-Identifier: MIT
 * json_copy.h: writes a value that was read, with everything inside it: for documents that are changed in
 * part.
 */
#pragma once

#include "base/json_read.h"
#include "base/json_write.h"

/* Recursive: as deep as the parser let the document be. */
void ordo_json_copy(struct ordo_json_writer *json, struct ordo_json_value value);
