/* SPDX-License-Identifier: MIT
 * rocks_files.h: paths and folders. A database's folder has files only, no folders. Any thread; all may block.
 */
#pragma once

#include <ordo/plugin.h>

enum { ROCKS_PATH_MAX = 4096 };

/* folder/name; false when it is too long. */
bool rocks_path(char out[ROCKS_PATH_MAX], const char *folder, const char *name);
/* The folder's entries survive a power cut. 0 or a code. */
int rocks_sync_folder(const char *folder);
/* True when a file in it ends so and is not empty. */
bool rocks_has_filled_file(const char *folder, const char *suffix);
