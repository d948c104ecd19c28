/* SPDX-License-Identifier: MIT
 * output_file.h: a file that a command writes, or standard output. One owner.
 *
 * A file is written under another name and renamed when it is whole and on the disk, so that what has the name was
 * never cut short.
 *
 *   struct ordo_output output = {.path = "orders.csv"};
 *   bool ok = ordo_output_open(&output, command) && ordo_output_write(&output, bytes) && ordo_output_finish(&output);
 *   ordo_output_close(&output, ok);
 */
#pragma once

#include "cli/command.h"

struct ordo_output {
    const char *path; /* NULL: standard output */
    char *partial;    /* what is written; NULL: standard output or a device */
    FILE *file;
    int error; /* errno of what failed; 0: nothing has */
};

/* False after saying why. */
bool ordo_output_open(struct ordo_output *output, const struct ordo_command *command);
bool ordo_output_write(struct ordo_output *output, ordo_str bytes);
bool ordo_output_finish(struct ordo_output *output); /* on the disk and under its name */
/* Not ok: what was written is removed. */
void ordo_output_close(struct ordo_output *output, bool ok);
