/* SPDX-License-Identifier: MIT
 * window_waits.c: what orders, or threads, waited for: since it is measured, or while a window was open. A window may ask
 * for a rate of its own, so that what is off is measured meanwhile.
 */
#include <stdio.h>

#include "base/clock.h"
#include "profile/jeprof.h"
#include "profile/profiler_impl.h"

struct about {
    enum ordo_wait_kind kind;
    const char *name, *option, *title;
};

static const struct about *about_of(const struct ordo__window *asked)
{
    static const struct about abouts[] = {
        {ORDO_WAIT_BLOCK, "block", "profiling.block_rate", "waits of orders"},
        {ORDO_WAIT_MUTEX, "mutex", "profiling.mutex_rate", "waits for locks"},
    };

    return &abouts[asked->request.kind == ORDO_PROFILE_MUTEX];
}

static bool begin(struct ordo_profiler *profiler, struct ordo__window *asked,
                  struct ordo_profile_answer *answer)
{
    const struct about *about = about_of(asked);
    const struct ordo_profile_request *request = &asked->request;

    (void)profiler;
    if (request->rate_ns == 0 && !ordo_waits_are_on(about->kind)) {
        answer->result = ORDO_PROFILE_UNAVAILABLE;
        snprintf(answer->text, sizeof(answer->text),
                 "%s are not measured: set %s, or give rate and seconds, as in ?rate=10us&seconds=10",
                 about->title, about->option);
        return false;
    }
    if (request->duration_ns == 0)
        return true;
    asked->state = ordo_waits_mark_new(about->kind);
    if (request->rate_ns != 0)
        ordo_waits_set_rate(about->kind, request->rate_ns);
    return true;
}

static void close_window(struct ordo_profiler *profiler, struct ordo__window *asked)
{
    const struct about *about = about_of(asked);

    if (asked->request.duration_ns > 0 && asked->request.rate_ns != 0)
        ordo_waits_set_rate(about->kind, profiler->options.wait_rate_ns[about->kind]);
}

/* The rate is what the sums were measured at: the window's or, since waits are measured, the one that is set up. */
static void comment(const struct ordo_profiler *profiler, const struct ordo__window *asked,
                    struct ordo_profile *profile)
{
    const struct about *about = about_of(asked);
    int64_t rate_ns =
        asked->request.rate_ns != 0 ? asked->request.rate_ns : profiler->options.wait_rate_ns[about->kind];

    ordo_profile_comment(profile, "rate: %lld ns, stacks: %zu", (long long)rate_ns,
                         ordo_profile_sample_count(profile));
}

static void end(struct ordo_profiler *profiler, struct ordo__window *asked,
                struct ordo_profile_answer *answer)
{
    const struct about *about = about_of(asked);
    const struct ordo_waits_mark *since = asked->state;
    enum ordo_profile_format format = asked->request.format;
    struct ordo_buffer raw = {0};
    struct ordo_profile *profile;

    close_window(profiler, asked);
    if (asked->request.debug > 0) {
        asked->request.format = ORDO_FORMAT_TEXT;
        ordo__answer_name(asked, about->name, answer);
        ordo_encode_contention(about->kind, since, profiler->symbols, &answer->body);
    } else if (format == ORDO_FORMAT_RAW || format == ORDO_FORMAT_SYMBOLIZED) {
        ordo__answer_name(asked, about->name, answer);
        ordo_encode_contention(about->kind, since, NULL, format == ORDO_FORMAT_RAW ? &answer->body : &raw);
        if (format == ORDO_FORMAT_SYMBOLIZED)
            ordo_jeprof_name_dump(ordo_buffer_str(&raw), profiler->symbols, &answer->body);
        ordo_buffer_done(&raw);
    } else {
        profile = ordo_waits_profile(about->kind, since, profiler->symbols);
        comment(profiler, asked, profile);
        ordo__answer_profile(profiler, asked, about->name, about->title, profile, answer);
        ordo_profile_free(profile);
    }
    ordo_symbols_rest(profiler->symbols);
    ordo_waits_mark_free(asked->state);
}

static void abandon(struct ordo_profiler *profiler, struct ordo__window *asked)
{
    close_window(profiler, asked);
    ordo_waits_mark_free(asked->state);
}

const struct ordo__kind ordo__kind_block = {"block", begin, end, abandon};
const struct ordo__kind ordo__kind_mutex = {"mutex", begin, end, abandon};
