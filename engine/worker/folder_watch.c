/* SPDX-License-Identifier: MIT
 * folder_watch.c: inotify on a scripts folder, and a settle time.
 */
#include "worker/folder_watch.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

enum { SETTLE_MS = 100 };

static void watch_folders(struct ordo_folder_watch *watch)
{
    static const char *const parts[] = {"", "/validation", "/rules", "/lib", "/tests", "/data"};
    const uint32_t places = IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE;
    const uint32_t events = places | IN_CLOSE_WRITE | IN_DELETE_SELF;
    char path[4096];
    int number;

    /* Before the folders, so that none can take another's place unseen in between. */
    if (watch->fd >= 0)
        watch->parent_number = inotify_add_watch(watch->fd, watch->parent, places);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && watch->fd >= 0; i++) {
        snprintf(path, sizeof(path), "%s%s", watch->folder, parts[i]);
        /* The same watch again when there is one; an absent part fails. "." is its own parent. */
        number = inotify_add_watch(watch->fd, path, events);
        if (number >= 0 && number == watch->parent_number)
            watch->parent_number = -1;
    }
}

/* Reads all events; false when they were about the neighbours of the scripts folder only. */
static bool is_changed(const struct ordo_folder_watch *watch)
{
    char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool changed = false;
    ssize_t got;

    while (watch->fd >= 0 && (got = read(watch->fd, bytes, sizeof(bytes))) > 0)
        for (const char *at = bytes; at < bytes + got;) {
            const struct inotify_event *event = (const void *)at;

            if (event->wd != watch->parent_number || event->len == 0 || strcmp(event->name, watch->name) == 0)
                changed = true;
            at += sizeof(*event) + event->len;
        }
    return changed;
}

/* dirname and basename want a copy each, and may return another text than it. */
static void take_folder(struct ordo_folder_watch *watch, const char *folder)
{
    char *for_parent = strdup(folder), *for_name = strdup(folder);

    ORDO_REQUIRE(for_parent != NULL && for_name != NULL);
    watch->folder = strdup(folder);
    watch->parent = strdup(dirname(for_parent));
    watch->name = strdup(basename(for_name));
    ORDO_REQUIRE(watch->folder != NULL && watch->parent != NULL && watch->name != NULL);
    free(for_parent);
    free(for_name);
}

bool ordo_folder_watch_open(struct ordo_folder_watch *watch, const char *folder)
{
    *watch = (struct ordo_folder_watch){.quiet_ns = INT64_MAX};
    take_folder(watch, folder);
    watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch->fd < 0)
        return false;
    watch_folders(watch);
    return true;
}

void ordo_folder_watch_close(struct ordo_folder_watch *watch)
{
    if (watch->fd >= 0)
        close(watch->fd);
    free(watch->folder);
    free(watch->parent);
    free(watch->name);
}

void ordo_folder_watch_read(struct ordo_folder_watch *watch)
{
    if (!is_changed(watch))
        return;
    watch_folders(watch);
    watch->quiet_ns = ordo_clock_ns() + (int64_t)SETTLE_MS * 1000000;
}

int ordo_folder_watch_wait_ms(const struct ordo_folder_watch *watch)
{
    int64_t left_ms;

    if (watch->quiet_ns == INT64_MAX)
        return -1;
    left_ms = (watch->quiet_ns - ordo_clock_ns() + 999999) / 1000000;
    return left_ms < 0 ? 0 : (int)left_ms;
}

bool ordo_folder_watch_settled(struct ordo_folder_watch *watch)
{
    if (ordo_clock_ns() < watch->quiet_ns)
        return false;
    ordo_folder_watch_forget(watch);
    return true;
}

void ordo_folder_watch_forget(struct ordo_folder_watch *watch)
{
    watch->quiet_ns = INT64_MAX;
}
