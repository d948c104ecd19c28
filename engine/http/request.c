/* SPDX-License-Identifier: MIT
 * request.c: from h2o's request to the handler of its route.
 *
 * Each request gets a small block in its pool whose dispose callback is the one sign that h2o 2.2.5 gives
 * when the client leaves before the answer. It counts what left and cuts the links that jobs and batches
 * hold.
 */
#include "http/http_impl.h"

#include "core/order.h"
#include "http/query.h"

#include <strings.h>

static void dispose(void *memory)
{
    struct ordo__request *request = memory;
    struct ordo__conn *conn = request->conn;

    conn->open--;
    h2o_linklist_unlink(&request->link);
    if (!request->answered) {
        conn->cancelled++;
        ordo_metrics_add(request->loop->metrics, ORDO_COUNTER_HTTP_GONE, 1);
    }
    if (request->left != NULL)
        request->left(request);
    ordo__conn_unref(conn);
}

bool ordo__request_has_header(const struct ordo__request *request, const char *name)
{
    return h2o_find_header_by_str(&request->req->headers, name, strlen(name), -1) != -1;
}

ordo_str ordo__request_header(const struct ordo__request *request, const char *name)
{
    const h2o_headers_t *headers = &request->req->headers;
    ssize_t at = h2o_find_header_by_str(headers, name, strlen(name), -1);

    if (at == -1)
        return ORDO_STR_NONE;
    return (ordo_str){headers->entries[at].value.base, headers->entries[at].value.len};
}

bool ordo__request_is_type(const struct ordo__request *request, ordo_str type)
{
    const h2o_headers_t *headers = &request->req->headers;
    ssize_t at = h2o_find_header(headers, H2O_TOKEN_CONTENT_TYPE, -1);
    h2o_iovec_t value;

    if (at == -1)
        return false;
    value = headers->entries[at].value;
    if (value.len < type.len || strncasecmp(value.base, type.ptr, type.len) != 0)
        return false;
    return value.len == type.len || strchr("; \t", value.base[type.len]) != NULL;
}

bool ordo__request_takes_json(struct ordo__request *request, const char *too_large)
{
    if (!ordo__request_is_type(request, ORDO_STR("application/json")))
        ordo__reply_problem(request, ORDO_PROBLEM_UNSUPPORTED_TYPE, "send Content-Type: application/json");
    else if (request->req->entity.len > request->loop->http->limits->order_bytes)
        ordo__reply_problem(request, ORDO_PROBLEM_ORDER_TOO_LARGE, "%s", too_large);
    else
        return true;
    return false;
}

bool ordo__request_json(struct ordo__request *request, const char *too_large,
                        struct ordo_json_value *ret_root)
{
    struct ordo_buffer body = {0};
    struct ordo_error err = {0};
    int code;

    if (!ordo__request_takes_json(request, too_large))
        return false;
    ordo_buffer_append(&body, (ordo_str){request->req->entity.base, request->req->entity.len});
    code = ordo_json_parse_buffer(request->loop->parser, &body, &err);
    ordo_buffer_done(&body); /* the parser has copies of all that it needs */
    if (code != 0)
        ordo__reply_problem(request, ORDO_PROBLEM_INVALID_JSON, "line %d, column %d: %s", err.line,
                            err.column, err.message);
    else
        *ret_root = ordo_json_root(request->loop->parser);
    return code == 0;
}

static void answer_no_method(struct ordo__request *request, ordo_str method, ordo_str path)
{
    struct ordo_buffer allow = {0};

    ordo__route_allow(path, request->loop->scopes, &allow);
    ordo__reply_header(request, "allow", ORDO_STR_FMT, ORDO_STR_ARG(ordo_buffer_str(&allow)));
    ordo__reply_problem(request, ORDO_PROBLEM_METHOD_NOT_ALLOWED,
                        ORDO_STR_FMT " is not possible here; " ORDO_STR_FMT " is", ORDO_STR_ARG(method),
                        ORDO_STR_ARG(ordo_buffer_str(&allow)));
    ordo_buffer_done(&allow);
}

static void answer_no_path(struct ordo__request *request, ordo_str method, ordo_str path)
{
    const struct ordo__route *route;
    struct ordo__route_parts parts;
    size_t shown = path.len < 200 ? path.len : 200;

    if (ordo__route_find(method, path, ORDO__SCOPE_BOTH, &route, &parts) == ORDO__ROUTE_FOUND)
        ordo__reply_problem(request, ORDO_PROBLEM_NOT_FOUND, "this is offered on the %s listener",
                            request->loop->is_admin ? "orders'" : "admin");
    else
        ordo__reply_problem(request, ORDO_PROBLEM_NOT_FOUND, "there is no '%.*s'; GET / lists what there is",
                            (int)shown, path.ptr);
}

/* The token of a route: the admin token for admin routes and all of the admin listener; where there is none,
 * the other one still guards. */
static const struct ordo_token *token_for(const struct ordo__request *request)
{
    const struct ordo_http *http = request->loop->http;
    bool admin = request->loop->is_admin || request->route->scope == ORDO__SCOPE_ADMIN;

    if (admin && (request->loop->is_admin || http->admin_token.len > 0))
        return &http->admin_token;
    return &http->token;
}

static bool is_allowed(struct ordo__request *request)
{
    const struct ordo_token *token;

    if ((request->route->scope & ORDO__SCOPE_TOKENLESS) != 0)
        return true;
    token = token_for(request);
    if (token->len == 0 || ordo_token_allows(token, ordo__request_header(request, "authorization")))
        return true;
    ordo__reply_header(request, "www-authenticate", "Bearer, Basic realm=\"ordo\"");
    ordo__reply_problem(request, ORDO_PROBLEM_UNAUTHORIZED,
                        "send `Authorization: Bearer TOKEN`, or Basic with the token as password");
    return false;
}

static bool take_id(struct ordo__request *request, ordo_str encoded)
{
    bool is_order = strstr(request->route->pattern, "{generation}") == NULL;
    char *id;
    size_t len;

    if (encoded.len == 0)
        return true;
    id = h2o_mem_alloc_pool(&request->req->pool, ORDO_ID_MAX);
    if (!ordo__percent_decode(encoded, false, id, ORDO_ID_MAX, &len) ||
        !ordo_id_is_valid((ordo_str){id, len})) {
        ordo__reply_problem(request, ORDO_PROBLEM_NOT_FOUND, "%s",
                            is_order ? "no order has such an id; it is 1 to 128 of A-Z a-z 0-9 . _ ~ : -"
                                     : "no generation is called so; GET /rules lists them");
        return false;
    }
    request->id = (ordo_str){id, len};
    return true;
}

static bool take_path(struct ordo__request *request, ordo_str encoded)
{
    char *path;

    if (encoded.len == 0)
        return true;
    path = h2o_mem_alloc_pool(&request->req->pool, encoded.len);
    request->path.ptr = path;
    if (ordo__percent_decode(encoded, false, path, encoded.len, &request->path.len))
        return true;
    ordo__reply_problem(request, ORDO_PROBLEM_NOT_FOUND, "the path has a bad %%-escape");
    return false;
}

static struct ordo__request *request_new(h2o_req_t *req)
{
    struct ordo__request *request = h2o_mem_alloc_shared(&req->pool, sizeof(*request), dispose);

    *request = (struct ordo__request){.req = req, .loop = ordo__loop_of(req), .conn = ordo__conn_of(req)};
    h2o_linklist_insert(&request->loop->requests, &request->link);
    request->conn->references++;
    request->conn->open++;
    request->conn->requests++;
    return request;
}

static void dispatch(struct ordo__request *request)
{
    h2o_req_t *req = request->req;
    ordo_str method = {req->method.base, req->method.len}, path = {req->path.base, req->path.len};
    struct ordo__route_parts parts;

    if (req->query_at != SIZE_MAX) {
        request->query = (ordo_str){path.ptr + req->query_at + 1, path.len - req->query_at - 1};
        path.len = req->query_at;
    }
    switch (ordo__route_find(method, path, request->loop->scopes, &request->route, &parts)) {
    case ORDO__ROUTE_NO_PATH:
        answer_no_path(request, method, path);
        return;
    case ORDO__ROUTE_NO_METHOD:
        answer_no_method(request, method, path);
        return;
    default:
        ordo_metrics_add(request->loop->metrics, ORDO_COUNTER_HTTP_REQUESTS, 1);
        if (is_allowed(request) && take_id(request, parts.id) && take_path(request, parts.path))
            request->route->handle(request);
    }
}

int ordo__request_handle(h2o_handler_t *self, h2o_req_t *req)
{
    struct ordo__request *request = request_new(req);
    struct ordo__conn *conn = request->conn;

    (void)self;
    if (ordo__conn_is_abusive(conn)) {
        if (!conn->limited)
            ordo_metrics_add(request->loop->metrics, ORDO_COUNTER_HTTP_LIMITED, 1);
        conn->limited = true;
        ordo__conn_cut(conn);
        return 0; /* no answer: h2o meets the end of the connection and disposes of everything */
    }
    dispatch(request);
    return 0;
}

void ordo__requests_end(struct ordo__loop *loop)
{
    h2o_linklist_t *node, *next;

    for (node = loop->requests.next; node != &loop->requests; node = next) {
        struct ordo__request *request = H2O_STRUCT_FROM_MEMBER(struct ordo__request, link, node);

        next = node->next;
        if (request->answered) {
            ordo__conn_cut(request->conn);
            continue;
        }
        if (request->left != NULL)
            request->left(request); /* whoever works for it lets go of it */
        ordo__reply_problem(request, ORDO_PROBLEM_STOPPING,
                            "the engine stopped before the order was decided");
    }
}
