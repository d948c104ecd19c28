/* SPDX-License-Identifier: MIT
 * load_report.h: what the load generator says: a line a second while it runs, and the summary as text or
 * JSON.
 */
#pragma once

#include <stdio.h>

#include "cli/load_client.h"

struct ordo_load_report {
    struct ordo_load_observer observer; /* first: the client calls it */
    const struct ordo_load_options *options;
    FILE *live; /* NULL: no lines while it runs */
    uint32_t lines;
    int64_t last_ns; /* of the line before */
    uint64_t last_orders, last_errors;
    struct ordo_histogram_view last; /* latencies up to then */
};

void ordo_load_report_init(struct ordo_load_report *report, const struct ordo_load_options *options,
                           FILE *live);
void ordo_load_report_text(const struct ordo_load_options *options, const struct ordo_load_stats *stats,
                           FILE *out);
void ordo_load_report_json(const struct ordo_load_options *options, const struct ordo_load_stats *stats,
                           FILE *out);

uint64_t ordo_load_report_errors(const struct ordo_load_stats *stats); /* sum of all kinds */
const char *ordo_load_mode_name(enum ordo_load_mode mode);
