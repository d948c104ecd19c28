/* SPDX-License-Identifier: MIT
 * window_coroutines.c: what waits now, and what every thread does now.
 *
 * Workers list what waits in them; threads tell where they are by a sample of the kind that counts waiting, one each. Both
 * have a second: what does not come until then is said not to have answered. A thread in a C function that Lua called is
 * first given some time to return from it, for samples are exact then, and then sampled inside of it.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "profile/moment.h"
#include "profile/profiler_impl.h"

enum { HZ = 200, STEP_NS = 5000000, PATIENCE_NS = 1000000000, EXACT_NS = 100000000 };

struct hearing {
    struct ordo_sampler_listener listener; /* first: both convert */
    struct ordo_moment *moment;
    size_t heard;
};

static void add_thread(void *context, int32_t tid, const char *name)
{
    struct ordo_moment *moment = context;
    struct ordo_moment_thread *thread;

    moment->threads = realloc(moment->threads, (moment->thread_count + 1) * sizeof(*moment->threads));
    ORDO_REQUIRE(moment->threads != NULL);
    thread = &moment->threads[moment->thread_count++];
    memset(thread, 0, sizeof(*thread));
    thread->tid = tid;
    memcpy(thread->name, name, strnlen(name, sizeof(thread->name) - 1));
}

/* Ticks that cannot wait for a safe point any more are told without. */
static bool lacks_lua(const struct ordo_sample *sample)
{
    return sample->in_vm && sample->lua_count == 0 &&
           (sample->state == ORDO_VM_INTERPRETER || sample->state == ORDO_VM_COMPILED ||
            sample->state == ORDO_VM_C);
}

static void heard(struct ordo_sampler_listener *listener, const struct ordo_sample *sample)
{
    struct hearing *hearing = (struct hearing *)listener;
    struct ordo_moment *moment = hearing->moment;

    for (size_t i = 0; i < moment->thread_count; i++) {
        struct ordo_moment_thread *thread = &moment->threads[i];

        if (thread->tid != sample->tid || (thread->state != NULL && !thread->lacks_lua))
            continue;
        thread->lacks_lua = lacks_lua(sample);
        thread->state = ordo__sample_state(sample);
        thread->frame_count =
            sample->frame_count < ORDO_MOMENT_FRAMES ? sample->frame_count : ORDO_MOMENT_FRAMES;
        thread->lua_at = sample->lua_at;
        thread->lua_count = sample->lua_at + sample->lua_count <= thread->frame_count ? sample->lua_count : 0;
        memcpy(thread->frames, sample->frames, thread->frame_count * sizeof(*thread->frames));
        hearing->heard += !thread->lacks_lua; /* else a better one may come */
    }
}

static void hear_threads(struct ordo_profiler *profiler, struct ordo_moment *moment)
{
    struct hearing hearing = {.listener = {.sample = heard, .hz = HZ, .wall = true}, .moment = moment};
    const struct timespec step = {.tv_nsec = STEP_NS};
    int64_t began_ns = ordo_clock_ns(), passed_ns = 0;

    ordo_sampler_listen(profiler->sampler, &hearing.listener);
    ordo_sampler_each_thread(profiler->sampler, add_thread, moment);
    for (; hearing.heard < moment->thread_count && passed_ns < PATIENCE_NS;
         passed_ns = ordo_clock_ns() - began_ns) {
        if (passed_ns > EXACT_NS && !hearing.listener.at_once) {
            ordo_sampler_leave(profiler->sampler, &hearing.listener);
            hearing.listener.at_once = true;
            ordo_sampler_listen(profiler->sampler, &hearing.listener);
        }
        clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
        ordo_sampler_turn(profiler->sampler);
    }
    ordo_sampler_leave(profiler->sampler, &hearing.listener);
    for (size_t i = 0; i < moment->thread_count; i++)
        if (moment->threads[i].state == NULL)
            moment->threads[i].kernel_state = ordo_sampler_kernel_state(moment->threads[i].tid);
}

static void end(struct ordo_profiler *profiler, struct ordo__window *asked,
                struct ordo_profile_answer *answer)
{
    struct ordo_moment moment = {.at_ns = ordo_clock_ns(), .at_utc_ms = ordo_clock_utc_ms()};
    struct ordo_profile *profile;

    if (profiler->profiled.coroutines != NULL)
        profiler->profiled.coroutines(profiler->profiled.context, &moment.coroutines);
    hear_threads(profiler, &moment);
    if (asked->request.debug > 0) {
        asked->request.format = ORDO_FORMAT_TEXT;
        ordo__answer_name(asked, "goroutines", answer);
        ordo_moment_text(&moment, asked->request.debug, profiler->symbols, &answer->body);
    } else {
        profile = ordo_moment_profile(&moment, profiler->symbols);
        ordo__answer_profile(profiler, asked, "goroutines", "waiting orders, and threads", profile, answer);
        ordo_profile_free(profile);
    }
    ordo_symbols_rest(profiler->symbols);
    ordo_moment_done(&moment);
}

const struct ordo__kind ordo__kind_coroutines = {.name = "goroutines", .end = end};
