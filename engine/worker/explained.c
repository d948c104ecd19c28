/* SPDX-License-Identifier: MIT
 * explained.c: an explanation: what is recorded with the decision, and what deciding it again shows.
 *
 * The order is decided again only by the rule set that decided it. A first run, which can be stopped, shows which rules run
 * and whether the same comes of it, and counts what each allocates. If so, it is decided some more times in compiled code, as
 * a worker does, and the least of the times of each rule is what it takes. So orders that nobody asks about pay nothing for being measured.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json_equal.h"
#include "core/explain.h"
#include "worker/trial_impl.h"

enum { RUNS = 200 /* Lua compiles what ran some 60 times */ };
static const int64_t MEASURE_NS = 5000000; /* no run begins after so long */

struct explaining {
    struct ordo__trial_thread *trial;
    const struct ordo_recorded *recorded;
    struct ordo_explain_again again;
    struct ordo_explain_rule *rules; /* again.rules */
    struct ordo_script_cost *costs;
};

static void add_rule(void *context, const struct ordo_script_chunk *chunk)
{
    struct explaining *explaining = context;
    size_t count = explaining->again.count;

    if (chunk->rule.len == 0)
        return;
    explaining->rules = reallocarray(explaining->rules, count + 1, sizeof(*explaining->rules));
    ORDO_REQUIRE(explaining->rules != NULL);
    explaining->rules[count] = (struct ordo_explain_rule){
        .name = chunk->rule,
        .path = ordo_str_from(chunk->path),
        .line = chunk->line,
        .is_check = chunk->is_check,
        .ns = INT64_MAX,
    };
    explaining->again.count++;
}

static bool same_member(struct ordo_json_value a, struct ordo_json_value b, ordo_str key)
{
    struct ordo_json_value in_a, in_b;
    bool has_a = ordo_json_member(a, key, &in_a), has_b = ordo_json_member(b, key, &in_b);

    return has_a == has_b && (!has_a || ordo_json_equal(in_a, in_b));
}

/* Operations make all else of a decision, so they are compared, with what ctx answered. */
static bool is_same(struct explaining *explaining, const struct ordo_run *run)
{
    struct ordo_json_parser *parser = explaining->trial->decided;
    struct ordo_decision_facts facts = {.id = explaining->recorded->id};
    struct ordo_json_value recorded = explaining->recorded->answer;
    struct ordo_buffer text = {0};
    bool same = false;

    if (run->state != ORDO_RUN_DECIDED || run->decision.verdict == ORDO_VERDICT_RETRY)
        return false;
    ordo_decision_write(&run->decision, &facts, &text);
    if (ordo_json_parse_buffer(parser, &text, NULL) == 0)
        same = same_member(recorded, ordo_json_root(parser), ORDO_STR("operations")) &&
               same_member(recorded, ordo_json_root(parser), ORDO_STR("ctx"));
    ordo_buffer_done(&text);
    return same;
}

/* Runs the order; *ret_same may be NULL. False: it took too long. */
static bool run_once(struct explaining *explaining, struct ordo_script *script, bool *ret_same)
{
    struct ordo_script_order order = ordo_recorded_order(explaining->recorded, explaining->recorded->order);
    struct ordo_run *run;
    bool in_time;

    memset(explaining->costs, 0, explaining->again.count * sizeof(*explaining->costs));
    order.costs = explaining->costs;
    run = ordo_script_decide(script, &order);
    in_time = !ordo_script_ran_out(script);
    if (ret_same != NULL)
        *ret_same = in_time && is_same(explaining, run);
    ordo_script_finish(script, run);
    return in_time;
}

static void measure(struct explaining *explaining)
{
    struct ordo_script *script;
    int64_t until_ns;
    uint64_t number;

    script = ordo__trial_script(explaining->trial, ORDO__TRIAL_COMPILED, &number);
    if (script == NULL || number != explaining->recorded->generation)
        return;
    until_ns = ordo_clock_ns() + MEASURE_NS;
    do {
        run_once(explaining, script, NULL);
        explaining->again.runs++;
        for (size_t i = 0; i < explaining->again.count; i++) {
            struct ordo_explain_rule *rule = &explaining->rules[i];

            if (explaining->costs[i].ns < rule->ns)
                rule->ns = explaining->costs[i].ns;
        }
    } while (explaining->again.runs < RUNS && ordo_clock_ns() < until_ns);
}

/* The rule set with the decision's number. */
static struct ordo_script *script_of(struct explaining *explaining)
{
    const struct ordo_recorded *recorded = explaining->recorded;
    struct ordo_script *script;
    uint64_t number;

    script = ordo__trial_script(explaining->trial, ORDO__TRIAL_LIMITED, &number);
    if (script == NULL)
        explaining->again.why_not = "the rules do not load";
    else if (number != recorded->generation)
        explaining->again.why_not = "other rules run now than those that decided it";
    return explaining->again.why_not == NULL ? script : NULL;
}

static void decide_again(struct explaining *explaining)
{
    struct ordo_script *script;

    if (explaining->recorded->is_invalid || explaining->recorded->is_dead) {
        explaining->again.why_not = "it has no decision";
        return;
    }
    if ((script = script_of(explaining)) == NULL)
        return;
    ordo_script_each_chunk(script, add_rule, explaining);
    explaining->costs = calloc(explaining->again.count + 1, sizeof(*explaining->costs));
    ORDO_REQUIRE(explaining->costs != NULL);
    ordo_script_collect(script); /* a string that is there already, of the last time, is not allocated */
    if (!run_once(explaining, script, &explaining->again.same)) {
        explaining->again.why_not = "the rules took too long when it was decided again";
        return;
    }
    explaining->again.rules = explaining->rules;
    for (size_t i = 0; i < explaining->again.count; i++) {
        explaining->rules[i].ran = explaining->costs[i].ran;
        explaining->rules[i].bytes = explaining->costs[i].bytes;
    }
    if (explaining->again.same)
        measure(explaining);
}

static void write_text(struct explaining *explaining, struct ordo__trial_answer *answer)
{
    struct ordo_json_parser *parser = explaining->trial->decided;
    struct ordo_buffer *json = &answer->body, text = {0};

    ORDO_REQUIRE(ordo_json_parse_buffer(parser, json, NULL) == 0); /* it was just written */
    ordo_explain_text(ordo_json_root(parser), &text);
    ordo_buffer_done(json);
    *json = text;
}

void ordo__explain(struct ordo__trial_thread *trial, ordo_str id, bool as_text,
                   struct ordo__trial_answer *answer)
{
    struct ordo_recorded recorded;
    struct explaining explaining = {.trial = trial, .recorded = &recorded};

    if (!ordo__trial_find(trial, id, answer, &recorded))
        return;
    decide_again(&explaining);
    ordo_explain_write(recorded.record, &trial->engine->options.limits, &explaining.again, &answer->body);
    if (as_text)
        write_text(&explaining, answer);
    free(explaining.rules);
    free(explaining.costs);
}
