/* SPDX-License-Identifier: MIT
 * run.c: one attempt at one order: its coroutine is started, resumed, and what came of it becomes a state.
 *
 * Coroutines are used again: one whose function has returned takes a new function. One that ended in the
 * middle (an error, a reject, an order given up) is left to the garbage collector.
 *
 * What Lua itself may raise in here (only lack of memory) is raised inside of the coroutine or of a protected
 * call.
 */
#include "script/script_impl.h"

#include <luajit.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/timeline.h"
#include "vm/stack.h"

enum { PLAIN_RUNS = 500 /* the driver, and the most used ways on from it, are compiled by then */ };

/* --- the pool --- */

static int new_thread(lua_State *L)
{
    struct ordo__run *run = lua_touserdata(L, 1);
    lua_State *thread = lua_newthread(L);

    if (run->thread_ref == LUA_NOREF)
        run->thread_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    else
        lua_rawseti(L, LUA_REGISTRYINDEX, run->thread_ref);
    run->thread = thread;
    return 0;
}

/* False when there is no memory for a coroutine. */
static bool need_thread(struct ordo_script *script, struct ordo__run *run)
{
    if (run->thread != NULL)
        return true;
    if (ordo_vm_cpcall(script->vm, new_thread, run) == 0)
        return true;
    lua_pop(script->vm->L, 1);
    return false;
}

static void drop_thread(struct ordo_script *script, struct ordo__run *run)
{
    lua_State *L = script->vm->L;

    if (run->thread == NULL)
        return;
    run->thread = NULL;
    lua_pushboolean(L, 0); /* not nil: its place stays taken, so setting it again needs no memory */
    lua_rawseti(L, LUA_REGISTRYINDEX, run->thread_ref);
}

static struct ordo__run *take_run(struct ordo_script *script)
{
    struct ordo__run *run = script->pool;

    if (run != NULL) {
        script->pool = run->next;
        return run;
    }
    run = calloc(1, sizeof(*run));
    ORDO_REQUIRE(run != NULL);
    run->thread_ref = LUA_NOREF;
    ordo_arena_init(&run->run.arena, script->options.limits.decision_bytes);
    return run;
}

void ordo__run_free_pool(struct ordo_script *script)
{
    while (script->pool != NULL) {
        struct ordo__run *run = script->pool;

        script->pool = run->next;
        luaL_unref(script->vm->L, LUA_REGISTRYINDEX, run->thread_ref);
        ordo_arena_done(&run->run.arena);
        free(run);
    }
}

void ordo__run_set_flag(struct ordo_script *script, lua_State *L, bool flagged)
{
    if (script->flagged == flagged)
        return;
    lua_rawgeti(L, LUA_REGISTRYINDEX, script->flags_ref);
    lua_pushboolean(L, flagged);
    lua_rawseti(L, -2, 1);
    lua_pop(L, 1);
    script->flagged = flagged;
}

/* --- what comes of a run --- */

/* What clients see must add up, whatever ended the evaluation: a total that cannot be takes all amounts with it. */
static void settle(struct ordo_decision *decision)
{
    struct ordo_error err;

    if (ordo_decision_finish(decision, &err) != 0)
        ordo_decision_withdraw(decision);
}

static void decided(struct ordo__run *run)
{
    settle(&run->run.decision);
    run->run.state = ORDO_RUN_DECIDED;
}

/* A broken rule: the policy decides, and says so even when a rule held the order before. Should even that not fit,
 * the verdict is set by hand: no order may be lost. */
static void apply_policy(struct ordo_script *script, struct ordo__run *run, struct ordo_place place)
{
    struct ordo_decision *decision = &run->run.decision;
    char reason[sizeof(run->run.error.message) + 16];
    ordo_str text, kept;
    int len = snprintf(reason, sizeof(reason), "rule error: %s", run->run.error.message);
    int code;

    text = (ordo_str){reason, len < (int)sizeof(reason) ? (size_t)len : sizeof(reason) - 1};
    if (script->options.on_error == ORDO_ON_ERROR_REJECT)
        code = ordo_decision_reject(decision, ORDO_STR("rule_error"), text, place, NULL);
    else if (script->options.on_error == ORDO_ON_ERROR_RETRY)
        code = ordo_decision_retry(decision, script->options.retry_after_ms, text, place, NULL);
    else
        code = ordo_decision_hold(decision, text, place, NULL);
    if (code == 0) {
        decision->reason = decision->operations[decision->count - 1].text;
        return;
    }
    kept = ordo_arena_copy(&run->run.arena, text);
    decision->reason = kept.ptr != NULL ? kept : ORDO_STR("rule error");
    decision->code = ORDO_STR("rule_error");
    decision->retry_after_ms = script->options.retry_after_ms;
    decision->verdict = script->options.on_error == ORDO_ON_ERROR_REJECT  ? ORDO_VERDICT_REJECTED
                        : script->options.on_error == ORDO_ON_ERROR_RETRY ? ORDO_VERDICT_RETRY
                                                                          : ORDO_VERDICT_HELD;
    decision->ended = decision->verdict != ORDO_VERDICT_HELD;
}

static void set_broken(struct ordo_script *script, struct ordo__run *run, struct ordo_place place,
                       ordo_str message)
{
    char file[256];

    snprintf(file, sizeof(file), ORDO_STR_FMT, ORDO_STR_ARG(place.file));
    ordo_fail_at(&run->run.error, ORDO_ESCRIPT, file, place.line, 0, ORDO_STR_FMT,
                 (int)ordo_text_cut(message.ptr, message.len, sizeof(run->run.error.message) - 1),
                 message.ptr);
    run->run.broke = true;
    run->run.broke_at = place;
    apply_policy(script, run, place);
    decided(run);
}

/* The last operation that changed a sum: what it made of the total is what is wrong with it. */
static struct ordo_place place_of_last_amount(const struct ordo_decision *decision)
{
    for (uint32_t i = decision->count; i > 0; i--) {
        const struct ordo_operation *operation = &decision->operations[i - 1];

        if (operation->kind <= ORDO_OPERATION_PAY && operation->amount > 0 && !operation->included)
            return operation->place;
    }
    return (struct ordo_place){.rule = ORDO_STR("engine")};
}

/* All rules have spoken: do the sums hold? */
static void finish_decision(struct ordo_script *script, struct ordo__run *run)
{
    struct ordo_decision *decision = &run->run.decision;
    struct ordo_error err;

    if (decision->ended)
        decided(run);
    else if (ordo_decision_finish(decision, &err) == 0)
        run->run.state = ORDO_RUN_DECIDED;
    else
        set_broken(script, run, place_of_last_amount(decision), ordo_str_from(err.message));
}

static void step(struct ordo_script *script, struct ordo__run *run, int arguments);

/* The order has problems and a check broke, perhaps because of them: the other checks still report theirs. */
static void run_checks(struct ordo_script *script, struct ordo__run *run, size_t from)
{
    run->skipping = true;
    run->marked_span = 0;
    run->cost = NULL;
    if (run->run.problems.count > 0 && from <= run->generation->checks && need_thread(script, run)) {
        lua_rawgeti(run->thread, LUA_REGISTRYINDEX, run->generation->checks_ref);
        lua_pushinteger(run->thread, (lua_Integer)from);
        step(script, run, 1);
        return;
    }
    run->run.state = ORDO_RUN_INVALID;
}

static void failed(struct ordo_script *script, struct ordo__run *run, int status)
{
    struct ordo_place place;
    struct ordo__unit *unit;
    ordo_str message;

    if (!run->skipping && run->run.decision.ended) { /* what happens after a reject does not matter */
        drop_thread(script, run);
        decided(run);
        return;
    }
    ordo__place_of_error(run, run->thread, &place, &unit, &message);
    if (status == LUA_ERRMEM)
        message = ORDO_STR("out of memory");
    if (run->run.problems.count > 0) {
        drop_thread(script, run);
        /* The root of a document that was left by its parser cannot be read again: not after a wait. */
        if (unit == NULL || run->skipping || run->run.blocked_ns > 0)
            run->run.state = ORDO_RUN_INVALID;
        else
            run_checks(script, run, (size_t)(unit - run->generation->units) + 2);
        return;
    }
    set_broken(script, run, place, message); /* copies the message, which the coroutine owns */
    drop_thread(script, run);
}

/* The unit that ran is left: at its end, at a wait, or by an error. */
static void mark_end(struct ordo__run *run, uint64_t now)
{
    if (run->marked_at != 0)
        ordo_timeline_span_until(run->marked_span, run->marked_at, now, run->follow);
    run->marked_at = 0;
}

/* The unit that runs, if one does, is entered and left: also at a wait, behind which it is still the one that runs. */
static void cost_begin(struct ordo_script *script, struct ordo__run *run)
{
    if (run->cost == NULL)
        return;
    run->cost->ran = true;
    run->cost_bytes = script->vm->allocated;
    run->cost_ns = ordo_clock_ns();
}

static void cost_end(struct ordo_script *script, struct ordo__run *run)
{
    if (run->cost == NULL)
        return;
    run->cost->ns += ordo_clock_ns() - run->cost_ns;
    run->cost->bytes += script->vm->allocated - run->cost_bytes;
}

int ordo__run_mark(lua_State *L)
{
    struct ordo_script *script = ordo__script_of(L);
    struct ordo__run *run = script->current;
    uint64_t now;

    cost_end(script, run);
    run->cost = run->costs != NULL ? &run->costs[lua_tointeger(L, 1) - 1] : NULL;
    cost_begin(script, run);
    if (run->follow == 0)
        return 0;
    now = ordo_timeline_ticks();
    mark_end(run, now);
    run->marked_span = run->generation->units[lua_tointeger(L, 1) - 1].span;
    run->marked_at = now;
    return 0;
}

/* For a run that is to leave no trace of compiled code. */
static void set_compiler(struct ordo_script *script, bool on)
{
    if (script->vm->jit)
        luaJIT_setmode(script->vm->L, 0, LUAJIT_MODE_ENGINE | (on ? LUAJIT_MODE_ON : LUAJIT_MODE_OFF));
}

/* Runs the coroutine, whose function and arguments are on its stack, until it ends or waits. */
static void step(struct ordo_script *script, struct ordo__run *run, int arguments)
{
    uint64_t began = ordo_timeline_begin(run->follow);
    int status;

    if (run->marked_span != 0) /* it is resumed inside of a unit */
        run->marked_at = began;
    if (script->flagged != (run->run.problems.count > 0))
        ordo__run_set_flag(script, script->vm->L, run->run.problems.count > 0);
    run->sleeping = false;
    script->current = run;
    cost_begin(script, run);
    if (run->interpreted)
        set_compiler(script, false);
    status = ordo_vm_resume(script->vm, run->thread, arguments);
    if (run->interpreted)
        set_compiler(script, true);
    script->current = NULL;
    cost_end(script, run);
    if (run->follow != 0)
        mark_end(run, ordo_timeline_ticks());
    ordo_timeline_end(ORDO_TIMELINE_RULES, began, run->follow);
    if (status == 0) {
        lua_settop(run->thread, 0);
        if (run->run.problems.count > 0)
            run->run.state = ORDO_RUN_INVALID;
        else
            finish_decision(script, run);
    } else if (status != LUA_YIELD) {
        failed(script, run, status);
    } else if (run->sleeping) {
        run->run.state = ORDO_RUN_WAITING;
    } else { /* reject and retry */
        drop_thread(script, run);
        decided(run);
    }
}

/* --- the public side --- */

static void fill(struct ordo_script *script, struct ordo__run *run, const struct ordo_script_order *order)
{
    run->generation = script->loaded;
    run->generation->runs++;
    run->run.generation = run->generation->ruleset->number;
    run->run.user = order->user;
    run->run.blocked_ns = 0;
    run->run.broke = false;
    run->run.problems = (struct ordo_problems){0};
    run->root = order->root;
    run->id = ordo_arena_copy(&run->run.arena, order->id);
    run->priority = order->priority;
    run->attempt = order->attempt;
    run->now_ms = order->now_ms;
    run->seeded = run->knows_now = run->skipping = false;
    run->follow = order->follow;
    run->marked_at = 0;
    run->marked_span = 0;
    run->interpreted = false;
    run->costs = order->costs;
    run->cost = NULL;
}

/* Which driver an order runs. The plain one is to be compiled with the rules inside of it before marked runs have them compiled
 * one by one: the other way round all orders were 7 % slower from then on, for as long as the rules live. Until it has run often
 * enough, each second order that is followed goes there, and the others, with marks, are interpreted, as most of it is then
 * anyway. */
static int driver_of(struct ordo__run *run)
{
    struct ordo__generation *generation = run->generation;
    bool is_cold = generation->plain_runs < PLAIN_RUNS;

    if (run->costs != NULL)
        return generation->marked_ref;
    if (run->follow != 0 && !(is_cold && generation->cold_runs++ % 2 != 0)) {
        run->interpreted = is_cold;
        return generation->marked_ref;
    }
    generation->plain_runs += is_cold;
    return generation->driver_ref;
}

struct ordo_run *ordo_script_start(struct ordo_script *script, const struct ordo_script_order *order)
{
    struct ordo__run *run = take_run(script);
    struct ordo_place nowhere = {.rule = ORDO_STR("engine")};
    int code;

    ORDO_REQUIRE(script->loaded != NULL);
    script->run_count++;
    if (script->budget_ns > 0)
        ordo__budget_begin(script);
    fill(script, run, order);
    code = ordo_order_check(order->root, &script->options.limits, &run->run.arena, &run->run.problems,
                            &run->cart);
    ordo_decision_init(&run->run.decision, &run->run.arena, &script->options.limits, &run->cart);
    if (code != 0 || run->id.ptr == NULL)
        set_broken(script, run, nowhere,
                   ORDO_STR("the order is too large to be decided (limits.decision_bytes)"));
    else if (run->run.problems.count > 0)
        run_checks(script, run, 1);
    else if (!need_thread(script, run))
        set_broken(script, run, nowhere, ORDO_STR("out of memory"));
    else {
        lua_rawgeti(run->thread, LUA_REGISTRYINDEX, driver_of(run));
        step(script, run, 0);
    }
    return &run->run;
}

void ordo_script_resume(struct ordo_script *script, struct ordo_run *public_run)
{
    struct ordo__run *run = (struct ordo__run *)public_run;

    ORDO_REQUIRE(run->run.state == ORDO_RUN_WAITING);
    run->run.blocked_ns += ordo_clock_ns() - run->run.waits_since_ns;
    step(script, run, 0);
}

struct ordo_run *ordo_script_decide(struct ordo_script *script, const struct ordo_script_order *order)
{
    struct ordo_run *run = ordo_script_start(script, order);

    while (run->state == ORDO_RUN_WAITING)
        ordo_script_resume(script, run);
    return run;
}

size_t ordo_script_stack(const struct ordo_run *public_run, uint64_t *ret_frames, size_t most)
{
    const struct ordo__run *run = (const struct ordo__run *)public_run;

    return run->run.state == ORDO_RUN_WAITING ? ordo_vm_stack_of(run->thread, ret_frames, most) : 0;
}

void ordo_script_finish(struct ordo_script *script, struct ordo_run *public_run)
{
    struct ordo__run *run = (struct ordo__run *)public_run;
    struct ordo__generation *generation = run->generation;

    if (run->run.state == ORDO_RUN_WAITING)
        drop_thread(script, run);
    script->run_count--;
    if (script->budget_ns > 0)
        ordo__budget_end(script);
    generation->runs--;
    if (generation->retired)
        ordo__generation_drop(script, generation);
    ordo_arena_reset(&run->run.arena);
    run->generation = NULL;
    run->next = script->pool;
    script->pool = run;
}
