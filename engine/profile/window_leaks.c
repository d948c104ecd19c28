/* SPDX-License-Identifier: MIT
 * window_leaks.c: which lines hold ever more memory, by what watch.c has compared so far.
 */
#include <stdio.h>

#include "profile/heap.h"
#include "profile/profiler_impl.h"

static void end(struct ordo_profiler *profiler, struct ordo__window *window,
                struct ordo_profile_answer *answer)
{
    struct ordo_error err;

    if (ordo_heap_check(&err) != 0) {
        answer->result = ORDO_PROFILE_UNAVAILABLE;
        snprintf(answer->text, sizeof(answer->text), "%s", err.message);
        return;
    }
    ordo__answer_name(window, "leaks", answer);
    if (window->request.format == ORDO_FORMAT_TEXT)
        ordo_leaks_write_text(profiler->leaks, &answer->body);
    else
        ordo_leaks_write_json(profiler->leaks, &answer->body);
}

const struct ordo__kind ordo__kind_leaks = {.name = "leaks", .end = end};
