/* SPDX-License-Identifier: MIT
 * functions.c: a function's key is its texts, with a NUL behind each, and its kind. Code without a name is known by its
 * address, or by its line.
 */
#include "profile/functions.h"

#include <stdlib.h>

void ordo_functions_done(struct ordo_functions *functions)
{
    ordo_intern_done(&functions->keys);
    ordo_buffer_done(&functions->frames);
    ordo_buffer_done(&functions->key);
}

static uint32_t number_of(struct ordo_functions *functions, const struct ordo_frame *frame)
{
    struct ordo_buffer *key = &functions->key;
    uint32_t number;
    bool is_new;

    ordo_buffer_clear(key);
    ordo_buffer_append(key, frame->function);
    ordo_buffer_put(key, '\0');
    ordo_buffer_append(key, frame->file);
    ordo_buffer_put(key, '\0');
    ordo_buffer_append(key, frame->module);
    ordo_buffer_put(key, '\0');
    ordo_buffer_put(key, (char)frame->kind);
    if (frame->function.len == 0) {
        ordo_buffer_append(key, (ordo_str){(const char *)&frame->address, sizeof(frame->address)});
        ordo_buffer_append(key, (ordo_str){(const char *)&frame->line, sizeof(frame->line)});
    }
    number = ordo_intern_is_new(&functions->keys, ordo_buffer_str(key), &is_new);
    if (is_new)
        ordo_buffer_append(&functions->frames, (ordo_str){(const char *)frame, sizeof(*frame)});
    return number;
}

uint32_t *ordo_functions_of(struct ordo_functions *functions, const struct ordo_profile *profile)
{
    size_t count = ordo_profile_frame_count(profile);
    uint32_t *numbers = malloc((count + 1) * sizeof(*numbers));

    ORDO_REQUIRE(numbers != NULL);
    for (size_t i = 0; i < count; i++)
        numbers[i] = number_of(functions, ordo_profile_frame_at(profile, (uint32_t)i));
    return numbers;
}
