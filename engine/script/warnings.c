/* SPDX-License-Identifier: MIT
 * warnings.c: finds writes to variables that outlive an order: a local of a file that one of its functions
 * changes.
 *
 * That is legal, but what such a variable holds depends on the orders that this worker saw before, so a
 * decision may not
 * come out the same again. The compiled code is looked at, not the text: a function inside of the file that
 * writes to an
 * upvalue which reaches it from the file itself.
 */
#include "script/script_impl.h"

#include <stdlib.h>

/* Reads bytecode through LuaJIT's own jit.util, so this knows no offsets. */
static const char finder[] =
    "local f, util = ...\n"
    "local band = bit.band\n"
    "local u, writes = nil, {}\n"
    "for _, f in ipairs { function(a) u = a end, function() u = 'x' end, function() u = 1 end, function() u "
    "= nil end } do\n"
    "  writes[band(util.funcbc(f, 1), 0xff)] = true\n"
    "end\n"
    "local function look(f, outer, depth, found)\n"
    "  local reach, at = {}, 0\n"
    "  while depth > 0 do\n"
    "    local name = util.funcuvname(f, at)\n"
    "    if not name then break end\n"
    "    if depth == 1 or outer[name] then reach[name] = true end\n"
    "    at = at + 1\n"
    "  end\n"
    "  local pc = 1\n"
    "  while true do\n"
    "    local ins = util.funcbc(f, pc)\n"
    "    if not ins then break end\n"
    "    if depth > 0 and writes[band(ins, 0xff)] then\n"
    "      local name = util.funcuvname(f, band(ins / 256, 0xff))\n"
    "      if reach[name] then found[#found + 1] = { util.funcinfo(f, pc).currentline, name } end\n"
    "    end\n"
    "    pc = pc + 1\n"
    "  end\n"
    "  if not util.funcinfo(f).children then return end\n"
    "  local k = -1\n"
    "  while true do\n"
    "    local constant = util.funck(f, k)\n"
    "    if constant == nil then break end\n"
    "    if type(constant) == 'proto' then look(constant, reach, depth + 1, found) end\n"
    "    k = k - 1\n"
    "  end\n"
    "end\n"
    "local found = {}\n"
    "look(f, {}, 0, found)\n"
    "table.sort(found, function(a, b) return a[1] < b[1] or a[1] == b[1] and a[2] < b[2] end)\n"
    "return found\n";

/* jit.util is made when it is asked for, by the loader that luaopen_jit has left. [-0, +1] */
static void push_util(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_PRELOAD");
    lua_getfield(L, -1, "jit.util");
    lua_remove(L, -2);
    lua_call(L, 0, 1);
}

void ordo__warnings_find(lua_State *L, const struct ordo__generation *generation,
                         const struct ordo__unit *unit, struct ordo_buffer *warnings)
{
    int count;

    if (luaL_loadbufferx(L, finder, sizeof(finder) - 1, "@engine/warnings", "t") != 0)
        lua_error(L);
    lua_insert(L, -2);
    push_util(L);
    lua_call(L, 2, 1);
    count = (int)lua_objlen(L, -1);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        ordo_buffer_printf(
            warnings,
            "%s/%s:%d: `%s` is changed here and outlives the order: a decision may depend on the orders "
            "before it\n",
            generation->ruleset->folder, unit->file->path, (int)lua_tointeger(L, -2), lua_tostring(L, -1));
        lua_pop(L, 3);
    }
    lua_pop(L, 1);
}
