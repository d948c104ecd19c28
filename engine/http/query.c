/* SPDX-License-Identifier: MIT
 * query.c: reads query strings. An unknown, doubled or wrong parameter is an error that names it, never
 * ignored: a filter with a typing error would list everything.
 */
#include "http/query.h"

#include <stdlib.h>

#include "base/json_time.h"
#include "core/nearest.h"
#include "core/order.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool ordo__percent_decode(ordo_str text, bool plus, char *out, size_t size, size_t *ret_len)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text.ptr[i + 2]) : -1;

            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0' || len == size)
            return false;
        out[len++] = c;
    }
    *ret_len = len;
    return true;
}

bool ordo__query_next(ordo_str *rest, ordo_str *ret_name, ordo_str *ret_value)
{
    const char *end, *equals;
    ordo_str pair;

    while (rest->len > 0) {
        end = memchr(rest->ptr, '&', rest->len);
        pair = (ordo_str){rest->ptr, end == NULL ? rest->len : (size_t)(end - rest->ptr)};
        rest->ptr += end == NULL ? pair.len : pair.len + 1;
        rest->len -= end == NULL ? pair.len : pair.len + 1;
        if (pair.len == 0)
            continue;
        equals = memchr(pair.ptr, '=', pair.len);
        *ret_name = (ordo_str){pair.ptr, equals == NULL ? pair.len : (size_t)(equals - pair.ptr)};
        *ret_value = equals == NULL ? ORDO_STR_NONE : (ordo_str){equals + 1, pair.len - ret_name->len - 1};
        return true;
    }
    return false;
}

bool ordo__query_number(ordo_str text, uint64_t max, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (text.len == 0 || text.len > 20)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint64_t digit = (uint64_t)(text.ptr[i] - '0');

        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *ret_number = number;
    return number <= max;
}

int ordo__query_unknown(ordo_str name, const char *const *names, size_t count, const char *there_are,
                        struct ordo_error *err)
{
    char word[64];
    size_t len = name.len < sizeof(word) - 1 ? name.len : sizeof(word) - 1;
    struct ordo_nearest nearest;

    memcpy(word, name.ptr, len);
    word[len] = '\0';
    nearest = ordo_nearest(word);
    for (size_t i = 0; i < count; i++)
        ordo_nearest_try(&nearest, ordo_str_from(names[i]));
    if (nearest.best[0] != '\0')
        return ordo_fail(err, ORDO_ECONFIG, NULL, "there is no parameter '%s'; did you mean '%s'?", word,
                         nearest.best);
    return ordo_fail(err, ORDO_ECONFIG, NULL, "there is no parameter '%s'; %s", word, there_are);
}

/* --- GET /orders --- */

/* Two numbers with a dash between, as ordo_engine_list writes them. */
static bool read_cursor(ordo_str text, struct ordo_store_cursor *ret_cursor)
{
    const char *dash = text.len > 0 ? memchr(text.ptr, '-', text.len) : NULL;
    size_t high = dash == NULL ? 0 : (size_t)(dash - text.ptr);

    return dash != NULL && ordo__query_number((ordo_str){text.ptr, high}, UINT64_MAX, &ret_cursor->high) &&
           ordo__query_number((ordo_str){dash + 1, text.len - high - 1}, UINT64_MAX, &ret_cursor->low) &&
           (ret_cursor->high | ret_cursor->low) != 0;
}

static int read_time(const char *name, ordo_str value, int64_t *ret_ms, struct ordo_error *err)
{
    const char *hint = "";

    if (ordo_time_parse(value, ret_ms))
        return 0;
    if (memchr(value.ptr, ' ', value.len) != NULL)
        hint = "; in an address a + stands for a space, so write the + of an offset as %2B";
    return ordo_fail(err, ORDO_ECONFIG, NULL,
                     "%s: a time like 2026-11-23T06:27:05.123Z or a day like 2026-11-23, from 1970 to 9999, "
                     "not '" ORDO_STR_FMT "'%s",
                     name, ORDO_STR_ARG(value), hint);
}

/* One name or several with commas between. */
static int read_statuses(ordo_str value, struct ordo_store_query *query, struct ordo_error *err)
{
    while (true) {
        const char *comma = value.len > 0 ? memchr(value.ptr, ',', value.len) : NULL;
        ordo_str name = {value.ptr, comma == NULL ? value.len : (size_t)(comma - value.ptr)};
        enum ordo_status status;

        if (!ordo_status_parse(name, &status))
            return ordo_fail(err, ORDO_ECONFIG, NULL,
                             "status: one or more of queued, done, held, invalid, dead with commas between, "
                             "not '" ORDO_STR_FMT "'",
                             ORDO_STR_ARG(name));
        if (!ordo_status_is_kept(status))
            return ordo_fail(err, ORDO_ECONFIG, NULL,
                             "status: orders cannot be listed by '" ORDO_STR_FMT
                             "', which is only what one on its way does just now; ask for queued",
                             ORDO_STR_ARG(name));
        query->statuses |= ORDO_STATUS_BIT(status);
        if (comma == NULL)
            return 0;
        value.len -= name.len + 1;
        value.ptr = comma + 1;
    }
}

enum parameter { AFTER = 0, CUSTOMER, DETAIL, LIMIT, PRIORITY, SINCE, STATUS, UNTIL, PARAMETERS };
static const char *const names[PARAMETERS] = {"after",    "customer", "detail", "limit",
                                              "priority", "since",    "status", "until"};

static int read_parameter(enum parameter parameter, ordo_str value, struct ordo__list_query *list,
                          struct ordo_error *err)
{
    struct ordo_store_query *query = &list->query;
    enum ordo_priority priority;
    uint64_t number;

    switch (parameter) {
    case AFTER:
        if (!read_cursor(value, &query->after))
            return ordo_fail(err, ORDO_ECONFIG, NULL,
                             "after: the `next` of the page before, not '" ORDO_STR_FMT "'",
                             ORDO_STR_ARG(value));
        return 0;
    case CUSTOMER:
        if (value.len == 0 || value.len > sizeof(list->customer))
            return ordo_fail(err, ORDO_ECONFIG, NULL, "customer: 1 to %zu bytes, not %zu",
                             sizeof(list->customer), value.len);
        memcpy(list->customer, value.ptr, value.len);
        query->customer = (ordo_str){list->customer, value.len};
        return 0;
    case DETAIL:
        if (!ordo_str_equal(value, ORDO_STR("full")))
            return ordo_fail(err, ORDO_ECONFIG, NULL, "detail: full, or leave it out, not '" ORDO_STR_FMT "'",
                             ORDO_STR_ARG(value));
        list->with_order = true;
        return 0;
    case LIMIT:
        if (!ordo__query_number(value, ORDO__LIST_MAX, &number) || number == 0)
            return ordo_fail(err, ORDO_ECONFIG, NULL, "limit: a number from 1 to %d, not '" ORDO_STR_FMT "'",
                             ORDO__LIST_MAX, ORDO_STR_ARG(value));
        query->limit = (uint32_t)number;
        return 0;
    case PRIORITY:
        if (!ordo_priority_parse(value, &priority))
            return ordo_fail(err, ORDO_ECONFIG, NULL, "priority: high, medium or low, not '" ORDO_STR_FMT "'",
                             ORDO_STR_ARG(value));
        query->priority = (int)priority;
        return 0;
    case SINCE:
        return read_time("since", value, &query->since_ms, err);
    case UNTIL:
        return read_time("until", value, &query->until_ms, err);
    default:
        return read_statuses(value, query, err);
    }
}

int ordo__list_query_parse(ordo_str text, struct ordo__list_query *ret_list, struct ordo_error *err)
{
    char decoded[1024];
    ordo_str name, value;
    bool seen[PARAMETERS] = {false};
    size_t len, i;
    int result;

    *ret_list = (struct ordo__list_query){
        .query = {.size = sizeof(ret_list->query), .priority = -1, .limit = ORDO__LIST_DEFAULT}};
    while (ordo__query_next(&text, &name, &value)) {
        for (i = 0; i < PARAMETERS && !ordo_str_equal(name, ordo_str_from(names[i])); i++)
            continue;
        if (i == PARAMETERS)
            return ordo__query_unknown(
                name, names, PARAMETERS,
                "there are after, customer, detail, limit, priority, since, status and until", err);
        if (seen[i] && i != STATUS)
            return ordo_fail(err, ORDO_ECONFIG, NULL, "%s: given twice", names[i]);
        seen[i] = true;
        if (!ordo__percent_decode(value, true, decoded, sizeof(decoded), &len))
            return ordo_fail(err, ORDO_ECONFIG, NULL, "%s: a bad %%-escape, or too long", names[i]);
        if ((result = read_parameter((enum parameter)i, (ordo_str){decoded, len}, ret_list, err)) != 0)
            return result;
    }
    return 0;
}
