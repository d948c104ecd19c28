/* SPDX-License-Identifier: MIT
 * command.h: what every subcommand has: a row in the table of commands, a table of its options, and the
 * reader of both.
 *
 * Help, usage errors and the shell completion are printed from these tables, so they cannot tell different
 * stories.
 *
 *   struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
 *   for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;)
 *       switch (id) {
 *       case ORDO_CLI_EXIT: return args.exit_code;
 *       case OPTION_RATE: ...
 */
#pragma once

#include <getopt.h>
#include <stdio.h>

#include "base/buffer.h"

/* What the program's exit says. */
enum ordo_exit {
    ORDO_EXIT_OK = 0,
    ORDO_EXIT_FAILURE = 1, /* it was asked rightly and did not work out */
    ORDO_EXIT_USAGE = 2,   /* the command line is wrong */
    ORDO_EXIT_CONFIG = 78, /* the configuration, a plugin or a rule is wrong (EX_CONFIG) */
};

/* One option of a subcommand. */
struct ordo_cli_option {
    int id;           /* from 1; what ordo_cli_next returns */
    const char *name; /* long name; NULL ends the table */
    char letter;      /* short name; 0: none */
    const char
        *value; /* shown for the value: FILE and DIR complete as such, "a|b" as words; NULL: a switch */
    const char *help;
};

struct ordo_command {
    const char *name;
    const char *arguments; /* shown in the usage line: "[NAME]"; "" for none; what a verb is called */
    const char *summary;   /* one line */
    const char *about;     /* printed behind the options; may be NULL */
    const struct ordo_cli_option *options;
    int (*run)(const struct ordo_command *command, int argc, char **argv); /* argv[0] is the command's name */
};

/* All subcommands, in the order of help; a row without name ends it. */
extern const struct ordo_command ordo_commands[];

const struct ordo_command *ordo_command_find(const char *name); /* NULL: no such command */
/* The verbs of a command that has them (`ordo orders list`): a table like ordo_commands, whose names begin with the
 * command's; NULL: it has none. */
const struct ordo_command *ordo_command_verbs(const struct ordo_command *command);
const struct ordo_command *ordo_command_verb(const struct ordo_command *command,
                                             const char *name);      /* NULL: no such verb */
const char *ordo_command_verb_name(const struct ordo_command *verb); /* "list" of "orders list" */
/* The `run` of a command that has verbs: runs the one that is named, or says which there are. */
int ordo_command_run_verb(const struct ordo_command *command, int argc, char **argv);
void ordo_command_help(const struct ordo_command *command, FILE *out);
/* "ordo NAME: message" and where help is, on standard error; returns ORDO_EXIT_USAGE. */
int ordo_command_usage(const struct ordo_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

enum { ORDO_CLI_END = -1, ORDO_CLI_EXIT = -2, ORDO_CLI_OPTIONS_MAX = 32 };

/* Reads one command line. */
struct ordo_cli_args {
    const struct ordo_command *command;
    int argc;
    char **argv;
    struct option longs[ORDO_CLI_OPTIONS_MAX + 2];
    char shorts[2 * ORDO_CLI_OPTIONS_MAX + 4];
    int exit_code; /* when ORDO_CLI_EXIT was returned */
    int next;      /* after ORDO_CLI_END: index in argv of the first argument that is no option */
};

struct ordo_cli_args ordo_cli_args(const struct ordo_command *command, int argc, char **argv);

/* The id of the next option and its value; ORDO_CLI_END; or ORDO_CLI_EXIT after --help or an error, which is
 * printed. */
int ordo_cli_next(struct ordo_cli_args *args, const char **ret_value);

/* A whole number in [min, max]; false after saying what is wrong with the option on standard error. */
bool ordo_cli_number(const struct ordo_command *command, const char *option, const char *text, int64_t min,
                     int64_t max, int64_t *ret_number);
/* A duration as in the configuration (50ms, 30s; a bare number is seconds), in nanoseconds, above 0. */
bool ordo_cli_duration(const struct ordo_command *command, const char *option, const char *text,
                       int64_t *ret_ns);

/* Prints each line of errors on standard error, with `prefix` before it. */
void ordo_cli_print_lines(const struct ordo_buffer *lines, const char *prefix, FILE *out);
