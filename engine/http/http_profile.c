/* SPDX-License-Identifier: MIT
 * http_profile.c: the routes of profiles: the query becomes a request to the profiler, whose answer comes as a letter.
 * A client that leaves ends its window.
 */
#include "http/http_impl.h"

#include <poll.h>

#include "http/profile_query.h"
#include "http/query.h"
#include "profile/jeprof.h"

/* A profile that was asked for; between the loop and the profiler. */
struct asked {
    struct ordo__errand errand; /* first: both convert */
    const struct ordo__profile_route *route;
    uint64_t ticket;
    struct ordo_profile_answer answer;
};

/* Go's tool shows a text only with this header; jeprof shows none. */
static void refuse(struct ordo__request *request, const struct ordo__profile_route *route,
                   enum ordo_problem_code code, const char *text)
{
    struct ordo_buffer body = {0};

    if (!route->for_go) {
        ordo__reply_problem(request, code, "%s", text);
        return;
    }
    ordo_buffer_printf(&body, "%s\n", text);
    ordo__reply_header(request, "x-go-pprof", "1");
    ordo__reply_header(request, "x-content-type-options", "nosniff");
    ordo__reply(request, ordo_problem_status(code), "text/plain; charset=utf-8", ordo_buffer_str(&body));
    ordo_buffer_done(&body);
}

static void answer(struct ordo__request *request, const struct asked *asked)
{
    static const enum ordo_problem_code codes[] = {
        [ORDO_PROFILE_BUSY] = ORDO_PROBLEM_PROFILE_RUNNING,
        [ORDO_PROFILE_UNAVAILABLE] = ORDO_PROBLEM_PROFILE_UNAVAILABLE,
        [ORDO_PROFILE_WRONG] = ORDO_PROBLEM_BAD_REQUEST,
        [ORDO_PROFILE_ABSENT] = ORDO_PROBLEM_NOT_FOUND,
        [ORDO_PROFILE_STOPPING] = ORDO_PROBLEM_STOPPING,
        [ORDO_PROFILE_CANCELLED] = ORDO_PROBLEM_INTERNAL,
    };
    const struct ordo_profile_answer *got = &asked->answer;

    if (got->result != ORDO_PROFILE_TAKEN) {
        refuse(request, asked->route, codes[got->result], got->text);
        return;
    }
    ordo__reply_header(request, "x-content-type-options", "nosniff");
    if (got->id != 0)
        ordo__reply_header(request, "x-profile-id", "%llu", (unsigned long long)got->id);
    if (strncmp(got->type, "image/", 6) != 0 &&
        strncmp(got->type, "text/", 5) != 0) /* what a browser shows, it shows */
        ordo__reply_header(request, "content-disposition", "attachment; filename=\"%s\"", got->file);
    else
        ordo__reply_header(request, "content-disposition", "inline; filename=\"%s\"", got->file);
    ordo__reply(request, 200, got->type, ordo_buffer_str(&got->body));
}

static void back(struct ordo__errand *errand, struct ordo__request *request)
{
    struct asked *asked = (struct asked *)errand;

    if (request != NULL)
        answer(request, asked);
    ordo_buffer_done(&asked->answer.body);
    free(asked);
}

static void done(void *context, struct ordo_profile_answer *got) /* the profiler's thread */
{
    struct asked *asked = context;

    asked->answer = *got;
    got->body = (struct ordo_buffer){0};
    ordo__errand_return(&asked->errand);
}

static void client_left(struct ordo__request *request)
{
    struct asked *asked = request->owner;

    ordo__errand_left(request);
    ordo_profiler_cancel(request->loop->http->options.profiler, asked->ticket);
}

/* h2o does not read a connection of HTTP/1 while a request of it is pending, so it does not see that the client left. */
static bool has_left(const struct ordo__request *request)
{
    struct pollfd look = {.events = POLLRDHUP};

    if (request->req->version >= 0x200 || request->conn->socket == NULL)
        return false;
    look.fd = h2o_socket_get_fd(request->conn->socket);
    return poll(&look, 1, 0) > 0;
}

void ordo__profiles_second(struct ordo__loop *loop)
{
    for (h2o_linklist_t *node = loop->requests.next; node != &loop->requests; node = node->next) {
        struct ordo__request *request = H2O_STRUCT_FROM_MEMBER(struct ordo__request, link, node);

        if (request->left == client_left && has_left(request)) /* the answer meets the closed socket */
            ordo_profiler_cancel(loop->http->options.profiler, ((struct asked *)request->owner)->ticket);
    }
}

static void ask(struct ordo__request *request, const struct ordo__profile_route *route,
                const struct ordo_profile_request *wanted)
{
    struct asked *asked = calloc(1, sizeof(*asked));

    ORDO_REQUIRE(asked != NULL);
    asked->route = route;
    ordo__errand_begin(&asked->errand, request, back);
    request->left = client_left;
    asked->ticket = ordo_profiler_ask(request->loop->http->options.profiler, wanted, done, asked);
}

/* Who asks, for those who are refused meanwhile. */
static void name_client(struct ordo__request *request, char *out, size_t size)
{
    struct sockaddr_storage address;
    char host[INET6_ADDRSTRLEN + 16], service[8]; /* 16: for the name of an interface */
    socklen_t len =
        request->req->conn->callbacks->get_peername(request->req->conn, (struct sockaddr *)&address);

    if (len == 0 || getnameinfo((struct sockaddr *)&address, len, host, sizeof(host), service,
                                sizeof(service), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(out, size, "somebody");
    else
        snprintf(out, size, "%.*s port %s", (int)(size - sizeof(service) - sizeof(" port ")), host, service);
}

void ordo__profile_get(struct ordo__request *request)
{
    const struct ordo__profile_route *route = ordo__profile_route(request->route->name);
    const struct ordo_http_options *options = &request->loop->http->options;
    struct ordo_profile_request wanted;
    struct ordo_error err;

    if (options->profiler == NULL)
        refuse(request, route, ORDO_PROBLEM_PROFILE_UNAVAILABLE, "profiling.enabled is false");
    else if (ordo__profile_query_parse(route, request->query, options->max_profile_ns, &wanted, &err) != 0)
        refuse(request, route, ORDO_PROBLEM_BAD_QUERY, err.message);
    else if (request->id.len > 0 && !ordo__query_number(request->id, UINT64_MAX, &wanted.id))
        refuse(request, route, ORDO_PROBLEM_NOT_FOUND,
               "the id of a profile is a number; GET /profile/history lists them");
    else {
        name_client(request, wanted.who, sizeof(wanted.who));
        ask(request, route, &wanted);
    }
}

/* `go tool pprof` and jeprof ask for names of the addresses in a dump; GET only tells that they may. */
void ordo__profile_symbol(struct ordo__request *request)
{
    static const struct ordo__profile_route route = {.kind = ORDO_PROFILE_SYMBOL, .for_go = true};
    struct ordo_profile_request wanted = {.kind = ORDO_PROFILE_SYMBOL,
                                          .text = {request->req->entity.base, request->req->entity.len}};

    if (request->loop->http->options.profiler == NULL)
        refuse(request, &route, ORDO_PROBLEM_PROFILE_UNAVAILABLE, "profiling.enabled is false");
    else
        ask(request, &route, &wanted);
}

void ordo__profile_cmdline(struct ordo__request *request)
{
    struct ordo_buffer out = {0};

    ordo_jeprof_cmdline(&out);
    ordo__reply_header(request, "x-content-type-options", "nosniff");
    ordo__reply(request, 200, "text/plain; charset=utf-8", ordo_buffer_str(&out));
    ordo_buffer_done(&out);
}

void ordo__profile_no_trace(struct ordo__request *request)
{
    static const struct ordo__profile_route route = {.for_go = true};

    refuse(request, &route, ORDO_PROBLEM_PROFILE_UNAVAILABLE,
           "`go tool trace` reads the traces of Go programs only; get /profile/trace?seconds=5 and open it "
           "in https://ui.perfetto.dev");
}
