/* SPDX-License-Identifier: MIT
 * reply.c: the one place that answers.
 *
 * h2o 2.2.5 asserts on a second answer, keeps pointers to what it sends until it is sent, and closes an
 * HTTP/1.1 connection when an answer other than 200 has no length. So: answered once is required, everything
 * is copied into the request's pool, the length is always set.
 */
#include "http/http_impl.h"

#include <stdarg.h>

static const char *reason_of(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 202:
        return "Accepted";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 409:
        return "Conflict";
    case 412:
        return "Precondition Failed";
    case 413:
        return "Content Too Large";
    case 415:
        return "Unsupported Media Type";
    case 422:
        return "Unprocessable Content";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    case 507:
        return "Insufficient Storage";
    default:
        return "Status";
    }
}

void ordo__reply_count(struct ordo__request *request, int status)
{
    ORDO_REQUIRE(!request->answered);
    request->answered = true;
    request->req->res.status = status;
    request->req->res.reason = reason_of(status);
    if (request->req->conn->ctx->shutdown_requested)
        request->req->http1_is_persistent = 0; /* h2o looks only at requests that come behind the stop */
    ordo_metrics_add(request->loop->metrics,
                     status < 400   ? ORDO_COUNTER_HTTP_2XX
                     : status < 500 ? ORDO_COUNTER_HTTP_4XX
                                    : ORDO_COUNTER_HTTP_5XX,
                     1);
}

void ordo__reply_header(struct ordo__request *request, const char *name, const char *format, ...)
{
    char value[512];
    h2o_mem_pool_t *pool = &request->req->pool;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    ORDO_REQUIRE(len >= 0 && len < (int)sizeof(value));
    h2o_add_header_by_str(pool, &request->req->res.headers, name, strlen(name), 1, NULL,
                          h2o_strdup(pool, value, (size_t)len).base, (size_t)len);
}

static bool is_method(const h2o_req_t *req, const char *method)
{
    return h2o_memis(req->method.base, req->method.len, method, strlen(method));
}

void ordo__reply(struct ordo__request *request, int status, const char *type, ordo_str body)
{
    static h2o_generator_t generator;
    h2o_req_t *req = request->req;
    h2o_iovec_t out;

    ordo__reply_count(request, status);
    req->res.content_length = body.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, type, strlen(type));
    if (!is_method(req, "POST"))
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CACHE_CONTROL, NULL, H2O_STRLIT("no-store"));
    h2o_start_response(req, &generator);
    if (is_method(req, "HEAD") || body.len == 0) {
        h2o_send(req, NULL, 0, H2O_SEND_STATE_FINAL);
        return;
    }
    out = h2o_strdup(&req->pool, body.ptr, body.len);
    h2o_send(req, &out, 1, H2O_SEND_STATE_FINAL);
}

void ordo__reply_json(struct ordo__request *request, int status, ordo_str body)
{
    ordo__reply(request, status, "application/json", body);
}

static void add_retry_after(struct ordo__request *request, enum ordo_problem_code code)
{
    int64_t seconds = request->loop->http->options.retry_after_s;

    if (code == ORDO_PROBLEM_IN_PROGRESS)
        ordo__reply_header(request, "retry-after", "1");
    else if (ordo_problem_status(code) == 503)
        ordo__reply_header(request, "retry-after", "%lld", (long long)(seconds > 0 ? seconds : 1));
}

void ordo__reply_problem_body(struct ordo__request *request, enum ordo_problem_code code, ordo_str body)
{
    add_retry_after(request, code);
    ordo__reply(request, ordo_problem_status(code), "application/problem+json", body);
}

void ordo__reply_problem(struct ordo__request *request, enum ordo_problem_code code, const char *format, ...)
{
    char detail[1024];
    struct ordo_buffer body = {0};
    va_list args;

    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    ordo_problem_write(&body, code, ordo_str_from(detail), request->id, NULL);
    ordo__reply_problem_body(request, code, ordo_buffer_str(&body));
    ordo_buffer_done(&body);
}

void ordo__write_later(struct ordo_buffer *out, ordo_str id, const char *status)
{
    struct ordo_json_writer json = ordo_json_writer(out);

    ordo_json_object(&json);
    ordo_json_key_string(&json, ORDO_STR("id"), id);
    ordo_json_key_string(&json, ORDO_STR("status"), ordo_str_from(status));
    ordo_json_end_object(&json);
}

void ordo__reply_later(struct ordo__request *request, ordo_str id, const char *status, int64_t retry_after_ms)
{
    struct ordo_buffer body = {0};

    ordo__write_later(&body, id, status);
    ordo__reply_header(request, "location", "/orders/" ORDO_STR_FMT, ORDO_STR_ARG(id));
    if (retry_after_ms > 0)
        ordo__reply_header(request, "retry-after", "%lld", (long long)((retry_after_ms + 999) / 1000));
    ordo__reply_json(request, 202, ordo_buffer_str(&body));
    ordo_buffer_done(&body);
}
