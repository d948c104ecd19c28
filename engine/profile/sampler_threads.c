/* SPDX-License-Identifier: MIT
 * sampler_threads.c: finds the threads of the process in /proc, so that those of libraries are sampled as well.
 */
#include "profile/sampler_impl.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "12 (name) S 1 …": the name may hold anything, so its end is the last parenthesis. The 22nd field is when it began. */
static bool parse_stat(char *text, char *ret_name, uint64_t *ret_started)
{
    char *open = strchr(text, '('), *close = strrchr(text, ')'), *at;

    if (open == NULL || close == NULL || close < open)
        return false;
    snprintf(ret_name, ORDO__NAME_SIZE, "%.*s", (int)(close - open - 1), open + 1);
    at = close + 1; /* the space before the third */
    for (int field = 3; field < 22; field++)
        if ((at = strchr(at + 1, ' ')) == NULL)
            return false;
    *ret_started = strtoull(at, NULL, 10);
    return true;
}

static bool read_text(int32_t tid, char *ret_text, size_t size)
{
    char path[64];
    ssize_t got;
    int fd;

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    got = read(fd, ret_text, size - 1);
    close(fd);
    if (got <= 0)
        return false;
    ret_text[got] = '\0';
    return true;
}

static bool read_stat(int32_t tid, char *ret_name, uint64_t *ret_started)
{
    char text[1024];

    return read_text(tid, text, sizeof(text)) && parse_stat(text, ret_name, ret_started);
}

char ordo_sampler_kernel_state(int32_t tid)
{
    const char *close;
    char text[1024];

    if (!read_text(tid, text, sizeof(text)))
        return 0;
    close = strrchr(text, ')');
    return close != NULL && close[1] == ' ' ? close[2] : 0;
}

static struct ordo__slot *find_slot(struct ordo_sampler *sampler, int32_t tid)
{
    for (size_t i = 0; i < ORDO__SLOTS; i++)
        if (atomic_load_explicit(&sampler->slots[i].tid, memory_order_relaxed) == tid)
            return &sampler->slots[i];
    return NULL;
}

/* Under the lock. */
static void see_thread(struct ordo_sampler *sampler, int32_t tid)
{
    struct ordo__slot *slot = find_slot(sampler, tid);
    char name[ORDO__NAME_SIZE];
    uint64_t started;

    if (!read_stat(tid, name, &started))
        return; /* it just ended */
    if (slot != NULL) {
        slot->is_seen =
            slot->started == started; /* else another thread has the tid now: the next scan takes it */
        if (slot->is_seen)
            memcpy(slot->name, name, sizeof(name)); /* threads name themselves after their start */
        return;
    }
    if ((slot = find_slot(sampler, 0)) == NULL)
        return; /* more threads than slots: the rest is not sampled */
    memcpy(slot->name, name, sizeof(name));
    slot->started = started;
    slot->is_seen = true;
    slot->clock =
        (clockid_t)((~(uint32_t)tid << 3) | 6); /* the kernel's number for the CPU time of a thread */
    atomic_store(&slot->tid, tid);
    ordo__slot_begin(sampler, slot);
}

void ordo__threads_scan(struct ordo_sampler *sampler)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    uint32_t threads = 0;

    if (tasks == NULL)
        return;
    ordo_lock(&sampler->lock);
    for (size_t i = 0; i < ORDO__SLOTS; i++)
        sampler->slots[i].is_seen = false;
    while ((entry = readdir(tasks)) != NULL)
        if (entry->d_name[0] != '.')
            see_thread(sampler, (int32_t)strtol(entry->d_name, NULL, 10));
    ordo_unlock(&sampler->lock);
    closedir(tasks);
    for (size_t i = 0; i < ORDO__SLOTS; i++) {
        struct ordo__slot *slot = &sampler->slots[i];

        if (atomic_load_explicit(&slot->tid, memory_order_relaxed) != 0 && !slot->is_seen)
            ordo__slot_end(sampler, slot);
        threads += slot->is_seen;
    }
    atomic_store_explicit(&sampler->threads, threads, memory_order_relaxed);
}
