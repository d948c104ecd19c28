/* SPDX-License-Identifier: MIT
 * encode_gperftools.c: stacks of addresses, and gperftools' CPU profile of them: words of 64 bits. A header, for each stack
 * how often, how deep and its addresses, an end, and then the memory map as text, by which clients find programs.
 */
#include "profile/jeprof.h"

#include <stdio.h>

#include "profile/encode_impl.h"
#include "vm/line_table.h"

void ordo_raw_stacks_add(struct ordo_raw_stacks *stacks, const uint64_t *addresses, size_t count,
                         uint64_t samples)
{
    uint64_t none, sum = 0;
    uint32_t number;
    bool is_new;

    if (count == 0) { /* an empty stack would be the end of the profile */
        none = ordo_line_address("=(no stack)", 0, 0);
        addresses = &none;
        count = 1;
    }
    number = ordo_intern_is_new(&stacks->stacks,
                                (ordo_str){(const char *)addresses, count * sizeof(*addresses)}, &is_new);
    if (is_new)
        ordo_buffer_append(&stacks->counts, (ordo_str){(const char *)&sum, sizeof(sum)});
    memcpy(&sum, stacks->counts.ptr + number * sizeof(sum), sizeof(sum));
    sum += samples;
    memcpy(stacks->counts.ptr + number * sizeof(sum), &sum, sizeof(sum));
}

void ordo_raw_stacks_done(struct ordo_raw_stacks *stacks)
{
    ordo_intern_done(&stacks->stacks);
    ordo_buffer_done(&stacks->counts);
}

static void put_word(struct ordo_buffer *out, uint64_t word)
{
    ordo_buffer_append(out, (ordo_str){(const char *)&word, sizeof(word)});
}

void ordo__put_file(const char *path, struct ordo_buffer *out)
{
    FILE *file = fopen(path, "re");
    size_t len;

    if (file == NULL)
        return;
    while ((len = fread(ordo_buffer_reserve(out, 4096), 1, 4096, file)) > 0)
        out->len += len;
    fclose(file);
}

void ordo__put_memory_map(struct ordo_buffer *out)
{
    ordo__put_file("/proc/self/maps", out);
}

void ordo_encode_gperftools(const struct ordo_raw_stacks *stacks, int64_t period_ns, struct ordo_buffer *out)
{
    put_word(out, 0);
    put_word(out, 3); /* words of the header that follow */
    put_word(out, 0); /* version */
    put_word(out, period_ns < 1000 ? 1 : (uint64_t)period_ns / 1000);
    put_word(out, 0);
    for (uint32_t i = 0; i < stacks->stacks.count; i++) {
        ordo_str addresses = ordo_intern_at(&stacks->stacks, i);

        ordo_buffer_append(out, (ordo_str){stacks->counts.ptr + i * sizeof(uint64_t), sizeof(uint64_t)});
        put_word(out, addresses.len / sizeof(uint64_t));
        ordo_buffer_append(out, addresses);
    }
    put_word(out, 0);
    put_word(out, 1);
    put_word(out, 0);
    ordo__put_memory_map(out);
}
