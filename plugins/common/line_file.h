/* SPDX-License-Identifier: MIT
 * line_file.h: a file that lines are appended to, whole or not at all. Shared by the sinks that write files.
 *
 * Lines are gathered in memory and written together. When a write fails half way, the file is cut back to
 * where it was, so it never keeps a part of a line, and the same lines can be written again. One thread at a
 * time.
 *
 *   line_file_open(&file, host, "data/decisions.ndjson", err);
 *   line_file_add(&file, ORDO_STR("{}"));
 *   line_file_end(&file);
 *   line_file_write(&file, false, err);
 */
#pragma once

#include <ordo/plugin.h>

struct line_file {
    const struct ordo_host *host;
    char *path;
    int fd;          /* -1: not open */
    bool is_regular; /* not a pipe or a terminal: can be cut and synced */
    char *bytes;     /* gathered, not yet written */
    size_t len, capacity;
    bool no_memory; /* a line could not be gathered; the next write fails */
};

/* Makes the folders above `path`, opens it for appending (made with mode 0640), and cuts a last line that has
 * no end. Fails with ORDO_EEXISTS while another line_file has it, in this process or another. */
int line_file_open(struct line_file *file, const struct ordo_host *host, const char *path,
                   struct ordo_error *err);
/* Whether line_file_open would fail, as far as can be told without making anything. */
int line_file_check(const struct ordo_host *host, const char *path, struct ordo_error *err);
/* Opens the path anew; when that fails, the old file stays in use. */
int line_file_reopen(struct line_file *file, struct ordo_error *err);
void line_file_close(
    struct line_file *file); /* what is gathered is thrown away; a zeroed or closed one is allowed */

void line_file_add(struct line_file *file, ordo_str text);
void line_file_add_json(struct line_file *file,
                        ordo_str text);     /* as a JSON string; what is not ASCII becomes U+FFFD */
void line_file_end(struct line_file *file); /* ends a line */

/* Writes what is gathered, and with `sync` waits until it is on the disk. On failure nothing of it is in the
 * file and nothing is gathered any more. */
int line_file_write(struct line_file *file, bool sync, struct ordo_error *err);
