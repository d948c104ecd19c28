/* SPDX-License-Identifier: MIT
 * monotonic_cond.h: a condition whose timed waits end at monotonic times, whatever happens to the date.
 */
#pragma once

#include <pthread.h>
#include <time.h>

static inline void monotonic_cond_init(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}
