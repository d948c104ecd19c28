/* SPDX-License-Identifier: MIT
 * coverage.c: which lines of a rule set run, and which can.
 *
 * Lua's line hook tells what runs. It speaks of every instruction that stands on another line than the one before, and
 * of every jump back, in whatever coroutine: so a line is seen whenever one of its instructions runs. What can run is
 * read from the compiled code (lua/lines.lua), of functions that nothing calls too.
 *
 * How often a line ran is not counted: a call on it would count it twice.
 */
#include "script/script_impl.h"

#include <stdlib.h>

enum { KNOWN_COUNT = 64 /* a power of 2 */ };

struct file {
    const struct ordo_script_file *file;
    uint8_t *marks; /* 0 to lines */
    size_t lines;
};

/* The VM has each name of a chunk once, so its address is enough to know it by. */
struct known {
    const char *source;
    struct file *file; /* NULL: of no file that is covered */
};

struct ordo_coverage {
    struct ordo_script *script;
    struct ordo_ruleset *ruleset;
    struct file *files, *file; /* the latter: that is being read */
    size_t count;
    struct known known[KNOWN_COUNT];
};

static struct file *find_file(struct ordo_coverage *coverage, const char *source)
{
    for (size_t i = 0; i < coverage->count && source[0] == '@'; i++)
        if (strcmp(coverage->files[i].file->path, source + 1) == 0)
            return &coverage->files[i];
    return NULL;
}

static void at_line(lua_State *L, lua_Debug *about)
{
    struct ordo_coverage *coverage = ordo__script_of(L)->coverage;
    struct known *known;

    lua_getinfo(L, "S", about);
    known = &coverage->known[(uintptr_t)about->source / 16 % KNOWN_COUNT];
    if (known->source != about->source)
        *known = (struct known){about->source, find_file(coverage, about->source)};
    if (known->file != NULL && about->currentline > 0 && (size_t)about->currentline <= known->file->lines)
        known->file->marks[about->currentline] |= ORDO_LINE_RAN | ORDO_LINE_CAN_RUN;
}

/* A file that does not compile has no lines; loading it says why. */
static int find_lines(lua_State *L)
{
    struct file *file = ((struct ordo_coverage *)lua_touserdata(L, 1))->file;

    ordo__embedded_load(L, "lines.lua");
    if (luaL_loadbufferx(L, file->file->source, file->file->len, "=lines", "t") != 0)
        return lua_error(L);
    ordo__jit_util_push(L);
    lua_call(L, 2, 1);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
        if (lua_tointeger(L, -2) > 0 && (size_t)lua_tointeger(L, -2) <= file->lines)
            file->marks[lua_tointeger(L, -2)] |= ORDO_LINE_CAN_RUN;
    return 0;
}

static size_t count_lines(const struct ordo_script_file *file)
{
    size_t lines = 1;

    for (size_t i = 0; i < file->len; i++)
        lines += file->source[i] == '\n';
    return lines;
}

struct ordo_coverage *ordo_coverage_start(struct ordo_script *script, struct ordo_ruleset *ruleset)
{
    struct ordo_coverage *coverage = calloc(1, sizeof(*coverage));

    ORDO_REQUIRE(coverage != NULL && !script->vm->jit && script->coverage == NULL);
    coverage->script = script;
    coverage->ruleset = ordo_ruleset_ref(ruleset);
    coverage->files = calloc(ruleset->count + 1, sizeof(*coverage->files));
    ORDO_REQUIRE(coverage->files != NULL);
    for (size_t i = 0; i < ruleset->count; i++) {
        struct file *file = &coverage->files[coverage->count];

        if (ruleset->files[i].kind == ORDO_SCRIPT_TEST)
            continue;
        file->file = &ruleset->files[i];
        file->lines = count_lines(file->file);
        file->marks = calloc(file->lines + 1, 1);
        ORDO_REQUIRE(file->marks != NULL);
        coverage->file = file;
        coverage->count++;
        if (ordo_vm_cpcall(script->vm, find_lines, coverage) != 0)
            lua_pop(script->vm->L, 1);
    }
    script->coverage = coverage;
    lua_sethook(script->vm->L, at_line, LUA_MASKLINE, 0);
    return coverage;
}

void ordo_coverage_free(struct ordo_coverage *coverage)
{
    if (coverage == NULL)
        return;
    lua_sethook(coverage->script->vm->L, NULL, 0, 0);
    coverage->script->coverage = NULL;
    for (size_t i = 0; i < coverage->count; i++)
        free(coverage->files[i].marks);
    ordo_ruleset_unref(coverage->ruleset);
    free(coverage->files);
    free(coverage);
}

void ordo_coverage_each(const struct ordo_coverage *coverage,
                        void (*visit)(void *context, const struct ordo_coverage_file *file), void *context)
{
    for (size_t i = 0; i < coverage->count; i++)
        visit(context, &(struct ordo_coverage_file){.path = coverage->files[i].file->path,
                                                    .lines = coverage->files[i].lines,
                                                    .marks = coverage->files[i].marks});
}
