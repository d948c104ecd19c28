/* SPDX-License-Identifier: MIT
 * json_equal.c: walks two tapes side by side; members of objects are sorted by name first.
 */
#include "base/json_equal.h"

#include <stdlib.h>

#include "base/buffer.h"

enum { DEPTH_MAX = 1024 }; /* the most that limits.depth can be */

struct member {
    ordo_str name;
    struct ordo_json_value value;
};

static int compare_names(const void *a, const void *b)
{
    ordo_str left = ((const struct member *)a)->name, right = ((const struct member *)b)->name;
    size_t len = left.len < right.len ? left.len : right.len;
    int order = len > 0 ? memcmp(left.ptr, right.ptr, len) : 0;

    return order != 0 ? order : (left.len > right.len) - (left.len < right.len);
}

static void sort_members(struct ordo_json_value object, struct member *ret_members, size_t count)
{
    struct member *to = ret_members;

    for (struct ordo_json_iter iter = ordo_json_iter_of(object);
         ordo_json_next(&iter, &to->name, &to->value);)
        to++;
    qsort(ret_members, count, sizeof(*ret_members), compare_names);
}

static bool are_objects_equal(struct ordo_json_value a, struct ordo_json_value b)
{
    size_t count = ordo_json_count(a);
    struct member *members;
    bool equal = true;

    if (count != ordo_json_count(b))
        return false;
    members = malloc((2 * count + 1) * sizeof(*members)); /* the walk's last step needs a place, too */
    ORDO_REQUIRE(members != NULL);
    sort_members(a, members, count);
    sort_members(b, members + count, count);
    for (size_t i = 0; equal && i < count; i++)
        equal = ordo_str_equal(members[i].name, members[count + i].name) &&
                ordo_json_equal(members[i].value, members[count + i].value);
    free(members);
    return equal;
}

static bool are_arrays_equal(struct ordo_json_value a, struct ordo_json_value b)
{
    struct ordo_json_iter left = ordo_json_iter_of(a), right = ordo_json_iter_of(b);
    struct ordo_json_value item, other;

    while (ordo_json_next(&left, NULL, &item))
        if (!ordo_json_next(&right, NULL, &other) || !ordo_json_equal(item, other))
            return false;
    return !ordo_json_next(&right, NULL, &other);
}

static bool is_number(enum ordo_json_type type)
{
    return type == ORDO_JSON_INT || type == ORDO_JSON_UINT || type == ORDO_JSON_DOUBLE;
}

/* Whether a double is exactly that integer: both directions, since a conversion alone rounds. */
static bool is_double_integer(double number, struct ordo_json_value integer)
{
    if (ordo_json_type(integer) == ORDO_JSON_INT)
        return number >= -0x1p63 && number < 0x1p63 && (int64_t)number == ordo_json_as_int(integer) &&
               (double)(int64_t)number == number;
    return number >= 0x1p63 && number < 0x1p64 && (uint64_t)number == ordo_json_as_uint(integer);
}

static bool are_numbers_equal(struct ordo_json_value a, struct ordo_json_value b)
{
    enum ordo_json_type left = ordo_json_type(a), right = ordo_json_type(b);

    if (left == ORDO_JSON_DOUBLE && right == ORDO_JSON_DOUBLE)
        return ordo_json_as_double(a) == ordo_json_as_double(b);
    if (left == ORDO_JSON_DOUBLE)
        return is_double_integer(ordo_json_as_double(a), b);
    if (right == ORDO_JSON_DOUBLE)
        return is_double_integer(ordo_json_as_double(b), a);
    return left == right && a.word[1] == b.word[1]; /* UINT is above every INT */
}

bool ordo_json_equal(struct ordo_json_value a, struct ordo_json_value b)
{
    enum ordo_json_type type = ordo_json_type(a);

    if (is_number(type))
        return is_number(ordo_json_type(b)) && are_numbers_equal(a, b);
    if (type != ordo_json_type(b))
        return false;
    switch (type) {
    case ORDO_JSON_BOOL:
        return ordo_json_as_bool(a) == ordo_json_as_bool(b);
    case ORDO_JSON_STRING:
        return ordo_str_equal(ordo_json_as_str(a), ordo_json_as_str(b));
    case ORDO_JSON_ARRAY:
        return are_arrays_equal(a, b);
    case ORDO_JSON_OBJECT:
        return are_objects_equal(a, b);
    default:
        return true; /* null */
    }
}

static bool parse(struct ordo_json_parser *parser, ordo_str text)
{
    struct ordo_buffer padded = {0};
    bool parsed;

    ordo_buffer_append(&padded, text);
    parsed = ordo_json_parse_buffer(parser, &padded, NULL) == 0;
    ordo_buffer_done(&padded); /* the parser has copies of all that it needs */
    return parsed;
}

bool ordo_json_text_equal(ordo_str a, ordo_str b)
{
    struct ordo_json_parser *left = ordo_json_parser_new(DEPTH_MAX), *right = ordo_json_parser_new(DEPTH_MAX);
    bool equal =
        parse(left, a) && parse(right, b) && ordo_json_equal(ordo_json_root(left), ordo_json_root(right));

    ordo_json_parser_free(left);
    ordo_json_parser_free(right);
    return equal;
}
