/* SPDX-License-Identifier: MIT
 * source_file.c: brings in the orders of a file or a pipe, one JSON document a line.
 *
 * One thread reads, finds lines and submits them; it waits while too many orders are inside or the engine is
 * full, so a file of any size needs little memory. A line that is refused is logged with its number; after
 * NAMED_MAX of them they are only counted, so that a wrong file does not flood the log. A named pipe is read
 * for as long as the engine runs, for one writer after the other; a file and stdin are read to their end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feeder.h"

enum { READ_STEP = 256 * 1024, NAMED_MAX = 20 };

static const struct ordo_option options[] = {
    {"path", ORDO_OPTION_STRING, NULL, 1, 4095, NULL,
     "File or pipe to read orders from, a line each; - is stdin."},
    {"in_flight", ORDO_OPTION_INT, "1000", 1, 1000000, "orders", "Orders that may be undecided at a time."},
    {"max_line", ORDO_OPTION_SIZE, "4MiB", 64, (int64_t)1 << 30, NULL,
     "Longest line; longer ones are skipped and logged."},
    {0},
};

struct source {
    const struct ordo_host *host;
    struct feeder feeder;
    const char *path; /* the options' */
    size_t max_line;
    int fd, wake; /* wake: an eventfd that ends the wait for input */

    /* the thread's */
    char *bytes;
    size_t len, capacity;
    bool skipping; /* inside a line that is too long */
    uint64_t line; /* of the next line, from 1 */
    uint64_t orders;

    _Atomic uint64_t bad; /* lines that were refused; any thread */
};

/* An order that is inside: it knows its line until it is decided. */
struct line_order {
    struct feeder_order base; /* first: both convert */
    struct source *source;
    uint64_t line;
};

static void say(const struct source *source, enum ordo_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(const struct source *source, enum ordo_log_level level, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    source->host->log(source->host->engine, level, text);
}

static void bad_line(struct source *source, uint64_t line, ordo_str reason)
{
    uint64_t before = atomic_fetch_add(&source->bad, 1);
    int len = (int)(reason.len < 700 ? reason.len : 700);

    if (before < NAMED_MAX)
        say(source, ORDO_LOG_WARN, "%s:%llu: %.*s", source->path, (unsigned long long)line, len, reason.ptr);
    else if (before == NAMED_MAX)
        say(source, ORDO_LOG_WARN, "%s: more bad lines follow; they are only counted", source->path);
}

/* A worker's thread. */
static void line_decided(struct feeder_order *base, const struct ordo_outcome *outcome)
{
    struct line_order *order = (struct line_order *)base;

    if (outcome->status == ORDO_STATUS_INVALID)
        bad_line(order->source, order->line, outcome->decision);
    free(order);
}

static bool is_blank(ordo_str line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r')
            return false;
    return true;
}

/* False when the source stops. */
static bool submit_line(struct source *source, ordo_str line)
{
    struct ordo_error err = {0};
    struct line_order *order;
    int result;

    source->line++;
    if (source->skipping || line.len > source->max_line) {
        source->skipping = false;
        bad_line(source, source->line, ORDO_STR("longer than max_line; raise it, or split the order"));
        return true;
    }
    if (is_blank(line))
        return true;
    order = malloc(sizeof(*order));
    if (order == NULL) {
        bad_line(source, source->line, ORDO_STR("out of memory"));
        return true;
    }
    *order = (struct line_order){.base.decided = line_decided, .source = source, .line = source->line};
    result = feeder_submit(&source->feeder, line, &order->base, &err);
    if (result == 0) {
        source->orders++;
        return true;
    }
    free(order);
    if (result == ORDO_ESTOPPED)
        return false;
    bad_line(source, source->line, ordo_str_from(err.message));
    return true;
}

/* Submits the whole lines of the buffer, and at the end of the input the rest too. */
static bool submit_lines(struct source *source, bool at_end)
{
    const char *at = source->bytes, *end = at + source->len, *newline;

    while (at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if (!submit_line(source, (ordo_str){at, (size_t)(newline - at)}))
            return false;
        at = newline + 1;
    }
    if (at_end && (at < end || source->skipping)) {
        if (!submit_line(source, (ordo_str){at, (size_t)(end - at)}))
            return false;
        at = end;
    }
    source->len = (size_t)(end - at);
    if (source->len > source->max_line) { /* the rest of this line is of no use */
        source->skipping = true;
        source->len = 0;
    }
    if (source->len > 0)
        memmove(source->bytes, at, source->len);
    return true;
}

/* Bytes read; 0 at the end; negative: failed, or ORDO_ESTOPPED. */
static ssize_t read_some(struct source *source)
{
    struct pollfd wait[2] = {{.fd = source->fd, .events = POLLIN}, {.fd = source->wake, .events = POLLIN}};
    ssize_t got;

    if (source->capacity - source->len < READ_STEP) {
        char *bytes = realloc(source->bytes, source->len + 2 * READ_STEP);

        if (bytes == NULL)
            return ORDO_ENOMEM;
        source->bytes = bytes;
        source->capacity = source->len + 2 * READ_STEP;
    }
    for (;;) {
        if (poll(wait, 2, -1) < 0 && errno != EINTR)
            return -errno;
        if (wait[1].revents != 0)
            return ORDO_ESTOPPED;
        if (wait[0].revents == 0)
            continue;
        got = read(source->fd, source->bytes + source->len, READ_STEP);
        if (got >= 0)
            return got;
        if (errno != EINTR && errno != EAGAIN)
            return -errno;
    }
}

static void *run(void *context)
{
    struct source *source = context;
    ssize_t got;

    while ((got = read_some(source)) > 0) {
        source->len += (size_t)got;
        if (!submit_lines(source, false))
            return NULL;
    }
    if (got == ORDO_ESTOPPED)
        return NULL;
    if (got < 0)
        say(source, ORDO_LOG_ERROR, "%s: cannot read on: %s", source->path,
            got == ORDO_ENOMEM ? "out of memory" : strerror((int)-got));
    if (!submit_lines(source, true) || !feeder_settle(&source->feeder))
        return NULL;
    say(source, ORDO_LOG_INFO, "%s: end of input: %llu lines, %llu orders submitted, %llu lines refused",
        source->path, (unsigned long long)source->line, (unsigned long long)source->orders,
        (unsigned long long)atomic_load(&source->bad));
    return NULL;
}

static int start(void *self, struct ordo_error *err)
{
    struct source *source = self;

    return feeder_start(&source->feeder, "source-file", run, source, err);
}

static void stop(void *self)
{
    struct source *source = self;

    eventfd_write(source->wake, 1);
    feeder_stop(&source->feeder);
}

static void stat_source(void *self, struct ordo_source_stat *ret_stat)
{
    struct source *source = self;

    feeder_stat(&source->feeder, ret_stat);
}

static void close_source(void *self)
{
    struct source *source = self;

    if (source == NULL)
        return;
    if (source->fd > STDIN_FILENO)
        close(source->fd);
    if (source->wake >= 0)
        close(source->wake);
    feeder_done(&source->feeder);
    free(source->bytes);
    free(source);
}

/* A named pipe is opened for writing too: so it has no end when a writer leaves, and the open does not wait
 * for one. */
static int open_input(const char *path)
{
    struct stat status;
    int fd;

    if (strcmp(path, "-") == 0)
        return STDIN_FILENO;
    if (stat(path, &status) != 0)
        return -errno;
    if (S_ISDIR(status.st_mode))
        return -EISDIR;
    fd = open(path, (S_ISFIFO(status.st_mode) ? O_RDWR | O_NONBLOCK : O_RDONLY) | O_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

static int open_source(const struct ordo_host *host, const struct ordo_options *values, void **ret_self,
                       struct ordo_error *err)
{
    struct source *source = calloc(1, sizeof(*source));
    int result;

    if (source == NULL)
        return host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    source->host = host;
    source->path = host->option_string(values, "path");
    source->max_line = (size_t)host->option_int(values, "max_line");
    feeder_init(&source->feeder, host, (uint64_t)host->option_int(values, "in_flight"));
    source->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    source->fd = open_input(source->path);
    if (source->fd < 0 || source->wake < 0) {
        result = source->fd < 0 ? source->fd : -EMFILE;
        host->fail(err, result, source->path, "cannot read orders from it: %s", strerror(-result));
        close_source(source);
        return result;
    }
    *ret_self = source;
    return 0;
}

static int check_source(const struct ordo_host *host, const struct ordo_options *values,
                        struct ordo_error *err)
{
    const char *path = host->option_string(values, "path");
    int fd = open_input(path);

    if (fd < 0)
        return host->fail(err, fd, path, "cannot read orders from it: %s", strerror(-fd));
    if (fd > STDIN_FILENO)
        close(fd);
    return 0;
}

static const struct ordo_source_ops ops = {
    .size = sizeof(ops),
    .start = start,
    .stop = stop,
    .stat = stat_source,
};

const struct ordo_plugin *ordo_plugin_entry(void)
{
    static const struct ordo_plugin plugin = {
        .size = sizeof(plugin),
        .abi_major = ORDO_ABI_MAJOR,
        .abi_minor = ORDO_ABI_MINOR,
        .kind = ORDO_PLUGIN_SOURCE,
        .name = "source_file",
        .version = ORDO_VERSION,
        .summary = "Brings in the orders of a file or a pipe, one JSON document a line.",
        .options = options,
        .open = open_source,
        .close = close_source,
        .ops = &ops,
        .check = check_source,
    };

    return &plugin;
}
