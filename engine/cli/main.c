/* SPDX-License-Identifier: MIT
 * main.c: the program: help, version, and the way to the subcommand.
 */
#include "cli/commands.h"

#include <stdlib.h>

#include "cli/help_options.h"
#include "core/nearest.h"
#include "profile/heap.h"

static void print_help(FILE *out)
{
    fputs("usage: ordo COMMAND [options]\n\nAn order engine: takes orders over HTTP, decides them with rules "
          "in Lua.\n\n"
          "commands:\n",
          out);
    for (const struct ordo_command *command = ordo_commands; command->name != NULL; command++)
        fprintf(out, "  %-12s  %s\n", command->name, command->summary);
    fputs("\noptions:\n"
          "  -h, --help      Shows this help; `ordo COMMAND --help` that of a command.\n"
          "      --version   Shows the version.\n"
          "      --help-options\n"
          "                  Shows every option of the configuration.\n"
          "\nexit codes: 0 all is well, 1 it failed, 2 the command line is wrong, 78 the configuration, a "
          "plugin or a\n"
          "rule is wrong.\n",
          out);
}

/* Standard output may be a full disk or a closed pipe; a command that could not say its result has failed. */
static int finish(int code)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        if (code == ORDO_EXIT_OK)
            fputs("ordo: cannot write to standard output\n", stderr);
        return code == ORDO_EXIT_OK ? ORDO_EXIT_FAILURE : code;
    }
    return code;
}

static int no_such(const char *name)
{
    struct ordo_nearest nearest = ordo_nearest(name);

    for (const struct ordo_command *command = ordo_commands; command->name != NULL; command++)
        ordo_nearest_try(&nearest, ordo_str_from(command->name));
    fprintf(stderr, "ordo: there is no %s \"%s\"", name[0] == '-' ? "option" : "command", name);
    if (nearest.best[0] != '\0')
        fprintf(stderr, "; did you mean %s?\n", nearest.best);
    else
        fputs("; `ordo --help` lists the commands.\n", stderr);
    return ORDO_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    const struct ordo_command *command;

    ordo_heap_start();
    if (name == NULL) {
        print_help(stderr);
        return ORDO_EXIT_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_help(stdout);
        return finish(ORDO_EXIT_OK);
    }
    if (strcmp(name, "help") == 0) {
        if (argc > 2 && (command = ordo_command_find(argv[2])) == NULL)
            return no_such(argv[2]);
        if (argc > 3 && ordo_command_verb(command, argv[3]) != NULL)
            command = ordo_command_verb(command, argv[3]);
        if (argc > 2)
            ordo_command_help(command, stdout);
        else
            print_help(stdout);
        return finish(ORDO_EXIT_OK);
    }
    if (strcmp(name, "--version") == 0) {
        puts("ordo " ORDO_VERSION);
        return finish(ORDO_EXIT_OK);
    }
    if (strcmp(name, "--help-options") == 0) {
        ordo_cli_help_options(stdout);
        return finish(ORDO_EXIT_OK);
    }
    command = ordo_command_find(name);
    if (command == NULL)
        return no_such(name);
    return finish(command->run(command, argc - 1, argv + 1));
}
