/* SPDX-License-Identifier: MIT
 * profiles.h: `ordo profile`: a profile is asked for, waited for, and shown or kept.
 *
 * Kinds are rows of profiles_table.h. An option that is a parameter of the route is passed on as it is: the engine checks
 * its value and knows the limits.
 */
#pragma once

#include <signal.h>

#include "cli/api_client.h"

enum ordo_profiles_shape {
    ORDO_PROFILES_STACKS = 0, /* pprof, which can be drawn here, or an SVG */
    ORDO_PROFILES_CHANGE,     /* an SVG, or a text that the engine writes */
    ORDO_PROFILES_DOCUMENT,   /* JSON or text, shown as it comes */
};

struct ordo_profiles_kind {
    const char *path;
    enum ordo_profiles_shape shape;
    int seconds; /* unless --duration says more; 0: of now */
};

enum {
    ORDO_PROFILES_TOP = 220,
    ORDO_PROFILES_FLAME,
    ORDO_PROFILES_OPEN,
    ORDO_PROFILES_OUTPUT,
    ORDO_PROFILES_LIMIT,
    ORDO_PROFILES_WIDTH,
    /* Parameters of the route, by the name of the option; a switch is 1. */
    ORDO_PROFILES_PARAMETERS = 300,
    ORDO_PROFILES_FORMAT = ORDO_PROFILES_PARAMETERS,
    ORDO_PROFILES_DURATION,
    ORDO_PROFILES_HZ,
    ORDO_PROFILES_RULE,
    ORDO_PROFILES_PRIORITY,
    ORDO_PROFILES_MIN_MS,
    ORDO_PROFILES_MODE,
    ORDO_PROFILES_BASE,
    ORDO_PROFILES_TO,
    ORDO_PROFILES_GC,
    ORDO_PROFILES_PEAK,
    ORDO_PROFILES_RATE,
    ORDO_PROFILES_DEBUG,
    ORDO_PROFILES_LAST,
    ORDO_PROFILES_SLOW,
    ORDO_PROFILES_RUN,
};

/* Rows for a table of options: where a profile goes, and those of stacks. */
#define ORDO_PROFILES_OUTPUT_ROW                                                                             \
    {                                                                                                        \
        ORDO_PROFILES_OUTPUT, "output", 'o', "FILE",                                                         \
            "Keeps what the engine answers in FILE; `-` is standard output. In a\nfolder (`-o .`) it gets "  \
            "the "                                                                                           \
            "engine's name for it, or the next\nthat is free."                                               \
    }
#define ORDO_PROFILES_OPEN_ROW                                                                               \
    {                                                                                                        \
        ORDO_PROFILES_OPEN, "open", 0, NULL, "Shows it in the browser (xdg-open); stacks as a flame graph."  \
    }
#define ORDO_PROFILES_TOP_ROW                                                                                \
    {                                                                                                        \
        ORDO_PROFILES_TOP, "top", 0, NULL,                                                                   \
            "A table of functions: what a terminal gets unless told otherwise."                              \
    }
#define ORDO_PROFILES_FLAME_ROWS                                                                             \
    {ORDO_PROFILES_FLAME, "flame", 0, NULL,                                                                  \
     "A flame graph in characters; in colours on a terminal, unless\nNO_COLOR is set."},                     \
        {ORDO_PROFILES_LIMIT, "limit", 'n', "N", "Rows of --top (40), levels of --flame (64)."},             \
    {                                                                                                        \
        ORDO_PROFILES_WIDTH, "width", 'w', "N", "Columns of --flame; the terminal's unless it is given."     \
    }

struct ordo_profiles_call {
    const struct ordo_command *command;
    struct ordo_profiles_kind kind;
    struct ordo_api_options api;
    struct ordo_buffer query; /* "&hz=100": what the options say to the engine, but the format */
    int64_t duration_ns;      /* how long it is to take; 0: no time */
    const char *format, *output;
    bool top, flame, open, as_text; /* as_text: the engine answers text of its own accord */
    int64_t limit, width;           /* 0: not given */
};

/* Takes one option; false after saying what is wrong with it. */
bool ordo_profiles_take(struct ordo_profiles_call *call, int id, const char *value);
/* Asks for it and does with it what the options say; returns the exit code. The caller frees the query. */
int ordo_profiles_perform(struct ordo_profiles_call *call);

/* Shows or keeps what api has; returns the exit code. `path` is what was asked for. */
int ordo_profiles_show(const struct ordo_profiles_call *call, struct ordo_api *api, const char *path);

/* What stands on standard error while a profile is taken; SIGINT meanwhile exits with 130, and the engine ends the
 * profile when it sees its client gone. */
struct ordo_profiles_wait {
    const struct ordo_command *command;
    int64_t duration_ns, began_ns; /* began_ns 0: not yet */
    int64_t shown_s;               /* what the terminal shows; 0: nothing */
    bool on_terminal, said;
    struct sigaction before;
};

void ordo_profiles_wait_begin(struct ordo_profiles_wait *wait, const struct ordo_command *command,
                              int64_t duration_ns);
void ordo_profiles_wait_tick(void *wait);
void ordo_profiles_wait_end(struct ordo_profiles_wait *wait);

extern const struct ordo_cli_option ordo_profiles_history_options[];
int ordo_profiles_history_run(const struct ordo_command *command, int argc, char **argv);
int ordo_profiles_kind_run(const struct ordo_command *command, int argc, char **argv);
