/* SPDX-License-Identifier: MIT
 * index.c: GET /: the routes of this listener and a first order, as text.
 */
#include "http/http_impl.h"

void ordo__index_get(struct ordo__request *request)
{
    struct ordo_buffer out = {0};
    h2o_iovec_t host = request->req->authority;
    bool orders = (request->loop->scopes & ORDO__SCOPE_MAIN) != 0;

    ordo_buffer_printf(&out, "ordo %s, a scriptable order engine\n\n", ORDO_VERSION);
    if (orders)
        ordo_buffer_printf(
            &out,
            "Try:\n"
            "  curl http://%.*s/orders -H 'Content-Type: application/json' -d '{\"customer\":"
            "{\"id\":\"c-42\",\"tier\":\"gold\",\"country\":\"DE\"},\"currency\":\"EUR\",\"items\":"
            "[{\"sku\":\"A-1001\",\"qty\":2,\"price\":1999}],\"coupon\":\"SPRING10\"}'\n"
            "  curl http://%.*s/stats\n"
            "  curl -N http://%.*s/events\n\n",
            (int)host.len, host.base, (int)host.len, host.base, (int)host.len, host.base);
    ordo_buffer_append(&out, ORDO_STR("There is:\n"));
    for (size_t i = 0; i < ORDO__ROUTE_COUNT; i++)
        if ((ordo__routes[i].scope & request->loop->scopes) != 0)
            ordo_buffer_printf(&out, "  %-6s %-32s %s\n", ordo__routes[i].method, ordo__routes[i].pattern,
                               ordo__routes[i].summary);
    ordo__reply(request, 200, "text/plain; charset=utf-8", ordo_buffer_str(&out));
    ordo_buffer_done(&out);
}
