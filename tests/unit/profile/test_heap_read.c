/* SPDX-License-Identifier: MIT
 * test_heap_read.c: jemalloc's dumps as text: what is read of them, what is refused, and what profile they make.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "profile/heap.h"
#include "profile/heap_figures.h"
#include "profile/symbols.h"
#include "vm/line_table.h"

static const char dump_text[] = "heap_v2/524288\n"
                                "  t*: 28: 106496 [54: 200704]\n"
                                "  t0: 13: 53248 [34: 110592]\n"
                                "  t3: 15: 53248 [20: 90112] worker-1\n"
                                "@ 0x5f86da8 0x7f5a1dc\n"
                                "  t*: 2: 2097152 [3: 3145728]\n"
                                "  t0: 1: 1048576 [1: 1048576]\n"
                                "  t3: 1: 1048576 [2: 2097152] worker-1\n"
                                "@\n"
                                "  t*: 1: 4096 [0: 0]\n"
                                "  t3: 1: 4096 [0: 0] worker-1\n"
                                "\n"
                                "MAPPED_LIBRARIES:\n"
                                "this is not read\n";

static struct ordo_heap_dump *read_text(const char *text)
{
    struct ordo_error err = {0};
    struct ordo_heap_dump *dump = ordo_heap_dump_read(ordo_str_from(text), &err);

    if (dump == NULL)
        fail_msg("line %d: %s", err.line, err.message);
    return dump;
}

static void test_dump_is_read(void **state)
{
    struct ordo_heap_dump *dump = read_text(dump_text);

    (void)state;
    assert_int_equal(dump->rate, 524288);
    assert_int_equal(dump->stack_count, 2);
    assert_int_equal(dump->stacks[0].count, 2);
    assert_int_equal(dump->frames[dump->stacks[0].first], 0x5f86da8);
    assert_int_equal(dump->frames[dump->stacks[0].first + 1], 0x7f5a1dc);
    assert_int_equal(dump->stacks[1].count, 0);
    assert_int_equal(dump->sample_count, 3);
    assert_int_equal(dump->samples[1].stack, 0);
    assert_int_equal(dump->samples[1].live_objects, 1);
    assert_int_equal(dump->samples[1].live_bytes, 1048576);
    assert_int_equal(dump->samples[1].all_objects, 2);
    assert_int_equal(dump->samples[1].all_bytes, 2097152);
    assert_int_equal(dump->samples[2].stack, 1);
    assert_int_equal(dump->threads[dump->samples[0].thread].name.len, 0);
    assert_true(ordo_str_equal(dump->threads[dump->samples[1].thread].name, ORDO_STR("worker-1")));
    assert_int_equal(dump->text.len, sizeof(dump_text) - 1);
    ordo_heap_dump_free(dump);
}

static void test_what_is_no_dump_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text;
        int line;
        const char *message;
    } rows[] = {
        {"", 0, "it does not begin with \"heap_v2/\" and the bytes between samples"},
        {"heap profile: 1: 2 [3: 4] @ heapprofile\n", 1,
         "it does not begin with \"heap_v2/\" and the bytes between samples"},
        {"heap_v2/0\n", 1, "it does not begin with \"heap_v2/\" and the bytes between samples"},
        {"heap_v2/99999999999999999999\n", 1,
         "it does not begin with \"heap_v2/\" and the bytes between samples"},
        {"heap_v2/1\nx\n", 2, "neither a stack nor counts"},
        {"heap_v2/1\n@ 12\n", 2, "a stack is written as \"@ 0x1f 0x2e\""},
        {"heap_v2/1\n@ 0x\n", 2, "a stack is written as \"@ 0x1f 0x2e\""},
        {"heap_v2/1\n@ 0x12345678123456781\n", 2, "a stack is written as \"@ 0x1f 0x2e\""},
        {"heap_v2/1\n@ 0x1\n  t*: 1: 2 [3: 4\n", 3, "counts are written as \"t1: 15: 53248 [20: 90112]\""},
        {"heap_v2/1\n@ 0x1\n  tx: 1: 2 [3: 4]\n", 3, "counts are written as \"t1: 15: 53248 [20: 90112]\""},
        {"heap_v2/1\n@ 0x1\n  t1: -1: 2 [3: 4]\n", 3, "counts are written as \"t1: 15: 53248 [20: 90112]\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct ordo_error err = {0};

        assert_null(ordo_heap_dump_read(ordo_str_from(rows[i].text), &err));
        assert_int_equal(err.code, -EINVAL);
        assert_string_equal(err.place, "heap dump");
        assert_int_equal(err.line, rows[i].line);
        assert_string_equal(err.message, rows[i].message);
    }
}

/* Every start of a dump is either read or refused, and no byte behind it is looked at. */
static void test_cut_dumps_are_safe(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(dump_text); len++) {
        char *copy = malloc(len + 1);
        struct ordo_error err;

        memcpy(copy, dump_text, len);
        ordo_heap_dump_free(ordo_heap_dump_read((ordo_str){copy, len}, &err));
        free(copy);
    }
}

static void test_samples_stand_for_more(void **state)
{
    int64_t objects = 10, bytes = 10 * 524288, none = 0, nothing = 0;

    (void)state;
    ordo_heap_unsample(524288, &objects, &bytes); /* each was seen with probability 1 - 1/e */
    assert_int_equal(objects, 16);
    assert_int_equal(bytes, 8294114);
    objects = 1, bytes = 64 << 20;
    ordo_heap_unsample(524288, &objects, &bytes); /* surely seen */
    assert_int_equal(objects, 1);
    assert_int_equal(bytes, 64 << 20);
    objects = 1, bytes = 16;
    ordo_heap_unsample(524288, &objects, &bytes); /* one of 32,768 */
    assert_in_range(objects, 32767, 32769);
    assert_in_range(bytes, 524280, 524300);
    ordo_heap_unsample(524288, &none, &nothing);
    assert_int_equal(none, 0);
}

static void test_profile_has_labels_and_lines(void **state)
{
    struct ordo_symbols *symbols = ordo_symbols_new();
    uint64_t line = ordo_line_address("@rules/10_x.lua", 2, 3);
    struct ordo_heap_dump *dump;
    struct ordo_profile *profile;
    struct ordo_profile_sample sample;
    char text[512];

    (void)state;
    snprintf(text, sizeof(text),
             "heap_v2/1\n@ 0x%llx 0x%llx\n  t*: 1: 4096 [2: 8192]\n  t4: 1: 4096 [2: 8192] worker-12\n",
             (unsigned long long)line, (unsigned long long)line);
    dump = read_text(text);
    profile = ordo_heap_profile(dump, NULL, symbols, true);
    assert_int_equal(ordo_profile_meaning(profile)->shown, 1); /* alloc_space */
    assert_int_equal(ordo_profile_period(profile), 1);
    assert_int_equal(ordo_profile_sample_count(profile), 1);
    sample = ordo_profile_sample(profile, 0);
    assert_int_equal(sample.frame_count, 2);
    assert_int_equal(ordo_profile_frame_at(profile, sample.frames[0])->line, 3);
    assert_int_equal(ordo_profile_frame_at(profile, sample.frames[0])->kind, ORDO_FRAME_LUA);
    assert_int_equal(sample.label_count, 2);
    assert_true(ordo_str_equal(sample.labels[0].key, ORDO_STR("thread")));
    assert_true(ordo_str_equal(sample.labels[0].value, ORDO_STR("worker-12")));
    assert_true(ordo_str_equal(sample.labels[1].key, ORDO_STR("worker")));
    assert_true(ordo_str_equal(sample.labels[1].value, ORDO_STR("12")));
    assert_int_equal(sample.values[0], 2);
    assert_int_equal(sample.values[1], 8192);
    assert_int_equal(sample.values[2], 1);
    assert_int_equal(sample.values[3], 4096);
    ordo_profile_free(profile);

    profile = ordo_heap_profile(dump, dump, symbols, false); /* no change: nothing */
    assert_int_equal(ordo_profile_sample_count(profile), 0);
    ordo_profile_free(profile);
    ordo_heap_dump_free(dump);
    ordo_symbols_free(symbols);
}

/* Of two stacks and a thread that is gone from the second dump: what was allocated is the change, but never less than nothing; what
 * lives is what lives. */
static void test_step_adds_up_what_was_allocated(void **state)
{
    struct ordo_symbols *symbols = ordo_symbols_new();
    struct ordo_heap_dump *base =
        read_text("heap_v2/1\n@ 0x10\n  t*: 0: 0 [0: 0]\n  t1: 5: 5000 [9: 9000] a\n"
                  "  t2: 1: 100 [4: 400] b\n@ 0x20\n  t*: 0: 0 [0: 0]\n"
                  "  t1: 0: 0 [7: 7000] a\n");
    struct ordo_heap_dump *dump =
        read_text("heap_v2/1\n@ 0x10\n  t*: 0: 0 [0: 0]\n  t1: 3: 3000 [11: 11000] a\n"
                  "@ 0x20\n  t*: 0: 0 [0: 0]\n  t1: 0: 0 [7: 7000] a\n"
                  "@ 0x30\n  t*: 0: 0 [0: 0]\n  t1: 2: 64 [2: 64] a\n");
    static const int64_t expected[2][4] = {{2, 2000, 3, 3000}, {2, 64, 2, 64}};
    struct ordo_profile *step = ordo_heap_profile_step(dump, base, symbols);

    (void)state;
    assert_int_equal(ordo_profile_meaning(step)->shown, 3);
    assert_int_equal(ordo_profile_sample_count(step), 2); /* neither what is as it was, nor what is gone */
    for (size_t i = 0; i < 2; i++)
        assert_memory_equal(ordo_profile_sample(step, i).values, expected[i], sizeof(expected[i]));
    ordo_profile_free(step);
    ordo_heap_dump_free(dump);
    ordo_heap_dump_free(base);
    ordo_symbols_free(symbols);
}

static void test_trimmed_dump_keeps_all_else(void **state)
{
    struct ordo_symbols *symbols = ordo_symbols_new();
    struct ordo_heap_dump *dump = read_text(dump_text);
    struct ordo_buffer out = {0};

    (void)state;
    ordo_heap_dump_trim(dump, symbols, &out); /* no line of Lua, so nothing is on behalf of one */
    assert_int_equal(out.len, sizeof(dump_text) - 1);
    assert_memory_equal(out.ptr, dump_text, out.len);
    ordo_buffer_done(&out);
    ordo_heap_dump_free(dump);
    ordo_symbols_free(symbols);
}

/* This test is linked without jemalloc. */
static void test_without_jemalloc_the_cure_is_told(void **state)
{
    struct ordo_error err = {0};
    struct ordo_buffer out = {0};
    struct ordo_heap_peak peak = {0};

    (void)state;
    ordo_heap_start();
    assert_null(ordo_heap_dump_take(&err));
    assert_int_equal(err.code, -ENOTSUP);
    assert_string_equal(
        err.message,
        "there are no heap profiles: this program is built without jemalloc, as sanitizers need it; "
        "use a build without them");
    ordo_heap_figures_write(&out);
    ordo_buffer_put(&out, '\0');
    assert_string_equal(out.ptr,
                        "{\"unavailable\":\"there are no figures: this program is built without jemalloc, as "
                        "sanitizers need it\"}");
    ordo_heap_peak_look(&peak);
    assert_null(peak.dump);
    ordo_heap_peak_done(&peak);
    ordo_buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dump_is_read),
        cmocka_unit_test(test_what_is_no_dump_is_refused_with_its_line),
        cmocka_unit_test(test_cut_dumps_are_safe),
        cmocka_unit_test(test_samples_stand_for_more),
        cmocka_unit_test(test_profile_has_labels_and_lines),
        cmocka_unit_test(test_step_adds_up_what_was_allocated),
        cmocka_unit_test(test_trimmed_dump_keeps_all_else),
        cmocka_unit_test(test_without_jemalloc_the_cure_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
