/* SPDX-License-Identifier: MIT
 * window_symbol.c: names for addresses that a client read in a dump.
 */
#include <stdio.h>

#include "profile/jeprof.h"
#include "profile/profiler_impl.h"

static void end(struct ordo_profiler *profiler, struct ordo__window *window,
                struct ordo_profile_answer *answer)
{
    struct ordo_error err = {0};

    window->request.format = ORDO_FORMAT_TEXT;
    ordo__answer_name(window, "symbols", answer);
    if (ordo_jeprof_symbol(window->request.text, profiler->symbols, &answer->body, &err) != 0) {
        answer->result = ORDO_PROFILE_WRONG;
        snprintf(answer->text, sizeof(answer->text), "%s", err.message);
    }
}

const struct ordo__kind ordo__kind_symbol = {.name = "symbol", .end = end};
