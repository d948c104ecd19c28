/* SPDX-License-Identifier: MIT
 * encode_contention.c: waits as gperftools writes them: text, for `jeprof --contentions` and `go tool pprof`. A line is a
 * stack: cycles, which are nanoseconds here, how many waits, and addresses; behind them is the memory map. For people,
 * names take the place of the map. The longest are first.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "profile/encode_impl.h"
#include "profile/jeprof.h"
#include "profile/stack_text.h"

struct listing {
    struct ordo_wait_stack *stacks;
    size_t count;
};

static void list(void *context, const struct ordo_wait_stack *stack)
{
    struct listing *listing = context;

    listing->stacks[listing->count++] = *stack;
}

static int by_time(const void *a, const void *b)
{
    const struct ordo_wait_stack *left = a, *right = b;

    return left->ns < right->ns ? 1 : left->ns > right->ns ? -1 : 0;
}

static void put_stack(const struct ordo_wait_stack *stack, struct ordo_buffer *out)
{
    ordo_buffer_printf(out, "%" PRId64 " %" PRId64 " @", stack->ns, stack->count);
    for (size_t i = 0; i < stack->frame_count; i++)
        ordo_buffer_printf(out, " 0x%" PRIx64, stack->frames[i]);
    ordo_buffer_put(out, '\n');
}

void ordo_encode_contention(enum ordo_wait_kind kind, const struct ordo_waits_mark *since,
                            struct ordo_symbols *symbols, struct ordo_buffer *out)
{
    struct listing listing = {calloc(ORDO_WAIT_STACKS + 1, sizeof(*listing.stacks)), 0};

    ORDO_REQUIRE(listing.stacks != NULL);
    ordo_waits_each(kind, since, list, &listing);
    qsort(listing.stacks, listing.count, sizeof(*listing.stacks), by_time);
    ordo_buffer_append(out, ORDO_STR("--- contention:\ncycles/second = 1000000000\nsampling period = 1\n"));
    for (size_t i = 0; i < listing.count; i++) {
        put_stack(&listing.stacks[i], out);
        if (symbols != NULL)
            ordo_stack_comment(symbols, listing.stacks[i].frames, listing.stacks[i].frame_count, out);
    }
    if (symbols == NULL) {
        ordo_buffer_append(out, ORDO_STR("--- Memory map: ---\n"));
        ordo__put_memory_map(out);
    }
    free(listing.stacks);
}
