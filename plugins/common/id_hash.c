/* SPDX-License-Identifier: MIT
 * id_hash.c: a hash of order ids: multiplies and folds, 16 bytes a step.
 */
#include "id_hash.h"

#include <sys/random.h>
#include <time.h>

void id_hash_seed(uint64_t seed[2])
{
    if (getrandom(seed, 2 * sizeof(*seed), 0) != (ssize_t)(2 * sizeof(*seed)))
        seed[0] = (uint64_t)time(NULL);
    seed[1] |= 1;
}

__extension__ typedef unsigned __int128 uint128;

static uint64_t fold(uint64_t a, uint64_t b)
{
    uint128 product = (uint128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t read_bytes(const char *from, size_t count)
{
    uint64_t value = 0;

    memcpy(&value, from, count);
    return value;
}

uint64_t id_hash(const uint64_t seed[2], ordo_str id)
{
    uint64_t hash = seed[0] ^ id.len, a = 0, b = 0;
    const char *at = id.ptr;
    size_t left = id.len;

    for (; left > 16; at += 16, left -= 16)
        hash = fold(read_bytes(at, 8) ^ seed[1], read_bytes(at + 8, 8) ^ hash);
    if (left >= 8) {
        a = read_bytes(at, 8);
        b = read_bytes(at + left - 8, 8);
    } else if (left >= 4) {
        a = read_bytes(at, 4);
        b = read_bytes(at + left - 4, 4);
    } else if (left > 0) {
        a = read_bytes(at, left);
    }
    return fold(fold(a ^ seed[1], b ^ hash), seed[1] ^ 0x9e3779b97f4a7c15u);
}
