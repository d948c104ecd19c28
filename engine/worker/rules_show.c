/* SPDX-License-Identifier: MIT
 * rules_show.c: what there is to read of generations: the list, one of them, a file, the difference of two.
 */
#include "worker/rules_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json_time.h"
#include "base/line_diff.h"
#include "worker/rule_tax.h"

enum { ETAG_HEX = 32 }; /* of the hash's 64 */

void ordo__rules_etag(const struct ordo_script_file *file, char out[ORDO_HASH_SIZE])
{
    ordo_hash_hex((ordo_str){file->source, file->len}, out);
    out[ETAG_HEX] = '\0';
}

/* A list of "tag" with commas between, or *. A weak tag (W/"…") fits nothing here. */
bool ordo__rules_etag_matches(ordo_str header, const char *etag)
{
    char quoted[ORDO_HASH_SIZE + 2];
    size_t len;

    if (etag == NULL)
        return false;
    len = (size_t)snprintf(quoted, sizeof(quoted), "\"%s\"", etag);
    while (header.len > 0) {
        const char *comma = memchr(header.ptr, ',', header.len);
        ordo_str one = {header.ptr, comma == NULL ? header.len : (size_t)(comma - header.ptr)};

        header.ptr += one.len + (comma != NULL);
        header.len -= one.len + (comma != NULL);
        while (one.len > 0 && (one.ptr[0] == ' ' || one.ptr[0] == '\t'))
            one = (ordo_str){one.ptr + 1, one.len - 1};
        while (one.len > 0 && (one.ptr[one.len - 1] == ' ' || one.ptr[one.len - 1] == '\t'))
            one.len--;
        if (ordo_str_equal(one, ORDO_STR("*")) || ordo_str_equal(one, (ordo_str){quoted, len}))
            return true;
    }
    return false;
}

/* --- the list --- */

static void write_time(struct ordo_json_writer *json, ordo_str key, int64_t ms)
{
    ordo_json_key(json, key);
    if (ms == 0)
        ordo_json_null(json);
    else
        ordo_json_time(json, ms);
}

/* Its members; the object is the caller's. */
static void write_entry(const struct ordo_archive *archive, const struct ordo_generation *entry,
                        struct ordo_json_writer *json)
{
    ordo_json_key_int(json, ORDO_STR("generation"), (int64_t)entry->number);
    ordo_json_key_string(json, ORDO_STR("identity"), ordo_str_from(entry->identity));
    ordo_json_key_string(json, ORDO_STR("state"),
                         ordo_str_from(ordo_generation_states[ordo_archive_state(archive, entry)]));
    write_time(json, ORDO_STR("at"), entry->at_ms);
    ordo_json_key_string(json, ORDO_STR("by"), ordo_str_from(entry->by));
    ordo_json_key_string(json, ORDO_STR("note"), ordo_str_from(entry->note));
    write_time(json, ORDO_STR("activated_at"), entry->active_ms);
    ordo_json_key(json, ORDO_STR("activated_by"));
    if (entry->active_by == NULL)
        ordo_json_null(json);
    else
        ordo_json_string(json, ordo_str_from(entry->active_by));
}

static void write_lines(struct ordo_json_writer *json, ordo_str lines)
{
    ordo_str line;

    ordo_json_array(json);
    while (ordo_text_next_line(&lines, &line))
        ordo_json_string(json, line);
    ordo_json_end_array(json);
}

void ordo__rules_list(struct ordo_rules *rules)
{
    struct ordo_buffer list = {0}, old;
    struct ordo_json_writer json = ordo_json_writer(&list);
    const struct ordo_generation *entries;
    size_t count = ordo_archive_list(rules->archive, &entries);

    ordo_json_key(&json, ORDO_STR("generations"));
    ordo_json_array(&json);
    while (count > 0) { /* the newest first */
        ordo_json_object(&json);
        write_entry(rules->archive, &entries[--count], &json);
        ordo_json_end_object(&json);
    }
    ordo_json_end_array(&json);
    ordo_json_key(&json, ORDO_STR("damaged"));
    write_lines(&json, ordo_archive_damaged(rules->archive));
    ordo_lock(&rules->lock);
    old = rules->list;
    rules->list = list;
    ordo_unlock(&rules->lock);
    ordo_buffer_done(&old);
}

void ordo_rules_write(struct ordo_rules *rules, struct ordo_buffer *out, char ret_etag[ORDO_HASH_SIZE])
{
    struct ordo_json_writer json = ordo_json_writer(out);

    ordo_lock(&rules->lock);
    memcpy(ret_etag, rules->running->identity, ORDO_HASH_SIZE);
    ordo_json_object(&json);
    ordo_json_key_int(&json, ORDO_STR("generation"), (int64_t)rules->running->number);
    ordo_json_key_string(&json, ORDO_STR("identity"), ordo_str_from(rules->running->identity));
    ordo_json_key_string(&json, ORDO_STR("folder"), ordo_str_from(rules->folder));
    ordo_json_key(&json, ORDO_STR("loaded_at"));
    ordo_json_time(&json, rules->loaded_ms);
    ordo_json_key(&json, ORDO_STR("files"));
    ordo_json_array(&json);
    for (size_t i = 0; i < rules->running->count; i++)
        ordo_json_string(&json, ordo_str_from(rules->running->files[i].path));
    ordo_json_end_array(&json);
    ordo_json_key(&json, ORDO_STR("refused"));
    if (rules->refused_ms == 0) {
        ordo_json_null(&json);
    } else {
        ordo_json_object(&json);
        ordo_json_key(&json, ORDO_STR("at"));
        ordo_json_time(&json, rules->refused_ms);
        ordo_json_key(&json, ORDO_STR("errors"));
        write_lines(&json, ordo_buffer_str(&rules->refused));
        ordo_json_end_object(&json);
    }
    ordo_json_raw(&json, ordo_buffer_str(&rules->list));
    ordo_unlock(&rules->lock);
    ordo__rule_tax_write(rules->engine, &json);
    ordo_json_end_object(&json);
}

/* --- names --- */

static uint64_t parse_number(ordo_str text)
{
    uint64_t number = 0;

    if (text.len == 0 || text.len > 18 || text.ptr[0] == '0')
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return 0;
        number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    return number;
}

uint64_t ordo__rules_number(struct ordo_rules *rules, struct ordo_rules_call *call, ordo_str name)
{
    uint64_t number = ordo_str_equal(name, ORDO_STR("active")) ? rules->running->number : parse_number(name);

    if (number != 0 && ordo_archive_find(rules->archive, number) != NULL)
        return number;
    ordo__rules_problem(call, ORDO_PROBLEM_NOT_FOUND,
                        "there is no generation " ORDO_STR_FMT "; GET /rules lists them", ORDO_STR_ARG(name));
    return 0;
}

struct ordo_ruleset *ordo__rules_named(struct ordo_rules *rules, struct ordo_rules_call *call, ordo_str name,
                                       uint64_t *ret_number)
{
    struct ordo_ruleset *ruleset;
    struct ordo_error err = {0};
    uint64_t base;

    *ret_number = 0;
    if (ordo_str_equal(name, ORDO_STR("draft")))
        return ordo__rules_draft(rules, call, &base);
    *ret_number = ordo__rules_number(rules, call, name);
    if (*ret_number == 0)
        return NULL;
    ruleset = ordo_archive_read(rules->archive, *ret_number, &err);
    if (ruleset == NULL)
        ordo__rules_problem_of(call, ORDO_PROBLEM_INTERNAL, &err);
    return ruleset;
}

/* --- one of them --- */

static void write_files(const struct ordo_ruleset *ruleset, struct ordo_json_writer *json)
{
    char etag[ORDO_HASH_SIZE];

    ordo_json_key(json, ORDO_STR("files"));
    ordo_json_array(json);
    for (size_t i = 0; i < ruleset->count; i++) {
        ordo__rules_etag(&ruleset->files[i], etag);
        ordo_json_object(json);
        ordo_json_key_string(json, ORDO_STR("path"), ordo_str_from(ruleset->files[i].path));
        ordo_json_key_int(json, ORDO_STR("bytes"), (int64_t)ruleset->files[i].len);
        ordo_json_key_string(json, ORDO_STR("etag"), ordo_str_from(etag));
        ordo_json_end_object(json);
    }
    ordo_json_end_array(json);
}

static void write_draft(struct ordo_rules *rules, const struct ordo_ruleset *draft, uint64_t base,
                        struct ordo_json_writer *json)
{
    ordo_json_key_string(json, ORDO_STR("identity"), ordo_str_from(draft->identity));
    ordo_json_key_int(json, ORDO_STR("base"), (int64_t)base);
    ordo_json_key(json, ORDO_STR("changed"));
    ordo_json_bool(json, strcmp(draft->identity, rules->running->identity) != 0);
}

void ordo_rules_show(struct ordo_rules *rules, struct ordo_rules_call *call)
{
    struct ordo_json_writer json = ordo_json_writer(&call->body);
    bool is_draft = ordo_str_equal(call->generation, ORDO_STR("draft"));
    uint64_t number = 0, base = 0;
    struct ordo_ruleset *ruleset = is_draft ? ordo__rules_draft(rules, call, &base)
                                            : ordo__rules_named(rules, call, call->generation, &number);

    if (ruleset == NULL)
        return;
    ordo_json_object(&json);
    if (is_draft)
        write_draft(rules, ruleset, base, &json);
    else
        write_entry(rules->archive, ordo_archive_find(rules->archive, number), &json);
    write_files(ruleset, &json);
    ordo_json_end_object(&json);
    memcpy(call->etag, ruleset->identity, sizeof(call->etag));
    ordo__rules_json(call, 200);
    ordo_ruleset_unref(ruleset);
}

void ordo_rules_file(struct ordo_rules *rules, struct ordo_rules_call *call)
{
    uint64_t number;
    struct ordo_ruleset *ruleset = ordo__rules_named(rules, call, call->generation, &number);
    const struct ordo_script_file *file;

    if (ruleset == NULL)
        return;
    file = ordo_ruleset_find(ruleset, call->path);
    if (file == NULL) {
        ordo__rules_problem(call, ORDO_PROBLEM_NOT_FOUND, "it has no file " ORDO_STR_FMT,
                            ORDO_STR_ARG(call->path));
    } else {
        ordo_buffer_append(&call->body, (ordo_str){file->source, file->len});
        ordo__rules_etag(file, call->etag);
        call->status = 200;
        call->type = "text/plain; charset=utf-8";
    }
    ordo_ruleset_unref(ruleset);
}

/* --- the difference --- */

struct difference {
    struct ordo_buffer text;
    struct ordo_json_writer *json;
};

static ordo_str source_of(const struct ordo_script_file *file)
{
    return file == NULL ? ORDO_STR_NONE : (ordo_str){file->source, file->len};
}

static void compare_file(struct difference *difference, const char *path, const struct ordo_script_file *from,
                         const struct ordo_script_file *to)
{
    struct ordo_buffer names[2] = {{0}, {0}};

    if (ordo_script_file_equal(from, to))
        return;
    ordo_buffer_printf(&names[0], "a/%s", path);
    ordo_buffer_printf(&names[1], "b/%s", path);
    ordo_line_diff(ordo_buffer_str(&names[0]), source_of(from), ordo_buffer_str(&names[1]), source_of(to),
                   &difference->text);
    ordo_buffer_done(&names[0]);
    ordo_buffer_done(&names[1]);
    ordo_json_object(difference->json);
    ordo_json_key_string(difference->json, ORDO_STR("path"), ordo_str_from(path));
    ordo_json_key_string(difference->json, ORDO_STR("change"),
                         from == NULL ? ORDO_STR("added")
                         : to == NULL ? ORDO_STR("removed")
                                      : ORDO_STR("changed"));
    ordo_json_end_object(difference->json);
}

/* Both are sorted in the same way: in the order of the files as they run. */
static void compare_sets(struct difference *difference, const struct ordo_ruleset *from,
                         const struct ordo_ruleset *to)
{
    for (size_t i = 0; i < from->count; i++)
        compare_file(difference, from->files[i].path, &from->files[i],
                     ordo_ruleset_find(to, ordo_str_from(from->files[i].path)));
    for (size_t i = 0; i < to->count; i++)
        if (ordo_ruleset_find(from, ordo_str_from(to->files[i].path)) == NULL)
            compare_file(difference, to->files[i].path, NULL, &to->files[i]);
}

static void write_side(struct ordo_json_writer *json, ordo_str key, uint64_t number)
{
    ordo_json_key(json, key);
    if (number == 0)
        ordo_json_string(json, ORDO_STR("draft"));
    else
        ordo_json_int(json, (int64_t)number);
}

void ordo_rules_diff(struct ordo_rules *rules, struct ordo_rules_call *call)
{
    struct ordo_json_writer json = ordo_json_writer(&call->body);
    struct difference difference = {.json = &json};
    uint64_t from_number, to_number = 0;
    struct ordo_ruleset *from = ordo__rules_named(rules, call, call->generation, &from_number);
    struct ordo_ruleset *to = from == NULL ? NULL : ordo__rules_named(rules, call, call->to, &to_number);

    if (to != NULL) {
        ordo_json_object(&json);
        write_side(&json, ORDO_STR("from"), from_number);
        write_side(&json, ORDO_STR("to"), to_number);
        ordo_json_key(&json, ORDO_STR("files"));
        ordo_json_array(&json);
        compare_sets(&difference, from, to);
        ordo_json_end_array(&json);
        ordo_json_key_string(&json, ORDO_STR("diff"), ordo_buffer_str(&difference.text));
        ordo_json_end_object(&json);
        ordo__rules_json(call, 200);
        if (call->as_text) {
            ordo_buffer_clear(&call->body);
            ordo_buffer_append(&call->body, ordo_buffer_str(&difference.text));
            call->type = "text/plain; charset=utf-8";
        }
    }
    ordo_buffer_done(&difference.text);
    ordo_ruleset_unref(from);
    ordo_ruleset_unref(to);
}
