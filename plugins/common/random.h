/* SPDX-License-Identifier: MIT
 * random.h: small random numbers for plugins: good enough for test orders and for spreading retries, not for
 * secrets.
 */
#pragma once

#include <stdint.h>
#include <sys/random.h>
#include <sys/types.h>
#include <time.h>

struct random_state {
    uint64_t value;
};

/* A seed of 0 takes one from the system. */
static inline struct random_state random_from(uint64_t seed)
{
    struct timespec now;

    if (seed == 0 && getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed)) {
        clock_gettime(CLOCK_REALTIME, &now);
        seed = (uint64_t)now.tv_sec ^ (uint64_t)now.tv_nsec << 32;
    }
    return (struct random_state){seed};
}

/* splitmix64: every state has a successor, so any seed is a good one. */
static inline uint64_t random_next(struct random_state *state)
{
    uint64_t z = state->value += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0 <= x < bound; bound below 2^32 and not 0. */
static inline uint32_t random_below(struct random_state *state, uint32_t bound)
{
    return (uint32_t)(((random_next(state) >> 32) * bound) >> 32);
}
