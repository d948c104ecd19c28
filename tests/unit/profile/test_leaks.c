/* SPDX-License-Identifier: MIT
 * test_leaks.c: made-up engines of many sites, sampled as jemalloc does: healthy ones stay quiet, leaks are found.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "profile/leaks.h"

enum { RATE = 512 << 10, WINDOW_S = 60, SITES = 120, WINDOWS = 400, ORDERS = 6000 };

/* --- chance --- */

struct dice {
    uint64_t state;
};

static double roll(struct dice *dice)
{
    dice->state += 0x9e3779b97f4a7c15; /* splitmix64 */
    uint64_t z = dice->state;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

static double roll_normal(struct dice *dice)
{
    return sqrt(-2 * log(1 - roll(dice))) * cos(6.283185307179586 * roll(dice));
}

static int64_t roll_poisson(struct dice *dice, double mean)
{
    double product = 1, bound = exp(-mean);
    int64_t count = 0;

    if (mean > 100)
        return (int64_t)fmax(0, round(mean + sqrt(mean) * roll_normal(dice)));
    while ((product *= roll(dice)) > bound)
        count++;
    return count;
}

/* --- sites --- */

enum behaviour {
    STEADY = 0, /* the same, with turnover: only sampling makes it move */
    NOISY,      /* by a quarter, at random */
    WANDERING,  /* slowly up and down, as load does */
    SAWTOOTH,   /* a buffer that is written when it is full; a heap that is collected */
    FILLING,    /* a cache, which then is full */
    STEPPED,    /* a reload, a new customer */
    DAY,        /* with the hour of the day */
    BEHAVIOURS,
    LEAKING,
};

struct site {
    enum behaviour behaviour;
    double level, state, rate, object; /* bytes; bytes a window; bytes */
    int period, phase;
    int64_t leaked; /* samples that are never freed */
};

static void site_init(struct site *site, struct dice *dice, enum behaviour behaviour)
{
    *site = (struct site){
        .behaviour = behaviour,
        .level = exp(roll(dice) * 8) * 32e3, /* 32 KB to 95 MB */
        .object = exp(roll(dice) * 8) * 32,
        .period = 3 + (int)(roll(dice) * 25),
        .phase = (int)(roll(dice) * 100),
    };
}

static double live_bytes(struct site *site, struct dice *dice, int window)
{
    double t = window + site->phase;

    switch (site->behaviour) {
    case NOISY:
        return site->level * fmax(0.1, 1 + 0.25 * roll_normal(dice));
    case WANDERING:
        site->state = 0.9 * site->state + 0.1 * roll_normal(dice);
        return site->level * fmax(0.1, 1 + site->state);
    case SAWTOOTH:
        return site->level * (0.2 + fmod(t, site->period) / site->period);
    case FILLING:
        return site->level * (1 - exp(-(double)window / site->period * 3));
    case STEPPED:
        return site->level * (1 + (window > 150) + (window > 300));
    case DAY:
        return site->level * (1 + 0.5 * sin(6.283185307179586 * t / 1440));
    default:
        return site->level;
    }
}

/* What a window of it shows in a profile. Only what the sampler caught is seen, then scaled up. */
static void sample_site(struct ordo_leaks *leaks, struct site *site, struct dice *dice, int number,
                        int window)
{
    double seen = -expm1(-site->object / RATE);
    char name[32];
    int64_t count = roll_poisson(dice, live_bytes(site, dice, window) / site->object * seen);

    if (site->behaviour == LEAKING) {
        site->leaked += roll_poisson(dice, site->rate / site->object * seen);
        count += site->leaked;
    }
    snprintf(name, sizeof(name), "site_%d", number);
    ordo_leaks_add(leaks,
                   &(struct ordo_leak_site){.function = ordo_str_from(name),
                                            .file = ORDO_STR("rules/10_x.lua"),
                                            .module = ORDO_STR("ordo"),
                                            .rule = ORDO_STR("x"),
                                            .line = number},
                   llround((double)count / seen), llround((double)count * site->object / seen), RATE);
}

struct engine {
    struct dice dice;
    struct site sites[SITES];
    struct ordo_leaks *leaks;
    int window;
};

static void engine_init(struct engine *engine, uint64_t seed)
{
    *engine = (struct engine){.dice = {seed}, .leaks = ordo_leaks_new()};
    for (int i = 0; i < SITES; i++)
        site_init(&engine->sites[i], &engine->dice, (enum behaviour)(i % BEHAVIOURS));
}

static size_t engine_step(struct engine *engine)
{
    ordo_leaks_begin(engine->leaks, (int64_t)engine->window * WINDOW_S * 1000000000, ORDERS);
    for (int i = 0; i < SITES; i++)
        sample_site(engine->leaks, &engine->sites[i], &engine->dice, i, engine->window);
    ordo_leaks_end(engine->leaks);
    engine->window++;
    return ordo_leaks_find(engine->leaks, NULL, 0);
}

static void test_healthy_engine_stays_quiet(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct engine engine;

        engine_init(&engine, seed);
        while (engine.window < WINDOWS)
            if (engine_step(&engine) > 0) {
                struct ordo_leak leak;

                ordo_leaks_find(engine.leaks, &leak, 1);
                fail_msg("seed %d, window %d: site %d, which behaves as %d, is said to leak", (int)seed,
                         engine.window, leak.site.line, (int)engine.sites[leak.site.line].behaviour);
            }
        ordo_leaks_free(engine.leaks);
    }
}

/* How many windows it takes to find a leak of so many bytes a second in one site of a healthy engine. */
static int windows_to_find(uint64_t seed, double bytes_per_second, double level, struct ordo_leak *ret_leak)
{
    enum { LEAKER = 17 };
    struct engine engine;
    int found = 0;

    engine_init(&engine, seed);
    engine.sites[LEAKER] = (struct site){
        .behaviour = LEAKING, .level = level, .object = 200, .rate = bytes_per_second * WINDOW_S};
    while (engine.window < WINDOWS && found == 0)
        if (engine_step(&engine) > 0 && ordo_leaks_find(engine.leaks, ret_leak, 1) == 1 &&
            ret_leak->site.line == LEAKER)
            found = engine.window;
    ordo_leaks_free(engine.leaks);
    return found;
}

static void test_leak_is_found(void **state)
{
    static const struct {
        double rate, level;
        int within; /* windows of a minute */
    } cases[] = {{4 << 10, 0, 200}, {4 << 10, 1e6, 200}, {32 << 10, 1e6, 60}, {1 << 20, 10e6, 40}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        for (uint64_t seed = 1; seed <= 5; seed++) {
            struct ordo_leak leak = {0};
            int took = windows_to_find(seed * 31, cases[i].rate, cases[i].level, &leak);

            assert_in_range(took, 30, cases[i].within);
            assert_true(leak.bytes_per_second > cases[i].rate / 2 &&
                        leak.bytes_per_second < cases[i].rate * 2);
            assert_true(fabs(leak.bytes_per_window - leak.bytes_per_second * WINDOW_S) < 1);
            assert_true(fabs(leak.bytes_per_order - leak.bytes_per_window / ORDERS) < 0.01);
            assert_int_equal(leak.seconds, leak.windows * WINDOW_S);
        }
}

/* --- by hand: one site, as it is, without sampling --- */

static void add_window(struct ordo_leaks *leaks, int window, uint64_t orders, int64_t bytes)
{
    ordo_leaks_begin(leaks, (int64_t)window * WINDOW_S * 1000000000, orders);
    ordo_leaks_add(leaks,
                   &(struct ordo_leak_site){.function = ORDO_STR("coupon.apply"),
                                            .file = ORDO_STR("rules/30_coupon.lua"),
                                            .module = ORDO_STR("/usr/lib/ordo/store_memory.so"),
                                            .rule = ORDO_STR("coupon"),
                                            .line = 7},
                   bytes, bytes, 1);
    ordo_leaks_end(leaks);
}

enum { MIB = 1 << 20 };

static void test_leak_is_told_with_its_line(void **state)
{
    struct ordo_leaks *leaks = ordo_leaks_new();
    struct ordo_buffer out = {0};

    (void)state;
    for (int i = 0; i < 30; i++)
        add_window(leaks, i, 100, 10 * MIB + i * 6 * 1024);
    ordo_leaks_write_text(leaks, &out);
    ordo_buffer_put(&out, '\0');
    assert_string_equal(out.ptr,
                        "coupon.apply (rules/30_coupon.lua:7) of rule coupon holds 10.2 MiB and grows by 102 "
                        "B/s, 6.0 KiB a window, 61.4 B an order (over the last 12 windows, 720 s)\n");
    ordo_buffer_clear(&out);
    ordo_leaks_write_json(leaks, &out);
    ordo_buffer_put(&out, '\0');
    assert_string_equal(
        out.ptr,
        "{\"windows\":30,\"windows_needed\":30,\"sites\":1,\"leaking\":1,\"leaks\":[{\"function\":\"coupon."
        "apply\","
        "\"file\":\"rules/30_coupon.lua\",\"line\":7,\"module\":\"/usr/lib/ordo/"
        "store_memory.so\",\"rule\":\"coupon\","
        "\"live_bytes\":10663936,\"bytes_per_window\":6144,\"bytes_per_second\":102,\"bytes_per_order\":61."
        "44,"
        "\"windows\":12,\"seconds\":720}]}");
    ordo_buffer_done(&out);
    ordo_leaks_free(leaks);
}

static void test_nothing_is_said_before_it_can_be_told(void **state)
{
    struct ordo_leaks *leaks = ordo_leaks_new();
    struct ordo_buffer out = {0};

    (void)state;
    for (int i = 0; i < 29; i++)
        add_window(leaks, i, 100, i * MIB);
    assert_int_equal(ordo_leaks_find(leaks, NULL, 0), 0);
    ordo_leaks_write_text(leaks, &out);
    ordo_buffer_put(&out, '\0');
    assert_string_equal(out.ptr,
                        "too early to tell: 29 of the 30 windows that it takes at least are there\n");
    ordo_buffer_done(&out);
    ordo_leaks_free(leaks);
}

static void test_leak_that_ended_is_forgotten(void **state)
{
    struct ordo_leaks *leaks = ordo_leaks_new();
    struct ordo_buffer out = {0};

    (void)state;
    for (int i = 0; i < 60; i++)
        add_window(leaks, i, 100, (i < 40 ? i : 40) * MIB);
    for (int i = 60; i < 600; i++)
        add_window(leaks, i, 100, 40 * MIB);
    assert_int_equal(ordo_leaks_find(leaks, NULL, 0), 0);
    ordo_leaks_write_text(leaks, &out);
    ordo_buffer_put(&out, '\0');
    assert_string_equal(out.ptr, "no leaks: none of 1 sites grows steadily (600 windows seen)\n");
    ordo_buffer_done(&out);
    ordo_leaks_free(leaks);
}

static size_t leaks_after(int64_t allowed, int windows, bool with_load)
{
    struct ordo_leaks *leaks = ordo_leaks_new();
    size_t found;

    if (allowed > 0)
        ordo_leaks_allow(leaks, ORDO_STR("store_memory.so"), allowed);
    for (int i = 0; i < windows; i++)
        add_window(leaks, i, with_load ? 1000 + (uint64_t)i * 100 : 1000, (int64_t)(10 + i) * MIB);
    found = ordo_leaks_find(leaks, NULL, 0);
    ordo_leaks_free(leaks);
    return found;
}

static void test_module_may_hold_what_it_is_allowed(void **state)
{
    (void)state;
    assert_int_equal(leaks_after(0, 50, false), 1);
    assert_int_equal(leaks_after(100 * MIB, 50, false), 0);
    assert_int_equal(leaks_after(40 * MIB, 50, false), 1);
}

static void test_what_rises_with_the_orders_is_no_leak(void **state)
{
    (void)state;
    assert_int_equal(leaks_after(0, 50, true), 0);
}

static void assert_quiet(int64_t (*bytes)(int window))
{
    struct ordo_leaks *leaks = ordo_leaks_new();

    for (int i = 0; i < 600; i++) {
        add_window(leaks, i, 100, bytes(i));
        if (ordo_leaks_find(leaks, NULL, 0) > 0)
            fail_msg("said to leak in window %d", i);
    }
    ordo_leaks_free(leaks);
}

/* Each with a trickle, so that every point is above the last. */
static int64_t stairs(int window)
{
    return (10 + window / 150 * 10) * MIB + window * 100;
}

static int64_t late_cache(int window)
{
    return window < 60 ? window * 100 : llround(50 * MIB * -expm1(-(window - 60) / 4.0)) + window * 100;
}

static int64_t buffer(int window)
{
    return window < 60 ? (window % 25) * MIB : (window % 37) * MIB * 2 / 3;
}

static void test_stairs_are_no_leak(void **state)
{
    (void)state;
    assert_quiet(stairs);
}

static void test_cache_that_fills_later_is_no_leak(void **state)
{
    (void)state;
    assert_quiet(late_cache);
}

static void test_buffer_that_is_written_when_full_is_no_leak(void **state)
{
    (void)state;
    assert_quiet(buffer);
}

/* --- from profiles --- */

static uint32_t frame(struct ordo_profile *profile, enum ordo_frame_kind kind, const char *function,
                      const char *file, int line)
{
    return ordo_profile_frame(profile, &(struct ordo_frame){.function = ordo_str_from(function),
                                                            .file = ordo_str_from(file),
                                                            .line = line,
                                                            .kind = kind});
}

/* One that leaks in Lua below C, and one in a plugin that has a buffer grow. */
static struct ordo_profile *profile_of(int window)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_heap, 1);
    uint32_t lua[] = {frame(profile, ORDO_FRAME_ENGINE, "push_order", "engine/script/bind_order.c", 10),
                      frame(profile, ORDO_FRAME_LUA, "gift.apply", "rules/40_gift.lua", 9),
                      frame(profile, ORDO_FRAME_ENGINE, "step", "engine/script/run.c", 20)};
    uint32_t plugin[] = {frame(profile, ORDO_FRAME_LIBRARY, "realloc", "", 0),
                         frame(profile, ORDO_FRAME_ENGINE, "ordo_buffer_grow", "../engine/base/buffer.c", 27),
                         frame(profile, ORDO_FRAME_PLUGIN, "emit", "plugins/sink_file/sink_file.c", 30),
                         frame(profile, ORDO_FRAME_ENGINE, "run_sink", "engine/worker/emit.c", 40)};
    int64_t bytes = (int64_t)(window + 1) * MIB;

    ordo_profile_add(profile, lua, 3, NULL, 0, (int64_t[]){0, 0, bytes, 2 * bytes});
    ordo_profile_add(profile, plugin, 4, NULL, 0, (int64_t[]){0, 0, bytes, bytes});
    return profile;
}

static void test_site_is_the_nearest_line_that_says_something(void **state)
{
    struct ordo_leaks *leaks = ordo_leaks_new();
    struct ordo_leak found[3];

    (void)state;
    for (int i = 0; i < 40; i++) {
        struct ordo_profile *profile = profile_of(i);

        ordo_leaks_add_profile(leaks, profile, NULL, (int64_t)i * WINDOW_S * 1000000000, 10);
        ordo_profile_free(profile);
    }
    assert_int_equal(ordo_leaks_windows(leaks), 40);
    assert_int_equal(ordo_leaks_find(leaks, found, 3), 2);
    assert_int_equal(found[0].site.line, 9); /* the faster one first */
    assert_int_equal(found[0].live_bytes, 80 * MIB);
    assert_memory_equal(found[0].site.function.ptr, "gift.apply", 10);
    assert_int_equal(found[1].site.line, 30);
    assert_memory_equal(found[1].site.function.ptr, "emit", 4);
    assert_int_equal(ordo_leaks_find(leaks, found, 1), 2);
    ordo_leaks_free(leaks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_healthy_engine_stays_quiet),
        cmocka_unit_test(test_leak_is_found),
        cmocka_unit_test(test_leak_is_told_with_its_line),
        cmocka_unit_test(test_nothing_is_said_before_it_can_be_told),
        cmocka_unit_test(test_leak_that_ended_is_forgotten),
        cmocka_unit_test(test_module_may_hold_what_it_is_allowed),
        cmocka_unit_test(test_what_rises_with_the_orders_is_no_leak),
        cmocka_unit_test(test_stairs_are_no_leak),
        cmocka_unit_test(test_cache_that_fills_later_is_no_leak),
        cmocka_unit_test(test_buffer_that_is_written_when_full_is_no_leak),
        cmocka_unit_test(test_site_is_the_nearest_line_that_says_something),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
