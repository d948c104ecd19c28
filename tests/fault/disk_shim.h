/* SPDX-License-Identifier: MIT
 * disk_shim.h: the trace that the shim writes and disk_trace.py reads, and what the two files of the shim share.
 *
 * The trace is records, one behind the other, each a struct disk_record, then `name_bytes` of names and `data_bytes` of
 * data. Numbers are the machine's own.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* What an operation was. Names are relative to the folder. */
enum disk_op {
    DISK_CREATE = 1, /* name; inode of the new file */
    DISK_MKDIR,      /* name; inode of the new folder */
    DISK_WRITE,      /* inode, offset, data */
    DISK_TRUNCATE,   /* inode, offset: the size that it has then */
    DISK_SYNC,       /* inode: of a file, its content is on the disk */
    DISK_SYNC_DIR,   /* inode: of a folder, its entries are on the disk */
    DISK_RENAME,     /* old name, NUL, new name */
    DISK_LINK,       /* old name, NUL, new name */
    DISK_REMOVE,     /* name: of a file, or an empty folder */
    DISK_MAPPED,     /* inode, offset, data: what a mapped file holds by now; it need not be on the disk */
    DISK_FAULT,      /* name, offset: the error that the process got instead; the operation was not done */
    DISK_UNKNOWN,    /* name: something that this shim cannot follow */
};

struct disk_record {
    uint64_t end_ns; /* CLOCK_MONOTONIC behind the operation */
    uint64_t inode, offset;
    uint32_t op, name_bytes, data_bytes, unused;
};

enum { PATH_BYTES = PATH_MAX + 16 };

/* Take the lock for an operation on a file or folder inside of the folder, of which they give the real path. False: it
 * is something else, and the lock is free. */
bool shim_enter_file(int fd, char path[PATH_BYTES], struct stat *ret_status);
bool shim_enter_name(int at, const char *name, char path[PATH_BYTES]);
void shim_lock(void);
/* With the lock. True: the operation has to fail, errno is set, the lock is free. `kind` is a word of KINDS. */
bool shim_begin(const char *kind, const char *path);
/* Frees the lock, keeps errno, and returns the argument. */
long shim_end(long result);

/* With the lock: one record. */
void shim_record(struct disk_record record, const char *names, const void *data);
void shim_record_name(enum disk_op op, const char *path, uint64_t inode, uint64_t offset);
void shim_record_data(enum disk_op op, uint64_t inode, uint64_t offset, const void *data, size_t len);

/* The real path of a name that need not be there; its folder must. */
bool shim_path_at(int at, const char *name, char out[PATH_BYTES]);
bool shim_is_inside(const char *path);
const char *shim_relative(const char *path);

/* With the lock: mapped files. What changed in them since the last look is recorded by the next operation. */
void shim_look_at_mappings(void);
void shim_watch(void *address, size_t len, const char *path, const struct stat *status, off_t offset);
void shim_unwatch(const void *address);
void shim_record_mapping_sync(const void *address, size_t len);
