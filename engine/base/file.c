/* SPDX-License-Identifier: MIT
 * file.c: write, sync, rename, sync the folder; in this order, or the name may be there before the bytes.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static int write_all(int fd, ordo_str bytes)
{
    while (bytes.len > 0) {
        ssize_t done = write(fd, bytes.ptr, bytes.len);

        if (done < 0 && errno != EINTR)
            return -errno;
        if (done > 0)
            bytes = (ordo_str){bytes.ptr + done, bytes.len - (size_t)done};
    }
    return 0;
}

int ordo_file_write(int folder, const char *name, ordo_str bytes, mode_t mode)
{
    int fd, code;

    if (unlinkat(folder, name, 0) != 0 && errno != ENOENT)
        return -errno;
    fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    code = write_all(fd, bytes);
    if (code == 0 && fsync(fd) != 0)
        code = -errno;
    if (close(fd) != 0 && code == 0)
        code = -errno;
    if (code != 0)
        unlinkat(folder, name, 0);
    return code;
}

int ordo_file_replace(int folder, const char *name, ordo_str bytes, mode_t mode)
{
    char aside[NAME_MAX + 1];
    int code;

    if (snprintf(aside, sizeof(aside), "%s.new", name) >= (int)sizeof(aside))
        return -ENAMETOOLONG;
    if ((code = ordo_file_write(folder, aside, bytes, mode)) != 0)
        return code;
    if (renameat(folder, aside, folder, name) != 0) {
        code = -errno;
        unlinkat(folder, aside, 0);
        return code;
    }
    return fsync(folder) == 0 ? 0 : -errno;
}

int ordo_file_read(int folder, const char *name, size_t most, struct ordo_buffer *out)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), code = 0;
    size_t before = out->len;
    char bytes[16384];
    ssize_t got;

    if (fd < 0)
        return -errno;
    while ((got = read(fd, bytes, sizeof(bytes))) > 0 || (got < 0 && errno == EINTR)) {
        if (got > 0)
            ordo_buffer_append(out, (ordo_str){bytes, (size_t)got});
        if (out->len - before > most) {
            code = -EFBIG;
            break;
        }
    }
    if (got < 0)
        code = -errno;
    close(fd);
    return code;
}
