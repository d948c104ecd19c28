/* SPDX-License-Identifier: MIT
 * lock.c: what happens with a lock that is taken.
 */
#include "base/lock.h"

#include "base/clock.h"

_Atomic(ordo_lock_waited_fn) ordo_lock_waited;

const char *ordo_lock_text(enum ordo_lock_name name)
{
    static const char *const texts[] = {
#define X(name, text) text,
#include "base/lock_table.h"
#undef X
    };

    return texts[name];
}

void ordo_lock_init(struct ordo_lock *lock, enum ordo_lock_name name)
{
    ORDO_REQUIRE(pthread_mutex_init(&lock->mutex, NULL) == 0);
    lock->waited_ns = 0;
    lock->name = name;
}

void ordo_lock_done(struct ordo_lock *lock)
{
    pthread_mutex_destroy(&lock->mutex);
}

static bool is_heard(void)
{
    return atomic_load_explicit(&ordo_lock_waited, memory_order_relaxed) != NULL;
}

static int64_t waited_since(int64_t began_ns)
{
    int64_t waited_ns = ordo_clock_ns() - began_ns;

    return waited_ns > 0 ? waited_ns : 1; /* 0 says that there is nothing to tell */
}

static void tell(enum ordo_lock_name name, int64_t waited_ns)
{
    ordo_lock_waited_fn waited = atomic_load_explicit(&ordo_lock_waited, memory_order_acquire);

    if (waited != NULL)
        waited(name, waited_ns);
    __asm__ volatile(""); /* no tail call */
}

void ordo__lock_wait(struct ordo_lock *lock)
{
    bool heard = is_heard();
    int64_t began_ns = heard ? ordo_clock_ns() : 0;

    ORDO_REQUIRE(pthread_mutex_lock(&lock->mutex) == 0);
    if (heard)
        lock->waited_ns = waited_since(began_ns);
}

/* The lock may be gone once it is given back. */
__attribute__((noinline)) void ordo__unlock_tell(struct ordo_lock *lock)
{
    enum ordo_lock_name name = lock->name;
    int64_t waited_ns = lock->waited_ns;

    lock->waited_ns = 0;
    pthread_mutex_unlock(&lock->mutex);
    tell(name, waited_ns);
}

/* What the thread has to tell goes along with it, since others have the lock meanwhile. */
int ordo_lock_wait(struct ordo_lock *lock, pthread_cond_t *changed, const struct timespec *until)
{
    int64_t waited_ns = lock->waited_ns;
    int result;

    lock->waited_ns = 0;
    result = until == NULL ? pthread_cond_wait(changed, &lock->mutex)
                           : pthread_cond_timedwait(changed, &lock->mutex, until);
    lock->waited_ns = waited_ns;
    return result;
}

void ordo_rwlock_init(struct ordo_rwlock *lock, enum ordo_lock_name name)
{
    ORDO_REQUIRE(pthread_rwlock_init(&lock->lock, NULL) == 0);
    lock->name = name;
}

void ordo_rwlock_done(struct ordo_rwlock *lock)
{
    pthread_rwlock_destroy(&lock->lock);
}

static void take(struct ordo_rwlock *lock, int (*attempt)(pthread_rwlock_t *),
                 int (*wait)(pthread_rwlock_t *))
{
    int64_t began_ns;

    if (attempt(&lock->lock) == 0)
        return;
    began_ns = is_heard() ? ordo_clock_ns() : 0;
    ORDO_REQUIRE(wait(&lock->lock) == 0);
    if (began_ns != 0)
        tell(lock->name, waited_since(began_ns));
}

void ordo_rwlock_read(struct ordo_rwlock *lock)
{
    take(lock, pthread_rwlock_tryrdlock, pthread_rwlock_rdlock);
}

void ordo_rwlock_write(struct ordo_rwlock *lock)
{
    take(lock, pthread_rwlock_trywrlock, pthread_rwlock_wrlock);
}

void ordo_rwlock_unlock(struct ordo_rwlock *lock)
{
    pthread_rwlock_unlock(&lock->lock);
}
