/* SPDX-License-Identifier: MIT
 * sampler_tick.c: what happens on a thread that is sampled: the signal handler takes the native stack, and when the
 * thread is in Lua, the VM's next safe point adds the rest.
 *
 * Several ticks may strike before the VM gets to a safe point, while it is in a long C function: they wait in a few places,
 * where ticks that found the same stack are counted together. Whoever cannot wait has the Lua stack read in the handler, in
 * those places only where that is sound. The handler may strike while the safe point empties them, and
 * then only counts itself as dropped.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "profile/sampler_impl.h"
#include "profile/unwind.h"
#include "vm/interrupt.h"

enum { WAITING_MAX = 8, MET_SLOTS = 4096 };

/* A tick whose Lua stack is still to come. */
struct tick {
    int64_t at_ns, cpu_ns, wall_ns;
    struct ordo_sample_context context;
    enum ordo_vm_state state;
    bool is_waiting;
    uint16_t ticks;
    size_t native_count, leaf_count; /* leaf_count of them are above the VM */
    uint64_t native[ORDO_SAMPLE_NATIVE];
};

/* A thread that runs Lua. */
struct joined {
    struct ordo_vm *vm;
    struct ordo__slot *slot; /* set by the first tick; NULL: none struck yet */
    _Atomic uint64_t order;
    _Atomic uint32_t generation;
    _Atomic uint8_t priority;
    uint16_t worker;
    volatile bool is_busy; /* the thread itself works on the ring or on waiting */
    volatile size_t waiting_count;
    _Atomic uint64_t
        met[MET_SLOTS]; /* orders that a tick struck, each at its number; a later one takes the place */
    struct tick waiting[WAITING_MAX];
};

_Atomic int64_t ordo__tick_ns = 10000000;
_Atomic bool ordo__ends_are_wanted;
_Atomic bool ordo__is_urgent;

static _Thread_local struct joined *joined __attribute__((tls_model("initial-exec")));

static void count(_Atomic uint64_t *counter, uint64_t amount)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

/* Writes a record: what was above the VM, the Lua lines, and what is below it. */
static void push(struct ordo__slot *slot, const struct tick *tick, bool in_vm, const uint64_t *lua,
                 size_t lua_count)
{
    size_t below_count = tick->native_count - tick->leaf_count;
    size_t length = ORDO__RECORD_FRAMES + tick->native_count + lua_count;
    uint64_t *record = ordo__ring_reserve(slot->ring, length), *frames;
    struct ordo__what what = {.kind = ORDO__SAMPLE,
                              .state = (uint8_t)tick->state,
                              .priority = tick->context.priority,
                              .in_vm = in_vm,
                              .is_waiting = tick->is_waiting,
                              .worker = tick->context.worker,
                              .ticks = tick->ticks};
    struct ordo__counts counts = {(uint16_t)tick->leaf_count, (uint16_t)lua_count, (uint16_t)below_count, 0};

    if (record == NULL) {
        count(&slot->dropped, tick->ticks);
        return;
    }
    memcpy(&record[ORDO__RECORD_WHAT], &what, sizeof(what));
    record[ORDO__RECORD_AT] = (uint64_t)tick->at_ns;
    record[ORDO__RECORD_CPU] = (uint64_t)tick->cpu_ns;
    record[ORDO__RECORD_WALL] = (uint64_t)tick->wall_ns;
    record[ORDO__RECORD_ORDER] = tick->context.order;
    record[ORDO__RECORD_GENERATION] = tick->context.generation;
    memcpy(&record[ORDO__RECORD_COUNTS], &counts, sizeof(counts));
    frames = record + ORDO__RECORD_FRAMES;
    memcpy(frames, tick->native, tick->leaf_count * sizeof(*frames));
    if (lua_count > 0)
        memcpy(frames + tick->leaf_count, lua, lua_count * sizeof(*frames));
    memcpy(frames + tick->leaf_count + lua_count, tick->native + tick->leaf_count,
           below_count * sizeof(*frames));
    ordo__ring_publish(slot->ring, length);
    count(&slot->samples, tick->ticks);
}

/* --- in the handler --- */

static bool is_system_call(const uint8_t *code)
{
    return code[0] == 0x0f && code[1] == 0x05;
}

/* The instruction before is a system call: the thread waited in it. Or it is this one: it was just about to, or waited in
 * one that begins anew behind the handler. */
static bool is_in_system_call(uint64_t pc)
{
    const uint8_t *code = (const uint8_t *)(uintptr_t)pc;

    return is_system_call(code - 2) || is_system_call(code);
}

/* The signal ended a wait in a system call, which either failed for it or is to be made again. A system call in which the
 * kernel was at work goes to its end first. */
static bool was_woken(uint64_t pc, int64_t result)
{
    const uint8_t *code = (const uint8_t *)(uintptr_t)pc;

    return (is_system_call(code - 2) && result == -EINTR) || is_system_call(code);
}

static struct ordo_sample_context context_of(const struct joined *self)
{
    return (struct ordo_sample_context){
        .order = atomic_load_explicit(&self->order, memory_order_relaxed),
        .generation = atomic_load_explicit(&self->generation, memory_order_relaxed),
        .priority = atomic_load_explicit(&self->priority, memory_order_relaxed),
        .worker = self->worker,
    };
}

static bool is_same(const struct tick *a, const struct tick *b)
{
    return a->context.order == b->context.order && a->state == b->state &&
           a->native_count == b->native_count &&
           memcmp(a->native, b->native, a->native_count * sizeof(*a->native)) == 0;
}

/* Keeps the tick until the VM's next safe point. */
static void wait_for_vm(struct joined *self, const struct tick *tick)
{
    size_t waiting = self->waiting_count;

    if (waiting > 0 && is_same(&self->waiting[waiting - 1], tick)) {
        struct tick *last = &self->waiting[waiting - 1];

        last->cpu_ns += tick->cpu_ns;
        last->wall_ns += tick->wall_ns;
        last->ticks = (uint16_t)(last->ticks + tick->ticks);
    } else if (waiting < WAITING_MAX) {
        self->waiting[waiting] = *tick;
        self->waiting_count = waiting + 1;
    } else {
        push(self->slot, tick, true, NULL, 0);
        count(&self->slot->unjoined, tick->ticks);
    }
}

/* In C that Lua called, however long that takes: the Lua stack is read from the handler. Where it cannot be, Lua is not far. */
static bool push_at_once(struct ordo__slot *slot, struct joined *self, const struct tick *tick,
                         const ucontext_t *struck)
{
    uint64_t lua[ORDO_VM_STACK_MAX];

    if (ordo_unwind_is_still(struck))
        push(slot, tick, true, lua, ordo_vm_stack(self->vm, lua, ORDO_VM_STACK_MAX));
    else if (tick->state == ORDO_VM_GC || tick->state == ORDO_VM_JIT)
        push(slot, tick, true, NULL, 0);
    else
        return false;
    return true;
}

/* What the tick stands for; false: nothing. The CPU time of a thread that slept when the beat asked, or had been woken and was
 * waiting for a CPU, was used elsewhere: it is kept for the next tick that finds the thread at work. A thread that had
 * lost its CPU, to the beat maybe, is at work where it stands, unless that is behind a system call.
 *
 * A sample takes a part of the time that is owed only. If it took all, one at the start of a burst of work would stand for
 * less than one at its end, and one behind a beat that came late for a great deal. */
static bool weigh(struct ordo__slot *slot, const siginfo_t *info, bool woken, bool in_call, struct tick *tick)
{
    int64_t kept_ns;

    if (info->si_code == SI_TIMER) {
        tick->ticks = (uint16_t)(1 + (info->si_overrun > 0 ? info->si_overrun : 0));
        tick->cpu_ns = tick->ticks * atomic_load_explicit(&ordo__tick_ns, memory_order_relaxed);
        return true;
    }
    tick->ticks = 1;
    tick->cpu_ns = atomic_exchange_explicit(&slot->beat_cpu_ns, 0, memory_order_relaxed);
    tick->wall_ns = atomic_exchange_explicit(&slot->beat_wall_ns, 0, memory_order_relaxed);
    if (woken || (in_call && !atomic_load_explicit(&slot->beat_on_cpu, memory_order_relaxed)))
        kept_ns = tick->cpu_ns;
    else
        kept_ns = tick->cpu_ns / (ORDO__BEAT_LENT + 1) * ORDO__BEAT_LENT;
    atomic_fetch_add_explicit(&slot->beat_cpu_ns, kept_ns, memory_order_relaxed);
    tick->cpu_ns -= kept_ns;
    return tick->cpu_ns > 0 || tick->wall_ns > 0;
}

static void take(struct ordo__slot *slot, const siginfo_t *info, const ucontext_t *struck, int64_t now_ns)
{
    uint64_t pc = (uint64_t)struck->uc_mcontext.gregs[REG_RIP];
    bool woken = was_woken(pc, struck->uc_mcontext.gregs[REG_RAX]);
    struct joined *self = joined;
    struct tick tick;

    tick.at_ns = now_ns;
    tick.wall_ns = 0;
    if (!weigh(slot, info, woken, is_in_system_call(pc), &tick))
        return;
    if (self != NULL && self->is_busy) {
        count(&slot->dropped, tick.ticks);
        return;
    }
    tick.native_count = ordo_unwind_native(struck, tick.native, ORDO_SAMPLE_NATIVE, &tick.leaf_count);
    /* what it used meanwhile may be but the handler of the sample before */
    tick.is_waiting = tick.cpu_ns < tick.wall_ns / 2 && is_in_system_call(pc);
    tick.context = (struct ordo_sample_context){0};
    tick.state = ORDO_VM_IDLE;
    if (self != NULL) {
        self->slot = slot;
        tick.context = context_of(self);
        if (tick.context.order != 0)
            atomic_store_explicit(&self->met[tick.context.order % MET_SLOTS], tick.context.order,
                                  memory_order_relaxed);
        if (ordo_vm_running() == self->vm)
            tick.state = ordo_vm_state(self->vm);
    }
    if (tick.state == ORDO_VM_IDLE) {
        push(slot, &tick, self != NULL, NULL, 0);
        return;
    }
    if (atomic_load_explicit(&ordo__is_urgent, memory_order_relaxed) &&
        push_at_once(slot, self, &tick, struck))
        return;
    wait_for_vm(self, &tick);
    ordo_vm_interrupt(self->vm, pc);
}

static void on_tick(int number, siginfo_t *info, void *context)
{
    struct ordo__slot *slot = info->si_value.sival_ptr;
    int kept_errno = errno;
    int64_t began_ns;

    (void)number;
    if ((info->si_code != SI_TIMER && info->si_code != SI_QUEUE) || slot == NULL)
        return; /* not from here */
    began_ns = ordo_clock_ns();
    take(slot, info, context, began_ns);
    count(&slot->handler_ns, (uint64_t)(ordo_clock_ns() - began_ns));
    errno = kept_errno;
}

void ordo__tick_install(void)
{
    struct sigaction action = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};

    sigemptyset(&action.sa_mask);
    ORDO_REQUIRE(sigaction(SIGPROF, &action, NULL) == 0);
}

/* --- on the thread --- */

/* Between the two a tick that strikes leaves the ring and the waiting alone, and counts itself as dropped. */
static void busy_begin(struct joined *self)
{
    self->is_busy = true;
    atomic_signal_fence(memory_order_seq_cst);
}

static void busy_end(struct joined *self)
{
    atomic_signal_fence(memory_order_seq_cst);
    self->is_busy = false;
}

/* The VM's safe point. */
static void reached(struct ordo_vm *vm, void *context)
{
    struct joined *self = context;
    uint64_t lua[ORDO_VM_STACK_MAX];
    size_t lua_count;

    if (self->waiting_count == 0)
        return;
    busy_begin(self);
    lua_count = ordo_vm_stack(vm, lua, ORDO_VM_STACK_MAX);
    for (size_t i = 0; i < self->waiting_count; i++)
        push(self->slot, &self->waiting[i], true, lua, lua_count);
    self->waiting_count = 0;
    busy_end(self);
}

/* The VM was left before it came to a safe point. */
static void give_up_waiting(struct joined *self)
{
    busy_begin(self);
    for (size_t i = 0; i < self->waiting_count; i++) {
        push(self->slot, &self->waiting[i], true, NULL, 0);
        count(&self->slot->unjoined, self->waiting[i].ticks);
    }
    self->waiting_count = 0;
    busy_end(self);
}

void ordo_sampler_join(struct ordo_vm *vm, unsigned worker)
{
    struct joined *self = calloc(1, sizeof(*self));

    ORDO_REQUIRE(self != NULL && joined == NULL);
    self->vm = vm;
    self->worker = (uint16_t)worker;
    ordo_vm_on_reached(vm, reached, self);
    joined = self;
}

void ordo_sampler_part(void)
{
    struct joined *self = joined;

    ORDO_REQUIRE(self != NULL);
    joined = NULL;
    atomic_signal_fence(memory_order_seq_cst);
    ordo_vm_on_reached(self->vm, NULL, NULL);
    free(self);
}

void ordo_sampler_executes(uint64_t order, uint8_t priority, uint32_t generation)
{
    struct joined *self = joined;

    if (self == NULL)
        return;
    if (self->waiting_count > 0)
        give_up_waiting(self);
    atomic_store_explicit(&self->priority, priority, memory_order_relaxed);
    atomic_store_explicit(&self->generation, generation, memory_order_relaxed);
    atomic_store_explicit(&self->order, order, memory_order_relaxed);
}

void ordo_sampler_order_ended(uint64_t order, int64_t took_ns)
{
    struct joined *self = joined;
    struct ordo__what what = {.kind = ORDO__ORDER_ENDED};
    uint64_t *record;

    if (!atomic_load_explicit(&ordo__ends_are_wanted, memory_order_relaxed) || self == NULL ||
        self->slot == NULL ||
        atomic_load_explicit(&self->met[order % MET_SLOTS], memory_order_relaxed) != order)
        return;
    busy_begin(self);
    record = ordo__ring_reserve(self->slot->ring, ORDO__RECORD_FRAMES);
    if (record != NULL) {
        memcpy(&record[ORDO__RECORD_WHAT], &what, sizeof(what));
        record[ORDO__RECORD_AT] = (uint64_t)took_ns;
        record[ORDO__RECORD_ORDER] = order;
        ordo__ring_publish(self->slot->ring, ORDO__RECORD_FRAMES);
    }
    busy_end(self);
}
