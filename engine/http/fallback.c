/* SPDX-License-Identifier: MIT
 * fallback.c: what h2o refuses by itself on HTTP/1 (a body over its limit, broken chunks) gets a problem
 * document as body.
 *
 * Such answers are sent on the host's fallback path, before any handler: a filter there exchanges the type,
 * the length and the body. On HTTP/2 h2o resets the stream instead, which nothing can change.
 */
#include "http/http_impl.h"

struct exchange {
    h2o_ostream_t super;
    h2o_iovec_t body;
};

static void send_other(h2o_ostream_t *self, h2o_req_t *req, h2o_iovec_t *bufs, size_t count,
                       h2o_send_state_t state)
{
    struct exchange *exchange = (struct exchange *)self;

    (void)bufs;
    h2o_ostream_send_next(self, req, &exchange->body, count > 0 ? 1 : 0, state);
}

static bool find_problem(const h2o_req_t *req, const struct ordo_http *http, enum ordo_problem_code *ret_code,
                         char *detail, size_t size)
{
    switch (req->res.status) {
    case 400:
        *ret_code = ORDO_PROBLEM_BAD_REQUEST;
        snprintf(detail, size, "the request's framing is broken: Content-Length or Transfer-Encoding");
        return true;
    case 404:
        *ret_code = ORDO_PROBLEM_NOT_FOUND;
        snprintf(detail, size, "GET / lists what there is");
        return true;
    case 413:
        *ret_code = ORDO_PROBLEM_BATCH_TOO_LARGE;
        snprintf(detail, size, "a body may have %zu bytes (limits.batch_bytes)", http->limits->batch_bytes);
        return true;
    default:
        return false;
    }
}

static void setup(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot)
{
    struct ordo__loop *loop = ordo__loop_of(req);
    struct ordo_buffer body = {0};
    enum ordo_problem_code code;
    struct exchange *exchange;
    char detail[160];

    (void)self;
    if (find_problem(req, loop->http, &code, detail, sizeof(detail))) {
        ordo_problem_write(&body, code, ordo_str_from(detail), ORDO_STR_NONE, NULL);
        h2o_set_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE,
                       H2O_STRLIT("application/problem+json"), 1);
        req->res.content_length = body.len;
        ordo_metrics_add(loop->metrics, ORDO_COUNTER_HTTP_4XX, 1);
        exchange = (struct exchange *)h2o_add_ostream(req, sizeof(*exchange), slot);
        exchange->super.do_send = send_other;
        exchange->body = h2o_strdup(&req->pool, body.ptr, body.len);
        slot = &exchange->super.next;
        ordo_buffer_done(&body);
    }
    h2o_setup_next_ostream(req, slot);
}

void ordo__fallback_install(h2o_hostconf_t *host)
{
    h2o_create_filter(&host->fallback_path, sizeof(h2o_filter_t))->on_setup_ostream = setup;
}
