/* SPDX-License-Identifier: MIT
 * what_if_decide.c: see what_if_decide.h.
 */
#include "worker/what_if_decide.h"

#include "base/json_copy.h"
#include "base/json_merge.h"
#include "core/decision_diff.h"

/* What is in the making. */
struct making {
    const struct ordo_what_if *what_if;
    struct ordo_buffer order, recorded, decided; /* JSON; decided: the other side */
    struct ordo_json_parser *order_parser, *recorded_parser, *decided_parser;
    struct ordo_error *err;
};

static int fail(struct making *making, enum ordo_problem_code code, const char *message)
{
    ordo_fail(making->err, ORDO_ECONFIG, NULL, "%s", message);
    return (int)code + 1;
}

/* The order with its changes. Its id stays: it is what random numbers follow from. */
static int make_order(struct making *making)
{
    const struct ordo_what_if *what_if = making->what_if;
    struct ordo_json_writer json = ordo_json_writer(&making->order);
    struct ordo_json_value id;

    if (what_if->changes == NULL)
        ordo_json_copy(&json, what_if->recorded->order);
    else if (!ordo_json_merge(&json, what_if->recorded->order, *what_if->changes))
        return fail(making, ORDO_PROBLEM_INVALID_WHAT_IF,
                    "an object of the changes has more than 1000 members");
    if (making->order.len > what_if->limits->order_bytes)
        return fail(making, ORDO_PROBLEM_ORDER_TOO_LARGE, "the changed order is over limits.order_bytes");
    if (ordo_json_parse_buffer(making->order_parser, &making->order, making->err) != 0)
        return (making->err->code == ORDO_ELIMIT ? ORDO_PROBLEM_TOO_DEEP : ORDO_PROBLEM_INTERNAL) + 1;
    if (what_if->changes != NULL && ordo_json_get(*what_if->changes, ORDO_STR("id"), &id) &&
        (ordo_json_type(id) != ORDO_JSON_STRING ||
         !ordo_str_equal(ordo_json_as_str(id), what_if->recorded->id)))
        return fail(making, ORDO_PROBLEM_INVALID_WHAT_IF, "the id of the order cannot be changed");
    return 0;
}

/* Without a decision: {"id":…,"status":…,"decision":null, … */
static void begin_undecided(struct ordo_json_writer *json, ordo_str id, ordo_str status)
{
    ordo_json_object(json);
    ordo_json_key_string(json, ORDO_STR("id"), id);
    ordo_json_key_string(json, ORDO_STR("status"), status);
    ordo_json_key(json, ORDO_STR("decision"));
    ordo_json_null(json);
}

static void write_recorded(struct making *making)
{
    const struct ordo_recorded *recorded = making->what_if->recorded;
    struct ordo_json_writer json = ordo_json_writer(&making->recorded);

    if (!recorded->is_invalid) {
        ordo_json_copy(&json, recorded->answer);
        return;
    }
    begin_undecided(&json, recorded->id, recorded->status);
    ordo_json_key_string(&json, ORDO_STR("code"), ORDO_STR("invalid_order"));
    ordo_json_key(&json, ORDO_STR("problem"));
    ordo_json_copy(&json, recorded->answer);
    ordo_json_end_object(&json);
}

static void write_invalid(struct making *making, const struct ordo_run *run)
{
    ordo_str id = making->what_if->recorded->id;
    struct ordo_json_writer json = ordo_json_writer(&making->decided);

    begin_undecided(&json, id, ORDO_STR("invalid"));
    ordo_json_key_string(&json, ORDO_STR("code"), ORDO_STR("invalid_order"));
    ordo_json_key(&json, ORDO_STR("problem"));
    ordo_problem_write(&making->decided, ORDO_PROBLEM_INVALID_ORDER, ORDO_STR("the order's fields are wrong"),
                       id, &run->problems);
    json.comma = true;
    ordo_json_end_object(&json);
}

static void write_decided(struct making *making, const struct ordo_run *run,
                          const struct ordo_script_order *order)
{
    struct ordo_json_writer json = ordo_json_writer(&making->decided);
    struct ordo_decision_facts facts = {
        .id = order->id,
        .attempt = order->attempt,
        .generation = making->what_if->generation,
        .priority = order->priority,
        .decided_ms = order->now_ms,
    };

    if (run->state == ORDO_RUN_INVALID) {
        write_invalid(making, run);
    } else if (run->decision.verdict != ORDO_VERDICT_RETRY) {
        ordo_decision_write(&run->decision, &facts, &making->decided);
    } else {
        begin_undecided(&json, order->id, ORDO_STR("queued"));
        ordo_json_key_string(&json, ORDO_STR("reason"), run->decision.reason);
        ordo_json_key_int(&json, ORDO_STR("retry_after_ms"), run->decision.retry_after_ms);
        ordo_json_end_object(&json);
    }
}

static int decide(struct making *making)
{
    struct ordo_script *script = making->what_if->script;
    struct ordo_script_order order =
        ordo_recorded_order(making->what_if->recorded, ordo_json_root(making->order_parser));
    struct ordo_run *run = ordo_script_decide(script, &order);
    bool ran_out = ordo_script_ran_out(script);
    char text[1024];

    if (!ran_out)
        write_decided(making, run, &order);
    else
        ordo_error_format(&run->error, text, sizeof(text));
    ordo_script_finish(script, run);
    return ran_out ? fail(making, ORDO_PROBLEM_TRIAL_TOO_LONG, text) : 0;
}

static void write_generations(struct ordo_json_writer *json, const struct ordo_what_if *what_if)
{
    ordo_json_key(json, ORDO_STR("generation"));
    ordo_json_object(json);
    ordo_json_key_int(json, ORDO_STR("recorded"), (int64_t)what_if->recorded->generation);
    ordo_json_key_int(json, ORDO_STR("what_if"), (int64_t)what_if->generation);
    ordo_json_end_object(json);
}

static int write_document(struct making *making, struct ordo_buffer *out)
{
    struct ordo_json_writer json = ordo_json_writer(out);
    struct ordo_buffer difference = {0};
    struct ordo_json_writer difference_json = ordo_json_writer(&difference);
    bool same;

    if (ordo_json_parse_buffer(making->recorded_parser, &making->recorded, making->err) != 0 ||
        ordo_json_parse_buffer(making->decided_parser, &making->decided, making->err) != 0)
        return ORDO_PROBLEM_INTERNAL + 1;
    same = ordo_decision_diff(&difference_json, ordo_json_root(making->recorded_parser),
                              ordo_json_root(making->decided_parser));
    ordo_json_object(&json);
    ordo_json_key_string(&json, ORDO_STR("id"), making->what_if->recorded->id);
    write_generations(&json, making->what_if);
    ordo_json_key(&json, ORDO_STR("same"));
    ordo_json_bool(&json, same);
    ordo_json_key(&json, ORDO_STR("recorded"));
    ordo_json_raw(&json, ordo_buffer_str(&making->recorded));
    ordo_json_key(&json, ORDO_STR("what_if"));
    ordo_json_raw(&json, ordo_buffer_str(&making->decided));
    ordo_json_key(&json, ORDO_STR("difference"));
    ordo_json_raw(&json, ordo_buffer_str(&difference));
    ordo_json_end_object(&json);
    ordo_buffer_done(&difference);
    return 0;
}

int ordo_what_if_decide(const struct ordo_what_if *what_if, struct ordo_buffer *out, struct ordo_error *err)
{
    struct making making = {
        .what_if = what_if,
        .order_parser = ordo_json_parser_new(what_if->limits->depth),
        .recorded_parser = ordo_json_parser_new(ORDO_RECORDED_DEPTH),
        .decided_parser = ordo_json_parser_new(ORDO_RECORDED_DEPTH),
        .err = err,
    };
    int result = make_order(&making);

    if (result == 0)
        result = decide(&making);
    if (result == 0) {
        write_recorded(&making);
        result = write_document(&making, out);
    }
    ordo_json_parser_free(making.order_parser);
    ordo_json_parser_free(making.recorded_parser);
    ordo_json_parser_free(making.decided_parser);
    ordo_buffer_done(&making.order);
    ordo_buffer_done(&making.recorded);
    ordo_buffer_done(&making.decided);
    return result;
}
