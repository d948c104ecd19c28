/* SPDX-License-Identifier: MIT
 * reference_csv.c: CSV (RFC 4180) -> JSON: {"key": {"column": value, …}, …}.
 *
 * The first line names the columns, and the first column is the key. A column that is named `rate:number` holds numbers, all
 * others text: the file says what is meant, so that a postcode keeps its zeros, and no line changes what another one is. An
 * empty field is absent.
 */
#include "script/reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/json_write.h"
#include "base/utf8.h"

enum { COLUMNS_MAX = 200, NUMBER_TEXT = 40 };

#define NUMBER_MAX 9007199254740992.0 /* up to which Lua's numbers are exact */

struct column {
    char *name;
    bool is_number;
};

/* Where a key stands, to find it a second time. */
struct key {
    size_t at, len; /* in `keys` */
    int line;
};

struct csv {
    const char *place;
    struct ordo_error *err;
    const char *at, *end;
    int line;                 /* that is being read, from 1 */
    int begun;                /* where the record begins */
    struct ordo_buffer bytes; /* of the record's fields, one behind the other */
    size_t ends[COLUMNS_MAX]; /* of each field in bytes */
    size_t fields;            /* of the record */
    struct column columns[COLUMNS_MAX];
    size_t column_count;
    struct ordo_buffer key_bytes;
    struct key *keys;
    size_t key_count, key_capacity;
};

static ordo_str field(const struct csv *csv, size_t number)
{
    size_t from = number == 0 ? 0 : csv->ends[number - 1];

    return (ordo_str){csv->bytes.ptr + from, csv->ends[number] - from};
}

#define FAIL(csv, ...) ordo_fail_at((csv)->err, ORDO_ESCRIPT, (csv)->place, (csv)->begun, 0, __VA_ARGS__)

/* Behind the opening quote, up to behind the closing one. */
static int read_quoted(struct csv *csv)
{
    for (; csv->at < csv->end; csv->at++) {
        if (*csv->at == '"' && (csv->at + 1 == csv->end || csv->at[1] != '"')) {
            csv->at++;
            return 0;
        }
        if (*csv->at == '"')
            csv->at++;
        csv->line += *csv->at == '\n';
        ordo_buffer_put(&csv->bytes, *csv->at);
    }
    return FAIL(csv, "a quote is not closed");
}

static bool is_line_end(const struct csv *csv)
{
    return csv->at == csv->end || *csv->at == '\n' ||
           (*csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n');
}

static int read_field(struct csv *csv)
{
    size_t from = csv->bytes.len;
    int code = 0;

    if (csv->at < csv->end && *csv->at == '"') {
        csv->at++;
        code = read_quoted(csv);
        if (code == 0 && !is_line_end(csv) && *csv->at != ',')
            code =
                FAIL(csv, "behind the closing quote of field %zu stands neither a comma nor the line's end",
                     csv->fields + 1);
    }
    for (; code == 0 && !is_line_end(csv) && *csv->at != ','; csv->at++) {
        if (*csv->at == '"')
            return FAIL(csv, "field %zu has a quote inside; put it in quotes and write the quote twice",
                        csv->fields + 1);
        ordo_buffer_put(&csv->bytes, *csv->at);
    }
    for (size_t at = from, len = 1; code == 0 && at < csv->bytes.len; at += len) {
        const unsigned char *text = (const unsigned char *)csv->bytes.ptr + at;

        len = 1;
        if (*text >= 0x80 && !ordo_utf8_scan(text, csv->bytes.len - at, &len))
            return FAIL(csv, "field %zu is not UTF-8", csv->fields + 1);
    }
    return code;
}

/* The next line with fields. *ret_any: there is one. */
static int read_record(struct csv *csv, bool *ret_any)
{
    int code;

    while (csv->at < csv->end && is_line_end(csv)) { /* empty lines mean nothing */
        csv->at += *csv->at == '\r' ? 2 : 1;
        csv->line++;
    }
    *ret_any = csv->at < csv->end;
    csv->begun = csv->line;
    csv->fields = 0;
    ordo_buffer_clear(&csv->bytes);
    while (*ret_any) {
        if (csv->fields == COLUMNS_MAX)
            return FAIL(csv, "there are more than %d columns", COLUMNS_MAX);
        if ((code = read_field(csv)) != 0)
            return code;
        csv->ends[csv->fields++] = csv->bytes.len;
        if (is_line_end(csv))
            break;
        csv->at++; /* the comma */
    }
    return 0;
}

static int read_columns(struct csv *csv)
{
    bool any;
    int code = read_record(csv, &any);

    if (code != 0)
        return code;
    if (!any)
        return FAIL(csv, "the first line names the columns; the file is empty");
    for (size_t i = 0; i < csv->fields; i++) {
        ordo_str text = field(csv, i);
        const char *colon = text.len == 0 ? NULL : memchr(text.ptr, ':', text.len);
        size_t len = colon == NULL ? text.len : (size_t)(colon - text.ptr);
        struct column *column = &csv->columns[csv->column_count];

        if (len == 0)
            return FAIL(csv, "column %zu has no name", i + 1);
        if (colon != NULL && !ordo_str_equal((ordo_str){colon, text.len - len}, ORDO_STR(":number")))
            return FAIL(csv, "column %zu: it is NAME, or NAME:number, not " ORDO_STR_FMT, i + 1,
                        ORDO_STR_ARG(text));
        if (colon != NULL && i == 0)
            return FAIL(csv, "column 1 is the key, which is text; leave :number out");
        for (size_t k = 0; k < i; k++)
            if (ordo_str_equal(ordo_str_from(csv->columns[k].name), (ordo_str){text.ptr, len}))
                return FAIL(csv, "the columns %zu and %zu are both named %s", k + 1, i + 1,
                            csv->columns[k].name);
        column->name = strndup(text.ptr, len);
        ORDO_REQUIRE(column->name != NULL);
        column->is_number = colon != NULL;
        csv->column_count++;
    }
    return 0;
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* As JSON writes it, so that it can be copied. */
static bool is_number(ordo_str text)
{
    char copy[NUMBER_TEXT];
    const char *at = text.ptr, *end = text.ptr + text.len, *digits;

    at += at < end && *at == '-';
    digits = at;
    at = skip_digits(at, end);
    if (at == digits || (*digits == '0' && at > digits + 1))
        return false;
    if (at < end && *at == '.') {
        digits = at + 1;
        if ((at = skip_digits(digits, end)) == digits)
            return false;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '-' || *at == '+');
        digits = at;
        if ((at = skip_digits(at, end)) == digits)
            return false;
    }
    snprintf(copy, sizeof(copy), ORDO_STR_FMT, ORDO_STR_ARG(text));
    return at == end && text.len < sizeof(copy) && fabs(strtod(copy, NULL)) <= NUMBER_MAX;
}

static int write_record(struct csv *csv, struct ordo_json_writer *json)
{
    ordo_str key = field(csv, 0);

    if (csv->fields != csv->column_count)
        return FAIL(csv, "the line has %zu fields, and there are %zu columns", csv->fields,
                    csv->column_count);
    if (key.len == 0)
        return FAIL(csv, "the key is empty: the first field, %s", csv->columns[0].name);
    csv->keys = ordo_array_grow(csv->keys, csv->key_count, &csv->key_capacity, sizeof(*csv->keys));
    csv->keys[csv->key_count++] = (struct key){csv->key_bytes.len, key.len, csv->begun};
    ordo_buffer_append(&csv->key_bytes, key);
    ordo_json_key_escaped(json, key);
    ordo_json_object(json);
    for (size_t i = 0; i < csv->column_count; i++) {
        const struct column *column = &csv->columns[i];
        ordo_str text = field(csv, i);

        if (text.len == 0)
            continue;
        if (column->is_number && !is_number(text))
            return FAIL(csv, "%s: " ORDO_STR_FMT " is no number up to 2^53; write it as 12, -1.5 or 2e6",
                        column->name, ORDO_STR_ARG(text));
        ordo_json_key_escaped(json, ordo_str_from(column->name));
        if (column->is_number)
            ordo_json_raw(json, text);
        else
            ordo_json_string(json, text);
    }
    ordo_json_end_object(json);
    return 0;
}

static int compare_keys(const void *a, const void *b, void *bytes)
{
    const struct key *left = a, *right = b;
    const char *text = bytes;
    int order = memcmp(text + left->at, text + right->at, left->len < right->len ? left->len : right->len);

    if (order == 0)
        order = (left->len > right->len) - (left->len < right->len);
    return order != 0 ? order : left->line - right->line;
}

static int check_keys(struct csv *csv)
{
    const char *text = csv->key_bytes.ptr;

    if (csv->key_count > 1)
        qsort_r(csv->keys, csv->key_count, sizeof(*csv->keys), compare_keys, csv->key_bytes.ptr);
    for (size_t i = 1; i < csv->key_count; i++) {
        const struct key *before = &csv->keys[i - 1], *key = &csv->keys[i];

        if (before->len != key->len || memcmp(text + before->at, text + key->at, key->len) != 0)
            continue;
        csv->begun = key->line;
        return FAIL(csv, "the key " ORDO_STR_FMT " is in line %d already", (int)key->len, text + key->at,
                    before->line);
    }
    return 0;
}

int ordo__reference_csv(ordo_str text, const char *place, struct ordo_buffer *json, struct ordo_error *err)
{
    struct csv csv = {.place = place, .err = err, .at = text.ptr, .end = text.ptr + text.len, .line = 1};
    struct ordo_json_writer writer = ordo_json_writer(json);
    bool any = true;
    int code;

    if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0) /* spreadsheets begin with it */
        csv.at += 3;
    ordo_json_object(&writer);
    code = read_columns(&csv);
    while (code == 0 && (code = read_record(&csv, &any)) == 0 && any)
        code = write_record(&csv, &writer);
    ordo_json_end_object(&writer);
    if (code == 0)
        code = check_keys(&csv);
    for (size_t i = 0; i < csv.column_count; i++)
        free(csv.columns[i].name);
    ordo_buffer_done(&csv.bytes);
    ordo_buffer_done(&csv.key_bytes);
    free(csv.keys);
    return code;
}
