/* SPDX-License-Identifier: MIT
 * options.h: values read by an option table (ordo/option.h), each with the place that it came from.
 *
 * Unknown and duplicate keys, wrong types and values out of range are errors with file, line and column; a
 * name near to a known one is suggested. Values that are declared but were never read are reported by
 * ordo_options_unread, which tests use.
 */
#pragma once

#include <ordo/option.h>

#include "base/buffer.h"
#include "core/config_node.h"

/* Finds every error: each is appended to *errors as a line "file:line:column: message\n". Returns the values,
 * or NULL when there was an error. `node` is the mapping (NULL: all presets); `prefix` is put before names in
 * messages ("store."), `skip` are keys that are not the table's, separated by '|' ("plugin"), may be NULL.
 * `table` may be NULL: no options. */
struct ordo_options *ordo_options_parse(const struct ordo_option *table, const struct ordo_config_node *node,
                                        const char *prefix, const char *skip, struct ordo_buffer *errors);
void ordo_options_free(struct ordo_options *options);

bool ordo_options_bool(const struct ordo_options *options, const char *name);
int64_t ordo_options_int(const struct ordo_options *options,
                         const char *name); /* int, duration (us), size (bytes) */
const char *ordo_options_string(const struct ordo_options *options, const char *name);

/* The first declared option that was never read, or NULL. */
const char *ordo_options_unread(const struct ordo_options *options);

/* "50ms" for 50000 as a duration, and so on: as it would be written in a file. */
void ordo_option_format(struct ordo_buffer *out, const struct ordo_option *option, int64_t number,
                        const char *string);
/* Parses one text by its option's type; used for defaults, environment and --set as well. */
int ordo_option_parse(const struct ordo_option *option, ordo_str text, int64_t *ret_number,
                      struct ordo_error *err);

/* For `ordo check --print`: calls with each option's name, value as text and where it came from ("default",
 * "ordo.yaml:3", "ORDO_QUEUE_HIGH", "--set"). */
typedef void (*ordo_options_fn)(void *context, const char *name, const char *value, const char *origin);
void ordo_options_each(const struct ordo_options *options, ordo_options_fn visit, void *context);

/* The table as Markdown for help and documents: option, default, range or unit, meaning. Columns are padded,
 * so that a terminal shows it well too. */
void ordo_options_help(const struct ordo_option *table, struct ordo_buffer *out);
