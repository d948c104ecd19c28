/* SPDX-License-Identifier: MIT
 * json_merge.h: a document with changes merged into it (JSON Merge Patch, RFC 7396): a member of the patch replaces the one of
 * its name, null removes it, objects are merged, arrays are replaced whole.
 */
#pragma once

#include "base/json_read.h"
#include "base/json_write.h"

enum {
    ORDO_JSON_MERGE_MEMBERS = 1000
}; /* that one object of a patch may have: each is looked for in the target */

/* Writes target with the patch. Recursive: as deep as the parsers let the documents be. False, and the text is not whole:
 * an object of the patch has too many members. */
bool ordo_json_merge(struct ordo_json_writer *json, struct ordo_json_value target,
                     struct ordo_json_value patch);
