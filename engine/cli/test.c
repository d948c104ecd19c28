/* SPDX-License-Identifier: MIT
 * test.c: `ordo test`: runs the tests of a rule set, by the same functions as every activation, and tells more about it.
 */
#include "cli/test.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/setup.h"
#include "worker/folder_watch.h"

enum { OPTION_FILTER = 1, OPTION_WATCH, OPTION_COVERAGE, OPTION_LCOV, OPTION_JUNIT };

const struct ordo_cli_option ordo_test_options[] = {
    {OPTION_FILTER, "filter", 'f', "TEXT",
     "Runs only tests whose name or file has TEXT in it, in whatever case."},
    {OPTION_WATCH, "watch", 'w', NULL,
     "Runs them again whenever a file of the folder changes; Ctrl-C ends it."},
    {OPTION_COVERAGE, "coverage", 0, NULL, "Shows which lines of checks, rules and lib the tests run."},
    {OPTION_LCOV, "lcov", 0, "FILE", "Writes the same in lcov's format; a line has run (1) or not (0)."},
    {OPTION_JUNIT, "junit", 0, "FILE", "Writes the results as JUnit XML."},
    ORDO_CLI_CONFIG_ROWS,
    {0},
};

struct invocation {
    const struct ordo_command *command;
    const char *folder, *filter, *lcov, *junit;
    bool watch, coverage;
    struct ordo_cli_setup setup;
};

static void say_none(const struct invocation *call, const struct ordo_test_counts *counts)
{
    if (counts->all == 0)
        fprintf(stderr,
                "ordo test: there are no tests: write %s/tests/NAME.lua, which returns {{name = …, order = "
                "…, expect = "
                "…}, …}\n",
                call->folder);
    else
        fprintf(stderr,
                "ordo test: none of the %zu tests has \"%s\" in its name or file; a shorter text finds more, "
                "and without "
                "--filter all are run\n",
                counts->all, call->filter);
}

static bool cannot_write(const struct invocation *call, const char *path)
{
    fprintf(stderr, "ordo %s: could not write all of %s\n", call->command->name, path);
    return false;
}

/* The tests of rules that are loaded. */
static int run_tests(const struct invocation *call, struct ordo_script *script,
                     struct ordo_test_report *report, const struct ordo_coverage *coverage)
{
    struct ordo_test_options options = {
        .filter = call->filter, .each = ordo_test_report_each, .context = report};
    struct ordo_test_counts counts;
    bool ok = ordo_script_test_each(script, &options, &counts) == 0;

    if (counts.run == 0 && counts.failed == 0) {
        say_none(call, &counts);
        return ORDO_EXIT_FAILURE;
    }
    ordo_test_report_end(report, &counts);
    if (call->coverage)
        ordo_test_coverage_print(coverage);
    if (call->lcov != NULL && !ordo_test_coverage_write(coverage, call->folder, call->command, call->lcov))
        ok = cannot_write(call, call->lcov);
    return ok ? ORDO_EXIT_OK : ORDO_EXIT_FAILURE;
}

/* Reads the folder, and runs its tests once. */
static int run_once(const struct invocation *call, const struct ordo_script_options *options)
{
    struct ordo_test_report report = {
        .folder = call->folder,
        .junit_wanted = call->junit != NULL,
        .colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL,
    };
    struct ordo_error err = {0};
    struct ordo_buffer errors = {0};
    struct ordo_ruleset *ruleset = ordo_ruleset_read(call->folder, &err);
    struct ordo_script *script = ruleset != NULL ? ordo_script_new(options, &err) : NULL;
    struct ordo_coverage *coverage = NULL;
    char text[1024];
    int code = ORDO_EXIT_CONFIG;

    if (script == NULL) {
        ordo_buffer_printf(&errors, "%s\n", ordo_error_format(&err, text, sizeof(text)));
    } else {
        if (call->coverage || call->lcov != NULL)
            coverage = ordo_coverage_start(script, ruleset);
        if (ordo_script_load(script, ruleset, &errors, NULL) == 0)
            code = run_tests(call, script, &report, coverage);
    }
    ordo_cli_print_lines(&errors, "", stderr);
    if (call->junit != NULL) {
        if (errors.len > 0)
            ordo_test_junit_errors(&report, &errors);
        if (!ordo_test_junit_write(&report, call->command, call->junit)) {
            cannot_write(call, call->junit);
            code = code == ORDO_EXIT_OK ? ORDO_EXIT_FAILURE : code;
        }
    }
    ordo_buffer_done(&errors);
    ordo_buffer_done(&report.junit);
    ordo_coverage_free(coverage);
    ordo_script_free(script);
    ordo_ruleset_unref(ruleset);
    return code;
}

/* Until it is interrupted. */
static int run_always(const struct invocation *call, const struct ordo_script_options *options)
{
    struct ordo_folder_watch watch;

    if (!ordo_folder_watch_open(&watch, call->folder)) {
        fprintf(stderr, "ordo test: cannot watch %s: %s\n", call->folder, strerror(errno));
        ordo_folder_watch_close(&watch);
        return ORDO_EXIT_FAILURE;
    }
    for (;;) {
        run_once(call, options);
        printf("\nwaiting for a change of %s\n", call->folder);
        if (fflush(stdout) != 0) /* nobody reads it any more */
            break;
        while (!ordo_folder_watch_settled(&watch)) {
            struct pollfd fd = {.fd = watch.fd, .events = POLLIN};

            if (poll(&fd, 1, ordo_folder_watch_wait_ms(&watch)) > 0)
                ordo_folder_watch_read(&watch);
        }
    }
    ordo_folder_watch_close(&watch);
    return ORDO_EXIT_FAILURE;
}

static int read_arguments(struct invocation *call, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(call->command, argc, argv);
    const char *value;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;)
        switch (id) {
        case ORDO_CLI_EXIT:
            return args.exit_code;
        case OPTION_FILTER:
            call->filter = value;
            break;
        case OPTION_WATCH:
            call->watch = true;
            break;
        case OPTION_COVERAGE:
            call->coverage = true;
            break;
        case OPTION_LCOV:
            call->lcov = value;
            break;
        case OPTION_JUNIT:
            call->junit = value;
            break;
        default:
            ordo_cli_setup_take(&call->setup, id, value);
        }
    if (args.next < argc)
        call->folder = argv[args.next];
    if (args.next + 1 < argc)
        return ordo_command_usage(call->command, "\"%s\" is too much", argv[args.next + 1]);
    return -1;
}

int ordo_test_run(const struct ordo_command *command, int argc, char **argv)
{
    struct invocation call = {.command = command};
    int code = read_arguments(&call, argc, argv);
    struct ordo_script_options options;
    struct ordo_config *config;

    if (code >= 0)
        return code;
    config = ordo_cli_setup_load(&call.setup);
    if (config == NULL)
        return ORDO_EXIT_CONFIG;
    if (call.folder == NULL)
        call.folder = ordo_options_string(ordo_config_options(config), "scripts");
    options = ordo_cli_script_options(config);
    if (call.coverage || call.lcov != NULL)
        options.jit = false; /* what is compiled is not seen */
    code = call.watch ? run_always(&call, &options) : run_once(&call, &options);
    ordo_config_free(config);
    return code;
}
