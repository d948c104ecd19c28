/* SPDX-License-Identifier: MIT
 * buffer.h: bytes that grow at their end. One owner; no thread of its own.
 *
 * The memory is kept by ordo_buffer_clear, so a buffer that is used again allocates nothing once warm.
 * Running out of memory aborts: the engine is written to crash and recover, not to limp.
 *
 *   struct ordo_buffer out = {0};
 *   ordo_buffer_append(&out, ORDO_STR("hello"));
 *   ordo_buffer_done(&out);
 */
#pragma once

#include "base/error.h"

struct ordo_buffer {
    char *ptr;
    size_t len, capacity;
};

void ordo_buffer_done(struct ordo_buffer *buffer);              /* frees; the buffer is empty again */
void ordo_buffer_grow(struct ordo_buffer *buffer, size_t more); /* slow path of ordo_buffer_reserve */
void ordo_buffer_printf(struct ordo_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Text for a terminal: what clients sent may hold control characters, which become '?'. */
void ordo_buffer_put_clean(struct ordo_buffer *buffer, ordo_str text);

/* Room for `more` bytes (1 or more) behind the end; returns where they go. */
static inline char *ordo_buffer_reserve(struct ordo_buffer *buffer, size_t more)
{
    if (__builtin_expect(buffer->capacity - buffer->len < more, 0))
        ordo_buffer_grow(buffer, more);
    return buffer->ptr + buffer->len;
}

static inline void ordo_buffer_clear(struct ordo_buffer *buffer)
{
    buffer->len = 0;
}

static inline void ordo_buffer_append(struct ordo_buffer *buffer, ordo_str bytes)
{
    if (bytes.len == 0) /* neither pointer need be valid then */
        return;
    memcpy(ordo_buffer_reserve(buffer, bytes.len), bytes.ptr, bytes.len);
    buffer->len += bytes.len;
}

static inline void ordo_buffer_put(struct ordo_buffer *buffer, char byte)
{
    *ordo_buffer_reserve(buffer, 1) = byte;
    buffer->len++;
}

static inline ordo_str ordo_buffer_str(const struct ordo_buffer *buffer)
{
    return (ordo_str){buffer->ptr, buffer->len};
}
