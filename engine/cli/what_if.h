/* SPDX-License-Identifier: MIT
 * what_if.h: the parts of `ordo what-if`: the changes that its command line names, and the table of what they do.
 */
#pragma once

#include "base/json_read.h"
#include "cli/command.h"

enum { ORDO_WHAT_IF_SETS = 64 };

/* what_if_changes.c: appends the merge patch of FIELD=VALUE arguments. False after saying what is wrong with one. */
bool ordo_what_if_changes(const struct ordo_command *command, const char *const *sets, size_t count,
                          struct ordo_buffer *out);

/* what_if_report.c: prints the document of worker/what_if_decide.h. */
void ordo_what_if_report(struct ordo_json_value document);
