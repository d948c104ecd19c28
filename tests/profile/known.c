/* SPDX-License-Identifier: MIT
 * known.c: stacks as tables, and profiles of them.
 */
#include "known.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { PERIOD_NS = 10000000, MOST_FRAMES = 5 };

/* "@/" in a file's name stands for the root. */
static const struct ordo_frame frames[] = {
#define FRAME(function, file, module, address, line, function_line, kind, inlined)                           \
    {                                                                                                        \
        {function, sizeof(function) - 1}, {file, sizeof(file) - 1}, {module, sizeof(module) - 1}, address,   \
            line, function_line, kind, inlined                                                               \
    }
    FRAME("coupon.apply", "@/tests/profile/known.lua", "", 0x1008, 7, 6, ORDO_FRAME_LUA, false),
    FRAME("coupon.apply", "@/tests/profile/known.lua", "", 0x1018, 11, 6, ORDO_FRAME_LUA, false),
    FRAME("run_rules", "@/engine/script/run.c", "/usr/bin/ordo", 0x400100, 20, 10, ORDO_FRAME_ENGINE, false),
    FRAME("ordo_worker_main", "@/engine/worker/worker.c", "/usr/bin/ordo", 0x400200, 30, 25,
          ORDO_FRAME_ENGINE, false),
    FRAME("lj_str_find", "", "/usr/bin/ordo", 0x500300, 0, 0, ORDO_FRAME_RUNTIME, false),
    FRAME("parse_number", "@/engine/base/json_read.cc", "/usr/bin/ordo", 0x400400, 12, 8, ORDO_FRAME_ENGINE,
          true),
    FRAME("ordo_json_parse", "@/engine/base/json_read.cc", "/usr/bin/ordo", 0x400400, 40, 35,
          ORDO_FRAME_ENGINE, false),
    FRAME("write", "", "[kernel]", 0xffffffff81000010, 0, 0, ORDO_FRAME_KERNEL, false),
    FRAME("rocksdb::DBImpl::Write(rocksdb::WriteOptions const&, rocksdb::WriteBatch*)", "",
          "/usr/lib/librocksdb.so.7.8", 0x7f0000001000, 0, 0, ORDO_FRAME_LIBRARY, false),
    FRAME("store_commit", "@/plugins/store_rocksdb/store.c", "/usr/lib/ordo/plugins/store_rocksdb.so",
          0x7f0000100010, 50, 44, ORDO_FRAME_PLUGIN, false),
    FRAME("(queue wait)", "", "", 0, 0, 0, ORDO_FRAME_NOTE, false),
    FRAME(KNOWN_NASTY, "/tmp/<&\">.c", "/usr/lib/ordo/plugins/sink;odd.so", 0x7f0000200010, 1, 1,
          ORDO_FRAME_PLUGIN, false),
    FRAME("old_parse", "@/engine/base/json_read.cc", "/usr/bin/ordo", 0x400500, 60, 55, ORDO_FRAME_ENGINE,
          false),
#undef FRAME
};

struct stack {
    int64_t samples;
    int frames[MOST_FRAMES]; /* innermost first; index + 1 */
    const char *rule, *worker;
};

static const struct stack cpu[] = {
    {50, {1, 3, 4}, "coupon", "0"}, {25, {5, 2, 3, 4}, "coupon", "0"}, {15, {6, 7, 4}, NULL, "1"},
    {5, {8, 9, 10, 4}, NULL, "0"},  {3, {11, 4}, NULL, "1"},           {2, {12, 4}, NULL, "1"},
};

static const struct stack cpu_before[] = {
    {10, {1, 3, 4}, "coupon", "0"}, {25, {5, 2, 3, 4}, "coupon", "0"}, {15, {6, 7, 4}, NULL, "1"},
    {20, {13, 7, 4}, NULL, "1"},    {20, {13, 3, 4}, "coupon", "0"},
};

static uint32_t add_frame(struct ordo_profile *profile, const char *root, int index)
{
    struct ordo_frame frame = frames[index];
    char file[4096];

    if (frame.file.len > 0 && frame.file.ptr[0] == '@') {
        snprintf(file, sizeof(file), "%s%.*s", root, (int)frame.file.len - 1, frame.file.ptr + 1);
        frame.file = ordo_str_from(file);
    }
    return ordo_profile_frame(profile, &frame);
}

static void add_stack(struct ordo_profile *profile, const char *root, const struct stack *stack,
                      const int64_t *values)
{
    struct ordo_label labels[2];
    uint32_t numbers[MOST_FRAMES];
    size_t label_count = 0, count = 0;

    for (; count < MOST_FRAMES && stack->frames[count] > 0; count++)
        numbers[count] = add_frame(profile, root, stack->frames[count] - 1);
    if (stack->rule != NULL)
        labels[label_count++] = (struct ordo_label){ORDO_STR("rule"), ordo_str_from(stack->rule)};
    labels[label_count++] = (struct ordo_label){ORDO_STR("worker"), ordo_str_from(stack->worker)};
    ordo_profile_add(profile, numbers, count, labels, label_count, values);
}

static struct ordo_profile *make_cpu(const char *root, const struct stack *stacks, size_t count)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_cpu, PERIOD_NS);

    for (size_t i = 0; i < count; i++)
        add_stack(profile, root, &stacks[i],
                  (const int64_t[]){stacks[i].samples, stacks[i].samples * PERIOD_NS});
    ordo_profile_set_time(profile, 1764170000000000000, 1500000000);
    return profile;
}

struct ordo_profile *known_cpu(const char *root)
{
    struct ordo_profile *profile = make_cpu(root, cpu, COUNT(cpu));

    ordo_profile_comment(profile, "samples dropped: %d", 0);
    return profile;
}

struct ordo_profile *known_cpu_before(const char *root)
{
    return make_cpu(root, cpu_before, COUNT(cpu_before));
}

struct ordo_profile *known_heap(const char *root)
{
    static const int64_t values[][4] = {{1000, 64000, 100, 6400}, {10, 10485760, 0, 0}, {3, 3072, 3, 3072}};
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_heap, 524288);

    for (size_t i = 0; i < COUNT(values); i++)
        add_stack(profile, root, &cpu[i], values[i]);
    return profile;
}

struct ordo_profile *known_deep(size_t depth, size_t leaves)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_cpu, PERIOD_NS);
    struct ordo_frame frame = {.file = ORDO_STR("deep.lua"), .kind = ORDO_FRAME_LUA};
    uint32_t *stack = calloc(depth + 1, sizeof(*stack));
    char name[64];

    ORDO_REQUIRE(stack != NULL);
    for (size_t i = 0; i < depth + leaves; i++) {
        snprintf(name, sizeof(name), "%s%zu", i < depth ? "level_" : "leaf_", i < depth ? i : i - depth);
        frame.function = ordo_str_from(name);
        frame.line = (int)i + 1;
        if (i < depth) {
            stack[depth - i] = ordo_profile_frame(profile, &frame);
            continue;
        }
        stack[0] = ordo_profile_frame(profile, &frame);
        ordo_profile_add(profile, stack, depth + 1, NULL, 0, (const int64_t[]){1, PERIOD_NS});
    }
    free(stack);
    return profile;
}
