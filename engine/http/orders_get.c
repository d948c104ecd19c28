/* SPDX-License-Identifier: MIT
 * orders_get.c: one order, pages of them, and what a person may do to one: retry and resolve.
 *
 * These call the engine on the loop's thread. A store on a disk may make them wait for a read; the orders
 * behind them then wait too, which is why a page has at most 1,000 orders and ends when it is large.
 */
#include "http/http_impl.h"
#include "http/query.h"

#include "core/order.h"

enum { TEXT_MAX = 1000 }; /* bytes of `by` and `reason` */

static void answer_problem_number(struct ordo__request *request, int result)
{
    static const char *const details[ORDO_PROBLEM_COUNT] = {
        [ORDO_PROBLEM_NOT_FOUND] = "no order has this id",
        [ORDO_PROBLEM_NOT_DEAD] = "only an order whose attempts are used up can be tried once more",
        [ORDO_PROBLEM_NOT_HELD] = "only a held order is decided by hand",
        [ORDO_PROBLEM_IN_PROGRESS] = "the order is on its way already",
        [ORDO_PROBLEM_QUEUE_FULL] = "the queue of its class is full; try again later",
        [ORDO_PROBLEM_STOPPING] = "the engine is stopping",
    };
    enum ordo_problem_code code = result > 0 ? (enum ordo_problem_code)(result - 1) : ORDO_PROBLEM_INTERNAL;

    ordo__reply_problem(request, code, "%s",
                        details[code] != NULL ? details[code] : "the store failed; the log says why");
}

void ordo__order_get(struct ordo__request *request)
{
    struct ordo_buffer out = {0};

    int result = ordo_engine_get(request->loop->engine, request->id, &out);

    if (result == 0)
        ordo__reply_json(request, 200, ordo_buffer_str(&out));
    else if (result != ORDO_ENOTFOUND)
        ordo__reply_problem(request, ORDO_PROBLEM_INTERNAL,
                            "the store cannot read this order; the log says why");
    else
        ordo__reply_problem(request, ORDO_PROBLEM_NOT_FOUND, "no order has this id");
    ordo_buffer_done(&out);
}

void ordo__orders_list(struct ordo__request *request)
{
    struct ordo__list_query list;
    struct ordo_buffer out = {0};
    struct ordo_error err;

    if (ordo__list_query_parse(request->query, &list, &err) != 0)
        ordo__reply_problem(request, ORDO_PROBLEM_BAD_QUERY, "%s", err.message);
    else if (ordo_engine_list(request->loop->engine, &list.query, list.with_order, &out) != 0)
        ordo__reply_problem(request, ORDO_PROBLEM_INTERNAL, "the store failed to list");
    else
        ordo__reply_json(request, 200, ordo_buffer_str(&out));
    ordo_buffer_done(&out);
}

void ordo__order_retry(struct ordo__request *request)
{
    int result = ordo_engine_retry(request->loop->engine, request->id);

    if (result == 0)
        ordo__reply_later(request, request->id, "queued", 0);
    else
        answer_problem_number(request, result);
}

struct resolution {
    ordo_str decision, by, reason;
};

static void add(struct ordo_problems *problems, struct ordo_arena *arena, ordo_str field, const char *message)
{
    ordo_problems_add(problems, arena, field, ordo_str_from(message), ORDO_STR("engine"), ORDO_STR_NONE);
}

static void read_text(struct ordo_problems *problems, struct ordo_arena *arena, ordo_str field,
                      struct ordo_json_value value, ordo_str *ret_text)
{
    if (ordo_json_type(value) != ORDO_JSON_STRING || ordo_json_as_str(value).len == 0 ||
        ordo_json_as_str(value).len > TEXT_MAX)
        add(problems, arena, field, "must be a text of 1 to 1000 bytes");
    else
        *ret_text = ordo_json_as_str(value);
}

/* {"decision":"accepted|rejected","by":"...","reason":"..."} and nothing else. */
static void read_resolution(struct ordo_json_value root, struct ordo_problems *problems,
                            struct ordo_arena *arena, struct resolution *resolution)
{
    bool has_decision = false, has_by = false, has_reason = false;
    struct ordo_json_value value;
    ordo_str key;

    if (ordo_json_type(root) != ORDO_JSON_OBJECT) {
        add(problems, arena, ORDO_STR_NONE, "must be an object with decision, by and reason");
        return;
    }
    for (struct ordo_json_iter iter = ordo_json_iter_of(root); ordo_json_next(&iter, &key, &value);) {
        if (ordo_str_equal(key, ORDO_STR("decision"))) {
            has_decision = true;
            if (ordo_json_type(value) == ORDO_JSON_STRING)
                resolution->decision = ordo_json_as_str(value);
            if (!ordo_str_equal(resolution->decision, ORDO_STR("accepted")) &&
                !ordo_str_equal(resolution->decision, ORDO_STR("rejected")))
                add(problems, arena, key, "must be accepted or rejected");
        } else if (ordo_str_equal(key, ORDO_STR("by"))) {
            has_by = true;
            read_text(problems, arena, key, value, &resolution->by);
        } else if (ordo_str_equal(key, ORDO_STR("reason"))) {
            has_reason = true;
            read_text(problems, arena, key, value, &resolution->reason);
        } else {
            add(problems, arena, key, "is not known here; there are decision, by and reason");
        }
    }
    if (!has_decision)
        add(problems, arena, ORDO_STR("decision"), "is missing: accepted or rejected");
    if (!has_by)
        add(problems, arena, ORDO_STR("by"), "is missing: who decides");
    if (!has_reason)
        add(problems, arena, ORDO_STR("reason"), "is missing: why");
}

static void answer_invalid(struct ordo__request *request, const struct ordo_problems *problems)
{
    struct ordo_buffer body = {0};
    char detail[32];

    snprintf(detail, sizeof(detail), "%u problem%s", problems->count, problems->count == 1 ? "" : "s");
    ordo_problem_write(&body, ORDO_PROBLEM_INVALID_RESOLUTION, ordo_str_from(detail), request->id, problems);
    ordo__reply_problem_body(request, ORDO_PROBLEM_INVALID_RESOLUTION, ordo_buffer_str(&body));
    ordo_buffer_done(&body);
}

static void resolve(struct ordo__request *request, const struct resolution *resolution)
{
    bool accepted = ordo_str_equal(resolution->decision, ORDO_STR("accepted"));
    struct ordo_buffer out = {0};
    int result = ordo_engine_resolve(request->loop->engine, request->id, accepted, resolution->by,
                                     resolution->reason, &out);

    if (result == 0)
        ordo__reply_json(request, 200, ordo_buffer_str(&out));
    else
        answer_problem_number(request, result);
    ordo_buffer_done(&out);
}

void ordo__order_resolve(struct ordo__request *request)
{
    struct ordo_problems problems = {0};
    struct resolution resolution = {{0}, {0}, {0}};
    struct ordo_json_value root;
    struct ordo_arena arena;

    if (!ordo__request_json(request, "a resolution is a few hundred bytes", &root))
        return;
    ordo_arena_init(&arena, 64 * 1024);
    read_resolution(root, &problems, &arena, &resolution);
    if (problems.count > 0)
        answer_invalid(request, &problems);
    else
        resolve(request, &resolution);
    ordo_arena_done(&arena);
}
