/* SPDX-License-Identifier: MIT
 * without_guards.c: linked into an engine of its own in place of LuaJIT's function (-Wl,--wrap), it keeps LuaJIT from putting guards
 * into compiled code, so that a benchmark can tell what they cost. The engine's probe then says that compiled code does not stop.
 */
#include <luajit.h>

void __real_luaJIT_profile_start(lua_State *L, const char *mode, luaJIT_profile_callback function,
                                 void *context);
void __wrap_luaJIT_profile_start(lua_State *L, const char *mode, luaJIT_profile_callback function,
                                 void *context);

/* Guards come of the mode "l", which a VM asks for. */
void __wrap_luaJIT_profile_start(lua_State *L, const char *mode, luaJIT_profile_callback function,
                                 void *context)
{
    if (mode[0] != 'l')
        __real_luaJIT_profile_start(L, mode, function, context);
}
