/* SPDX-License-Identifier: MIT
 * nearest.c: the distance counts letters that were inserted, left out, replaced or swapped with their
 * neighbour; the swap counts once because it is the commonest slip of the fingers.
 */
#include "core/nearest.h"

enum { WORD_MAX = 63 }; /* longer words get no suggestion */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance_of(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2], *spare;

    for (size_t j = 0; j <= b_len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;

            row[j] = smaller(smaller(last[j] + 1, row[j - 1] + 1), last[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smaller(row[j], before[j - 2] + 1);
        }
        spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[b_len];
}

struct ordo_nearest ordo_nearest(const char *word)
{
    size_t third = strlen(word) / 3;
    size_t most = third < 1 ? 1 : third > 3 ? 3 : third;

    return (struct ordo_nearest){.word = word, .distance = most + 1};
}

void ordo_nearest_try(struct ordo_nearest *nearest, ordo_str candidate)
{
    size_t word_len = strlen(nearest->word), distance;

    if (word_len > WORD_MAX || candidate.len > WORD_MAX)
        return;
    distance = distance_of(nearest->word, word_len, candidate.ptr, candidate.len);
    if (distance < nearest->distance) {
        nearest->distance = distance;
        memcpy(nearest->best, candidate.ptr, candidate.len);
        nearest->best[candidate.len] = '\0';
    }
}
