/* SPDX-License-Identifier: MIT
 * heap_read.c: reads jemalloc's heap dumps:
 *
 *   heap_v2/524288                               bytes between samples
 *     t*: 28: 106496 [54: 200704]                of all threads: live objects: bytes [since the start]
 *     t3: 15: 53248 [20: 90112] worker-1         of thread 3, which has a name
 *   @ 0x5f86da8 0x7f5a1dc                        a stack, innermost first, and then the same lines for it
 *     t*: ...
 *   MAPPED_LIBRARIES:                            what follows is /proc/self/maps
 */
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "profile/heap.h"

struct reader {
    struct ordo_heap_dump *dump;
    ordo_str rest; /* of the text */
    int line;
    struct ordo_error *err;
};

/* The next line, without its end. */
static bool next_line(struct reader *reader, ordo_str *ret_line)
{
    const char *end;

    if (reader->rest.len == 0)
        return false;
    end = memchr(reader->rest.ptr, '\n', reader->rest.len);
    *ret_line =
        (ordo_str){reader->rest.ptr, end == NULL ? reader->rest.len : (size_t)(end - reader->rest.ptr)};
    reader->rest.ptr += ret_line->len + (end != NULL);
    reader->rest.len -= ret_line->len + (end != NULL);
    reader->line++;
    return true;
}

static int wrong(const struct reader *reader, const char *what)
{
    return ordo_fail_at(reader->err, -EINVAL, "heap dump", reader->line, 0, "%s", what);
}

/* Takes `text` off the front of the line. */
static bool take(ordo_str *line, const char *text)
{
    size_t len = strlen(text);

    if (line->len < len || memcmp(line->ptr, text, len) != 0)
        return false;
    line->ptr += len;
    line->len -= len;
    return true;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return 16;
}

/* Takes a number; false: there is none, or it is above `most`. */
static bool take_number(ordo_str *line, unsigned base, uint64_t most, uint64_t *ret_number)
{
    uint64_t number = 0;
    size_t at = 0;

    for (; at < line->len && (unsigned)digit_of(line->ptr[at]) < base; at++) {
        unsigned digit = (unsigned)digit_of(line->ptr[at]);

        if (number > (most - digit) / base)
            return false;
        number = number * base + digit;
    }
    line->ptr += at;
    line->len -= at;
    *ret_number = number;
    return at > 0;
}

/* "@ 0x1 0x2"; what follows "@" may be nothing: a stack that could not be taken. */
static int read_stack(struct reader *reader, ordo_str line)
{
    struct ordo_heap_dump *dump = reader->dump;
    size_t first = dump->frame_count;
    uint64_t address;

    while (take(&line, " ")) {
        if (line.len == 0)
            break;
        if (!take(&line, "0x") || !take_number(&line, 16, UINT64_MAX, &address))
            return wrong(reader, "a stack is written as \"@ 0x1f 0x2e\"");
        dump->frames =
            ordo_array_grow(dump->frames, dump->frame_count, &dump->frame_capacity, sizeof(*dump->frames));
        dump->frames[dump->frame_count++] = address;
    }
    if (line.len > 0)
        return wrong(reader, "a stack is written as \"@ 0x1f 0x2e\"");
    dump->stacks =
        ordo_array_grow(dump->stacks, dump->stack_count, &dump->stack_capacity, sizeof(*dump->stacks));
    dump->stacks[dump->stack_count++] =
        (struct ordo_heap_stack){(uint32_t)first, (uint32_t)(dump->frame_count - first)};
    return 0;
}

static uint32_t thread_index(struct ordo_heap_dump *dump, uint64_t number)
{
    for (size_t i = 0; i < dump->thread_count; i++)
        if (dump->threads[i].number == number)
            return (uint32_t)i;
    dump->threads =
        ordo_array_grow(dump->threads, dump->thread_count, &dump->thread_capacity, sizeof(*dump->threads));
    dump->threads[dump->thread_count] = (struct ordo_heap_thread){.number = number};
    return (uint32_t)dump->thread_count++;
}

/* "t3: 15: 53248 [20: 90112] name", the front spaces taken. */
static int read_counts(struct reader *reader, ordo_str line)
{
    static const char *const form = "counts are written as \"t1: 15: 53248 [20: 90112]\"";
    struct ordo_heap_dump *dump = reader->dump;
    struct ordo_heap_sample sample = {0};
    uint64_t thread = 0, numbers[4];
    bool is_sum;

    if (!take(&line, "t"))
        return wrong(reader, form);
    is_sum = take(&line, "*");
    if ((!is_sum && !take_number(&line, 10, UINT64_MAX, &thread)) || !take(&line, ": ") ||
        !take_number(&line, 10, INT64_MAX, &numbers[0]) || !take(&line, ": ") ||
        !take_number(&line, 10, INT64_MAX, &numbers[1]) || !take(&line, " [") ||
        !take_number(&line, 10, INT64_MAX, &numbers[2]) || !take(&line, ": ") ||
        !take_number(&line, 10, INT64_MAX, &numbers[3]) || !take(&line, "]"))
        return wrong(reader, form);
    if (is_sum)
        return 0; /* the threads' lines follow, and add up to it */
    sample.thread = thread_index(dump, thread);
    if (take(&line, " "))
        dump->threads[sample.thread].name = line;
    if (dump->stack_count == 0)
        return 0; /* the thread's sum */
    sample.stack = (uint32_t)(dump->stack_count - 1);
    sample.live_objects = (int64_t)numbers[0];
    sample.live_bytes = (int64_t)numbers[1];
    sample.all_objects = (int64_t)numbers[2];
    sample.all_bytes = (int64_t)numbers[3];
    dump->samples =
        ordo_array_grow(dump->samples, dump->sample_count, &dump->sample_capacity, sizeof(*dump->samples));
    dump->samples[dump->sample_count++] = sample;
    return 0;
}

static int read_dump(struct reader *reader)
{
    uint64_t rate;
    ordo_str line;
    int result = 0;

    if (!next_line(reader, &line) || !take(&line, "heap_v2/") || !take_number(&line, 10, INT64_MAX, &rate) ||
        rate == 0)
        return wrong(reader, "it does not begin with \"heap_v2/\" and the bytes between samples");
    reader->dump->rate = (int64_t)rate;
    while (result == 0 && next_line(reader, &line)) {
        if (take(&line, "@"))
            result = read_stack(reader, line);
        else if (take(&line, "  "))
            result = read_counts(reader, line);
        else if (take(&line, "MAPPED_LIBRARIES:"))
            return 0;
        else if (line.len > 0)
            result = wrong(reader, "neither a stack nor counts");
    }
    return result;
}

struct ordo_heap_dump *ordo_heap_dump_read(ordo_str text, struct ordo_error *err)
{
    struct ordo_heap_dump *dump = calloc(1, sizeof(*dump));
    struct reader reader = {.dump = dump, .err = err};

    ORDO_REQUIRE(dump != NULL);
    ordo_buffer_append(&dump->text, text);
    reader.rest = ordo_buffer_str(&dump->text);
    if (read_dump(&reader) == 0)
        return dump;
    ordo_heap_dump_free(dump);
    return NULL;
}

void ordo_heap_dump_free(struct ordo_heap_dump *dump)
{
    if (dump == NULL)
        return;
    ordo_buffer_done(&dump->text);
    free(dump->frames);
    free(dump->stacks);
    free(dump->samples);
    free(dump->threads);
    free(dump);
}
