/* SPDX-License-Identifier: MIT
 * orders_page.c: GET /orders page by page.
 *
 * A page is read as JSON, and its text is cut into its orders: an export has to keep each byte of an order, which
 * writing anew what was read would not.
 */
#include "cli/orders.h"

enum { PAGE_ORDERS = 1000 };

bool ordo_orders_filter_take(struct ordo_orders_filter *filter, int id, const char *value)
{
    switch (id) {
    case ORDO_ORDERS_STATUS:
        filter->status = value;
        return true;
    case ORDO_ORDERS_CUSTOMER:
        filter->customer = value;
        return true;
    case ORDO_ORDERS_PRIORITY:
        filter->priority = value;
        return true;
    case ORDO_ORDERS_SINCE:
        filter->since = value;
        return true;
    case ORDO_ORDERS_UNTIL:
        filter->until = value;
        return true;
    default:
        return false;
    }
}

static void put_parameter(struct ordo_buffer *path, const char *name, const char *value)
{
    if (value == NULL)
        return;
    ordo_buffer_printf(path, "&%s=", name);
    ordo_api_put_escaped(path, ordo_str_from(value));
}

static void put_path(struct ordo_buffer *path, const struct ordo_orders_walk *walk, ordo_str after)
{
    const struct ordo_orders_filter *filter = walk->filter;
    uint64_t left = walk->limit - walk->visited;

    ordo_buffer_clear(path);
    ordo_buffer_printf(path, "/orders?limit=%u", (unsigned)(left < PAGE_ORDERS ? left : PAGE_ORDERS));
    put_parameter(path, "status", filter->status);
    put_parameter(path, "customer", filter->customer);
    put_parameter(path, "priority", filter->priority);
    put_parameter(path, "since", filter->since);
    put_parameter(path, "until", filter->until);
    if (walk->with_order)
        put_parameter(path, "detail", "full");
    if (after.len > 0) {
        ordo_buffer_append(path, ORDO_STR("&after="));
        ordo_api_put_escaped(path, after);
    }
    ordo_buffer_put(path, '\0');
}

/* The next object in the text of an array, which is valid JSON; *at is then behind it. Newlines between its parts become
 * spaces: inside of strings there are none. */
static ordo_str cut_object(char **at)
{
    char *begin = *at, *c;
    size_t depth = 0;
    bool in_string = false;

    while (*begin != '{')
        begin++;
    for (c = begin;; c++) {
        if (in_string) {
            if (*c == '\\')
                c++;
            else if (*c == '"')
                in_string = false;
        } else if (*c == '"') {
            in_string = true;
        } else if (*c == '{' || *c == '[') {
            depth++;
        } else if (*c == '\n' || *c == '\r') {
            *c = ' ';
        } else if ((*c == '}' || *c == ']') && --depth == 0) {
            break;
        }
    }
    *at = c + 1;
    return (ordo_str){begin, (size_t)(*at - begin)};
}

static bool is_page(struct ordo_json_value root, struct ordo_json_value *ret_orders)
{
    struct ordo_json_iter iter = ordo_json_iter_of(root);
    struct ordo_json_value order;
    ordo_str key = ORDO_STR_NONE;

    if (!iter.is_object || !ordo_json_next(&iter, &key, ret_orders) ||
        !ordo_str_equal(key, ORDO_STR("orders")) || ordo_json_type(*ret_orders) != ORDO_JSON_ARRAY)
        return false;
    for (struct ordo_json_iter each = ordo_json_iter_of(*ret_orders); ordo_json_next(&each, NULL, &order);)
        if (ordo_json_type(order) != ORDO_JSON_OBJECT)
            return false;
    return true;
}

/* False: the visitor wants no more. */
static bool visit_page(struct ordo_orders_walk *walk, struct ordo_json_value orders)
{
    char *at = memchr(walk->api->body.ptr, '[', walk->api->body.len);
    struct ordo_json_value order;

    for (struct ordo_json_iter iter = ordo_json_iter_of(orders); ordo_json_next(&iter, NULL, &order);) {
        walk->visited++;
        if (!walk->visit(walk->context, cut_object(&at), order))
            return false;
    }
    return walk->page_end == NULL || walk->page_end(walk->context);
}

bool ordo_orders_walk(struct ordo_orders_walk *walk)
{
    struct ordo_buffer path = {0};
    struct ordo_json_value root, orders;
    ordo_str after = ORDO_STR_NONE;
    bool ok = true;

    while (walk->visited < walk->limit) {
        put_path(&path, walk, after);
        if (!ordo_api_get(walk->api, path.ptr, NULL)) {
            ok = false;
            break;
        }
        root = ordo_json_root(walk->api->parser);
        if (!is_page(root, &orders)) {
            fprintf(stderr, "ordo %s: %s gives no list of orders: is it an ordo engine?\n",
                    walk->api->command->name, walk->api->base);
            ok = false;
            break;
        }
        if (!visit_page(walk, orders))
            break;
        after = ordo_json_text(root, ORDO_STR("next"));
        if (after.len == 0)
            break;
        walk->has_more = walk->visited >= walk->limit;
    }
    ordo_buffer_done(&path);
    return ok;
}
