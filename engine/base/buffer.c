/* SPDX-License-Identifier: MIT
 * buffer.c: the slow paths of the buffer. It doubles, so that appending costs the same however long it gets.
 */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 256 };

void ordo_buffer_done(struct ordo_buffer *buffer)
{
    free(buffer->ptr);
    *buffer = (struct ordo_buffer){0};
}

void ordo_buffer_grow(struct ordo_buffer *buffer, size_t more)
{
    size_t needed, capacity = buffer->capacity < FIRST_CAPACITY ? FIRST_CAPACITY : buffer->capacity;

    ORDO_REQUIRE(more <= SIZE_MAX / 4 && buffer->len <= SIZE_MAX / 4);
    needed = buffer->len + more;
    while (capacity < needed)
        capacity *= 2;
    buffer->ptr = realloc(buffer->ptr, capacity);
    ORDO_REQUIRE(buffer->ptr != NULL);
    buffer->capacity = capacity;
}

void ordo_buffer_printf(struct ordo_buffer *buffer, const char *format, ...)
{
    va_list args;
    int len;

    ordo_buffer_reserve(buffer, 1);
    va_start(args, format);
    len = vsnprintf(buffer->ptr + buffer->len, buffer->capacity - buffer->len, format, args);
    va_end(args);
    ORDO_REQUIRE(len >= 0);
    if ((size_t)len >= buffer->capacity - buffer->len) {
        ordo_buffer_reserve(buffer, (size_t)len + 1);
        va_start(args, format);
        vsnprintf(buffer->ptr + buffer->len, (size_t)len + 1, format, args);
        va_end(args);
    }
    buffer->len += (size_t)len;
}

void ordo_buffer_put_clean(struct ordo_buffer *buffer, ordo_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];

        /* U+0080 to U+009F, which some terminals obey, are c2 80 to c2 9f. */
        if (byte == 0xc2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0) {
            byte = '?';
            i++;
        }
        ordo_buffer_put(buffer, byte < ' ' || byte == 0x7f ? '?' : (char)byte);
    }
}
