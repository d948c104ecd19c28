/* SPDX-License-Identifier: MIT
 * coroutines.c: a record is the struct, and its frames behind it; both are made of words, so all are aligned.
 */
#include "profile/coroutines.h"

#include <assert.h>
#include <stdalign.h>

static_assert(sizeof(struct ordo_coroutine) % sizeof(uint64_t) == 0, "frames follow a record");

void ordo_coroutines_add(struct ordo_coroutines *coroutines, const struct ordo_coroutine *coroutine,
                         const uint64_t *frames)
{
    ordo_buffer_append(&coroutines->records, (ordo_str){(const char *)coroutine, sizeof(*coroutine)});
    if (coroutine->frame_count > 0)
        ordo_buffer_append(&coroutines->records,
                           (ordo_str){(const char *)frames, coroutine->frame_count * sizeof(*frames)});
    coroutines->count++;
}

void ordo_coroutines_join(struct ordo_coroutines *coroutines, struct ordo_coroutines *from)
{
    ordo_buffer_append(&coroutines->records, ordo_buffer_str(&from->records));
    coroutines->count += from->count;
    ordo_coroutines_done(from);
}

bool ordo_coroutines_next(const struct ordo_coroutines *coroutines, size_t *at,
                          const struct ordo_coroutine **ret_coroutine, const uint64_t **ret_frames)
{
    const char *record = coroutines->records.ptr + *at;

    if (*at >= coroutines->records.len)
        return false;
    *ret_coroutine = (const struct ordo_coroutine *)(const void *)record;
    *ret_frames = (const uint64_t *)(const void *)(record + sizeof(**ret_coroutine));
    *at += sizeof(**ret_coroutine) + (*ret_coroutine)->frame_count * sizeof(**ret_frames);
    return true;
}

void ordo_coroutines_done(struct ordo_coroutines *coroutines)
{
    ordo_buffer_done(&coroutines->records);
    *coroutines = (struct ordo_coroutines){0};
}
