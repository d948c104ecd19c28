/* SPDX-License-Identifier: MIT
 * thread.h: named threads, and the waker on which a thread sleeps until there is something to do.
 *
 * Threads start with all signals blocked but the ones that tell of faults. Every thread that is started is
 * joined.
 */
#pragma once

#include "base/lock.h"

typedef void (*ordo_thread_fn)(void *context);

struct ordo_thread {
    pthread_t id;
    bool started;
};

/* `name` is cut to 15 bytes. Returns 0 or a negative errno value. */
int ordo_thread_start(struct ordo_thread *thread, const char *name, ordo_thread_fn run, void *context);
void ordo_thread_join(struct ordo_thread *thread); /* nothing when it was not started; safe to call twice */

/* One sleeper, any number of wakers. A wake that comes first is kept, so none is lost. */
struct ordo_waker {
    struct ordo_lock lock;
    pthread_cond_t changed;
    bool woken; /* under lock */
};

/* A condition whose timed waits end at monotonic times. */
void ordo_cond_init(pthread_cond_t *condition);

void ordo_waker_init(struct ordo_waker *waker);
void ordo_waker_done(struct ordo_waker *waker);
void ordo_waker_wake(struct ordo_waker *waker); /* any thread */
/* Sleeps until a wake, which it takes, or until a monotonic time; INT64_MAX: no end. */
void ordo_waker_wait(struct ordo_waker *waker, int64_t until_ns);
