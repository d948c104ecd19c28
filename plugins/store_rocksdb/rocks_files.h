/* SPDX-License-Identifier: MIT
 * rocks_files.h: paths, folders, and the lock on one. A database's folder has files only, no folders. Any thread; all may block.
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
/* True when it has a file but `name`. */
bool rocks_has_other_file(const char *folder, const char *name);
/* With its files; 0, also when it is not there, or a code. */
int rocks_remove_folder(const char *folder);
/* Makes the file, durable. 0 or a code. */
int rocks_write_file(const char *path, const char *bytes, size_t len);
/* Copies all files but one into a folder that is there and empty, durable. 0 or a code. */
int rocks_copy_folder(const char *from, const char *to, const char *without, uint64_t *ret_bytes);
uint64_t rocks_folder_bytes(const char *folder);
/* The entry of the path itself survives a power cut. The path is without a slash at its end. */
int rocks_sync_parent(const char *path);
/* One process a folder; the lock goes with the descriptor, or the process, however that ends. Without `create` nothing is
 * locked where no process has made the lock's file, and *ret_fd stays. 0, or a code with *err: who has it. */
int rocks_lock(const char *folder, bool create, int *ret_fd, const struct ordo_host *host,
               struct ordo_error *err);
