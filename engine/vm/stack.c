/* SPDX-License-Identifier: MIT
 * stack.c: walks the frames of a coroutine, and of those that resumed it.
 *
 * lua_getstack and lua_getinfo("Sl") allocate nothing and push nothing; frames of C functions have no line and are
 * left out. Two things are not to be had from Lua's API, and are read from the frame that the VM has on the
 * native stack for each coroutine that runs:
 *
 *  - the instruction at which it stands. A tick that struck a C function (or one of LuaJIT's) that the interpreter
 *    called reaches its safe point when that is over, at the next instruction, which may be of another line: it is
 *    set one back. Compiled code is left at the next guard with the state of the last place to which it could go back:
 *    mostly where the line that was struck began, and then it is right. But where that line ended with a write to a
 *    table, it is where the next line begins (trace_table.c knows these exits): it is set one back too.
 *  - who resumed it. coroutine.resume and wrap are written in the VM's assembler, so their frame, the resumer's, lies
 *    right above: where the address to return to is the VM's own. lua_resume of a C function ends the chain.
 */
#include "vm/stack.h"

#include <string.h>

#include "vm/trace_table.h"
#include "vm/vm_impl.h"

enum { CFRAME_FLAGS = 3, INSTRUCTION = 4 };

static char *frame_of(const struct ordo__vm_inside *inside, lua_State *L)
{
    uintptr_t frame = *(uintptr_t *)((char *)L + inside->layout.state_cframe);

    return (char *)(frame & ~(uintptr_t)CFRAME_FLAGS);
}

char *ordo__frame_of(const struct ordo__vm_inside *inside, lua_State *L)
{
    char *frame = frame_of(inside, L);

    /* A frame is on this thread's stack: above this function's. */
    if (frame < (char *)__builtin_frame_address(0))
        return NULL;
    return *(lua_State **)(frame + inside->layout.cframe_state) == L ? frame : NULL;
}

void ordo__frame_step(const struct ordo__vm_inside *inside, lua_State *L, int instructions)
{
    *(intptr_t *)(frame_of(inside, L) + inside->layout.cframe_pc) += (intptr_t)instructions * INSTRUCTION;
}

static lua_State *resumer_of(const struct ordo__vm_inside *inside, lua_State *L)
{
    char *frame = frame_of(inside, L);
    const char *back;

    if (frame == NULL)
        return NULL;
    frame += inside->layout.cframe_size;
    back = *(const char **)(frame - sizeof(back));
    if (back < lj_vm_asm_begin || back >= lj_vm_ffi_call)
        return NULL;
    return *(lua_State **)(frame + inside->layout.cframe_state);
}

static bool describe(lua_State *L, lua_Debug *about)
{
    return lua_getinfo(L, "Sl", about) && about->currentline > 0 &&
           strcmp(about->source, ORDO__ENTER_SOURCE) != 0;
}

/* The innermost frame of a tick that struck outside: one instruction back, where that is in its function. */
static bool describe_stepped(const struct ordo__vm_inside *inside, lua_State *L, lua_Debug *about)
{
    lua_Debug stepped = *about;
    bool known;

    ordo__frame_step(inside, L, -1);
    known = describe(L, &stepped);
    ordo__frame_step(inside, L, 1);
    if (!known || stepped.currentline < stepped.linedefined || stepped.currentline > stepped.lastlinedefined)
        return describe(L, about);
    *about = stepped;
    return true;
}

/* Does the coroutine at the safe point stand behind what the tick struck? */
static bool stands_behind(const struct ordo_vm *vm)
{
    const struct ordo__vm_inside *inside = vm->inside;

    return inside->struck == ORDO__STRUCK_C ||
           (inside->struck == ORDO__STRUCK_COMPILED && inside->exit_trace != NULL &&
            ordo__trace_exit_begins(vm, *inside->exit_trace, *inside->exit_number));
}

static size_t walk(const struct ordo_vm *vm, lua_State *L, uint64_t *frames, size_t most)
{
    const struct ordo__vm_inside *inside = vm->inside;
    bool step = inside->frames && inside->at == L && stands_behind(vm);
    size_t count = 0;
    lua_Debug about;

    for (int level = 0; count < most && lua_getstack(L, level, &about); level++)
        if (level == 0 && step ? describe_stepped(inside, L, &about) : describe(L, &about))
            frames[count++] = ordo_line_address(about.source, about.linedefined, about.currentline);
    return count;
}

/* Is the line with this address in that function? */
static bool is_in(uint64_t address, const lua_Debug *function)
{
    struct ordo_line line;

    return ordo_line_find(address, &line) && line.function_line == function->linedefined &&
           strcmp(line.source, function->source) == 0;
}

/* While compiled code runs, the stack is that of the moment when it was entered, at the root of its chain of traces,
 * and its base is kept elsewhere. The frames of calls that were inlined do not exist. */
static size_t walk_compiled(struct ordo_vm *vm, lua_State *L, uint64_t *frames, size_t most)
{
    const struct ordo__vm_inside *inside = vm->inside;
    void **base = (void **)((char *)L + inside->layout.state_base), *kept = *base;
    uint32_t trace = *inside->vmstate >= 0 ? (uint32_t)*inside->vmstate : 0;
    uint64_t line = ordo_trace_line(vm, trace), root = ordo_trace_line(vm, ordo__trace_root(vm, trace));
    size_t count = 0;
    lua_Debug about;

    if (line != 0)
        frames[count++] = line;
    *base = *inside->jit_base;
    for (int level = 0; count < most && lua_getstack(L, level, &about); level++) {
        if (level > 0 && describe(L, &about))
            frames[count++] = ordo_line_address(about.source, about.linedefined, about.currentline);
        else if (level == 0 && lua_getinfo(L, "S", &about) && about.linedefined >= 0 && !is_in(line, &about))
            frames[count++] = is_in(root, &about)
                                  ? root
                                  : ordo_line_address(about.source, about.linedefined, about.linedefined);
    }
    *base = kept;
    return count;
}

size_t ordo_vm_stack(struct ordo_vm *vm, uint64_t *ret_frames, size_t most)
{
    const struct ordo__vm_inside *inside = vm->inside;
    lua_State *L = inside->at;
    size_t count = 0;

    if (ordo_vm_running() != vm || most == 0)
        return 0;
    if (!inside->probe.guarded)
        return walk(vm, L != NULL ? L : inside->outer, ret_frames, most);
    if (L == NULL)
        L = *inside->current;
    if (L != NULL && *inside->jit_base != NULL) {
        count = walk_compiled(vm, L, ret_frames, most);
        L = inside->frames ? resumer_of(inside, L) : NULL;
    }
    for (; L != NULL && count < most; L = inside->frames ? resumer_of(inside, L) : NULL)
        count += walk(vm, L, ret_frames + count, most - count);
    return count;
}

size_t ordo_vm_stack_of(lua_State *waiting, uint64_t *ret_frames, size_t most)
{
    size_t count = 0;
    lua_Debug about;

    for (int level = 0; count < most && lua_getstack(waiting, level, &about); level++)
        if (describe(waiting, &about))
            ret_frames[count++] = ordo_line_address(about.source, about.linedefined, about.currentline);
    return count;
}

enum ordo_vm_state ordo_vm_state(const struct ordo_vm *vm)
{
    const struct ordo__vm_inside *inside = vm->inside;
    int32_t state;

    if (ordo_vm_running() != vm)
        return ORDO_VM_IDLE;
    if (!inside->probe.guarded)
        return ORDO_VM_INTERPRETER;
    state = *inside->vmstate;
    return state >= 0                         ? ORDO_VM_COMPILED
           : state == ORDO__STATE_INTERPRETER ? ORDO_VM_INTERPRETER
           : state == ORDO__STATE_C           ? ORDO_VM_C
           : state == ORDO__STATE_GC          ? ORDO_VM_GC
                                              : ORDO_VM_JIT;
}
