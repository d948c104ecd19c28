/* SPDX-License-Identifier: MIT
 * symbols_lua.c: frames of Lua lines: "coupon.apply" in scripts/rules/30_coupon.lua.
 *
 * A function's name is the rule's (or the file's, "shipping" of lib/shipping.lua) and how its text calls it; one that
 * the text gives no name has its line for one: "coupon.function@12".
 */
#include "profile/symbols_impl.h"

#include <stdlib.h>

#include "base/array.h"

struct function {
    int line;
    ordo_str name;
};

struct chunk {
    struct chunk *next;
    ordo_str source; /* as in the table of lines */
    ordo_str path, rule;
    struct function *functions; /* in the order of their lines */
    size_t count, capacity;
};

struct ordo__chunks {
    struct ordo_intern *texts;
    struct chunk *first;
};

struct ordo__chunks *ordo__chunks_new(struct ordo_intern *texts)
{
    struct ordo__chunks *chunks = calloc(1, sizeof(*chunks));

    ORDO_REQUIRE(chunks != NULL);
    chunks->texts = texts;
    return chunks;
}

void ordo__chunks_free(struct ordo__chunks *chunks)
{
    if (chunks == NULL)
        return;
    while (chunks->first != NULL) {
        struct chunk *chunk = chunks->first;

        chunks->first = chunk->next;
        free(chunk->functions);
        free(chunk);
    }
    free(chunks);
}

static struct chunk *find_chunk(const struct ordo__chunks *chunks, ordo_str source)
{
    struct chunk *chunk = chunks->first;

    while (chunk != NULL && !ordo_str_equal(chunk->source, source))
        chunk = chunk->next;
    return chunk;
}

struct adding {
    struct ordo_intern *texts;
    struct chunk *chunk;
};

static void add_function(void *context, int line, ordo_str name)
{
    struct adding *adding = context;
    struct chunk *chunk = adding->chunk;

    chunk->functions =
        ordo_array_grow(chunk->functions, chunk->count, &chunk->capacity, sizeof(*chunk->functions));
    chunk->functions[chunk->count++] =
        (struct function){.line = line, .name = ordo__symbols_keep(adding->texts, name)};
}

void ordo__chunks_add(struct ordo__chunks *chunks, const char *source, const char *path, ordo_str text,
                      ordo_str rule)
{
    ordo_str name = ordo_str_from(source);
    struct chunk *chunk;

    if (name.len > ORDO_LINE_SOURCE_MAX) /* as the table of lines does */
        name = (ordo_str){source + name.len - ORDO_LINE_SOURCE_MAX, ORDO_LINE_SOURCE_MAX};
    chunk = find_chunk(chunks, name);
    if (chunk == NULL) {
        chunk = calloc(1, sizeof(*chunk));
        ORDO_REQUIRE(chunk != NULL);
        chunk->source = ordo__symbols_keep(chunks->texts, name);
        chunk->next = chunks->first;
        chunks->first = chunk;
    }
    chunk->path = ordo__symbols_keep(chunks->texts, ordo_str_from(path));
    chunk->rule = ordo__symbols_keep(chunks->texts, rule);
    chunk->count = 0;
    ordo__lua_functions(text, add_function, &(struct adding){chunks->texts, chunk});
}

/* "rules/30_coupon.lua" -> coupon */
static ordo_str name_of_file(ordo_str path)
{
    size_t start = path.len, digits;

    while (start > 0 && path.ptr[start - 1] != '/')
        start--;
    path = (ordo_str){path.ptr + start, path.len - start};
    if (path.len > 4 && memcmp(path.ptr + path.len - 4, ".lua", 4) == 0)
        path.len -= 4;
    for (digits = 0; digits < path.len && path.ptr[digits] >= '0' && path.ptr[digits] <= '9';)
        digits++;
    if (digits > 0 && digits + 1 < path.len && path.ptr[digits] == '_')
        path = (ordo_str){path.ptr + digits + 1, path.len - digits - 1};
    return path;
}

/* Of the lines of a chunk that is no file: "=driver", "=(queue wait)". */
static void frame_of_note(struct ordo_intern *texts, ordo_str source, struct ordo_frame *frame)
{
    if (ordo_str_equal(source, ORDO_STR("driver"))) {
        frame->function = ORDO_STR("(rules driver)");
        return;
    }
    frame->function = ordo__symbols_keep(texts, source);
    if (source.len > 0 && source.ptr[0] == '(')
        frame->kind = ORDO_FRAME_NOTE;
}

static ordo_str name_of_function(const struct chunk *chunk, int line)
{
    for (size_t i = 0; chunk != NULL && i < chunk->count; i++)
        if (chunk->functions[i].line == line)
            return chunk->functions[i].name;
    return ORDO_STR_NONE;
}

void ordo__chunks_frame(const struct ordo__chunks *chunks, const struct ordo_line *line, uint64_t address,
                        struct ordo_frame *ret_frame)
{
    ordo_str source = ordo_str_from(line->source), prefix, name;
    const struct chunk *chunk = find_chunk(chunks, source);
    struct ordo_buffer text = {0};

    *ret_frame = (struct ordo_frame){
        .kind = ORDO_FRAME_LUA,
        .address = address,
        .line = line->line,
        .function_line = line->function_line,
        .file = ORDO_STR(""),
        .module = ORDO_STR(""),
    };
    if (source.len > 0 && source.ptr[0] == '=') {
        frame_of_note(chunks->texts, (ordo_str){source.ptr + 1, source.len - 1}, ret_frame);
        return;
    }
    if (source.len > 0 && source.ptr[0] == '@')
        source = (ordo_str){source.ptr + 1, source.len - 1};
    ret_frame->file =
        chunk != NULL && chunk->path.len > 0 ? chunk->path : ordo__symbols_keep(chunks->texts, source);
    prefix = chunk != NULL && chunk->rule.len > 0 ? chunk->rule : name_of_file(source);
    name = name_of_function(chunk, line->function_line);
    ordo_buffer_append(&text, prefix);
    if (line->function_line == 0)
        ordo_buffer_append(&text, ORDO_STR(" (file)"));
    else if (name.len > 0)
        ordo_buffer_printf(&text, "." ORDO_STR_FMT, ORDO_STR_ARG(name));
    else
        ordo_buffer_printf(&text, ".function@%d", line->function_line);
    ret_frame->function = ordo__symbols_keep(chunks->texts, ordo_buffer_str(&text));
    ordo_buffer_done(&text);
}

ordo_str ordo__chunks_rule(const struct ordo__chunks *chunks, const struct ordo_line *line)
{
    const struct chunk *chunk = find_chunk(chunks, ordo_str_from(line->source));

    return chunk != NULL ? chunk->rule : ORDO_STR_NONE;
}
