/* SPDX-License-Identifier: MIT
 * script_test.h: the tests that a rule set brings along (files of kind TEST), and which lines of it they run.
 *
 * Activation, `ordo check` and `ordo test` run the same tests by the same functions. Owner thread of the script; not
 * within a run.
 *
 *   struct ordo_test_options options = {.filter = "coupon", .each = print, .context = out};
 *   struct ordo_test_counts counts;
 *   ordo_script_load(script, ruleset, &errors, NULL);
 *   ordo_script_test_each(script, &options, &counts);
 */
#pragma once

#include "script/script.h"

/* What came of one test. */
struct ordo_test_result {
    const char *path; /* within the folder: tests/vat.lua */
    int line;         /* where a failed test is; 0: not known, or it passed */
    ordo_str name;    /* "test 3" when it has none; empty: the file as a whole */
    bool passed;
    int64_t took_ns;
    ordo_str sentences; /* why it failed: a line each */
    /* The same for people: a line each, with a mark in front. "=" a heading, "-" what was expected, "+" what came, " " what
     * there is to say more. */
    ordo_str blocks;
};

struct ordo_test_options {
    const char *filter; /* only tests whose name or file has this in it, in whatever case; NULL: all */
    void (*each)(void *context,
                 const struct ordo_test_result *result); /* valid during the call; may be NULL */
    void *context;
};

struct ordo_test_counts {
    size_t files; /* that hold tests */
    size_t all;   /* tests that there are */
    size_t run, failed;
};

/* Runs the tests of the rule set that is loaded. 0, or ORDO_ESCRIPT when one failed. */
int ordo_script_test_each(struct ordo_script *script, const struct ordo_test_options *options,
                          struct ordo_test_counts *ret_counts);
/* All of them; each failure is a line in *errors, with its file and line. *ret_count (may be NULL): tests run. */
int ordo_script_test(struct ordo_script *script, struct ordo_buffer *errors, size_t *ret_count);

/* --- coverage --- */

struct ordo_coverage;

enum { ORDO_LINE_CAN_RUN = 1, ORDO_LINE_RAN = 2 };

struct ordo_coverage_file {
    const char *path;
    size_t lines;         /* of the file */
    const uint8_t *marks; /* of each line, from 1 to `lines` */
};

/* Notes from now on which lines of the rule set's validation, rules and lib run; so it is called before the rule set is
 * loaded. Compiled code would not be seen: the script has been made without `jit`. */
struct ordo_coverage *ordo_coverage_start(struct ordo_script *script, struct ordo_ruleset *ruleset);
void ordo_coverage_free(struct ordo_coverage *coverage); /* before the script; NULL is allowed */
void ordo_coverage_each(const struct ordo_coverage *coverage,
                        void (*visit)(void *context, const struct ordo_coverage_file *file), void *context);
