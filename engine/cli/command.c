/* SPDX-License-Identifier: MIT
 * command.c: reading command lines by tables, and printing help from the same tables.
 */
#include "cli/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "core/nearest.h"

enum { ID_HELP = 1000 };

const struct ordo_command *ordo_command_find(const char *name)
{
    for (const struct ordo_command *command = ordo_commands; command->name != NULL; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

const char *ordo_command_verb_name(const struct ordo_command *verb)
{
    return strchr(verb->name, ' ') + 1;
}

const struct ordo_command *ordo_command_verb(const struct ordo_command *command, const char *name)
{
    const struct ordo_command *verb = ordo_command_verbs(command);

    for (; verb != NULL && verb->name != NULL; verb++)
        if (strcmp(ordo_command_verb_name(verb), name) == 0)
            return verb;
    return NULL;
}

/* "list, show or export", as a question or an answer. */
static void put_verbs(const struct ordo_command *command, const char *last, struct ordo_buffer *out)
{
    const struct ordo_command *verbs = ordo_command_verbs(command);

    for (const struct ordo_command *verb = verbs; verb->name != NULL; verb++)
        ordo_buffer_printf(out, "%s%s",
                           verb == verbs          ? ""
                           : verb[1].name == NULL ? last
                                                  : ", ",
                           ordo_command_verb_name(verb));
    ordo_buffer_put(out, '\0');
}

int ordo_command_run_verb(const struct ordo_command *command, int argc, char **argv)
{
    const struct ordo_command *verb = argc > 1 ? ordo_command_verb(command, argv[1]) : NULL;
    struct ordo_buffer all = {0};
    struct ordo_nearest nearest;

    if (verb != NULL)
        return verb->run(verb, argc - 1, argv + 1);
    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        ordo_command_help(command, stdout);
        return ORDO_EXIT_OK;
    }
    nearest = ordo_nearest(argc > 1 ? argv[1] : "");
    for (verb = ordo_command_verbs(command); verb->name != NULL; verb++)
        ordo_nearest_try(&nearest, ordo_str_from(ordo_command_verb_name(verb)));
    put_verbs(command, argc < 2 ? " or " : " and ", &all);
    if (argc < 2)
        ordo_command_usage(command, "%s?", all.ptr);
    else if (argv[1][0] == '-')
        ordo_command_usage(command, "the %s comes first: %s", command->arguments, all.ptr);
    else if (nearest.best[0] != '\0')
        ordo_command_usage(command, "there is no \"%s\"; did you mean %s?", argv[1], nearest.best);
    else
        ordo_command_usage(command, "there is no \"%s\"; there are %s", argv[1], all.ptr);
    ordo_buffer_done(&all);
    return ORDO_EXIT_USAGE;
}

static void print_verbs(const struct ordo_command *command, FILE *out)
{
    const struct ordo_command *verb = ordo_command_verbs(command);

    if (verb != NULL)
        fprintf(out, "%s is one of these; `ordo %s %s --help` shows its options:\n", command->arguments,
                command->name, command->arguments);
    for (; verb != NULL && verb->name != NULL; verb++)
        fprintf(out, "  %-10s %-6s  %s%s", ordo_command_verb_name(verb), verb->arguments, verb->summary,
                verb[1].name == NULL ? "\n\n" : "\n");
}

static void print_option(FILE *out, char letter, const char *name, const char *value, const char *help)
{
    char left[64];
    int len = letter != 0 ? snprintf(left, sizeof(left), "-%c, --%s%s%s", letter, name,
                                     value != NULL ? " " : "", value != NULL ? value : "")
                          : snprintf(left, sizeof(left), "    --%s%s%s", name, value != NULL ? " " : "",
                                     value != NULL ? value : "");

    if (len <= 30)
        fprintf(out, "  %-30s  ", left);
    else
        fprintf(out, "  %s\n  %-30s  ", left, "");
    for (const char *c = help; *c != '\0'; c++) {
        fputc(*c, out);
        if (*c == '\n')
            fprintf(out, "%-34s", "");
    }
    fputc('\n', out);
}

void ordo_command_help(const struct ordo_command *command, FILE *out)
{
    bool has_verbs = ordo_command_verbs(command) != NULL;

    if (has_verbs)
        fprintf(out, "usage: ordo %s %s [options]\n\n%s\n\n", command->name, command->arguments,
                command->summary);
    else
        fprintf(out, "usage: ordo %s [options]%s%s\n\n%s\n\n", command->name,
                command->arguments[0] != '\0' ? " " : "", command->arguments, command->summary);
    print_verbs(command, out);
    fprintf(out, "options:\n");
    for (const struct ordo_cli_option *option = command->options; option->name != NULL; option++)
        print_option(out, option->letter, option->name, option->value, option->help);
    print_option(out, 'h', "help", NULL, "Shows this help.");
    if (command->about != NULL)
        fprintf(out, "\n%s\n", command->about);
}

int ordo_command_usage(const struct ordo_command *command, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "ordo %s: ", command->name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n`ordo %s --help` shows what it takes.\n", command->name);
    return ORDO_EXIT_USAGE;
}

struct ordo_cli_args ordo_cli_args(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = {.command = command, .argc = argc, .argv = argv};
    size_t count = 0;
    char *shorts = args.shorts;

    *shorts++ = ':'; /* a missing value is told from an unknown option */
    for (const struct ordo_cli_option *option = command->options; option->name != NULL; option++) {
        ORDO_REQUIRE(count < ORDO_CLI_OPTIONS_MAX);
        args.longs[count++] = (struct option){
            option->name, option->value != NULL ? required_argument : no_argument, NULL, option->id};
        if (option->letter != 0) {
            *shorts++ = option->letter;
            if (option->value != NULL)
                *shorts++ = ':';
        }
    }
    args.longs[count] = (struct option){"help", no_argument, NULL, ID_HELP};
    *shorts = 'h';
    optind = 0; /* glibc: begin anew */
    opterr = 0;
    return args;
}

int ordo_cli_next(struct ordo_cli_args *args, const char **ret_value)
{
    int index = optind == 0 ? 1 : optind;
    int id = getopt_long(args->argc, args->argv, args->shorts, args->longs, NULL);

    *ret_value = optarg;
    if (id == -1) {
        args->next = optind;
        return ORDO_CLI_END;
    }
    args->exit_code = ORDO_EXIT_USAGE;
    if (id == 'h' || id == ID_HELP) {
        ordo_command_help(args->command, stdout);
        args->exit_code = ORDO_EXIT_OK;
        return ORDO_CLI_EXIT;
    }
    if (id == ':') {
        ordo_command_usage(args->command, "%s needs a value", args->argv[optind - 1]);
        return ORDO_CLI_EXIT;
    }
    if (id == '?') {
        /* getopt has moved past a long option, but may still be inside of a group of short ones. */
        const char *word = args->argv[optind > index ? optind - 1 : index];

        if (optopt == 0)
            ordo_command_usage(args->command, "there is no option %s", word);
        else if (strncmp(word, "--", 2) == 0)
            ordo_command_usage(args->command, "%s takes no value", word);
        else
            ordo_command_usage(args->command, "there is no option -%c", optopt);
        return ORDO_CLI_EXIT;
    }
    for (const struct ordo_cli_option *option = args->command->options; option->name != NULL; option++)
        if (id == option->letter)
            return option->id;
    return id;
}

bool ordo_cli_number(const struct ordo_command *command, const char *option, const char *text, int64_t min,
                     int64_t max, int64_t *ret_number)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < min || number > max) {
        ordo_command_usage(command, "--%s is a whole number from %lld to %lld, not \"%s\"", option,
                           (long long)min, (long long)max, text);
        return false;
    }
    *ret_number = number;
    return true;
}

bool ordo_cli_duration(const struct ordo_command *command, const char *option, const char *text,
                       int64_t *ret_ns)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"", 1e9}, {"s", 1e9}, {"us", 1e3}, {"ms", 1e6}, {"m", 60e9}, {"h", 3600e9}};
    char *end;
    double number = strtod(text, &end);

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (end != text && strcmp(end, units[i].unit) == 0 && number > 0 && number * units[i].ns < 1e18) {
            *ret_ns = (int64_t)(number * units[i].ns);
            return true;
        }
    ordo_command_usage(command, "--%s is a duration above zero such as 500ms, 10s or 5m, not \"%s\"", option,
                       text);
    return false;
}

void ordo_cli_print_lines(const struct ordo_buffer *lines, const char *prefix, FILE *out)
{
    ordo_str rest = ordo_buffer_str(lines), line;

    while (ordo_text_next_line(&rest, &line))
        fprintf(out, "%s" ORDO_STR_FMT "\n", prefix, ORDO_STR_ARG(line));
}
