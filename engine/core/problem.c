/* SPDX-License-Identifier: MIT
 * problem.c: problem documents, RFC 9457.
 */
#include "core/problem.h"

static const struct {
    const char *name;
    int status;
    const char *title;
} kinds[] = {
#define X(name, code, http_status, text) [ORDO_PROBLEM_##name] = {code, http_status, text},
#include "core/problem_table.h"
#undef X
};

int ordo_problem_status(enum ordo_problem_code code)
{
    return kinds[code].status;
}

const char *ordo_problem_name(enum ordo_problem_code code)
{
    return kinds[code].name;
}

bool ordo_problems_add(struct ordo_problems *problems, struct ordo_arena *arena, ordo_str field,
                       ordo_str message, ordo_str rule, ordo_str at)
{
    struct ordo_problem *problem = ordo_arena_alloc(arena, sizeof(*problem));

    if (problem == NULL)
        return false;
    *problem = (struct ordo_problem){
        .field = ordo_arena_copy(arena, field),
        .message = ordo_arena_copy(arena, message),
        .rule = ordo_arena_copy(arena, rule),
        .at = ordo_arena_copy(arena, at),
    };
    if (arena->overflowed)
        return false;
    if (problems->last == NULL)
        problems->last = &problems->first;
    *problems->last = problem;
    problems->last = &problem->next;
    problems->count++;
    return true;
}

/* Reads "[12]" at `at`: the number, and how many bytes it took; 0 when it is not an index from 1. */
static size_t read_index(ordo_str field, size_t at, uint64_t *ret_index)
{
    uint64_t index = 0;
    size_t i = at + 1;

    for (; i < field.len && field.ptr[i] >= '0' && field.ptr[i] <= '9' && index < 1000000000; i++)
        index = index * 10 + (uint64_t)(field.ptr[i] - '0');
    if (i == at + 1 || i == field.len || field.ptr[i] != ']' || index == 0)
        return 0;
    *ret_index = index;
    return i + 1 - at;
}

void ordo_problem_pointer(struct ordo_buffer *out, ordo_str field)
{
    if (field.len > 0)
        ordo_buffer_put(out, '/');
    for (size_t i = 0; i < field.len; i++) {
        uint64_t index;
        size_t taken;

        if (field.ptr[i] == '[' && (taken = read_index(field, i, &index)) > 0) {
            ordo_buffer_printf(out, "%s%llu", i > 0 ? "/" : "", (unsigned long long)(index - 1));
            i += taken - 1;
        } else if (field.ptr[i] == '.') {
            ordo_buffer_put(out, '/');
        } else if (field.ptr[i] == '~') {
            ordo_buffer_append(out, ORDO_STR("~0"));
        } else if (field.ptr[i] == '/') {
            ordo_buffer_append(out, ORDO_STR("~1"));
        } else {
            ordo_buffer_put(out, field.ptr[i]);
        }
    }
}

static void write_problems(struct ordo_json_writer *json, const struct ordo_problems *problems)
{
    struct ordo_buffer pointer = {0};

    ordo_json_key(json, ORDO_STR("problems"));
    ordo_json_array(json);
    for (const struct ordo_problem *problem = problems->first; problem != NULL; problem = problem->next) {
        ordo_buffer_clear(&pointer);
        ordo_problem_pointer(&pointer, problem->field);
        ordo_json_object(json);
        ordo_json_key_string(json, ORDO_STR("field"), problem->field);
        ordo_json_key_string(json, ORDO_STR("pointer"), ordo_buffer_str(&pointer));
        ordo_json_key_string(json, ORDO_STR("message"), problem->message);
        ordo_json_key_string(json, ORDO_STR("rule"), problem->rule);
        if (problem->at.len > 0)
            ordo_json_key_string(json, ORDO_STR("at"), problem->at);
        ordo_json_end_object(json);
    }
    ordo_json_end_array(json);
    ordo_buffer_done(&pointer);
}

void ordo_problem_write(struct ordo_buffer *out, enum ordo_problem_code code, ordo_str detail, ordo_str id,
                        const struct ordo_problems *problems)
{
    struct ordo_json_writer json = ordo_json_writer(out);

    ordo_json_object(&json);
    ordo_json_key_string(&json, ORDO_STR("type"), ORDO_STR("about:blank"));
    ordo_json_key_string(&json, ORDO_STR("title"), ordo_str_from(kinds[code].title));
    ordo_json_key_int(&json, ORDO_STR("status"), kinds[code].status);
    ordo_json_key_string(&json, ORDO_STR("code"), ordo_str_from(kinds[code].name));
    ordo_json_key_string(&json, ORDO_STR("detail"), detail);
    if (id.len > 0)
        ordo_json_key_string(&json, ORDO_STR("id"), id);
    if (problems != NULL)
        write_problems(&json, problems);
    ordo_json_end_object(&json);
}
