/* SPDX-License-Identifier: MIT
 * folder_watch.h: tells when a scripts folder has changed, and has been quiet since. One thread.
 *
 * Editors write in several steps (a temporary file, a rename, a second write), so a change counts when the
 * folder has been quiet for a moment. The watch is on the folders, not the files: it survives renames. A
 * folder that appears later is found, because the parent is watched too and every event leads to a fresh look
 * at all of them. The parent of the scripts folder is watched for its name alone: a deployment may put another
 * folder, or another link, in its place.
 *
 *   struct ordo_folder_watch watch;
 *   ordo_folder_watch_open(&watch, "scripts");
 *   while (!ordo_folder_watch_settled(&watch)) {
 *       poll watch.fd for ordo_folder_watch_wait_ms(&watch);
 *       ordo_folder_watch_read(&watch);
 *   }
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ordo_folder_watch {
    char *folder, *parent, *name; /* of the folder */
    int fd;            /* of inotify, to be polled for reading; -1: not available, poll passes it over */
    int parent_number; /* of the watch on the parent */
    int64_t quiet_ns;  /* when the change counts as settled; INT64_MAX: none */
};

/* False, and errno: the folder cannot be watched; everything else may be called and does nothing. */
bool ordo_folder_watch_open(struct ordo_folder_watch *watch, const char *folder);
void ordo_folder_watch_close(struct ordo_folder_watch *watch);
void ordo_folder_watch_read(struct ordo_folder_watch *watch); /* what there is; does not block */
/* How long to wait for fd at most; -1: for ever. */
int ordo_folder_watch_wait_ms(const struct ordo_folder_watch *watch);
/* True once for each change, when it has settled. */
bool ordo_folder_watch_settled(struct ordo_folder_watch *watch);
void ordo_folder_watch_forget(struct ordo_folder_watch *watch); /* the change that is settling */
