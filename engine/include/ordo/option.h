/* SPDX-License-Identifier: MIT
 * ordo/option.h: options as data. One table describes what may be set; the engine parses, checks ranges,
 * refuses unknown and duplicate keys, and prints the help. Engine and plugins use the same tables.
 *
 *   static const struct ordo_option options[] = {
 *       {"rate", ORDO_OPTION_INT, "50", 0, 1000000, "orders/s", "Orders made a second; 0 makes none."},
 *       {"path", ORDO_OPTION_STRING, NULL, 0, 0, NULL, "File to write; required."},
 *       {0},
 *   };
 */
#pragma once

#include <ordo/types.h>

enum ordo_option_type {
    ORDO_OPTION_BOOL = 0, /* true or false */
    ORDO_OPTION_INT,      /* a whole number in [min, max] */
    ORDO_OPTION_DURATION, /* 250us, 50ms, 30s, 5m, 1h; kept in microseconds; min and max too */
    ORDO_OPTION_SIZE,     /* 4096, 64KiB, 1MiB, 2GiB; kept in bytes */
    ORDO_OPTION_STRING,   /* text; min and max bound its length where max is not 0 */
    ORDO_OPTION_ENUM,     /* one of the words in unit, separated by '|'; read as a string */
};

struct ordo_option {
    const char *name; /* NULL ends the table; dots separate sections in the engine's own table */
    enum ordo_option_type type;
    const char *preset; /* the default, as it would be written in the file; NULL: must be given */
    int64_t min, max;   /* both 0: no bound */
    const char *unit;   /* shown in help; for an enum, its words */
    const char *help;   /* one sentence */
};

/* Parsed values. Opaque; read with the functions of struct ordo_host. */
struct ordo_options;
