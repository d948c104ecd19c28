/* SPDX-License-Identifier: MIT
 * line_file.c: appends whole lines to a file.
 */
#include "line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "write_all.h"

enum { CAPACITY_FIRST = 64 * 1024, CAPACITY_KEPT = 4 * 1024 * 1024, TAIL_STEP = 4096 };

static int make_folders(const struct ordo_host *host, char *path, struct ordo_error *err)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        int result;

        *slash = '\0';
        result = mkdir(path, 0750) != 0 && errno != EEXIST ? -errno : 0;
        if (result != 0)
            host->fail(err, result, path, "cannot make the folder: %s", strerror(-result));
        *slash = '/';
        if (result != 0)
            return result;
    }
    return 0;
}

/* The length up to the end of the last whole line. */
static off_t whole_length(int fd, off_t size)
{
    char tail[TAIL_STEP];

    while (size > 0) {
        size_t want = size < TAIL_STEP ? (size_t)size : TAIL_STEP;
        ssize_t got = pread(fd, tail, want, size - (off_t)want);
        const char *newline;

        if (got != (ssize_t)want)
            return -1;
        newline = memrchr(tail, '\n', want);
        if (newline != NULL)
            return size - (off_t)want + (newline + 1 - tail);
        size -= (off_t)want;
    }
    return 0;
}

/* A process that was killed while it wrote may have left a part of a line; it was never acknowledged. */
static int cut_partial_line(const struct line_file *file, int fd, off_t size, struct ordo_error *err)
{
    off_t whole = whole_length(fd, size);
    char text[512];

    if (whole == size)
        return 0;
    if (whole < 0 || ftruncate(fd, whole) != 0)
        return file->host->fail(err, ORDO_EIO, file->path,
                                "its last line has no end and cannot be cut off: %s", strerror(errno));
    snprintf(text, sizeof(text), "%s: cut off a last line of %lld bytes that had no end", file->path,
             (long long)(size - whole));
    file->host->log(file->host->engine, ORDO_LOG_WARN, text);
    return 0;
}

/* Whether a file can be made there, with the folders that are missing. Cuts the path. */
static int check_folders(const struct ordo_host *host, char *path, struct ordo_error *err)
{
    struct stat status;
    char *slash;

    while ((slash = strrchr(path, '/')) != NULL && slash != path) {
        *slash = '\0';
        if (stat(path, &status) == 0)
            break;
        if (errno != ENOENT)
            return host->fail(err, -errno, path, "cannot make the folder: %s", strerror(errno));
    }
    if (access(slash == NULL ? "." : slash == path ? "/" : path, W_OK | X_OK) != 0)
        return host->fail(err, -errno, path, "cannot make a file there: %s", strerror(errno));
    return 0;
}

int line_file_check(const struct ordo_host *host, const char *path, struct ordo_error *err)
{
    struct stat status;
    char *copy;
    int result;

    if (stat(path, &status) == 0) {
        result = S_ISDIR(status.st_mode) ? -EISDIR : access(path, W_OK) != 0 ? -errno : 0;
        return result == 0
                   ? 0
                   : host->fail(err, result, path, "cannot open it for writing: %s", strerror(-result));
    }
    if (errno != ENOENT)
        return host->fail(err, -errno, path, "cannot open it for writing: %s", strerror(errno));
    copy = strdup(path);
    if (copy == NULL)
        return host->fail(err, ORDO_ENOMEM, path, "out of memory");
    result = check_folders(host, copy, err);
    free(copy);
    return result;
}

/* One writer a file: another one, here or in another process, would cut what this one writes. Where the file system has
 * no such locks there is none. */
static int lock(const struct line_file *file, int fd, struct ordo_error *err)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return 0;
    return file->host->fail(err, ORDO_EEXISTS, file->path,
                            "another sink or another process writes to it; give each a file of its own");
}

static bool is_same_file(int fd, const struct stat *status)
{
    struct stat other;

    return fd >= 0 && fstat(fd, &other) == 0 && other.st_dev == status->st_dev &&
           other.st_ino == status->st_ino;
}

int line_file_reopen(struct line_file *file, struct ordo_error *err)
{
    struct stat status;
    int fd, result = make_folders(file->host, file->path, err);

    if (result != 0)
        return result;
    fd = open(file->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    if (fd < 0 && errno == EACCES) /* a terminal or a device that may only be written */
        fd = open(file->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &status) != 0) {
        result = file->host->fail(err, -errno, file->path, "cannot open it for writing: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return result;
    }
    if (S_ISREG(status.st_mode) && is_same_file(file->fd, &status)) { /* it has the lock */
        close(fd);
        return 0;
    }
    if (S_ISREG(status.st_mode) && ((result = lock(file, fd, err)) != 0 ||
                                    (result = cut_partial_line(file, fd, status.st_size, err)) != 0)) {
        close(fd);
        return result;
    }
    if (file->fd >= 0)
        close(file->fd);
    file->fd = fd;
    file->is_regular = S_ISREG(status.st_mode);
    return 0;
}

int line_file_open(struct line_file *file, const struct ordo_host *host, const char *path,
                   struct ordo_error *err)
{
    int result;

    *file = (struct line_file){.host = host, .fd = -1, .path = strdup(path)};
    if (file->path == NULL)
        return host->fail(err, ORDO_ENOMEM, path, "out of memory");
    result = line_file_reopen(file, err);
    if (result != 0)
        line_file_close(file);
    return result;
}

void line_file_close(struct line_file *file)
{
    if (file->path != NULL && file->fd >= 0)
        close(file->fd);
    free(file->path);
    free(file->bytes);
    *file = (struct line_file){.fd = -1};
}

static char *reserve(struct line_file *file, size_t more)
{
    if (file->capacity - file->len < more) {
        size_t capacity = file->capacity == 0 ? CAPACITY_FIRST : file->capacity;
        char *bytes;

        while (capacity - file->len < more)
            capacity *= 2;
        bytes = realloc(file->bytes, capacity);
        if (bytes == NULL) {
            file->no_memory = true;
            return NULL;
        }
        file->bytes = bytes;
        file->capacity = capacity;
    }
    return file->bytes + file->len;
}

void line_file_add(struct line_file *file, ordo_str text)
{
    char *to = reserve(file, text.len);

    if (to == NULL || text.len == 0)
        return;
    memcpy(to, text.ptr, text.len);
    file->len += text.len;
}

void line_file_add_json(struct line_file *file, ordo_str text)
{
    static const char hex[] = "0123456789abcdef";

    line_file_add(file, ORDO_STR("\""));
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];

        if (byte == '"' || byte == '\\')
            line_file_add(file, (ordo_str){(const char[]){'\\', (char)byte}, 2});
        else if (byte < 0x20)
            line_file_add(file,
                          (ordo_str){(const char[]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6});
        else if (byte >= 0x7f) /* may be no UTF-8 */
            line_file_add(file, ORDO_STR("\\ufffd"));
        else
            line_file_add(file, (ordo_str){text.ptr + i, 1});
    }
    line_file_add(file, ORDO_STR("\""));
}

void line_file_end(struct line_file *file)
{
    line_file_add(file, ORDO_STR("\n"));
}

int line_file_write(struct line_file *file, bool sync, struct ordo_error *err)
{
    size_t len = file->len;
    struct stat before;
    int result = 0;

    file->len = 0;
    if (file->no_memory) {
        file->no_memory = false;
        return file->host->fail(err, ORDO_ENOMEM, file->path, "out of memory");
    }
    if (len == 0)
        return 0;
    if (file->is_regular && fstat(file->fd, &before) != 0)
        return file->host->fail(err, -errno, file->path, "cannot look at it: %s", strerror(errno));
    result = write_all(file->fd, file->bytes, len);
    if (result == 0 && sync && file->is_regular && fdatasync(file->fd) != 0)
        result = -errno;
    if (result != 0) {
        file->host->fail(err, result, file->path, "cannot write: %s", strerror(-result));
        if (file->is_regular && ftruncate(file->fd, before.st_size) != 0)
            file->host->log(file->host->engine, ORDO_LOG_ERROR, "a part of a line may be left in the file");
    }
    if (file->capacity > CAPACITY_KEPT) {
        free(file->bytes);
        file->bytes = NULL;
        file->capacity = 0;
    }
    return result;
}
