/* SPDX-License-Identifier: MIT
 * write_all.h: write(2) until all is written.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

/* 0 or a negative errno value; then a part may be written. */
static inline int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);

        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            bytes += written;
            len -= (size_t)written;
        }
    }
    return 0;
}
