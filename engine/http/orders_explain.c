/* SPDX-License-Identifier: MIT
 * orders_explain.c: why an order was decided so, and what would come of it otherwise. Both are answered when the engine's
 * thread for such things has come to them; the loop goes on meanwhile.
 */
#include "http/http_impl.h"

/* One that was asked for; between the loop and the trial thread. */
struct trial {
    struct ordo__errand errand; /* first: both convert */
    int problem;                /* -1: none */
    bool as_text;
    struct ordo_buffer body;
};

static void answer(struct ordo__request *request, const struct trial *trial)
{
    ordo_str body = ordo_buffer_str(&trial->body);

    if (trial->problem >= 0)
        ordo__reply_problem_body(request, (enum ordo_problem_code)trial->problem, body);
    else if (trial->as_text)
        ordo__reply(request, 200, "text/plain; charset=utf-8", body);
    else
        ordo__reply_json(request, 200, body);
}

static void trial_free(struct trial *trial)
{
    ordo_buffer_done(&trial->body);
    free(trial);
}

static void back(struct ordo__errand *errand, struct ordo__request *request)
{
    struct trial *trial = (struct trial *)errand;

    if (request != NULL)
        answer(request, trial);
    trial_free(trial);
}

static void done(void *context, const struct ordo_trial_result *result) /* the trial thread */
{
    struct trial *trial = context;

    trial->problem = result->problem;
    ordo_buffer_append(&trial->body, result->body);
    ordo__errand_return(&trial->errand);
}

static struct trial *trial_new(struct ordo__request *request)
{
    struct trial *trial = calloc(1, sizeof(*trial));

    ORDO_REQUIRE(trial != NULL);
    ordo__errand_begin(&trial->errand, request, back);
    return trial;
}

/* It was not taken. */
static void refused(struct ordo__request *request, struct trial *trial, int result)
{
    ordo__errand_drop(&trial->errand);
    trial_free(trial);
    if (result == ORDO_EFULL)
        ordo__reply_problem(request, ORDO_PROBLEM_TRIAL_BUSY,
                            "they are done one by one, beside the orders; ask again");
    else if (result == ORDO_ESTOPPED)
        ordo__reply_problem(request, ORDO_PROBLEM_STOPPING, "the engine is stopping");
    else
        ordo__reply_problem(request, ORDO_PROBLEM_INTERNAL, "cannot start a thread: %s", strerror(-result));
}

/* JSON, unless the client names plain text and not JSON before it. */
static bool wants_text(const struct ordo__request *request)
{
    ordo_str accept = ordo__request_header(request, "accept");
    const char *text, *json;

    if (accept.ptr == NULL)
        return false;
    text = memmem(accept.ptr, accept.len, "text/plain", 10);
    json = memmem(accept.ptr, accept.len, "application/json", 16);
    return text != NULL && (json == NULL || text < json);
}

void ordo__order_explain(struct ordo__request *request)
{
    struct trial *trial = trial_new(request);
    int result;

    trial->as_text = wants_text(request);
    ordo__reply_header(request, "vary", "accept");
    result = ordo_engine_explain(request->loop->engine, request->id, trial->as_text, done, trial);
    if (result != 0)
        refused(request, trial, result);
}

void ordo__order_what_if(struct ordo__request *request)
{
    h2o_iovec_t entity = request->req->entity;
    struct trial *trial;
    int result;

    if (!ordo__request_takes_json(request, "changes are no larger than an order"))
        return;
    trial = trial_new(request);
    result = ordo_engine_what_if(request->loop->engine, request->id, (ordo_str){entity.base, entity.len},
                                 done, trial);
    if (result != 0)
        refused(request, trial, result);
}
