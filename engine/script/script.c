/* SPDX-License-Identifier: MIT
 * script.c: a VM with the engine's part of Lua in it, and the generations of rules that it has loaded.
 */
#include "script/script_impl.h"
#include "vm/collector.h"

#include <stdlib.h>

enum {
    /* The collector rests until the heap has grown to this many percent of what was alive: the engine's
     * modules and the rules stay for ever and are marked in each cycle, while an order's tables are small
     * and die at once. */
    GC_PAUSE = 400,
    GC_STEP = 400,
};

static int open_script(lua_State *L)
{
    struct ordo_script *script = ordo__script_of(L);

    lua_gc(L, LUA_GCSTOP, 0);
    ordo__sandbox_open(L);
    ordo__modules_open(L);
    ordo__bind_ctx_open(L);
    script->ctx_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    ordo__bind_decide_open(L);
    script->decide_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    ordo__bind_problems_open(L);
    script->problems_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    ordo__bind_order_open(L);
    script->prepare_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_createtable(L, 1, 0);
    lua_pushboolean(L, 0);
    lua_rawseti(L, -2, 1);
    script->flags_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushliteral(L, "=driver");
    script->driver_source = lua_tostring(L, -1);
    script->driver_name_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_gc(L, LUA_GCRESTART, 0);
    lua_gc(L, LUA_GCSETPAUSE, GC_PAUSE);
    lua_gc(L, LUA_GCSETSTEPMUL, GC_STEP);
    lua_gc(L, LUA_GCCOLLECT, 0);
    return 0;
}

struct ordo_script *ordo_script_new(const struct ordo_script_options *options, struct ordo_error *err)
{
    struct ordo_script *script = calloc(1, sizeof(*script));

    ORDO_REQUIRE(script != NULL);
    script->options = *options;
    script->vm = ordo_vm_new(script, options->jit, err);
    if (script->vm == NULL) {
        free(script);
        return NULL;
    }
    if (ordo_vm_cpcall(script->vm, open_script, NULL) != 0) {
        ordo_fail(err, ORDO_ESCRIPT, NULL, "the rule runtime does not start: " ORDO_STR_FMT,
                  ORDO_STR_ARG(ordo__error_text(script->vm->L, -1)));
        ordo_script_free(script);
        return NULL;
    }
    return script;
}

void ordo_script_free(struct ordo_script *script)
{
    if (script == NULL)
        return;
    ORDO_REQUIRE(script->run_count == 0);
    ordo__run_free_pool(script);
    while (script->generations != NULL) {
        struct ordo__generation *generation = script->generations;

        script->generations = generation->next;
        ordo__generation_free(script, generation);
    }
    ordo_vm_free(script->vm);
    ordo_json_parser_free(script->parser);
    ordo_buffer_done(&script->scratch);
    free(script);
}

int ordo_script_load(struct ordo_script *script, struct ordo_ruleset *ruleset, struct ordo_buffer *errors,
                     struct ordo_buffer *warnings)
{
    struct ordo__generation *old = script->loaded;
    struct ordo__generation *generation = ordo__generation_new(script, ruleset, errors, warnings);

    if (generation == NULL)
        return ORDO_ESCRIPT;
    generation->next = script->generations;
    script->generations = generation;
    script->loaded = generation;
    if (old != NULL) {
        old->retired = true;
        ordo__generation_drop(script, old);
    }
    return 0;
}

void ordo_script_each_chunk(const struct ordo_script *script,
                            void (*visit)(void *context, const struct ordo_script_chunk *chunk),
                            void *context)
{
    for (size_t i = 0; i < script->loaded->count; i++) {
        const struct ordo__unit *unit = &script->loaded->units[i];
        bool decides = i < script->loaded->checks + script->loaded->rules;

        visit(context, &(struct ordo_script_chunk){
                           .source = unit->source,
                           .path = unit->file->path,
                           .text = {unit->file->source, unit->file->len},
                           .rule = decides ? unit->name : ORDO_STR_NONE,
                           .is_check = i < script->loaded->checks,
                           .line = unit->line,
                       });
    }
}

struct ordo_vm *ordo_script_vm(const struct ordo_script *script)
{
    return script->vm;
}

void ordo_script_collect(struct ordo_script *script)
{
    ordo_vm_collect(script->vm);
}

size_t ordo_script_lua_bytes(const struct ordo_script *script)
{
    return script->vm->bytes;
}

size_t ordo_script_generations(const struct ordo_script *script)
{
    size_t count = 0;

    for (const struct ordo__generation *generation = script->generations; generation != NULL;
         generation = generation->next)
        count++;
    return count;
}
