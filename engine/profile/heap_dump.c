/* SPDX-License-Identifier: MIT
 * heap_dump.c: starts jemalloc's sampling with our unwinder, and takes its dumps, through a file that is memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mallctl.h"
#include "profile/heap.h"
#include "profile/unwind.h"

static uint64_t allocator_start, allocator_end; /* of jemalloc's code */

/* Called by jemalloc, inside of an allocation and with no lock held: nothing may be allocated. */
static void take_stack(void **ret_frames, unsigned *ret_count, unsigned most)
{
    uint64_t frames[ORDO_UNWIND_MAX];
    size_t count = ordo_unwind(frames, ORDO_UNWIND_MAX), from = 1; /* this function */

    while (from < count && frames[from] >= allocator_start && frames[from] < allocator_end)
        from++; /* malloc itself tells nothing */
    if (from >= count)
        from = 0;
    for (size_t i = from; i < count && i - from < most; i++)
        ret_frames[i - from] = (void *)(uintptr_t)frames[i]; /* NOLINT(performance-no-int-to-ptr) */
    *ret_count = (unsigned)(count - from < most ? count - from : most);
}

void ordo_heap_start(void)
{
    void (*hook)(void **, unsigned *, unsigned) = take_stack;
    bool active = true;

    if (mallctl == NULL)
        return;
    ordo_unwind_object((uint64_t)(uintptr_t)mallctl, &allocator_start, &allocator_end);
    if (ordo_mallctl_write("experimental.hooks.prof_backtrace", &hook, sizeof(hook)) == 0)
        ordo_mallctl_write("prof.active", &active, sizeof(active));
}

int ordo_heap_check(struct ordo_error *err)
{
    bool can = false, wants = false, active = false;

    if (mallctl == NULL)
        return ordo_fail(
            err, -ENOTSUP, NULL,
            "there are no heap profiles: this program is built without jemalloc, as sanitizers need it; "
            "use a build without them");
    if (ordo_mallctl_read("config.prof", &can, sizeof(can)) != 0 || !can)
        return ordo_fail(err, -ENOTSUP, NULL,
                         "there are no heap profiles: the jemalloc that was loaded is built without them; "
                         "use Debian's libjemalloc2, or build it with --enable-prof");
    if (ordo_mallctl_read("opt.prof", &wants, sizeof(wants)) != 0 || !wants)
        return ordo_fail(
            err, -ENOTSUP, NULL,
            "there are no heap profiles: the process was started with prof:false in MALLOC_CONF (or "
            "/etc/malloc.conf); start it again without");
    if (ordo_mallctl_read("prof.active", &active, sizeof(active)) != 0 || !active)
        return ordo_fail(
            err, -ENOTSUP, NULL,
            "there are no heap profiles: jemalloc does not sample, because it did not take the engine's "
            "unwinder at the start; use jemalloc 5.3");
    return 0;
}

/* Appends all of a file. */
static int read_file(int fd, struct ordo_buffer *out, struct ordo_error *err)
{
    struct stat status;
    ssize_t len = 0;

    if (fstat(fd, &status) != 0)
        return ordo_fail(err, -errno, NULL, "cannot read the heap dump: %s", strerror(errno));
    for (off_t at = 0; at < status.st_size; at += len) {
        len = pread(fd, ordo_buffer_reserve(out, (size_t)(status.st_size - at)),
                    (size_t)(status.st_size - at), at);
        if (len <= 0)
            return ordo_fail(err, len == 0 ? -EIO : -errno, NULL, "cannot read the heap dump: %s",
                             strerror(len == 0 ? EIO : errno));
        out->len += (size_t)len;
    }
    return 0;
}

static int write_dump(int fd, struct ordo_error *err)
{
    char path[64];
    int rc;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    rc = ordo_mallctl_write("prof.dump", &(const char *){path}, sizeof(char *));
    return rc == 0
               ? 0
               : ordo_fail(err, -rc, NULL,
                           "jemalloc could not write its heap dump (%s); it needs /proc and some free memory",
                           strerror(rc));
}

struct ordo_heap_dump *ordo_heap_dump_take(struct ordo_error *err)
{
    struct ordo_buffer text = {0};
    struct ordo_heap_dump *dump = NULL;
    int fd;

    if (ordo_heap_check(err) != 0)
        return NULL;
    fd = memfd_create("ordo heap dump", MFD_CLOEXEC);
    if (fd < 0) {
        ordo_fail(err, -errno, NULL, "cannot make a file in memory for the heap dump: %s", strerror(errno));
        return NULL;
    }
    if (write_dump(fd, err) == 0 && read_file(fd, &text, err) == 0)
        dump = ordo_heap_dump_read(ordo_buffer_str(&text), err);
    close(fd);
    ordo_buffer_done(&text);
    if (dump != NULL)
        dump->utc_ns = ordo_clock_utc_ms() * 1000000;
    return dump;
}
