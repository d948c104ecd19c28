/* SPDX-License-Identifier: MIT
 * reference.c: reference tables. The file's JSON, or the JSON that its CSV means, is kept as the parser read it, and its keys
 * are sorted, so a look-up is a binary search that allocates nothing.
 */
#include "script/reference.h"

#include <stdlib.h>

enum { DEPTH_MAX = 32 };

struct entry {
    ordo_str key;
    struct ordo_json_value value;
};

struct ordo_reference {
    struct ordo_json_parser *parser; /* owns keys and values */
    char *name;
    struct entry *entries; /* by key */
    size_t count;
};

static int compare(ordo_str a, ordo_str b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_entries(const void *a, const void *b)
{
    return compare(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

static void sort_entries(struct ordo_reference *table)
{
    struct ordo_json_iter iter = ordo_json_iter_of(ordo_json_root(table->parser));
    struct entry entry;

    table->entries = malloc((ordo_json_count(ordo_json_root(table->parser)) + 1) * sizeof(*table->entries));
    ORDO_REQUIRE(table->entries != NULL);
    while (ordo_json_next(&iter, &entry.key, &entry.value))
        table->entries[table->count++] = entry;
    qsort(table->entries, table->count, sizeof(*table->entries), compare_entries);
}

/* 0 or a code. JSON is copied, since the parser reads beyond its end. */
static int parse(struct ordo_reference *table, bool is_csv, ordo_str text, const char *place,
                 struct ordo_error *err)
{
    struct ordo_buffer json = {0};
    int code = 0;

    if (is_csv)
        code = ordo__reference_csv(text, place, &json, err);
    else
        ordo_buffer_append(&json, text);
    if (code == 0) {
        code = ordo_json_parse_buffer(table->parser, &json, err);
        if (code != 0 && err != NULL)
            ordo_fail_at(err, code, place, err->line, err->column, "%s", err->message);
    }
    ordo_buffer_done(&json);
    return code;
}

struct ordo_reference *ordo_reference_read(const char *path, ordo_str text, const char *place,
                                           struct ordo_error *err)
{
    struct ordo_reference *table = calloc(1, sizeof(*table));
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1,
               *ending = strrchr(name, '.');

    ORDO_REQUIRE(table != NULL && ending != NULL);
    table->name = strndup(name, (size_t)(ending - name));
    ORDO_REQUIRE(table->name != NULL);
    table->parser = ordo_json_parser_new(DEPTH_MAX);
    if (parse(table, strcmp(ending, ".csv") == 0, text, place, err) != 0)
        goto failed;
    if (ordo_json_type(ordo_json_root(table->parser)) != ORDO_JSON_OBJECT) {
        ordo_fail_at(err, ORDO_ESCRIPT, place, 1, 0, "a reference table is an object: {\"key\": value, …}");
        goto failed;
    }
    sort_entries(table);
    return table;
failed:
    ordo_reference_free(table);
    return NULL;
}

void ordo_reference_free(struct ordo_reference *table)
{
    if (table == NULL)
        return;
    ordo_json_parser_free(table->parser);
    free(table->entries);
    free(table->name);
    free(table);
}

ordo_str ordo_reference_name(const struct ordo_reference *table)
{
    return ordo_str_from(table->name);
}

bool ordo_reference_get(const struct ordo_reference *table, ordo_str key, struct ordo_json_value *ret_value)
{
    const struct entry wanted = {.key = key};
    const struct entry *found =
        bsearch(&wanted, table->entries, table->count, sizeof(*table->entries), compare_entries);

    if (found == NULL)
        return false;
    *ret_value = found->value;
    return true;
}
