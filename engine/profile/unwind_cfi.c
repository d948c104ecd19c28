/* SPDX-License-Identifier: MIT
 * unwind_cfi.c: goes from frame to frame.
 *
 * The canonical frame address (CFA) becomes the caller's stack pointer. Registers other than that, rbp and the address to
 * return to are known in the innermost frame only.
 *
 * A table remembers the rules of addresses that were met, where they are of the usual kind. Threads and their handlers
 * share it without a lock: an entry is two words, and the first is the address mixed with the second, so that words of two
 * writers do not fit together.
 */
#include "profile/unwind_cfi.h"

#include <stdatomic.h>

#include "profile/unwind_rules.h"

enum { OPERANDS = 16 };

/* --- from rules to values --- */

ORDO__RAW static bool read_stack(const struct ordo__registers *registers, uint64_t address,
                                 uint64_t *ret_value)
{
    enum { RED_ZONE = 128 };

    if (address % 8 != 0 || address < registers->value[ORDO__RSP] - RED_ZONE ||
        address > registers->bottom - 8)
        return false;
    *ret_value = *(const uint64_t *)(uintptr_t)address; /* NOLINT(performance-no-int-to-ptr) */
    return true;
}

static bool read_register(const struct ordo__registers *registers, uint64_t number, uint64_t *ret_value)
{
    if (number >= ORDO__REGISTERS || (registers->known >> number & 1) == 0)
        return false;
    *ret_value = registers->value[number];
    return true;
}

/* What is computed from the two on top of the stack. */
static bool compute(uint64_t operation, uint64_t a, uint64_t b, uint64_t *ret_value)
{
    switch (operation) {
    case 0x1a:
        *ret_value = a & b;
        return true;
    case 0x1c:
        *ret_value = a - b;
        return true;
    case 0x22:
        *ret_value = a + b;
        return true;
    case 0x24:
        *ret_value = b < 64 ? a << b : 0;
        return true;
    case 0x2a:
        *ret_value = (int64_t)a >= (int64_t)b;
        return true;
    default:
        return false;
    }
}

/* What compilers use: the stubs of a procedure linkage table, and frames that were aligned. */
static bool evaluate(const struct ordo__registers *registers, struct ordo__bytes code, uint64_t *ret_value)
{
    uint64_t stack[OPERANDS + 1] = {0};
    size_t depth = 0;

    while (code.at < code.end && depth < OPERANDS) {
        uint64_t operation = ordo__bytes_take(&code, 1);

        if (operation >= 0x30 && operation <= 0x4f) { /* lit0.. */
            stack[depth++] = operation - 0x30;
        } else if (operation >= 0x70 && operation <= 0x8f) { /* breg0.. */
            if (!read_register(registers, operation - 0x70, &stack[depth]))
                return false;
            stack[depth++] += (uint64_t)ordo__bytes_take_signed(&code);
        } else if (operation == 0x08) { /* const1u */
            stack[depth++] = ordo__bytes_take(&code, 1);
        } else if (operation == 0x23 && depth > 0) { /* plus_uconst */
            stack[depth - 1] += ordo__bytes_take_unsigned(&code);
        } else if (operation == 0x06 && depth > 0) { /* deref */
            if (!read_stack(registers, stack[depth - 1], &stack[depth - 1]))
                return false;
        } else if (depth < 2 || !compute(operation, stack[depth - 2], stack[depth - 1], &stack[depth - 2])) {
            return false;
        } else {
            depth--;
        }
    }
    *ret_value = stack[depth > 0 ? depth - 1 : 0];
    return depth == 1 && !code.is_bad;
}

static bool apply(const struct ordo__registers *registers, const struct ordo__rule *rule, uint64_t number,
                  uint64_t cfa, uint64_t *ret_value)
{
    switch (rule->kind) {
    case ORDO__SAME:
        return read_register(registers, number, ret_value);
    case ORDO__AT_OFFSET:
        return read_stack(registers, cfa + (uint64_t)rule->offset, ret_value);
    case ORDO__IS_OFFSET:
        *ret_value = cfa + (uint64_t)rule->offset;
        return true;
    case ORDO__AT_EXPRESSION:
        return evaluate(registers, rule->expression, ret_value) &&
               read_stack(registers, *ret_value, ret_value);
    case ORDO__IS_EXPRESSION:
        return evaluate(registers, rule->expression, ret_value);
    case ORDO__IN_REGISTER:
        return read_register(registers, (uint64_t)rule->offset, ret_value);
    default:
        return false;
    }
}

static void arrive(struct ordo__registers *registers, uint64_t rip, uint64_t rsp, uint64_t rbp, bool has_rbp)
{
    registers->value[ORDO__RIP] = rip;
    registers->value[ORDO__RSP] = rsp;
    registers->value[ORDO__RBP] = rbp;
    registers->known = 1u << ORDO__RIP | 1u << ORDO__RSP | (has_rbp ? 1u << ORDO__RBP : 0);
    registers->is_struck = false;
}

static bool follow_rules(struct ordo__registers *registers, const struct ordo__rules *rules)
{
    uint64_t cfa, rip, rbp = 0;
    bool has_rbp;

    if (rules->cfa_is_expression) {
        if (!evaluate(registers, rules->cfa_expression, &cfa))
            return false;
    } else {
        if (!read_register(registers, rules->cfa_register, &cfa))
            return false;
        cfa += (uint64_t)rules->cfa_offset;
    }
    if (cfa <= registers->value[ORDO__RSP] || cfa > registers->bottom ||
        !apply(registers, &rules->rip, ORDO__RIP, cfa, &rip) || rip == 0)
        return false;
    has_rbp = apply(registers, &rules->rbp, ORDO__RBP, cfa, &rbp);
    arrive(registers, rip, cfa, rbp, has_rbp);
    return true;
}

/* --- what is remembered --- */

enum { ENTRIES = 8192 };
enum { USUAL_RIP = -8, RBP_SAME = INT16_MAX };

static struct {
    _Atomic uint64_t mixed, packed; /* packed 0: empty */
} entries[ENTRIES];

/* The usual kind: the CFA is at an offset from rsp or rbp, the address to return to right above, rbp the same or saved. */
static uint64_t pack(const struct ordo__rules *rules)
{
    int64_t rbp = rules->rbp.kind == ORDO__SAME ? RBP_SAME : rules->rbp.offset;

    if (rules->cfa_is_expression || (rules->cfa_register != ORDO__RSP && rules->cfa_register != ORDO__RBP) ||
        rules->cfa_offset != (int32_t)rules->cfa_offset || rules->rip.kind != ORDO__AT_OFFSET ||
        rules->rip.offset != USUAL_RIP ||
        (rules->rbp.kind != ORDO__SAME && rules->rbp.kind != ORDO__AT_OFFSET) || rbp != (int16_t)rbp)
        return 0;
    return (uint32_t)rules->cfa_offset | (uint64_t)(uint16_t)rbp << 32 | rules->cfa_register << 48;
}

/* As follow_rules, from the packed rules. */
static bool follow_packed(struct ordo__registers *registers, uint64_t packed)
{
    uint64_t cfa, rip, rbp = registers->value[ORDO__RBP], known = registers->known;
    int64_t rbp_at = (int16_t)(packed >> 32);

    if (!read_register(registers, packed >> 48, &cfa))
        return false;
    cfa += (uint64_t)(int32_t)packed;
    if (cfa <= registers->value[ORDO__RSP] || cfa > registers->bottom ||
        !read_stack(registers, cfa + (uint64_t)USUAL_RIP, &rip) || rip == 0)
        return false;
    if (rbp_at != RBP_SAME)
        known = read_stack(registers, cfa + (uint64_t)rbp_at, &rbp) ? 1u << ORDO__RBP : 0;
    arrive(registers, rip, cfa, rbp, (known >> ORDO__RBP & 1) != 0);
    return true;
}

static size_t place_of(uint64_t address)
{
    return (address * 0x9e3779b97f4a7c15) >> 51; /* 13 bits: ENTRIES */
}

/* 0: it is not remembered. */
static uint64_t recall(uint64_t address)
{
    size_t at = place_of(address);
    uint64_t packed = atomic_load_explicit(&entries[at].packed, memory_order_relaxed);
    uint64_t mixed = atomic_load_explicit(&entries[at].mixed, memory_order_relaxed);

    return (mixed ^ packed) == address ? packed : 0;
}

static void remember(uint64_t address, const struct ordo__rules *rules)
{
    size_t at = place_of(address);
    uint64_t packed = pack(rules);

    if (packed == 0)
        return;
    atomic_store_explicit(&entries[at].packed, packed, memory_order_relaxed);
    atomic_store_explicit(&entries[at].mixed, address ^ packed, memory_order_relaxed);
}

void ordo__cfi_forget(void)
{
    for (size_t i = 0; i < ENTRIES; i++)
        atomic_store_explicit(&entries[i].packed, 0, memory_order_relaxed);
}

bool ordo__cfi_step(struct ordo__registers *registers)
{
    /* What returns to behind a call is in the call, which may be the last instruction of its function. */
    uint64_t address = registers->value[ORDO__RIP] - !registers->is_struck;
    uint64_t packed = recall(address);
    struct ordo__rules rules;

    if (packed != 0)
        return follow_packed(registers, packed);
    if (!ordo__rules_find(address, &rules))
        return false;
    remember(address, &rules);
    return follow_rules(registers, &rules);
}
