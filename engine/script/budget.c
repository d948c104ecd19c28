/* SPDX-License-Identifier: MIT
 * budget.c: the end of a run that takes too long, in a VM without compiled code.
 *
 * The interpreter calls a hook each so many instructions, which looks at the CPU time of the thread. Once the time is over it
 * is called at every instruction and raises at each, so that a pcall in a loop gets no further. Rules that decide live orders
 * are compiled, where no hook is called: this is for orders that are decided to see what comes of it.
 */
#include "script/script_impl.h"

#include "base/clock.h"

enum { STEPS = 5000 /* instructions between two looks: some tens of microseconds */ };

/* Of the thread's own: on a busy machine an order is not ended for what others take. */
static int64_t cpu_ns(void)
{
    return ordo_clock_of_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void look(lua_State *L, lua_Debug *about)
{
    struct ordo_script *script = ordo__script_of(L);

    (void)about;
    if (!script->ran_out && cpu_ns() < script->ends_ns)
        return;
    script->ran_out = true;
    lua_sethook(L, look, LUA_MASKCOUNT, 1);
    luaL_error(L, "the rules took longer than %d ms", (int)(script->budget_ns / 1000000));
}

void ordo_script_limit(struct ordo_script *script, int64_t budget_ns)
{
    ORDO_REQUIRE(!script->options.jit);
    script->budget_ns = budget_ns;
}

void ordo__budget_begin(struct ordo_script *script)
{
    script->ran_out = false;
    script->ends_ns = cpu_ns() + script->budget_ns;
    lua_sethook(script->vm->L, look, LUA_MASKCOUNT, STEPS);
}

void ordo__budget_end(struct ordo_script *script)
{
    lua_sethook(script->vm->L, NULL, 0, 0);
}

bool ordo_script_ran_out(const struct ordo_script *script)
{
    return script->ran_out;
}
