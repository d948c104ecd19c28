/* SPDX-License-Identifier: MIT
 * http_rules.c: /rules and all below it. But for the list, a request becomes a call of the rules thread and is answered
 * when that has done it.
 */
#include "http/http_impl.h"
#include "http/query.h"

enum { TEXT_MAX = 1000 }; /* bytes of `by` and `note` */

/* A call; between the loop and the rules thread. */
struct call {
    struct ordo_rules_call call; /* first: both convert */
    struct ordo__errand errand;
    struct ordo_buffer texts; /* what the call's strings point to, but those that have a name of their own */
};

static bool has_rules(struct ordo__request *request)
{
    if (request->loop->http->rules != NULL)
        return true;
    ordo__reply_problem(request, ORDO_PROBLEM_NOT_FOUND, "this engine runs without a folder of rules");
    return false;
}

void ordo__rules_get(struct ordo__request *request)
{
    struct ordo_buffer out = {0};
    char etag[ORDO_HASH_SIZE];

    if (!has_rules(request))
        return;
    ordo_rules_write(request->loop->http->rules, &out, etag);
    ordo__reply_header(request, "etag", "\"%s\"", etag);
    ordo__reply_json(request, 200, ordo_buffer_str(&out));
    ordo_buffer_done(&out);
}

/* --- a call and its answer --- */

static void answer(struct ordo__request *request, const struct ordo_rules_call *call)
{
    struct ordo_buffer body = {0};

    if (call->status == 0) {
        ordo_problem_write(&body, call->problem, ordo_buffer_str(&call->body), ORDO_STR_NONE, NULL);
        ordo__reply_problem_body(request, call->problem, ordo_buffer_str(&body));
        ordo_buffer_done(&body);
        return;
    }
    if (call->etag[0] != '\0')
        ordo__reply_header(request, "etag", "\"%s\"", call->etag);
    if (call->made != 0)
        ordo__reply_header(request, "location", "/rules/%llu", (unsigned long long)call->made);
    ordo__reply(request, call->status, call->type, ordo_buffer_str(&call->body));
}

static void call_free(struct call *call)
{
    ordo_buffer_done(&call->call.body);
    ordo_buffer_done(&call->texts);
    free(call);
}

static void back(struct ordo__errand *errand, struct ordo__request *request)
{
    struct call *call = H2O_STRUCT_FROM_MEMBER(struct call, errand, errand);

    if (request != NULL)
        answer(request, &call->call);
    call_free(call);
}

static void done(struct ordo_rules_call *call) /* the rules thread */
{
    ordo__errand_return(&((struct call *)call)->errand);
}

/* A string that outlives the request. It is a place in `texts`, until all are there. */
static ordo_str keep(struct call *call, ordo_str text)
{
    size_t at = call->texts.len;

    ordo_buffer_append(&call->texts, text);
    return (ordo_str){(const char *)(uintptr_t)at, text.len};
}

static void settle(const struct call *call, ordo_str *text)
{
    text->ptr = text->len == 0 ? "" : call->texts.ptr + (uintptr_t)text->ptr;
}

static void submit(struct ordo__request *request, struct call *call)
{
    struct ordo_rules_call *asked = &call->call;

    asked->generation = keep(call, request->id);
    asked->path = keep(call, request->path);
    asked->if_match = keep(call, ordo__request_header(request, "if-match"));
    asked->if_none_match = keep(call, ordo__request_header(request, "if-none-match"));
    settle(call, &asked->generation);
    settle(call, &asked->path);
    settle(call, &asked->if_match);
    settle(call, &asked->if_none_match);
    settle(call, &asked->to);
    settle(call, &asked->bytes);
    settle(call, &asked->by);
    settle(call, &asked->note);
    asked->done = done;
    ordo__errand_begin(&call->errand, request, back);
    ordo_rules_submit(request->loop->http->rules, asked);
}

static struct call *call_new(void (*run)(struct ordo_rules *rules, struct ordo_rules_call *call))
{
    struct call *call = calloc(1, sizeof(*call));

    ORDO_REQUIRE(call != NULL);
    call->call.run = run;
    return call;
}

static void start(struct ordo__request *request,
                  void (*run)(struct ordo_rules *rules, struct ordo_rules_call *call))
{
    if (has_rules(request))
        submit(request, call_new(run));
}

/* --- what comes with a request --- */

/* {"by":…,"note":…}: who does it, and why; both may be absent, and so may the body. NULL, or what is wrong. */
static const char *read_words(struct ordo_json_value root, struct call *call)
{
    struct ordo_json_value value;
    ordo_str key;

    if (ordo_json_type(root) != ORDO_JSON_OBJECT)
        return "send an object with by and note, or nothing";
    for (struct ordo_json_iter iter = ordo_json_iter_of(root); ordo_json_next(&iter, &key, &value);) {
        bool is_by = ordo_str_equal(key, ORDO_STR("by"));

        if (!is_by && !ordo_str_equal(key, ORDO_STR("note")))
            return "only by and note are known here";
        if (ordo_json_type(value) != ORDO_JSON_STRING || ordo_json_as_str(value).len > TEXT_MAX)
            return "by and note must be texts of at most 1000 bytes";
        if (is_by && ordo_json_as_str(value).len == 0)
            return "by must not be empty";
        *(is_by ? &call->call.by : &call->call.note) = keep(call, ordo_json_as_str(value));
    }
    return NULL;
}

static bool read_body(struct ordo__request *request, struct call *call)
{
    struct ordo_json_value root;
    const char *wrong;

    if (!ordo__request_json(request, "this request is a few hundred bytes", &root))
        return false;
    wrong = read_words(root, call);
    if (wrong != NULL)
        ordo__reply_problem(request, ORDO_PROBLEM_INVALID_RULES, "%s", wrong);
    return wrong == NULL;
}

static void start_with_words(struct ordo__request *request,
                             void (*run)(struct ordo_rules *rules, struct ordo_rules_call *call))
{
    struct call *call;

    if (!has_rules(request))
        return;
    call = call_new(run);
    if (request->req->entity.len > 0 && !read_body(request, call)) {
        call_free(call);
        return;
    }
    if (call->call.by.len == 0)
        call->call.by = keep(call, ORDO_STR("http"));
    submit(request, call);
}

/* ?to=, which is the active generation when it is absent. */
static int read_to(struct ordo__request *request, struct call *call, struct ordo_error *err)
{
    static const char *const names[] = {"to"};
    ordo_str rest = request->query, name, value;
    char decoded[64];
    size_t len;

    call->call.to = keep(call, ORDO_STR("active"));
    while (ordo__query_next(&rest, &name, &value)) {
        if (!ordo_str_equal(name, ORDO_STR("to")))
            return ordo__query_unknown(name, names, 1, "there is to", err);
        if (!ordo__percent_decode(value, true, decoded, sizeof(decoded), &len))
            return ordo_fail(err, ORDO_ECONFIG, NULL, "to: a generation's number, active or draft");
        call->call.to = keep(call, (ordo_str){decoded, len});
    }
    return 0;
}

/* --- the routes --- */

void ordo__rules_reload(struct ordo__request *request)
{
    start(request, ordo_rules_reload);
}

void ordo__rules_show(struct ordo__request *request)
{
    start(request, ordo_rules_show);
}

void ordo__rules_file(struct ordo__request *request)
{
    start(request, ordo_rules_file);
}

void ordo__rules_diff(struct ordo__request *request)
{
    ordo_str accept = ordo__request_header(request, "accept");
    struct ordo_error err;
    struct call *call;

    if (!has_rules(request))
        return;
    call = call_new(ordo_rules_diff);
    if (read_to(request, call, &err) != 0) {
        ordo__reply_problem(request, ORDO_PROBLEM_BAD_QUERY, "%s", err.message);
        call_free(call);
        return;
    }
    call->call.as_text = accept.len > 0 && memmem(accept.ptr, accept.len, "text/plain", 10) != NULL;
    submit(request, call);
}

void ordo__rules_activate(struct ordo__request *request)
{
    start_with_words(request, ordo_rules_activate);
}

void ordo__rules_rollback(struct ordo__request *request)
{
    start_with_words(request, ordo_rules_rollback);
}

void ordo__rules_draft_get(struct ordo__request *request)
{
    request->id = ORDO_STR("draft");
    start(request, ordo_rules_show);
}

void ordo__rules_draft_drop(struct ordo__request *request)
{
    start(request, ordo_rules_draft_drop);
}

void ordo__rules_draft_check(struct ordo__request *request)
{
    start(request, ordo_rules_draft_check);
}

void ordo__rules_draft_seal(struct ordo__request *request)
{
    start_with_words(request, ordo_rules_draft_seal);
}

void ordo__rules_draft_put(struct ordo__request *request)
{
    struct call *call;

    if (!has_rules(request))
        return;
    call = call_new(ordo_rules_draft_put);
    call->call.bytes = keep(call, (ordo_str){request->req->entity.base, request->req->entity.len});
    submit(request, call);
}

void ordo__rules_draft_delete(struct ordo__request *request)
{
    start(request, ordo_rules_draft_delete);
}
