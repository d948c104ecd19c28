/* SPDX-License-Identifier: MIT
 * trace_table.c: hears what LuaJIT says of its traces (jit.attach), and keeps it.
 *
 * The handler is a C function with three upvalues: the table of jit.util, a table that holds the function
 * where the trace begins while it is recorded, and nothing that scripts could reach. It runs protected, without the VM's
 * limit of memory: it needs a few small tables, and LuaJIT would write its errors to standard error.
 */
#include "vm/trace_table.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/lock.h"
#include "vm/trace_words.h"
#include "vm/vm_impl.h"

enum {
    STITCH = -1, /* in place of an exit: the trace goes on after a function that is not compiled */
    NO_OPERATION = -1,
};
enum { UTIL = 1, HELD }; /* upvalues */
enum { EXITS_MAX = 1024, OPERATION_SHIFT = 8 };

struct ordo__traces {
    /* Lock-free reads. */
    _Atomic uint64_t lines[ORDO_TRACES_MAX]; /* by number; 0: no such trace */
    _Atomic uint32_t roots[ORDO_TRACES_MAX];

    /* Owner thread: the trace that is being recorded. */
    struct ordo_trace next;
    int64_t began_ns;
    int operation; /* where it begins: it changes when the place is given up */
    uint8_t begins[ORDO_TRACES_MAX][EXITS_MAX / 8]; /* bits by exit; only the owner reads */
    size_t used; /* entries below this one; the owner writes it under the lock */
    ordo_trace_event_fn heard;
    void *context;

    /* Under the lock. */
    struct ordo_lock lock;
    struct ordo_trace traces[ORDO_TRACES_MAX]; /* by number; number 0: no such trace */
    struct ordo_trace_abort aborts[ORDO_TRACE_ABORTS_MAX];
    size_t abort_count;
    struct ordo_trace_totals totals;
};

/* --- without a lock --- */

uint64_t ordo_trace_line(const struct ordo_vm *vm, uint32_t number)
{
    const struct ordo__traces *traces = vm->inside->traces;

    if (traces == NULL || number >= ORDO_TRACES_MAX)
        return 0;
    return atomic_load_explicit(&traces->lines[number], memory_order_relaxed);
}

uint32_t ordo__trace_root(const struct ordo_vm *vm, uint32_t number)
{
    const struct ordo__traces *traces = vm->inside->traces;

    if (traces == NULL || number >= ORDO_TRACES_MAX)
        return 0;
    return atomic_load_explicit(&traces->roots[number], memory_order_relaxed);
}

/* --- events --- */

static void tell(struct ordo_vm *vm, const struct ordo_trace_event *event)
{
    struct ordo__traces *traces = vm->inside->traces;

    if (traces->heard != NULL)
        traces->heard(vm, event, traces->context);
}

/* The number that the function of jit.util gives for (value, number) at the indices; 0 when it gives none. [-0, +0] */
static lua_Integer ask_util(lua_State *L, const char *function, int value, int number, int result)
{
    int top = lua_gettop(L);
    lua_Integer answer;

    lua_getfield(L, lua_upvalueindex(UTIL), function);
    lua_pushvalue(L, value);
    if (number != 0)
        lua_pushvalue(L, number);
    lua_call(L, number != 0 ? 2 : 1, result);
    answer = (lua_Integer)lua_tonumber(L, -1);
    lua_settop(L, top);
    return answer;
}

/* The address of the line of a function and a place in it. [-0, +0] */
static uint64_t line_of(lua_State *L, int function, int place)
{
    int top = lua_gettop(L);
    const char *source;
    uint64_t address;

    lua_getfield(L, lua_upvalueindex(UTIL), "funcinfo");
    lua_pushvalue(L, function);
    lua_pushvalue(L, place);
    lua_call(L, 2, 1);
    lua_getfield(L, -1, "source");
    lua_getfield(L, -2, "linedefined");
    lua_getfield(L, -3, "currentline");
    source = lua_tostring(L, -3);
    address = ordo_line_address(source != NULL ? source : "=?", (int)lua_tointeger(L, -2),
                                (int)lua_tointeger(L, -1));
    lua_settop(L, top);
    return address;
}

/* ("start", trace, function, place[, parent, exit]) */
static void on_start(lua_State *L, struct ordo__traces *traces)
{
    uint32_t number = (uint32_t)lua_tointeger(L, 2), parent = (uint32_t)lua_tointeger(L, 5);
    int exit = (int)lua_tointeger(L, 6);

    traces->began_ns = ordo_clock_ns();
    traces->next = (struct ordo_trace){
        .number = number,
        .parent = parent,
        .exit = exit == STITCH ? 0 : (uint32_t)exit,
        .root = number,
        .line = line_of(L, 3, 4),
    };
    if (parent != 0 && parent < ORDO_TRACES_MAX && exit != STITCH)
        traces->next.root = atomic_load_explicit(&traces->roots[parent], memory_order_relaxed);
    traces->operation = parent == 0 ? (int)(ask_util(L, "funcbc", 3, 4, 1) & 0xff) : NO_OPERATION;
    lua_pushvalue(L, 3);
    lua_rawseti(L, lua_upvalueindex(HELD), 1);
    lua_pushvalue(L, 4);
    lua_rawseti(L, lua_upvalueindex(HELD), 2);
}

static const char *link_kind(const char *name)
{
    static const char *const names[] = {"root",           "loop",        "tail-recursion", "up-recursion",
                                        "down-recursion", "interpreter", "return",         "stitch"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (name != NULL && strcmp(names[i], name) == 0)
            return names[i];
    return "none";
}

static void keep_trace(struct ordo__traces *traces, const struct ordo_trace *trace)
{
    struct ordo_trace *kept = &traces->traces[trace->number % ORDO_TRACES_MAX];

    ordo_lock(&traces->lock);
    traces->totals.compiled++;
    if (trace->number < ORDO_TRACES_MAX) {
        traces->totals.live += kept->number == 0;
        traces->totals.live_bytes += trace->code_bytes - kept->code_bytes;
        *kept = *trace;
        traces->used = trace->number + 1 > traces->used ? trace->number + 1 : traces->used;
    } else {
        traces->totals.unkept++;
    }
    ordo_unlock(&traces->lock);
    if (trace->number >= ORDO_TRACES_MAX)
        return;
    atomic_store_explicit(&traces->roots[trace->number], trace->root, memory_order_relaxed);
    atomic_store_explicit(&traces->lines[trace->number], trace->line, memory_order_relaxed);
}

/* An exit goes back to the last place where the whole state is known, and goes on there in the interpreter. Where that is
 * right before a guard, nothing has run between it and the beginning of the guard's line. Trace and its table of
 * jit.util.traceinfo are at the indices 2 and `info`. [-0, +0] */
static void mark_exits(lua_State *L, struct ordo_vm *vm, struct ordo__traces *traces, int info)
{
    uint8_t *begins = traces->begins[traces->next.number];
    int top = lua_gettop(L), count;

    memset(begins, 0, EXITS_MAX / 8);
    lua_getfield(L, info, "nexit");
    count = (int)lua_tointeger(L, -1);
    for (int exit = 0; exit < count && exit < EXITS_MAX; exit++, lua_settop(L, top)) {
        lua_getfield(L, lua_upvalueindex(UTIL), "traceir");
        lua_pushvalue(L, 2);
        lua_getfield(L, lua_upvalueindex(UTIL), "tracesnap");
        lua_pushvalue(L, 2);
        lua_pushinteger(L, exit);
        lua_call(L, 2, 1);
        if (!lua_istable(L, -1))
            return;
        lua_rawgeti(L, -1, 0);
        lua_remove(L, -2);
        lua_call(L, 2, 2); /* mode, type and operation */
        if (lua_tointeger(L, -1) >> OPERATION_SHIFT == (lua_Integer)vm->inside->layout.guard_operation)
            begins[exit / 8] |= (uint8_t)(1 << exit % 8);
    }
    lua_settop(L, top);
}

bool ordo__trace_exit_begins(const struct ordo_vm *vm, uint32_t number, uint32_t exit)
{
    const struct ordo__traces *traces = vm->inside->traces;

    return traces != NULL && number < ORDO_TRACES_MAX && exit < EXITS_MAX &&
           (traces->begins[number][exit / 8] >> exit % 8 & 1) != 0;
}

/* ("stop", trace, function) */
static void on_stop(lua_State *L, struct ordo_vm *vm, struct ordo__traces *traces)
{
    struct ordo_trace *trace = &traces->next;
    size_t bytes = 0;

    if ((uint32_t)lua_tointeger(L, 2) != trace->number)
        return;
    trace->made_ns = ordo_clock_ns();
    trace->took_ns = trace->made_ns - traces->began_ns;
    lua_getfield(L, lua_upvalueindex(UTIL), "tracemc");
    lua_pushvalue(L, 2);
    lua_call(L, 1, 2);
    lua_tolstring(L, -2, &bytes);
    trace->code = (uint64_t)lua_tonumber(L, -1);
    trace->code_bytes = (uint32_t)bytes;
    lua_getfield(L, lua_upvalueindex(UTIL), "traceinfo");
    lua_pushvalue(L, 2);
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "nins");
    lua_getfield(L, -2, "link");
    lua_getfield(L, -3, "linktype");
    trace->instructions = (uint32_t)lua_tointeger(L, -3);
    trace->link = (uint32_t)lua_tointeger(L, -2);
    trace->link_kind = link_kind(lua_tostring(L, -1));
    if (trace->number < ORDO_TRACES_MAX)
        mark_exits(L, vm, traces, lua_gettop(L) - 3);
    keep_trace(traces, trace);
    tell(vm, &(struct ordo_trace_event){.kind = ORDO_TRACE_COMPILED,
                                        .trace = trace,
                                        .began_ns = traces->began_ns,
                                        .ended_ns = trace->made_ns});
}

static void read_reason(lua_State *L, struct ordo_trace_abort *abort)
{
    const char *original, *detail = "", *place;
    char name[32];

    if (lua_type(L, 5) != LUA_TNUMBER) { /* an error that a function raised */
        abort->code = -1;
        snprintf(abort->original, sizeof(abort->original), "%s",
                 lua_type(L, 5) == LUA_TSTRING ? lua_tostring(L, 5) : "an error");
        snprintf(abort->reason, sizeof(abort->reason), "%s",
                 "an error was raised while the line was being compiled");
        return;
    }
    abort->code = (int)lua_tointeger(L, 5);
    original = ordo__trace_original(abort->code);
    if (lua_type(L, 6) == LUA_TNUMBER)
        detail = ordo__trace_detail(abort->code, (int)lua_tointeger(L, 6), name, sizeof(name));
    ordo__trace_words(abort->code, detail, abort->reason, sizeof(abort->reason));
    place = original != NULL ? strchr(original, '%') : NULL;
    if (place != NULL)
        snprintf(abort->original, sizeof(abort->original), "%.*s%s", (int)(place - original), original,
                 detail);
    else
        snprintf(abort->original, sizeof(abort->original), "%s", original != NULL ? original : "");
}

static void keep_abort(struct ordo__traces *traces, const struct ordo_trace_abort *abort)
{
    size_t at = 0;

    ordo_lock(&traces->lock);
    traces->totals.aborted++;
    traces->totals.blacklisted += abort->blacklisted;
    while (at < traces->abort_count &&
           (traces->aborts[at].line != abort->line || traces->aborts[at].start != abort->start ||
            strcmp(traces->aborts[at].reason, abort->reason) != 0))
        at++;
    if (at == ORDO_TRACE_ABORTS_MAX) {
        traces->totals.unkept++;
    } else if (at == traces->abort_count) {
        traces->aborts[traces->abort_count++] = *abort;
    } else {
        traces->aborts[at].count++;
        traces->aborts[at].blacklisted |= abort->blacklisted;
    }
    ordo_unlock(&traces->lock);
}

/* Was the place where the trace begins given up? Its operation is then another. */
static bool is_blacklisted(lua_State *L, const struct ordo__traces *traces)
{
    int top = lua_gettop(L);
    bool changed = false;

    if (traces->operation == NO_OPERATION)
        return false;
    lua_rawgeti(L, lua_upvalueindex(HELD), 1);
    lua_rawgeti(L, lua_upvalueindex(HELD), 2);
    if (!lua_isnil(L, -2))
        changed = (ask_util(L, "funcbc", top + 1, top + 2, 1) & 0xff) != traces->operation;
    lua_settop(L, top);
    return changed;
}

/* ("abort", trace, function, place, code or message, detail) */
static void on_abort(lua_State *L, struct ordo_vm *vm, struct ordo__traces *traces)
{
    struct ordo_trace_abort abort = {.count = 1, .start = traces->next.line, .line = line_of(L, 3, 4)};

    lua_settop(L, 6);
    abort.blacklisted = is_blacklisted(L, traces);
    read_reason(L, &abort);
    keep_abort(traces, &abort);
    tell(vm, &(struct ordo_trace_event){.kind = ORDO_TRACE_ABORTED,
                                        .abort = &abort,
                                        .began_ns = traces->began_ns,
                                        .ended_ns = ordo_clock_ns()});
}

static void on_flush(struct ordo_vm *vm, struct ordo__traces *traces)
{
    int64_t now = ordo_clock_ns();
    size_t used = traces->used;

    ordo_lock(&traces->lock);
    traces->totals.flushes++;
    traces->totals.live = 0;
    traces->totals.live_bytes = 0;
    memset(traces->traces, 0, sizeof(*traces->traces) * used);
    traces->used = 0;
    ordo_unlock(&traces->lock);
    for (size_t i = 0; i < used; i++)
        atomic_store_explicit(&traces->lines[i], 0, memory_order_relaxed);
    tell(vm, &(struct ordo_trace_event){.kind = ORDO_TRACE_FLUSHED, .began_ns = now, .ended_ns = now});
}

static int on_event(lua_State *L)
{
    struct ordo_vm *vm = ordo_vm_of(L);
    struct ordo__traces *traces = vm->inside->traces;
    const char *kind = lua_tostring(L, 1);

    if (strcmp(kind, "start") == 0)
        on_start(L, traces);
    else if (strcmp(kind, "stop") == 0)
        on_stop(L, vm, traces);
    else if (strcmp(kind, "abort") == 0)
        on_abort(L, vm, traces);
    else if (strcmp(kind, "flush") == 0)
        on_flush(vm, traces);
    if (strcmp(kind, "start") != 0) {
        lua_pushnil(L);
        lua_rawseti(L, lua_upvalueindex(HELD), 1);
    }
    return 0;
}

static int protect_event(lua_State *L)
{
    struct ordo_vm *vm = ordo_vm_of(L);
    size_t limit = vm->limit;

    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    vm->limit = SIZE_MAX;
    lua_pcall(L, lua_gettop(L) - 1, 0, 0);
    vm->limit = limit;
    return 0;
}

/* --- making one --- */

void ordo__traces_open(lua_State *L, struct ordo_vm *vm)
{
    struct ordo__traces *traces = calloc(1, sizeof(*traces));

    ORDO_REQUIRE(traces != NULL);
    ordo_lock_init(&traces->lock, ORDO_LOCK_TRACES);
    vm->inside->traces = traces;
    lua_getfield(L, -1, "attach");
    lua_getfield(L, LUA_REGISTRYINDEX, "_PRELOAD");
    lua_getfield(L, -1, "jit.util");
    lua_remove(L, -2);
    lua_call(L, 0, 1);
    lua_createtable(L, 2, 0);
    lua_pushcclosure(L, on_event, 2);
    lua_pushcclosure(L, protect_event, 1);
    lua_pushliteral(L, "trace");
    lua_call(L, 2, 0);
}

void ordo__traces_free(struct ordo__traces *traces)
{
    if (traces == NULL)
        return;
    ordo_lock_done(&traces->lock);
    free(traces);
}

void ordo_traces_on_event(struct ordo_vm *vm, ordo_trace_event_fn heard, void *context)
{
    struct ordo__traces *traces = vm->inside->traces;

    if (traces == NULL)
        return;
    traces->heard = heard;
    traces->context = context;
}

/* --- reading --- */

void ordo_traces_totals(const struct ordo_vm *vm, struct ordo_trace_totals *ret_totals)
{
    struct ordo__traces *traces = vm->inside->traces;

    *ret_totals = (struct ordo_trace_totals){0};
    if (traces == NULL)
        return;
    ordo_lock(&traces->lock);
    *ret_totals = traces->totals;
    ordo_unlock(&traces->lock);
}

size_t ordo_traces_list(const struct ordo_vm *vm, struct ordo_trace *ret_traces, size_t most)
{
    struct ordo__traces *traces = vm->inside->traces;
    size_t count = 0;

    if (traces == NULL)
        return 0;
    ordo_lock(&traces->lock);
    for (size_t i = 1; i < traces->used; i++) {
        if (traces->traces[i].number == 0)
            continue;
        if (count < most)
            ret_traces[count] = traces->traces[i];
        count++;
    }
    ordo_unlock(&traces->lock);
    return count;
}

size_t ordo_traces_aborts(const struct ordo_vm *vm, struct ordo_trace_abort *ret_aborts, size_t most)
{
    struct ordo__traces *traces = vm->inside->traces;
    size_t count;

    if (traces == NULL)
        return 0;
    ordo_lock(&traces->lock);
    count = traces->abort_count;
    if (count > 0 && most > 0)
        memcpy(ret_aborts, traces->aborts, (count < most ? count : most) * sizeof(*ret_aborts));
    ordo_unlock(&traces->lock);
    return count;
}

bool ordo_traces_find(const struct ordo_vm *vm, uint64_t pc, struct ordo_trace *ret_trace)
{
    struct ordo__traces *traces = vm->inside->traces;
    bool found = false;

    if (traces == NULL)
        return false;
    ordo_lock(&traces->lock);
    for (size_t i = 1; i < traces->used && !found; i++) {
        const struct ordo_trace *trace = &traces->traces[i];

        found = trace->number != 0 && pc >= trace->code && pc < trace->code + trace->code_bytes;
        if (found)
            *ret_trace = *trace;
    }
    ordo_unlock(&traces->lock);
    return found;
}

void ordo_traces_perf_map(const struct ordo_vm *vm, struct ordo_buffer *out)
{
    struct ordo_trace *traces = calloc(ORDO_TRACES_MAX, sizeof(*traces));
    size_t count;

    ORDO_REQUIRE(traces != NULL);
    count = ordo_traces_list(vm, traces, ORDO_TRACES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct ordo_line line = {.source = "=?"};

        ordo_line_find(traces[i].line, &line);
        ordo_buffer_printf(
            out, "%llx %x lua:%s:%d trace %u\n", (unsigned long long)traces[i].code, traces[i].code_bytes,
            line.source + (line.source[0] == '@' || line.source[0] == '='), line.line, traces[i].number);
    }
    free(traces);
}
