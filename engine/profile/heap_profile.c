/* SPDX-License-Identifier: MIT
 * heap_profile.c: dumps as profiles: numbers that are scaled up from samples, stacks with names, labels by thread.
 */
#include <math.h>

#include "profile/heap.h"
#include "profile/symbols.h"
#include "profile/unwind.h"
#include "vm/line_table.h"

/* jemalloc samples a byte in `rate`, so an allocation of `size` bytes with probability 1 - exp(-size / rate). Its counts
 * are made so that this, with the mean size, gives the right sums also where sizes differ (prof_unbias). */
void ordo_heap_unsample(int64_t rate, int64_t *objects, int64_t *bytes)
{
    double scale;

    if (*objects <= 0 || *bytes <= 0 || rate <= 0)
        return;
    scale = 1 / -expm1(-(double)*bytes / (double)*objects / (double)rate);
    *objects = llround((double)*objects * scale);
    *bytes = llround((double)*bytes * scale);
}

/* The values of ordo_meaning_heap. */
static void values_of(const struct ordo_heap_dump *dump, const struct ordo_heap_sample *sample,
                      int64_t *ret_values)
{
    ret_values[0] = sample->all_objects;
    ret_values[1] = sample->all_bytes;
    ret_values[2] = sample->live_objects;
    ret_values[3] = sample->live_bytes;
    ordo_heap_unsample(dump->rate, &ret_values[0], &ret_values[1]);
    ordo_heap_unsample(dump->rate, &ret_values[2], &ret_values[3]);
}

static bool is_lua(uint64_t address)
{
    struct ordo_line line;

    return ordo_line_find(address, &line);
}

/* LuaJIT's insides and the VM's allocator. */
static bool is_plumbing(struct ordo_symbols *symbols, uint64_t address)
{
    struct ordo_frame frames[ORDO_SYMBOLS_INLINED];
    size_t count = ordo_symbols_find(symbols, address, true, frames, ORDO_SYMBOLS_INLINED);

    return frames[count - 1].kind == ORDO_FRAME_RUNTIME ||
           ordo_str_equal(frames[count - 1].function, ORDO_STR("ordo__vm_allocate"));
}

/* How many frames at the front of a stack are there on behalf of the line of Lua behind them. */
static size_t count_plumbing(struct ordo_symbols *symbols, const uint64_t *frames, size_t count)
{
    size_t at = 0;

    while (at < count && !is_lua(frames[at]))
        if (!is_plumbing(symbols, frames[at++]))
            return 0;
    return at < count ? at : 0;
}

static size_t labels_of(const struct ordo_heap_thread *thread, struct ordo_label *ret_labels)
{
    static const char prefix[] = "worker-";
    size_t len = sizeof(prefix) - 1;

    if (thread->name.len == 0)
        return 0;
    ret_labels[0] = (struct ordo_label){ORDO_STR("thread"), thread->name};
    if (thread->name.len <= len || memcmp(thread->name.ptr, prefix, len) != 0)
        return 1;
    ret_labels[1] = (struct ordo_label){ORDO_STR("worker"), {thread->name.ptr + len, thread->name.len - len}};
    return 2;
}

/* Adds all of a dump, or takes the first values off again (sign -1). */
static void add_dump(struct ordo_profile *profile, const struct ordo_heap_dump *dump,
                     struct ordo_symbols *symbols, int sign, int value_count)
{
    for (size_t i = 0; i < dump->sample_count; i++) {
        const struct ordo_heap_sample *sample = &dump->samples[i];
        const struct ordo_heap_stack *whole = &dump->stacks[sample->stack];
        const uint64_t *frames = dump->frames + whole->first;
        size_t skipped = count_plumbing(symbols, frames, whole->count), count = whole->count - skipped;
        uint64_t stack[ORDO_UNWIND_MAX];
        struct ordo_label labels[2];
        int64_t values[ORDO_PROFILE_VALUES];

        if (count > ORDO_UNWIND_MAX)
            count = ORDO_UNWIND_MAX;
        memcpy(stack, frames + skipped, count * sizeof(*stack));
        if (count > 0)
            stack[0]--; /* even the innermost is an address to return to, behind the call to malloc */
        values_of(dump, sample, values);
        for (int v = 0; v < ORDO_PROFILE_VALUES; v++)
            values[v] = v < value_count ? values[v] * sign : 0;
        ordo_symbols_add(symbols, profile, stack, count, labels,
                         labels_of(&dump->threads[sample->thread], labels), values);
    }
}

/* Without the samples that cancelled out. `only_more`: what is below 0, as the sums of a thread that ended are, counts as 0. */
static struct ordo_profile *changes_of(const struct ordo_profile *profile, int64_t period, bool only_more)
{
    struct ordo_profile *changes = ordo_profile_new(ordo_profile_meaning(profile), period);

    for (size_t i = 0; i < ordo_profile_sample_count(profile); i++) {
        struct ordo_profile_sample sample = ordo_profile_sample(profile, i);
        uint32_t frames[ORDO_PROFILE_DEPTH];
        int64_t values[ORDO_PROFILE_VALUES];
        bool changed = false;

        for (int v = 0; v < ORDO_PROFILE_VALUES; v++) {
            values[v] = only_more && sample.values[v] < 0 ? 0 : sample.values[v];
            changed = changed || values[v] != 0;
        }
        if (!changed)
            continue;
        for (size_t f = 0; f < sample.frame_count; f++)
            frames[f] = ordo_profile_frame(changes, ordo_profile_frame_at(profile, sample.frames[f]));
        ordo_profile_add(changes, frames, sample.frame_count, sample.labels, sample.label_count, values);
    }
    return changes;
}

struct ordo_profile *ordo_heap_profile(const struct ordo_heap_dump *dump, const struct ordo_heap_dump *base,
                                       struct ordo_symbols *symbols, bool allocs)
{
    struct ordo_profile *profile =
        ordo_profile_new(allocs ? &ordo_meaning_allocs : &ordo_meaning_heap, dump->rate);

    add_dump(profile, dump, symbols, 1, ORDO_PROFILE_VALUES);
    if (base != NULL) {
        struct ordo_profile *difference = profile;

        add_dump(difference, base, symbols, -1, ORDO_PROFILE_VALUES);
        profile = changes_of(difference, dump->rate, false);
        ordo_profile_free(difference);
    }
    ordo_profile_set_time(profile, dump->utc_ns, base == NULL ? 0 : dump->utc_ns - base->utc_ns);
    return profile;
}

struct ordo_profile *ordo_heap_profile_step(const struct ordo_heap_dump *dump,
                                            const struct ordo_heap_dump *base, struct ordo_symbols *symbols)
{
    enum { ALLOCATED = 2 }; /* of the values, those in front */
    struct ordo_profile *sum = ordo_profile_new(&ordo_meaning_heap, dump->rate), *step;

    add_dump(sum, dump, symbols, 1, ORDO_PROFILE_VALUES);
    add_dump(sum, base, symbols, -1, ALLOCATED);
    step = changes_of(sum, dump->rate, true);
    ordo_profile_free(sum);
    return step;
}

/* Lines that are not stacks are copied. */
void ordo_heap_dump_trim(const struct ordo_heap_dump *dump, struct ordo_symbols *symbols,
                         struct ordo_buffer *out)
{
    const char *at = dump->text.ptr, *end = at + dump->text.len, *line_end;
    size_t stack = 0;

    for (; at < end; at = line_end) {
        line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end == NULL ? end : line_end + 1;
        if (*at != '@' || stack >= dump->stack_count) {
            ordo_buffer_append(out, (ordo_str){at, (size_t)(line_end - at)});
            continue;
        }
        const uint64_t *frames = dump->frames + dump->stacks[stack].first;
        size_t count = dump->stacks[stack++].count;

        ordo_buffer_put(out, '@');
        for (size_t i = count_plumbing(symbols, frames, count); i < count; i++)
            ordo_buffer_printf(out, " 0x%llx", (unsigned long long)frames[i]);
        ordo_buffer_put(out, '\n');
    }
}
