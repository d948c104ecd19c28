/* SPDX-License-Identifier: MIT
 * test.h: what the files of `ordo test` share.
 *
 *   test.c           the command: loads the rules, runs their tests, again on a change
 *   test_report.c    what people read
 *   test_junit.c     what CI reads
 *   test_coverage.c  which lines ran: a table, or lcov's format
 */
#pragma once

#include "cli/output_file.h"
#include "script/script_test.h"

/* One run of the tests. Zeroed, then set up, begins it. */
struct ordo_test_report {
    const char *folder; /* as it was given */
    bool colour;
    struct ordo_buffer junit; /* cases so far, when junit_wanted */
    bool junit_wanted;
    char *suite; /* path of the file whose cases are last; NULL: none */
    size_t suite_at;
    size_t suite_cases, suite_failed, cases, failed;
    int64_t suite_ns, all_ns;
};

/* For struct ordo_test_options; the context is a report. Prints a test that failed. */
void ordo_test_report_each(void *report, const struct ordo_test_result *result);
void ordo_test_report_end(const struct ordo_test_report *report, const struct ordo_test_counts *counts);

void ordo_test_junit_case(struct ordo_test_report *report, const struct ordo_test_result *result);
/* A rule set that does not load: a case for each line of errors. */
void ordo_test_junit_errors(struct ordo_test_report *report, const struct ordo_buffer *errors);
/* Writes the file; false after saying why not. */
bool ordo_test_junit_write(struct ordo_test_report *report, const struct ordo_command *command,
                           const char *path);

void ordo_test_coverage_print(const struct ordo_coverage *coverage);
bool ordo_test_coverage_write(const struct ordo_coverage *coverage, const char *folder,
                              const struct ordo_command *command, const char *path);
