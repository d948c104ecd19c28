/* SPDX-License-Identifier: MIT
 * lock.h: the engine's locks: mutexes with a name, of which somebody may hear how long threads waited for them.
 *
 * A lock that is free costs what a mutex costs: one atomic exchange each way. Only a thread that finds it taken looks
 * whether anybody wants to hear, and then reads the clock twice. What it waited is told when it gives the lock back, so that
 * whoever hears of it, which may take a stack, holds up nobody; the stack is then that of the code which waited.
 *
 *   struct ordo_lock lock;
 *   ordo_lock_init(&lock, ORDO_LOCK_QUEUE);
 *   ordo_lock(&lock);
 *   ...
 *   ordo_unlock(&lock);
 *   ordo_lock_done(&lock);
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/error.h"

enum ordo_lock_name {
#define X(name, text) ORDO_LOCK_##name,
#include "base/lock_table.h"
#undef X
    ORDO_LOCK_COUNT,
};

const char *ordo_lock_text(enum ordo_lock_name name);

struct ordo_lock {
    pthread_mutex_t mutex;
    int64_t waited_ns; /* under the mutex: by the holder, who has not told yet; 0: nothing to tell */
    enum ordo_lock_name name;
};

#define ORDO_LOCK_INITIALIZER(which)                                                                         \
    {                                                                                                        \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .name = ORDO_LOCK_##which                                        \
    }

/* Called on the thread that waited, which holds none of the locks that it waited for; NULL: nobody wants to hear. It must
 * not take one itself that it may have to wait for. */
typedef void (*ordo_lock_waited_fn)(enum ordo_lock_name name, int64_t waited_ns);
extern _Atomic(ordo_lock_waited_fn) ordo_lock_waited;

void ordo_lock_init(struct ordo_lock *lock, enum ordo_lock_name name);
void ordo_lock_done(struct ordo_lock *lock);

void ordo__lock_wait(struct ordo_lock *lock);   /* it is taken by another */
void ordo__unlock_tell(struct ordo_lock *lock); /* it was waited for */

static inline void ordo_lock(struct ordo_lock *lock)
{
    if (pthread_mutex_trylock(&lock->mutex) != 0)
        ordo__lock_wait(lock);
}

static inline void ordo_unlock(struct ordo_lock *lock)
{
    if (lock->waited_ns == 0) {
        pthread_mutex_unlock(&lock->mutex);
        return;
    }
    ordo__unlock_tell(lock);
    __asm__ volatile(""); /* so it is no tail call, which would leave its caller out of the stack */
}

/* As pthread_cond_wait, and pthread_cond_timedwait unless `until` is NULL. The wait for the lock behind a signal is
 * not counted. */
int ordo_lock_wait(struct ordo_lock *lock, pthread_cond_t *changed, const struct timespec *until);

/* A lock for one writer or many readers. Waits are told while it is held, for a reader has no place to note them. */
struct ordo_rwlock {
    pthread_rwlock_t lock;
    enum ordo_lock_name name;
};

void ordo_rwlock_init(struct ordo_rwlock *lock, enum ordo_lock_name name);
void ordo_rwlock_done(struct ordo_rwlock *lock);
void ordo_rwlock_read(struct ordo_rwlock *lock);
void ordo_rwlock_write(struct ordo_rwlock *lock);
void ordo_rwlock_unlock(struct ordo_rwlock *lock);
