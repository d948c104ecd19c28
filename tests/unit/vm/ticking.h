/* SPDX-License-Identifier: MIT
 * ticking.h: a VM on a thread of its own whose signals interrupt it, for the tests of interrupts and stacks.
 */
#pragma once

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include <lauxlib.h>
#include <luajit.h>
#include <lualib.h>

#include "vm/vm_impl.h"

enum { TICK_NS = 200000, TICKING_LINES = 32 };

struct ticking {
    const char *program; /* chunk "=loop"; ends by itself, or is stopped after `enough` */
    bool jit, quiet;     /* quiet: no signals */
    uint32_t enough;     /* safe points, then it is stopped; 0: it ends by itself */
    const struct ordo__vm_layout *layout;
    void (*look)(struct ticking *ticking, const uint64_t *frames, size_t count);

    /* What came of it. */
    struct ordo_vm *vm;
    int status;
    lua_Number result;
    char message[200];
    uint32_t ticks, asked, reached, seen[TICKING_LINES]; /* safe points by the innermost line */
    uint32_t elsewhere;                                  /* ... that were in no line of the program */
    volatile bool stop;
};

static void ticking_throw(lua_State *L, lua_Debug *about)
{
    (void)about;
    luaL_error(L, "stopped");
}

static void ticking_tick(int signal, siginfo_t *info, void *context)
{
    struct ordo_vm *vm = ordo_vm_running();
    const ucontext_t *at = context;
    struct ticking *ticking;

    (void)signal, (void)info;
    if (vm == NULL)
        return;
    ticking = vm->owner;
    ticking->ticks++;
    if (ticking->stop) {
        if (vm->inside->probe.guarded) /* an error in a handler of errors must not escape */
            *vm->inside->hookmask = (uint8_t)((*vm->inside->hookmask | ORDO__HOOK_PROFILE) & ~0x10);
        lua_sethook(vm->L, ticking_throw, LUA_MASKCOUNT, 1);
    } else {
        ticking->asked += ordo_vm_interrupt(vm, (uint64_t)at->uc_mcontext.gregs[REG_RIP]);
    }
}

static void ticking_reached(struct ordo_vm *vm, void *context)
{
    struct ticking *ticking = context;
    uint64_t frames[ORDO_VM_STACK_MAX];
    size_t count = ordo_vm_stack(vm, frames, ORDO_VM_STACK_MAX);
    struct ordo_line line = {.source = ""};

    if (ticking->stop) /* asked for by the test itself */
        return;
    ticking->reached++;
    if (count > 0)
        ordo_line_find(frames[0], &line);
    if (strcmp(line.source, "=loop") == 0 && line.line < TICKING_LINES)
        ticking->seen[line.line]++;
    else
        ticking->elsewhere++;
    if (ticking->look != NULL)
        ticking->look(ticking, frames, count);
    if (ticking->enough > 0 && ticking->reached >= ticking->enough)
        ticking->stop = true;
}

static int ticking_main(lua_State *L)
{
    struct ticking *ticking = lua_touserdata(L, 1);

    luaL_openlibs(L);
    if (!ticking->vm->jit)
        luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    lua_settop(L, 0);
    if (luaL_loadbuffer(L, ticking->program, strlen(ticking->program), "=loop") != 0)
        return lua_error(L);
    lua_setfield(L, LUA_REGISTRYINDEX, "program");
    return 0;
}

/* On its own thread. */
static void *ticking_run(void *context)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
    struct itimerspec every = {{0, TICK_NS}, {0, TICK_NS}};
    struct ticking *ticking = context;
    struct ordo_vm *vm = ordo__vm_new(ticking, ticking->jit,
                                      ticking->layout != NULL ? ticking->layout : &ordo__vm_layout, NULL);
    lua_State *thread;
    timer_t timer;

    ticking->vm = vm;
    ordo_vm_on_reached(vm, ticking_reached, ticking);
    ticking->status = ordo_vm_cpcall(vm, ticking_main, ticking);
    if (ticking->status != 0)
        return NULL;
    thread = lua_newthread(vm->L);
    lua_getfield(thread, LUA_REGISTRYINDEX, "program");
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
        return NULL;
    if (!ticking->quiet)
        timer_settime(timer, 0, &every, NULL);
    ticking->status = ordo_vm_resume(vm, thread, 0);
    timer_delete(timer);
    lua_sethook(vm->L, NULL, 0, 0);
    if (lua_type(thread, -1) == LUA_TNUMBER)
        ticking->result = lua_tonumber(thread, -1);
    else if (lua_type(thread, -1) == LUA_TSTRING)
        snprintf(ticking->message, sizeof(ticking->message), "%s", lua_tostring(thread, -1));
    return NULL;
}

/* All at once, each on a thread; their VMs are to be freed by the caller. */
static void ticking_all(struct ticking *ticking, size_t count)
{
    struct sigaction action = {.sa_sigaction = ticking_tick, .sa_flags = SA_RESTART | SA_SIGINFO};
    pthread_t threads[16];

#ifdef __SANITIZE_THREAD__
    skip(); /* its runtime holds signals back until the next call of the C library, which a loop in Lua never makes */
#endif
    assert_true(count <= sizeof(threads) / sizeof(*threads));
    assert_int_equal(sigaction(SIGPROF, &action, NULL), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ticking_run, &ticking[i]), 0);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}
