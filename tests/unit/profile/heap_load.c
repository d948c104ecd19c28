/* SPDX-License-Identifier: MIT
 * heap_load.c: blocks by malloc, and tables by a rule.
 */
#include "heap_load.h"

#include <stdlib.h>

#include <lauxlib.h>

struct block {
    struct block *next;
};
static struct block *blocks;

__attribute__((noinline)) void heap_load_c(size_t count, size_t size)
{
    while (count-- > 0) {
        struct block *block = malloc(size);

        ORDO_REQUIRE(block != NULL);
        block->next = blocks;
        blocks = block;
    }
}

void heap_load_free(void)
{
    while (blocks != NULL) {
        struct block *next = blocks->next;

        free(blocks);
        blocks = next;
    }
}

const char heap_load_rule[] = "@rules/30_coupon.lua";
static const char rule[] = "local last\n"
                           "function keep(tables)\n"
                           "  for i = 1, tables do\n"
                           "    last = {last, i, i}\n"
                           "  end\n"
                           "end\n";

struct calls {
    size_t calls, tables;
};

static int keep(lua_State *L)
{
    const struct calls *calls = lua_touserdata(L, 1);

    if (luaL_loadbuffer(L, rule, sizeof(rule) - 1, heap_load_rule) != 0)
        return lua_error(L);
    lua_call(L, 0, 0);
    lua_gc(L, LUA_GCCOLLECT, 0);
    lua_gc(L, LUA_GCSTOP, 0);
    for (size_t i = 0; i < calls->calls; i++) {
        lua_getglobal(L, "keep");
        lua_pushinteger(L, (lua_Integer)calls->tables);
        lua_call(L, 1, 0);
    }
    return 0;
}

struct ordo_vm *heap_load_lua(bool jit, size_t calls, size_t tables)
{
    struct calls about = {calls, tables};
    struct ordo_vm *vm = ordo_vm_new(NULL, jit, NULL);

    ORDO_REQUIRE(vm != NULL && ordo_vm_cpcall(vm, keep, &about) == 0);
    return vm;
}
