/* SPDX-License-Identifier: MIT
 * rocks_manifest.c: follows the MANIFEST. The hash is FNV-1a: each of its steps maps different values to different ones,
 * so that no single flipped bit, nor any change within one byte, gives the same hash.
 */
#include "rocks_manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rocks_files.h"

#define HASH_START UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)
#define NAME_FORMAT "MANIFEST-%06" PRIu64

enum { NAME_MAX_BYTES = 64, READ_BYTES = 16384 };

/* Adds the bytes from claim->size up to `end`, or to the end of the file. 0 or a code. */
static int hash_up_to(int fd, uint64_t end, struct rocks_claim *claim)
{
    uint8_t bytes[READ_BYTES];

    while (claim->size < end) {
        uint64_t left = end - claim->size;
        ssize_t got = pread(fd, bytes, left < READ_BYTES ? left : READ_BYTES, (off_t)claim->size);

        if (got < 0)
            return -errno;
        if (got == 0)
            return 0;
        for (ssize_t i = 0; i < got; i++)
            claim->hash = (claim->hash ^ bytes[i]) * HASH_PRIME;
        claim->size += (uint64_t)got;
    }
    return 0;
}

/* The number of the MANIFEST that CURRENT names. 0 or a code. */
static int read_current(const char *folder, uint64_t *ret_number)
{
    char path[ROCKS_PATH_MAX], text[NAME_MAX_BYTES] = {0}, expected[NAME_MAX_BYTES];
    uint64_t number;
    ssize_t got;
    int fd, result = 0;

    if (!rocks_path(path, folder, "CURRENT"))
        return -ENAMETOOLONG;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (got < 0)
        result = -errno;
    if (fd >= 0)
        close(fd);
    if (result != 0)
        return result;
    if (sscanf(text, "MANIFEST-%" SCNu64, &number) != 1)
        return -EBADMSG;
    snprintf(expected, sizeof(expected), NAME_FORMAT "\n", number);
    if (strcmp(text, expected) != 0)
        return -EBADMSG;
    *ret_number = number;
    return 0;
}

static int open_numbered(const char *folder, uint64_t number, int *ret_fd)
{
    char path[ROCKS_PATH_MAX], name[NAME_MAX_BYTES];

    snprintf(name, sizeof(name), NAME_FORMAT, number);
    if (!rocks_path(path, folder, name))
        return -ENAMETOOLONG;
    *ret_fd = open(path, O_RDONLY | O_CLOEXEC);
    return *ret_fd < 0 ? -errno : 0;
}

static int refuse(const char *folder, const struct ordo_host *host, struct ordo_error *err, const char *what)
{
    return host->fail(
        err, ORDO_EIO, folder,
        "%s, so acknowledged orders may be missing; restore a backup (`ordo restore`), or, to go "
        "on with what can be read, copy this folder away and remove the file %s here",
        what, ROCKS_MARK_NAME);
}

static int check_bytes(const char *folder, const struct rocks_claim *claim, const struct ordo_host *host,
                       struct ordo_error *err)
{
    struct rocks_claim found = {claim->number, 0, HASH_START};
    char what[256];
    int fd = -1, result = open_numbered(folder, claim->number, &fd);

    if (result == 0)
        result = hash_up_to(fd, claim->size, &found);
    if (fd >= 0)
        close(fd);
    if (result == 0 && found.size == claim->size && found.hash == claim->hash)
        return 0;
    if (result != 0)
        snprintf(what, sizeof(what), "its file " NAME_FORMAT " cannot be read: %s", claim->number,
                 strerror(-result));
    else if (found.size < claim->size)
        snprintf(what, sizeof(what),
                 "its file " NAME_FORMAT " is cut off: it has %" PRIu64 " bytes of %" PRIu64, claim->number,
                 found.size, claim->size);
    else
        snprintf(what, sizeof(what),
                 "its file " NAME_FORMAT " is damaged: its first %" PRIu64
                 " bytes are not as they were written",
                 claim->number, claim->size);
    return refuse(folder, host, err, what);
}

int rocks_manifest_check(const char *folder, const struct rocks_marked *marked, const struct ordo_host *host,
                         struct ordo_error *err)
{
    uint64_t number = 0;
    char what[256];
    int result;

    result = read_current(folder, &number);
    /* RocksDB would make an empty database where CURRENT is gone, and delete what was there. */
    if (result == -ENOENT && marked->sequence == 0 && marked->claim.number == 0 &&
        !rocks_has_filled_file(folder, ".sst"))
        return 0;
    if (result == -EBADMSG)
        return refuse(folder, host, err, "its file CURRENT is damaged: it does not name a MANIFEST");
    if (result != 0) {
        snprintf(what, sizeof(what), "its file CURRENT cannot be read: %s", strerror(-result));
        return refuse(folder, host, err, what);
    }
    if (number < marked->claim.number) {
        snprintf(what, sizeof(what), "its file CURRENT names " NAME_FORMAT " and not the newer " NAME_FORMAT,
                 number, marked->claim.number);
        return refuse(folder, host, err, what);
    }
    /* A newer one is of an open that was killed before it wrote the mark, or of a version that writes no claims. */
    return number > marked->claim.number ? 0 : check_bytes(folder, &marked->claim, host, err);
}

int rocks_manifest_open(struct rocks_manifest *manifest, const char *folder)
{
    *manifest = (struct rocks_manifest){.folder = strdup(folder), .fd = -1};
    return manifest->folder == NULL ? ORDO_ENOMEM : 0;
}

/* From the first, or the last, to the one that CURRENT names. The descriptor keeps its number, since others glance at
 * it. */
static int go_to(struct rocks_manifest *manifest, uint64_t number)
{
    int fd, result = open_numbered(manifest->folder, number, &fd);

    if (result != 0)
        return result;
    if (manifest->fd < 0) {
        manifest->fd = fd;
    } else {
        if (dup3(fd, manifest->fd, O_CLOEXEC) < 0)
            result = -errno;
        close(fd);
    }
    if (result == 0)
        manifest->claim = (struct rocks_claim){number, 0, HASH_START};
    return result;
}

int rocks_manifest_follow(struct rocks_manifest *manifest, bool *ret_moved)
{
    struct rocks_claim claim;
    uint64_t number = 0;
    int result = read_current(manifest->folder, &number);

    if (result == 0 && number != manifest->claim.number)
        result = go_to(manifest, number);
    claim = manifest->claim;
    if (result == 0)
        result = hash_up_to(manifest->fd, UINT64_MAX, &claim);
    *ret_moved = result == 0 && claim.size > manifest->claim.size;
    if (!*ret_moved)
        return result;
    if (fsync(manifest->fd) != 0) /* it may have been read before RocksDB synced it */
        return -errno;
    manifest->claim = claim;
    return 0;
}

uint64_t rocks_manifest_size(const struct rocks_manifest *manifest)
{
    struct stat status;

    return fstat(manifest->fd, &status) == 0 ? (uint64_t)status.st_size : 0;
}

void rocks_manifest_close(struct rocks_manifest *manifest)
{
    if (manifest->fd >= 0)
        close(manifest->fd);
    free(manifest->folder);
    *manifest = (struct rocks_manifest){.fd = -1};
}
