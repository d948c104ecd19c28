/* SPDX-License-Identifier: MIT
 * completion.c: `ordo completion bash`: a completion made from the tables of commands and options.
 */
#include "cli/commands.h"

#include "core/config.h"
#include "core/order.h"

const struct ordo_cli_option ordo_completion_options[] = {{0}};

/* Calls `print` for each command, or for each of its verbs. */
static void each_command(void (*print)(const struct ordo_command *command))
{
    for (const struct ordo_command *command = ordo_commands; command->name != NULL; command++) {
        const struct ordo_command *verb = ordo_command_verbs(command);

        if (verb == NULL)
            print(command);
        for (; verb != NULL && verb->name != NULL; verb++)
            print(verb);
    }
}

/* What may follow a command that has verbs; then the verb is part of the command's name. */
static void print_verbs(void)
{
    for (const struct ordo_command *command = ordo_commands; command->name != NULL; command++) {
        const struct ordo_command *verb = ordo_command_verbs(command);

        if (verb == NULL)
            continue;
        printf("    if [[ $command == %s ]]; then\n"
               "        if ((COMP_CWORD == 2)); then\n"
               "            COMPREPLY=($(compgen -W \"",
               command->name);
        for (; verb->name != NULL; verb++)
            printf("%s ", ordo_command_verb_name(verb));
        printf("--help\" -- \"$cur\"))\n"
               "            return\n"
               "        fi\n"
               "        command+=\" ${COMP_WORDS[2]}\"\n"
               "    fi\n");
    }
}

static void print_words(const struct ordo_command *command)
{
    printf("    \"%s\") words=\"", command->name);
    for (const struct ordo_cli_option *option = command->options; option->name != NULL; option++)
        printf("--%s ", option->name);
    printf("--help\" ;;\n");
}

/* What may stand behind each option, by how its value is called. */
static void print_values(const struct ordo_command *command)
{
    for (const struct ordo_cli_option *option = command->options; option->name != NULL; option++) {
        if (option->value == NULL)
            continue;
        printf("    \"%s:--%s\"", command->name, option->name);
        if (option->letter != 0)
            printf("|\"%s:-%c\"", command->name, option->letter);
        if (strcmp(option->value, "FILE") == 0)
            printf(") COMPREPLY=($(compgen -f -- \"$cur\")); compopt -o filenames; return ;;\n");
        else if (strcmp(option->value, "DIR") == 0)
            printf(") COMPREPLY=($(compgen -d -- \"$cur\")); compopt -o filenames; return ;;\n");
        else if (strcmp(option->value, "KEY=VALUE") == 0)
            printf(") COMPREPLY=($(compgen -S = -W \"$keys\" -- \"$cur\")); compopt -o nospace; return ;;\n");
        else if (strcmp(option->value, "STATUS") == 0) {
            printf(") COMPREPLY=($(compgen -W \"");
            for (int status = ORDO_STATUS_QUEUED; status <= ORDO_STATUS_DEAD; status++)
                if (ordo_status_is_kept((enum ordo_status)status))
                    printf("%s ", ordo_status_name((enum ordo_status)status));
            printf("\" -- \"$cur\")); return ;;\n");
        } else if (strchr(option->value, '|') != NULL) {
            printf(") COMPREPLY=($(compgen -W \"");
            for (const char *c = option->value; *c != '\0'; c++)
                putchar(*c == '|' ? ' ' : *c);
            printf("\" -- \"$cur\")); return ;;\n");
        } else {
            printf(") return ;;\n");
        }
    }
}

static void print_bash(void)
{
    printf("# Completion of ordo for bash; made by `ordo completion bash`.\n"
           "_ordo() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} "
           "command=${COMP_WORDS[1]} words keys\n"
           "    COMPREPLY=()\n"
           "    if ((COMP_CWORD == 1)); then\n"
           "        COMPREPLY=($(compgen -W \"");
    for (const struct ordo_command *command = ordo_commands; command->name != NULL; command++)
        printf("%s ", command->name);
    printf("help --help --version --help-options\" -- \"$cur\"))\n"
           "        return\n"
           "    fi\n");
    print_verbs();
    printf("    keys=\"");
    for (const struct ordo_option *option = ordo_engine_options; option->name != NULL; option++)
        printf("%s ", option->name);
    printf("store.plugin sources sinks exporters\"\n"
           "    case $command:$prev in\n");
    each_command(print_values);
    printf("    esac\n"
           "    case $command in\n");
    each_command(print_words);
    printf("    esac\n"
           "    if [[ $command == plugins && $cur != -* ]]; then\n"
           "        words=$(\"${COMP_WORDS[0]}\" plugins --names 2>/dev/null)\n"
           "    elif [[ $command == completion && $cur != -* ]]; then\n"
           "        words=bash\n"
           "    elif [[ $command == test && $cur != -* ]]; then\n"
           "        COMPREPLY=($(compgen -d -- \"$cur\")); compopt -o filenames; return\n"
           "    elif [[ $command == \"profile history\" && $cur != -* ]] && ((COMP_CWORD == 3)); then\n"
           "        words=\"show rm\"\n"
           "    fi\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "}\n"
           "complete -F _ordo ordo\n");
}

int ordo_completion_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    const char *value;

    if (ordo_cli_next(&args, &value) == ORDO_CLI_EXIT)
        return args.exit_code;
    if (argc - args.next != 1 || strcmp(argv[args.next], "bash") != 0)
        return ordo_command_usage(command, "bash is the shell that there is a completion for");
    print_bash();
    return ORDO_EXIT_OK;
}
