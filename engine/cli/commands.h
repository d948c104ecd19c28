/* SPDX-License-Identifier: MIT
 * commands.h: the subcommands, each in the file of its name: its options, what its help says more, and its
 * entry.
 */
#pragma once

#include "cli/command.h"

#define ORDO_SERVE_ABOUT                                                                                     \
    "Signals: SIGTERM or SIGINT stop it: readyz turns 503, the listeners close, orders inside are "          \
    "finished\n"                                                                                             \
    "and sinks and exporters flushed, all within stop.grace; exit 0, or 1 when orders had to be given up.\n" \
    "A second one ends it at once with 128 + the signal's number. SIGHUP loads the rules anew, SIGUSR1 "     \
    "opens\n"                                                                                                \
    "the sinks' files anew."
extern const struct ordo_cli_option ordo_serve_options[];
int ordo_serve_run(const struct ordo_command *command, int argc, char **argv);

#define ORDO_CHECK_ABOUT                                                                                     \
    "Every error is a line with its file and line on standard error; then the exit code is 78."
extern const struct ordo_cli_option ordo_check_options[];
int ordo_check_run(const struct ordo_command *command, int argc, char **argv);

#define ORDO_TEST_ABOUT                                                                                      \
    "FOLDER is the scripts folder; else `scripts` of the configuration. The exit code is 0 when all tests "  \
    "pass, 1 when\n"                                                                                         \
    "one fails or there is none to run, 78 when the rules or a file of tests do not load."
extern const struct ordo_cli_option ordo_test_options[];
int ordo_test_run(const struct ordo_command *command, int argc, char **argv);

#define ORDO_RUN_ABOUT                                                                                       \
    "The exit code is 0 for a decision (also one that rejects or holds the order), 1 when the order is not " \
    "valid or\n"                                                                                             \
    "cannot be read, 78 when the rules are wrong."
extern const struct ordo_cli_option ordo_run_options[];
int ordo_run_run(const struct ordo_command *command, int argc, char **argv);

#define ORDO_WHAT_IF_ABOUT                                                                                   \
    "The order is decided again as of the moment when it was decided, and compared with what was recorded; " \
    "nothing is kept.\n"                                                                                     \
    "FIELD is a name, or several with dots between: customer.tier=gold. VALUE is JSON, or a text; null "     \
    "removes the field;\n"                                                                                   \
    "an array is replaced whole. Without --rules the engine's own rules decide, with it this program does. " \
    "The exit code is 0\n"                                                                                   \
    "whatever comes of it, 1 when it cannot be decided, 78 when the rules are wrong."
extern const struct ordo_cli_option ordo_what_if_options[];
int ordo_what_if_run(const struct ordo_command *command, int argc, char **argv);

#define ORDO_LOAD_ABOUT                                                                                      \
    "URL is http://127.0.0.1:8080 unless it is given; without a path, /orders is meant. With --rate, times " \
    "count from\n"                                                                                           \
    "when a request should have been sent, so an engine that falls behind cannot hide it. The exit code is " \
    "1 when\n"                                                                                               \
    "requests were lost on the way or none was answered; orders that the engine refuses are counted, not "   \
    "errors."
extern const struct ordo_cli_option ordo_load_options[];
int ordo_load_run(const struct ordo_command *command, int argc, char **argv);

extern const struct ordo_command ordo_orders_verbs[];
extern const struct ordo_cli_option ordo_orders_options[];
int ordo_orders_run(const struct ordo_command *command, int argc, char **argv);

extern const struct ordo_command ordo_rules_verbs[];
extern const struct ordo_cli_option ordo_rules_options[];
int ordo_rules_run(const struct ordo_command *command, int argc, char **argv);

#define ORDO_PROFILES_ABOUT                                                                                  \
    "On a terminal stacks are shown as a table, and the rest as it comes; elsewhere the engine's answer is " \
    "passed on as\n"                                                                                         \
    "it is: `ordo profile cpu >cpu.prof`. Ctrl-C ends the profile."
extern const struct ordo_command ordo_profiles_verbs[];
extern const struct ordo_cli_option ordo_profiles_options[];
int ordo_profiles_run(const struct ordo_command *command, int argc, char **argv);

#define ORDO_BACKUP_ABOUT                                                                                    \
    "DIR is a folder on the engine's machine that does not exist yet. Orders go on meanwhile. Sorted files " \
    "are "                                                                                                   \
    "linked where\n"                                                                                         \
    "DIR is on the store's own disk: copy the backup to another one."
extern const struct ordo_cli_option ordo_backup_options[];
int ordo_backup_run(const struct ordo_command *command, int argc, char **argv);

#define ORDO_RESTORE_ABOUT                                                                                   \
    "The store must be absent or empty, and no engine may use it. The backup is copied and left as it is."
extern const struct ordo_cli_option ordo_restore_options[];
int ordo_restore_run(const struct ordo_command *command, int argc, char **argv);

#define ORDO_VERIFY_ABOUT                                                                                    \
    "Without DIR, a backup, the store of the configuration is read; no engine may use it. Every finding is " \
    "a "                                                                                                     \
    "line on\n"                                                                                              \
    "standard output; then the exit code is 1. Nothing is changed."
extern const struct ordo_cli_option ordo_verify_options[];
int ordo_verify_run(const struct ordo_command *command, int argc, char **argv);

extern const struct ordo_cli_option ordo_plugins_options[];
int ordo_plugins_run(const struct ordo_command *command, int argc, char **argv);

#define ORDO_COMPLETION_ABOUT "Use it in a running shell with: source <(ordo completion bash)"
extern const struct ordo_cli_option ordo_completion_options[];
int ordo_completion_run(const struct ordo_command *command, int argc, char **argv);
