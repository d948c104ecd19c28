/* SPDX-License-Identifier: MIT
 * test_heap.c: dumps of this process: known amounts of memory show where they were allocated, within the sampling error.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mallctl.h"
#include "base/thread.h"
#include "heap_load.h"
#include "profile/heap_figures.h"
#include "profile/symbols.h"

enum { ALL_BYTES = 1, LIVE_OBJECTS, LIVE_BYTES };
enum { RATE = 4096 }; /* MALLOC_CONF=lg_prof_sample:12 */

static struct ordo_symbols *symbols;

static bool has_frame(const struct ordo_profile *profile, const struct ordo_profile_sample *sample,
                      const char *function, const char *file, int line)
{
    for (size_t i = 0; i < sample->frame_count; i++) {
        const struct ordo_frame *frame = ordo_profile_frame_at(profile, sample->frames[i]);

        if ((function == NULL || ordo_str_equal(frame->function, ordo_str_from(function))) &&
            (file == NULL || memmem(frame->file.ptr, frame->file.len, file, strlen(file)) != NULL) &&
            (line == 0 || frame->line == line))
            return true;
    }
    return false;
}

static int64_t sum_at(const struct ordo_profile *profile, unsigned value, const char *function,
                      const char *file, int line)
{
    int64_t sum = 0;

    for (size_t i = 0; i < ordo_profile_sample_count(profile); i++) {
        struct ordo_profile_sample sample = ordo_profile_sample(profile, i);

        if (has_frame(profile, &sample, function, file, line))
            sum += sample.values[value];
    }
    return sum;
}

static struct ordo_heap_dump *take(void)
{
    struct ordo_error err = {0};
    struct ordo_heap_dump *dump = ordo_heap_dump_take(&err);

    if (dump == NULL)
        print_message("%s\n", err.message);
    assert_non_null(dump);
    return dump;
}

/* Of `bytes` in blocks of `size`, within 4.5 standard errors: about once in 150,000 runs it is not. */
static void assert_near(int64_t found, double bytes, double size, double rate)
{
    double seen = -expm1(-size / rate), error = sqrt(bytes / size * (1 - seen) / seen) * size;

    print_message("%.0f bytes of %.0f: %+.1f standard errors\n", (double)found, bytes,
                  ((double)found - bytes) / error);
    assert_true(fabs((double)found - bytes) <= 4.5 * error + size);
}

static void test_blocks_of_c_are_where_they_were_allocated(void **state)
{
    enum { COUNT = 40000, SIZE = 256 };
    struct ordo_heap_dump *base = take(), *full, *after;
    struct ordo_profile *profile;

    (void)state;
    heap_load_c(COUNT, SIZE);
    full = take();
    profile = ordo_heap_profile(full, NULL, symbols, false);
    assert_near(sum_at(profile, LIVE_BYTES, "heap_load_c", NULL, 0), COUNT * SIZE, SIZE, (double)full->rate);
    assert_near(sum_at(profile, ALL_BYTES, "heap_load_c", NULL, 0), COUNT * SIZE, SIZE, (double)full->rate);
    assert_near(sum_at(profile, LIVE_OBJECTS, "heap_load_c", NULL, 0) * SIZE, COUNT * SIZE, SIZE,
                (double)full->rate);
    ordo_profile_free(profile);

    heap_load_free();
    after = take();
    profile = ordo_heap_profile(after, NULL, symbols, false);
    assert_int_equal(sum_at(profile, LIVE_BYTES, "heap_load_c", NULL, 0), 0);
    assert_near(sum_at(profile, ALL_BYTES, "heap_load_c", NULL, 0), COUNT * SIZE, SIZE, (double)full->rate);
    ordo_profile_free(profile);

    profile = ordo_heap_profile(after, full, symbols, false); /* the change: freed */
    assert_near(-sum_at(profile, LIVE_BYTES, "heap_load_c", NULL, 0), COUNT * SIZE, SIZE, (double)full->rate);
    assert_int_equal(sum_at(profile, ALL_BYTES, "heap_load_c", NULL, 0), 0);
    ordo_profile_free(profile);
    profile = ordo_heap_profile(full, base, symbols, false); /* the change: allocated */
    assert_near(sum_at(profile, LIVE_BYTES, "heap_load_c", NULL, 0), COUNT * SIZE, SIZE, (double)full->rate);
    ordo_profile_free(profile);
    ordo_heap_dump_free(base);
    ordo_heap_dump_free(full);
    ordo_heap_dump_free(after);
}

static void check_tables(bool jit)
{
    enum { CALLS = 20, TABLES = 5000 };
    struct ordo_heap_dump *base = take(), *dump;
    struct ordo_vm *vm = heap_load_lua(jit, CALLS, TABLES);
    struct ordo_profile *profile;

    dump = take();
    profile = ordo_heap_profile(dump, base, symbols, false);
    assert_near(sum_at(profile, LIVE_BYTES, NULL, "rules/30_coupon.lua", 0), CALLS * TABLES * HEAP_LOAD_TABLE,
                64, (double)dump->rate);
    ordo_profile_free(profile);
    ordo_vm_free(vm);
    ordo_heap_dump_free(base);
    ordo_heap_dump_free(dump);
}

static void test_tables_of_interpreted_lua(void **state)
{
    (void)state;
    check_tables(false);
}

static void test_tables_of_compiled_lua(void **state)
{
    (void)state;
    check_tables(true);
}

static void allocate_in_thread(void *unused)
{
    (void)unused;
    heap_load_c(4000, 1024);
}

static void test_thread_is_a_label(void **state)
{
    struct ordo_thread thread = {0};
    struct ordo_heap_dump *dump;
    struct ordo_profile *profile;
    int64_t by_worker = 0;

    (void)state;
    assert_int_equal(ordo_thread_start(&thread, "worker-3", allocate_in_thread, NULL), 0);
    ordo_thread_join(&thread);
    dump = take();
    profile = ordo_heap_profile(dump, NULL, symbols, false);
    for (size_t i = 0; i < ordo_profile_sample_count(profile); i++) {
        struct ordo_profile_sample sample = ordo_profile_sample(profile, i);

        if (sample.label_count == 2 && ordo_str_equal(sample.labels[1].value, ORDO_STR("3")))
            by_worker += sample.values[LIVE_BYTES];
    }
    assert_near(by_worker, 4000 * 1024, 1024, (double)dump->rate);
    heap_load_free();
    ordo_profile_free(profile);
    ordo_heap_dump_free(dump);
}

static void test_peak_is_kept(void **state)
{
    struct ordo_heap_peak peak = {0};
    struct ordo_profile *profile;

    (void)state;
    ordo_heap_peak_look(&peak);
    assert_int_equal(peak.taken, 1);
    ordo_heap_peak_look(&peak); /* no growth, no dump */
    assert_int_equal(peak.taken, 1);
    heap_load_c(8000, 8192);
    ordo_heap_peak_look(&peak);
    assert_int_equal(peak.taken, 2);
    heap_load_free();
    ordo_heap_peak_look(&peak);
    assert_int_equal(peak.taken, 2);
    profile = ordo_heap_profile(peak.dump, NULL, symbols, false);
    assert_near(sum_at(profile, LIVE_BYTES, "heap_load_c", NULL, 0), 8000 * 8192, 8192,
                (double)peak.dump->rate);
    assert_true(peak.active >= 8000 * 8192);
    ordo_profile_free(profile);
    ordo_heap_peak_done(&peak);
    assert_null(peak.dump);
}

static void test_figures_follow_what_is_held(void **state)
{
    struct ordo_heap_figures before, after;
    struct ordo_buffer out = {0};

    (void)state;
    assert_int_equal(ordo_heap_figures_read(&before, NULL), 0);
    heap_load_c(8000, 8192);
    assert_int_equal(ordo_heap_figures_read(&after, NULL), 0);
    heap_load_free();
    assert_true(after.allocated - before.allocated >= 8000 * 8192);
    assert_true(after.allocated <= after.active && after.active <= after.resident);
    assert_true(after.resident <= after.mapped + after.metadata);
    assert_true(after.sampling);
    assert_int_equal(after.sample_bytes, RATE);
    ordo_heap_figures_write(&out);
    ordo_buffer_put(&out, '\0');
    assert_non_null(strstr(out.ptr, "\"fragmentation\":1."));
    assert_non_null(strstr(out.ptr, "\"sampling\":true,\"sample_bytes\":4096}"));
    ordo_buffer_done(&out);
}

static int start(void **state)
{
    (void)state;
    ordo_heap_start();
    symbols = ordo_symbols_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    ordo_symbols_free(symbols);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_of_c_are_where_they_were_allocated),
        cmocka_unit_test(test_tables_of_interpreted_lua),
        cmocka_unit_test(test_tables_of_compiled_lua),
        cmocka_unit_test(test_thread_is_a_label),
        cmocka_unit_test(test_peak_is_kept),
        cmocka_unit_test(test_figures_follow_what_is_held),
    };

    if (mallctl == NULL)
        return 77; /* skipped */
    return cmocka_run_group_tests(tests, start, end);
}
