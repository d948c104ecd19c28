/* SPDX-License-Identifier: MIT
 * reference.h: the reference tables of a rule set, which ctx.lookup reads: a file of `data/` each, JSON or CSV.
 *
 * A table is read once and never changed, so all VMs share it and no collector walks it. Any thread.
 */
#pragma once

#include "base/buffer.h"
#include "base/json_read.h"

struct ordo_reference;

/* The table that a file holds, whose path ends in .json or .csv; `place` names the file in errors. NULL and *err with the line. */
struct ordo_reference *ordo_reference_read(const char *path, ordo_str text, const char *place,
                                           struct ordo_error *err);
void ordo_reference_free(struct ordo_reference *table); /* NULL is allowed */

ordo_str ordo_reference_name(const struct ordo_reference *table); /* of data/tax.csv: tax */
/* The value lives as long as the table. False: there is no such key. */
bool ordo_reference_get(const struct ordo_reference *table, ordo_str key, struct ordo_json_value *ret_value);

/* reference_csv.c: a CSV file as the JSON object that means the same. 0 or a code with *err. */
int ordo__reference_csv(ordo_str text, const char *place, struct ordo_buffer *json, struct ordo_error *err);
