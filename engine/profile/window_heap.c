/* SPDX-License-Identifier: MIT
 * window_heap.c: what holds the memory now, what changed while a window was open, or how it was at its highest.
 */
#include <stdio.h>
#include <stdlib.h>

#include "profile/heap.h"
#include "profile/jeprof.h"
#include "profile/profiler_impl.h"

static void collect(struct ordo_profiler *profiler)
{
    if (profiler->profiled.collect != NULL)
        profiler->profiled.collect(profiler->profiled.context);
}

static struct ordo_heap_dump *take(struct ordo_profiler *profiler, const struct ordo__window *asked,
                                   struct ordo_profile_answer *answer)
{
    struct ordo_error err = {0};
    struct ordo_heap_dump *dump;

    if (asked->request.peak) {
        if (profiler->peak.dump != NULL)
            return ordo_heap_dump_read(ordo_buffer_str(&profiler->peak.dump->text), &err);
        ordo_heap_peak_look(&profiler->peak);
    }
    if (asked->request.collect && !asked->request.peak)
        collect(profiler);
    dump = ordo_heap_dump_take(&err);
    if (dump == NULL) {
        answer->result = ORDO_PROFILE_UNAVAILABLE;
        snprintf(answer->text, sizeof(answer->text), "%s", err.message);
    }
    return dump;
}

static bool begin(struct ordo_profiler *profiler, struct ordo__window *asked,
                  struct ordo_profile_answer *answer)
{
    if (asked->request.duration_ns == 0)
        return true;
    asked->state = take(profiler, asked, answer);
    return asked->state != NULL;
}

static void end(struct ordo_profiler *profiler, struct ordo__window *asked,
                struct ordo_profile_answer *answer)
{
    struct ordo_heap_dump *base = asked->state, *dump = take(profiler, asked, answer);
    struct ordo_buffer trimmed = {0};
    struct ordo_profile *profile;

    if (dump != NULL && asked->request.format == ORDO_FORMAT_RAW) {
        ordo__answer_name(asked, "memory", answer);
        ordo_buffer_append(&answer->body, ordo_buffer_str(&dump->text));
    } else if (dump != NULL && asked->request.format == ORDO_FORMAT_SYMBOLIZED) {
        ordo__answer_name(asked, "memory", answer);
        ordo_heap_dump_trim(dump, profiler->symbols, &trimmed);
        ordo_jeprof_name_dump(ordo_buffer_str(&trimmed), profiler->symbols, &answer->body);
        ordo_buffer_done(&trimmed);
    } else if (dump != NULL) {
        profile = ordo_heap_profile(dump, base, profiler->symbols, asked->request.allocs);
        ordo__answer_profile(profiler, asked, asked->request.allocs ? "allocs" : "memory",
                             asked->request.allocs ? "memory allocated" : "memory in use", profile, answer);
        ordo_profile_free(profile);
        if (ordo__continuous_is_wanted(profiler, asked)) {
            ordo__continuous_hand_heap(profiler, dump);
            dump = NULL;
        }
    }
    ordo_heap_dump_free(dump);
    ordo_heap_dump_free(base);
    ordo_symbols_rest(profiler->symbols);
}

static void abandon(struct ordo_profiler *profiler, struct ordo__window *asked)
{
    (void)profiler;
    ordo_heap_dump_free(asked->state);
}

const struct ordo__kind ordo__kind_heap = {"memory", begin, end, abandon};
