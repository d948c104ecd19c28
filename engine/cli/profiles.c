/* SPDX-License-Identifier: MIT
 * profiles.c: `ordo profile`: the kinds with their options, each a command of its own, and the way to them.
 */
#include "cli/profiles.h"

#include "cli/commands.h"

#define SHOW_ROWS                                                                                            \
    ORDO_PROFILES_TOP_ROW, ORDO_PROFILES_FLAME_ROWS, ORDO_PROFILES_OPEN_ROW, ORDO_PROFILES_OUTPUT_ROW
#define FORMAT_ROW(words, help)                                                                              \
    {                                                                                                        \
        ORDO_PROFILES_FORMAT, "format", 'f', words, help                                                     \
    }
#define STACKS_FORMAT_ROW                                                                                    \
    FORMAT_ROW("pprof|svg|text|collapsed|speedscope", "What the engine answers; see docs/http.md.")
#define HEAP_FORMAT_ROW                                                                                      \
    FORMAT_ROW("pprof|svg|text|collapsed|speedscope|symbolized|raw",                                         \
               "What the engine answers; see docs/http.md.")
#define DURATION_ROW(help)                                                                                   \
    {                                                                                                        \
        ORDO_PROFILES_DURATION, "duration", 'd', "TIME", help                                                \
    }
#define BASE_ROW                                                                                             \
    {                                                                                                        \
        ORDO_PROFILES_BASE, "base", 'b', "ID",                                                               \
            "Shows the change, per order, since this one of\n`ordo profile history`."                        \
    }

static const struct ordo_cli_option cpu[] = {
    DURATION_ROW("How long: 10s, 500ms; 30 seconds unless it is given."),
    {ORDO_PROFILES_HZ, "hz", 0, "N", "Samples a second; 100 unless it is given."},
    {ORDO_PROFILES_RULE, "rule", 'r', "NAME", "Only this rule."},
    {ORDO_PROFILES_PRIORITY, "priority", 'p', "high|medium|low", "Only orders of this class."},
    {ORDO_PROFILES_MIN_MS, "min-ms", 0, "N", "Only orders that took longer, in milliseconds."},
    {ORDO_PROFILES_MODE, "mode", 'm', "cpu|wall", "wall: waiting counts, too."},
    BASE_ROW,
    SHOW_ROWS,
    STACKS_FORMAT_ROW,
    ORDO_API_ROWS,
    {0},
};

static const struct ordo_cli_option memory[] = {
    DURATION_ROW("The change meanwhile: 10s; as it is now unless it is given."),
    {ORDO_PROFILES_GC, "gc", 0, "0|1", "Whether Lua's garbage is collected first."},
    {ORDO_PROFILES_PEAK, "peak", 0, NULL, "As it was when most memory was in use."},
    BASE_ROW,
    SHOW_ROWS,
    HEAP_FORMAT_ROW,
    ORDO_API_ROWS,
    {0},
};

static const struct ordo_cli_option waits[] = {
    DURATION_ROW("Only what waits meanwhile: 10s; all since the start unless it is given."),
    {ORDO_PROFILES_RATE, "rate", 0, "TIME",
     "Measures meanwhile: each wait that long, shorter ones by chance."},
    BASE_ROW,
    SHOW_ROWS,
    HEAP_FORMAT_ROW,
    ORDO_API_ROWS,
    {0},
};

static const struct ordo_cli_option coroutines[] = {
    {ORDO_PROFILES_DEBUG, "debug", 0, "1|2", "Text: 1: stacks and how many stand there; 2: each one."},
    SHOW_ROWS,
    STACKS_FORMAT_ROW,
    ORDO_API_ROWS,
    {0},
};

static const struct ordo_cli_option trace[] = {
    DURATION_ROW("How long: 5s; one second unless it is given."),
    {ORDO_PROFILES_LAST, "last", 'l', "TIME", "Of the past, which is always recorded: 5s."},
    {ORDO_PROFILES_SLOW, "slow", 0, "ID", "Of one slow order; 1: lists those that are kept."},
    ORDO_PROFILES_OPEN_ROW,
    ORDO_PROFILES_OUTPUT_ROW,
    ORDO_API_ROWS,
    {0},
};

static const struct ordo_cli_option gc[] = {
    {ORDO_PROFILES_RUN, "run", 0, NULL, "Collects first."},
    ORDO_PROFILES_OPEN_ROW,
    ORDO_PROFILES_OUTPUT_ROW,
    ORDO_API_ROWS,
    {0},
};

static const struct ordo_cli_option jit[] = {
    FORMAT_ROW("json|perfmap", "json unless it is given; perfmap names compiled code for `perf`."),
    ORDO_PROFILES_OPEN_ROW,
    ORDO_PROFILES_OUTPUT_ROW,
    ORDO_API_ROWS,
    {0},
};

static const struct ordo_cli_option leaks[] = {
    FORMAT_ROW("json|text", "json unless it is given."),
    ORDO_PROFILES_OPEN_ROW,
    ORDO_PROFILES_OUTPUT_ROW,
    ORDO_API_ROWS,
    {0},
};

static const struct ordo_cli_option diff[] = {
    {ORDO_PROFILES_BASE, "base", 'b', "ID", "From this one of `ordo profile history`."},
    {ORDO_PROFILES_TO, "to", 0, "ID", "To this one."},
    ORDO_PROFILES_TOP_ROW,
    ORDO_PROFILES_OPEN_ROW,
    ORDO_PROFILES_OUTPUT_ROW,
    FORMAT_ROW("pprof|svg|text", "What the engine answers; svg unless it is given."),
    ORDO_API_ROWS,
    {0},
};

static const struct ordo_cli_option status[] = {
    ORDO_PROFILES_OPEN_ROW,
    ORDO_PROFILES_OUTPUT_ROW,
    ORDO_API_ROWS,
    {0},
};

static const struct ordo_profiles_kind kinds[] = {
#define X(name, path, shape, seconds, options, summary) {path, ORDO_PROFILES_##shape, seconds},
#include "cli/profiles_table.h"
#undef X
};

#define HISTORY_ABOUT                                                                                        \
    "Without an argument it lists them, newest first. `show ID` shows one, with the options of `ordo "       \
    "profile cpu`\n"                                                                                         \
    "that say how; `rm ID...` deletes some."

const struct ordo_command ordo_profiles_verbs[] = {
#define X(name, path, shape, seconds, options, summary)                                                      \
    {"profile " name, "", summary, NULL, options, ordo_profiles_kind_run},
#include "cli/profiles_table.h"
#undef X
    {"profile history", "[show ID | rm ID...]", "Profiles that are kept.", HISTORY_ABOUT,
     ordo_profiles_history_options, ordo_profiles_history_run},
    {0},
};

const struct ordo_cli_option ordo_profiles_options[] = {{0}};

int ordo_profiles_run(const struct ordo_command *command, int argc, char **argv)
{
    return ordo_command_run_verb(command, argc, argv);
}

int ordo_profiles_kind_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    struct ordo_profiles_call call = {.command = command, .kind = kinds[command - ordo_profiles_verbs]};
    const char *value;
    int code = ORDO_EXIT_USAGE;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;) {
        if (id == ORDO_CLI_EXIT) {
            code = args.exit_code;
            goto done;
        }
        if (!ordo_profiles_take(&call, id, value))
            goto done;
    }
    if (args.next < argc)
        ordo_command_usage(command, "\"%s\" is too much", argv[args.next]);
    else
        code = ordo_profiles_perform(&call);
done:
    ordo_buffer_done(&call.query);
    return code;
}
