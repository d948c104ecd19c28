/* SPDX-License-Identifier: MIT
 * thread.c: starting threads with their name and signal mask, and the waker.
 */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mallctl.h"
#include "base/timeline.h"

enum { NAME_SIZE = 16 }; /* the kernel's bound, with its NUL */

struct start {
    ordo_thread_fn run;
    void *context;
    char name[NAME_SIZE];
};

static void *thread_main(void *argument)
{
    struct start start = *(struct start *)argument;

    free(argument);
    pthread_setname_np(pthread_self(), start.name);
    /* So that heap profiles name it; fails, and nothing is lost, when there are none. */
    ordo_mallctl_write("thread.prof.name", &(const char *){start.name}, sizeof(char *));
    ordo_timeline_enter(start.name);
    start.run(start.context);
    return NULL;
}

/* All but the signals that the thread's own code raises, which must act at once, and the profiler's. */
static void signals_to_block(sigset_t *ret_set)
{
    static const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGPROF};

    sigfillset(ret_set);
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
        sigdelset(ret_set, open[i]);
}

int ordo_thread_start(struct ordo_thread *thread, const char *name, ordo_thread_fn run, void *context)
{
    struct start *start = malloc(sizeof(*start));
    sigset_t blocked, before;
    int rc;

    ORDO_REQUIRE(start != NULL);
    *start = (struct start){.run = run, .context = context};
    snprintf(start->name, sizeof(start->name), "%s", name);
    /* A thread inherits the mask of the one that makes it, so there is no moment in which it has another. */
    signals_to_block(&blocked);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    rc = pthread_create(&thread->id, NULL, thread_main, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    thread->started = rc == 0;
    if (rc != 0)
        free(start);
    return -rc;
}

void ordo_thread_join(struct ordo_thread *thread)
{
    if (!thread->started)
        return;
    ORDO_REQUIRE(pthread_join(thread->id, NULL) == 0);
    thread->started = false;
}

void ordo_cond_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    ORDO_REQUIRE(pthread_condattr_init(&attributes) == 0);
    ORDO_REQUIRE(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    ORDO_REQUIRE(pthread_cond_init(condition, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
}

void ordo_waker_init(struct ordo_waker *waker)
{
    ordo_lock_init(&waker->lock, ORDO_LOCK_WAKER);
    ordo_cond_init(&waker->changed);
    waker->woken = false;
}

void ordo_waker_done(struct ordo_waker *waker)
{
    pthread_cond_destroy(&waker->changed);
    ordo_lock_done(&waker->lock);
}

void ordo_waker_wake(struct ordo_waker *waker)
{
    ordo_lock(&waker->lock);
    if (!waker->woken) {
        waker->woken = true;
        pthread_cond_signal(&waker->changed);
    }
    ordo_unlock(&waker->lock);
}

void ordo_waker_wait(struct ordo_waker *waker, int64_t until_ns)
{
    struct timespec until = {0};
    int rc = 0;

    if (until_ns > 0)
        until = (struct timespec){.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
    ordo_lock(&waker->lock);
    while (!waker->woken && rc != ETIMEDOUT) {
        if (until_ns == INT64_MAX)
            ordo_lock_wait(&waker->lock, &waker->changed, NULL);
        else
            rc = ordo_lock_wait(&waker->lock, &waker->changed, &until);
    }
    waker->woken = false;
    ordo_unlock(&waker->lock);
}
