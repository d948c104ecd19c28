/* SPDX-License-Identifier: MIT
 * profiler.c: the thread that opens windows, ends them when their time has come, and answers.
 */
#include "profile/profiler_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"

static const struct ordo__kind *const kinds[ORDO_PROFILE_KINDS] = {
    [ORDO_PROFILE_CPU] = &ordo__kind_cpu,
    [ORDO_PROFILE_HEAP] = &ordo__kind_heap,
    [ORDO_PROFILE_TRACE] = &ordo__kind_trace,
    [ORDO_PROFILE_GC] = &ordo__kind_gc,
    [ORDO_PROFILE_JIT] = &ordo__kind_jit,
    [ORDO_PROFILE_LEAKS] = &ordo__kind_leaks,
    [ORDO_PROFILE_KEPT] = &ordo__kind_kept,
    [ORDO_PROFILE_DIFF] = &ordo__kind_diff,
    [ORDO_PROFILE_LIST] = &ordo__kind_list,
    [ORDO_PROFILE_FORGET] = &ordo__kind_forget,
    [ORDO_PROFILE_STATUS] = &ordo__kind_status,
    [ORDO_PROFILE_SYMBOL] = &ordo__kind_symbol,
    [ORDO_PROFILE_BLOCK] = &ordo__kind_block,
    [ORDO_PROFILE_MUTEX] = &ordo__kind_mutex,
    [ORDO_PROFILE_COROUTINES] = &ordo__kind_coroutines,
};

const char *ordo__kind_name(const struct ordo__window *window)
{
    return kinds[window->request.kind]->name;
}

static const char stopping_text[] = "the engine is stopping";

static void answer(struct ordo__window *window, struct ordo_profile_answer *answer)
{
    window->done(window->context, answer);
    ordo_buffer_done(&answer->body);
    free(window->text);
    free(window);
}

static void refuse(struct ordo__window *window, enum ordo_profile_result result, const char *text)
{
    struct ordo_profile_answer refused = {.result = result};

    snprintf(refused.text, sizeof(refused.text), "%s", text);
    answer(window, &refused);
}

static const struct ordo__window *open_of_kind(const struct ordo_profiler *profiler,
                                               enum ordo_profile_kind kind)
{
    for (const struct ordo__window *window = profiler->open; window != NULL; window = window->next)
        if (window->request.kind == kind && !window->is_continuous)
            return window;
    return NULL;
}

static void refuse_busy(struct ordo__window *window, const struct ordo__window *holder)
{
    double left_s = (double)(holder->end_ns - ordo_clock_ns()) / 1e9;
    char text[256];

    snprintf(text, sizeof(text),
             "a %s profile is being taken for %s: it has been running for %.1f s and ends in %.1f s",
             kinds[holder->request.kind]->name, holder->request.who,
             (double)(ordo_clock_ns() - holder->began_ns) / 1e9, left_s > 0 ? left_s : 0);
    refuse(window, ORDO_PROFILE_BUSY, text);
}

static void end(struct ordo_profiler *profiler, struct ordo__window *window)
{
    struct ordo_profile_answer taken = {.result = ORDO_PROFILE_TAKEN};

    window->ended_ns = ordo_clock_ns();
    window->orders_after = ordo__orders(profiler);
    if (window->is_continuous)
        ordo__continuous_follow(profiler, window);
    kinds[window->request.kind]->end(profiler, window, &taken);
    answer(window, &taken);
}

void ordo__window_open(struct ordo_profiler *profiler, struct ordo__window *window)
{
    const struct ordo__kind *kind = kinds[window->request.kind];
    struct ordo_profile_answer refused = {.result = ORDO_PROFILE_UNAVAILABLE};

    if (window->began_ns == 0) {
        window->began_ns = ordo_clock_ns();
        window->began_utc_ns = ordo_clock_of_ns(CLOCK_REALTIME);
        window->orders_before = ordo__orders(profiler);
    }
    window->end_ns = window->began_ns + window->request.duration_ns;
    if (kind->begin != NULL && !kind->begin(profiler, window, &refused)) {
        answer(window, &refused);
    } else if (window->request.duration_ns == 0) {
        end(profiler, window);
    } else {
        window->next = profiler->open;
        profiler->open = window;
    }
}

static void begin(struct ordo_profiler *profiler, struct ordo__window *window)
{
    const struct ordo__window *holder = open_of_kind(profiler, window->request.kind);

    if (holder != NULL && window->request.duration_ns > 0)
        refuse_busy(window, holder);
    else
        ordo__window_open(profiler, window);
}

static void begin_asked(struct ordo_profiler *profiler)
{
    struct ordo__window *asked, *in_order = NULL;

    ordo_lock(&profiler->lock);
    asked = profiler->asked;
    profiler->asked = NULL;
    ordo_unlock(&profiler->lock);
    while (asked != NULL) {
        struct ordo__window *next = asked->next;

        asked->next = in_order;
        in_order = asked;
        asked = next;
    }
    while (in_order != NULL) {
        struct ordo__window *window = in_order;

        in_order = window->next;
        begin(profiler, window);
    }
}

static void abandon(struct ordo_profiler *profiler, struct ordo__window *window,
                    enum ordo_profile_result result, const char *text)
{
    if (kinds[window->request.kind]->abandon != NULL)
        kinds[window->request.kind]->abandon(profiler, window);
    refuse(window, result, text);
}

static bool is_cancelled(struct ordo_profiler *profiler, uint64_t ticket)
{
    bool found = false;

    ordo_lock(&profiler->lock);
    for (size_t i = 0; i < profiler->cancelled_count; i++)
        found = found || profiler->cancelled[i] == ticket;
    ordo_unlock(&profiler->lock);
    return found;
}

/* Ends the windows whose time has come, or that nobody waits for. */
static void end_due(struct ordo_profiler *profiler, bool all)
{
    struct ordo__window **link = &profiler->open;

    while (*link != NULL) {
        struct ordo__window *window = *link;
        bool cancelled = is_cancelled(profiler, window->ticket);

        if (!all && !cancelled && window->end_ns > ordo_clock_ns()) {
            link = &window->next;
            continue;
        }
        *link = window->next;
        if (all)
            abandon(profiler, window, ORDO_PROFILE_STOPPING, stopping_text);
        else if (cancelled)
            abandon(profiler, window, ORDO_PROFILE_CANCELLED, "nobody waits for it");
        else
            end(profiler, window);
    }
    ordo_lock(&profiler->lock);
    if (profiler->asked == NULL)
        profiler->cancelled_count = 0; /* whatever they named is gone */
    ordo_unlock(&profiler->lock);
}

/* When the thread has something to do by itself. */
static int64_t next_turn_ns(const struct ordo_profiler *profiler)
{
    int64_t next_ns = INT64_MAX, now_ns = ordo_clock_ns();

    for (const struct ordo__window *window = profiler->open; window != NULL; window = window->next)
        if (window->end_ns < next_ns)
            next_ns = window->end_ns;
    if (profiler->open != NULL && now_ns + ORDO_SAMPLER_TURN_NS < next_ns)
        next_ns = now_ns + ORDO_SAMPLER_TURN_NS;
    return next_ns;
}

static bool is_ready(struct ordo_profiler *profiler)
{
    bool ready;

    ordo_lock(&profiler->lock);
    ready = profiler->is_connected || profiler->stopping;
    ordo_unlock(&profiler->lock);
    return ready;
}

static bool is_stopping(struct ordo_profiler *profiler)
{
    bool stopping;

    ordo_lock(&profiler->lock);
    stopping = profiler->stopping;
    ordo_unlock(&profiler->lock);
    return stopping;
}

static void run(void *context)
{
    struct ordo_profiler *profiler = context;
    int64_t watch_ns, turn_ns;

    while (!is_ready(profiler)) /* what it profiles is being started */
        ordo_waker_wait(&profiler->waker, INT64_MAX);
    ordo__continuous_start(profiler);
    while (!is_stopping(profiler)) {
        begin_asked(profiler);
        if (profiler->open != NULL)
            ordo_sampler_turn(profiler->sampler);
        end_due(profiler, false);
        watch_ns = ordo__watch(profiler);
        turn_ns = next_turn_ns(profiler);
        ordo_waker_wait(&profiler->waker, watch_ns < turn_ns ? watch_ns : turn_ns);
    }
    begin_asked(profiler); /* what came with the stop: to be answered with the rest */
    end_due(profiler, true);
}

static int start(struct ordo_profiler *profiler, struct ordo_error *err)
{
    struct ordo_profiler_options *options = &profiler->options;
    int result;

    if (options->folder != NULL && options->history_bytes > 0) {
        profiler->history = ordo_history_open(options->folder, options->history_bytes, err);
        if (profiler->history == NULL)
            return err->code;
    }
    options->folder = NULL;
    result = ordo_thread_start(&profiler->thread, "profiler", run, profiler);
    return result == 0 ? 0
                       : ordo_fail(err, result, "profiler", "cannot start a thread: %s", strerror(-result));
}

/* What is sampled is off by some, and the allocator rounds up. */
static int64_t filling_of(uint64_t bytes)
{
    return bytes < INT64_MAX / 2 ? (int64_t)(bytes + bytes / 4) : INT64_MAX;
}

struct ordo_profiler *ordo_profiler_start(const struct ordo_profiler_options *options, struct ordo_error *err)
{
    struct ordo_profiler *profiler = calloc(1, sizeof(*profiler));
    struct ordo_error unused;

    ORDO_REQUIRE(profiler != NULL);
    ordo_lock_init(&profiler->lock, ORDO_LOCK_PROFILER);
    ordo_waker_init(&profiler->waker);
    profiler->options = *options; /* its texts are the caller's */
    profiler->symbols = ordo_symbols_new();
    profiler->sampler = ordo_sampler_new();
    profiler->leaks = ordo_leaks_new();
    if (options->filling != NULL)
        ordo_leaks_allow(profiler->leaks, ordo_str_from(options->filling),
                         filling_of(options->filling_bytes));
    profiler->leaks_next_ns = ordo_clock_ns() + options->leaks_interval_ns;
    profiler->watches = ordo_heap_check(&unused) == 0;
    for (int kind = 0; kind < ORDO_WAIT_KINDS; kind++)
        ordo_waits_set_rate((enum ordo_wait_kind)kind, options->wait_rate_ns[kind]);
    if (start(profiler, err) != 0) {
        ordo_profiler_free(profiler);
        return NULL;
    }
    return profiler;
}

void ordo_profiler_connect(struct ordo_profiler *profiler, const struct ordo_profiled *profiled)
{
    profiler->profiled = *profiled;
    ordo_lock(&profiler->lock);
    profiler->is_connected = true;
    ordo_unlock(&profiler->lock);
    ordo_waker_wake(&profiler->waker);
}

void ordo_profiler_end(struct ordo_profiler *profiler)
{
    if (profiler == NULL)
        return;
    ordo_lock(&profiler->lock);
    profiler->stopping = true;
    ordo_unlock(&profiler->lock);
    ordo_waker_wake(&profiler->waker);
    ordo_thread_join(&profiler->thread);
}

void ordo_profiler_free(struct ordo_profiler *profiler)
{
    if (profiler == NULL)
        return;
    for (int kind = 0; kind < ORDO_WAIT_KINDS; kind++)
        ordo_waits_set_rate((enum ordo_wait_kind)kind, 0);
    ordo__continuous_done(profiler);
    ordo_history_close(profiler->history);
    ordo_leaks_free(profiler->leaks);
    ordo_heap_peak_done(&profiler->peak);
    ordo_sampler_free(profiler->sampler);
    ordo_symbols_free(profiler->symbols);
    ordo_waker_done(&profiler->waker);
    ordo_lock_done(&profiler->lock);
    free(profiler->cancelled);
    free(profiler);
}

uint64_t ordo_profiler_ask(struct ordo_profiler *profiler, const struct ordo_profile_request *request,
                           ordo_profile_done_fn done, void *context)
{
    struct ordo__window *window = calloc(1, sizeof(*window));
    uint64_t ticket;
    bool stopping;

    ORDO_REQUIRE(window != NULL);
    window->request = *request;
    if (request->text.len > 0) {
        window->text = malloc(request->text.len);
        ORDO_REQUIRE(window->text != NULL);
        memcpy(window->text, request->text.ptr, request->text.len);
        window->request.text.ptr = window->text;
    }
    window->done = done;
    window->context = context;
    ordo_lock(&profiler->lock);
    ticket = window->ticket = ++profiler->tickets;
    stopping = profiler->stopping;
    if (!stopping) {
        window->next = profiler->asked;
        profiler->asked = window;
    }
    ordo_unlock(&profiler->lock);
    if (stopping)
        refuse(window, ORDO_PROFILE_STOPPING, stopping_text);
    else
        ordo_waker_wake(&profiler->waker);
    return ticket;
}

void ordo_profiler_cancel(struct ordo_profiler *profiler, uint64_t ticket)
{
    ordo_lock(&profiler->lock);
    profiler->cancelled = ordo_array_grow(profiler->cancelled, profiler->cancelled_count,
                                          &profiler->cancelled_room, sizeof(*profiler->cancelled));
    profiler->cancelled[profiler->cancelled_count++] = ticket;
    ordo_unlock(&profiler->lock);
    ordo_waker_wake(&profiler->waker);
}

struct ordo_symbols *ordo_profiler_symbols(struct ordo_profiler *profiler)
{
    return profiler->symbols;
}
