/* SPDX-License-Identifier: MIT
 * window_trace.c: what happened, when: of the time of a window, of the past, or of an order that was too slow.
 *
 * The recorder is always on, so a window only waits.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/timeline.h"
#include "profile/profiler_impl.h"
#include "profile/timeline.h"

static bool begin(struct ordo_profiler *profiler, struct ordo__window *window,
                  struct ordo_profile_answer *answer)
{
    (void)profiler, (void)window;
    if (ordo_timeline_is_on())
        return true;
    snprintf(answer->text, sizeof(answer->text), "nothing is recorded: trace.memory is 0");
    return false;
}

static void end_slow(struct ordo__window *window, struct ordo_profile_answer *answer)
{
    if (strcmp(window->request.slow, "1") == 0) {
        ordo_timeline_slow_list(&answer->body);
    } else if (!ordo_timeline_slow_write(ordo_str_from(window->request.slow), &answer->body)) {
        answer->result = ORDO_PROFILE_ABSENT;
        snprintf(answer->text, sizeof(answer->text),
                 "no order with this id was slower than trace.slow_ms, or newer ones took its place; slow=1 "
                 "lists them");
    }
}

static void end(struct ordo_profiler *profiler, struct ordo__window *window,
                struct ordo_profile_answer *answer)
{
    int64_t now_ns = ordo_clock_ns();

    (void)profiler;
    ordo__answer_name(window, "trace", answer);
    if (window->request.slow[0] != '\0')
        end_slow(window, answer);
    else if (window->request.last_ns > 0)
        ordo_timeline_write(&answer->body, now_ns - window->request.last_ns, now_ns);
    else
        ordo_timeline_write(&answer->body, window->began_ns, now_ns);
}

const struct ordo__kind ordo__kind_trace = {"trace", begin, end, NULL};
