/* SPDX-License-Identifier: MIT
 * unwind_rules.c: finds the call frame information of an address, and follows its instructions: what compilers write for
 * x86-64, as linkers put it together.
 *
 * Only what leads to the next frame is kept: the rules of the canonical frame address (CFA), of rbp, and of the address to
 * return to.
 */
#include "profile/unwind_rules.h"

#include <dlfcn.h>
#include <string.h>

enum { REMEMBERED = 8 };

/* How pointers are encoded (DW_EH_PE). */
enum { FORM = 0x0f, APPLICATION = 0x70, RELATIVE_TO_ITSELF = 0x10, INDIRECT = 0x80 };

/* --- reading --- */

ORDO__RAW uint64_t ordo__bytes_take(struct ordo__bytes *bytes, size_t size)
{
    uint64_t value = 0;

    if ((size_t)(bytes->end - bytes->at) < size) {
        bytes->is_bad = true;
        return 0;
    }
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)bytes->at[i] << 8 * i;
    bytes->at += size;
    return value;
}

static int64_t take_signed(struct ordo__bytes *bytes, size_t size)
{
    unsigned unused = 64 - 8 * (unsigned)size;

    return (int64_t)(ordo__bytes_take(bytes, size) << unused) >> unused;
}

static uint64_t take_leb(struct ordo__bytes *bytes, bool is_signed)
{
    uint64_t value = 0, byte;
    unsigned shift = 0;

    do {
        byte = ordo__bytes_take(bytes, 1);
        if (shift < 64)
            value |= (byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) != 0);
    if (is_signed && shift < 64 && (byte & 0x40) != 0)
        value |= ~(uint64_t)0 << shift;
    return value;
}

uint64_t ordo__bytes_take_unsigned(struct ordo__bytes *bytes)
{
    return take_leb(bytes, false);
}

int64_t ordo__bytes_take_signed(struct ordo__bytes *bytes)
{
    return (int64_t)take_leb(bytes, true);
}

/* A part whose length is written before it. */
static struct ordo__bytes take_block(struct ordo__bytes *bytes)
{
    uint64_t size = ordo__bytes_take_unsigned(bytes);
    struct ordo__bytes block = {bytes->at, bytes->at, false};

    if ((uint64_t)(bytes->end - bytes->at) < size) {
        bytes->is_bad = true;
        return block;
    }
    block.end = bytes->at += size;
    return block;
}

static uint64_t take_pointer(struct ordo__bytes *bytes, uint8_t encoding)
{
    uint64_t from = (encoding & APPLICATION) == RELATIVE_TO_ITSELF ? (uint64_t)(uintptr_t)bytes->at : 0;

    if ((encoding & APPLICATION) != RELATIVE_TO_ITSELF && (encoding & APPLICATION) != 0)
        bytes->is_bad = true;
    switch (encoding & FORM) {
    case 0x00:
    case 0x04:
    case 0x0c:
        return from + ordo__bytes_take(bytes, 8);
    case 0x03:
        return from + ordo__bytes_take(bytes, 4);
    case 0x0b:
        return from + (uint64_t)take_signed(bytes, 4);
    default:
        bytes->is_bad = true;
        return 0;
    }
}

/* --- where the information of an address is --- */

struct function {
    struct ordo__bytes common, own; /* instructions: those that many functions share, and those of this one */
    uint64_t start;
    uint64_t code_unit;
    int64_t data_unit;
    uint8_t encoding; /* of its pointers */
};

/* The entry of a section that begins there: without its length. */
static struct ordo__bytes entry_at(const uint8_t *at)
{
    struct ordo__bytes head = {at, at + 4, false};
    uint64_t length = ordo__bytes_take(&head, 4);

    return length == 0 || length == UINT32_MAX ? (struct ordo__bytes){at, at, true}
                                               : (struct ordo__bytes){at + 4, at + 4 + length, false};
}

static bool read_common(struct function *function, struct ordo__bytes entry, bool *ret_has_size)
{
    const char *augmentation;
    uint64_t version;

    ordo__bytes_take(&entry, 4);
    version = ordo__bytes_take(&entry, 1);
    augmentation = (const char *)entry.at;
    while (ordo__bytes_take(&entry, 1) != 0 && !entry.is_bad)
        ;
    function->code_unit = ordo__bytes_take_unsigned(&entry);
    function->data_unit = ordo__bytes_take_signed(&entry);
    if ((version != 1 && version != 3) || entry.is_bad ||
        (version == 1 ? ordo__bytes_take(&entry, 1) : ordo__bytes_take_unsigned(&entry)) != ORDO__RIP)
        return false;
    function->encoding = 0;
    *ret_has_size = augmentation[0] == 'z';
    function->common = entry;
    if (!*ret_has_size)
        return augmentation[0] == '\0';
    entry = take_block(&function->common);
    for (const char *letter = augmentation + 1; *letter != '\0'; letter++)
        switch (*letter) {
        case 'R':
            function->encoding = (uint8_t)ordo__bytes_take(&entry, 1);
            break;
        case 'L':
            ordo__bytes_take(&entry, 1);
            break;
        case 'P':
            take_pointer(&entry, (uint8_t)ordo__bytes_take(&entry, 1) & (uint8_t)~INDIRECT);
            break;
        default: /* 'S': what a signal struck is behind it */
            return false;
        }
    return !entry.is_bad && !function->common.is_bad;
}

static bool read_function(struct function *function, const uint8_t *at, uint64_t address)
{
    struct ordo__bytes entry = entry_at(at);
    const uint8_t *place = entry.at;
    uint64_t back = ordo__bytes_take(&entry, 4), size;
    bool has_size;

    if (entry.is_bad || back == 0 || !read_common(function, entry_at(place - back), &has_size))
        return false;
    function->start = take_pointer(&entry, function->encoding);
    size = take_pointer(&entry, function->encoding & FORM);
    if (has_size)
        take_block(&entry);
    function->own = entry;
    return !entry.is_bad && address >= function->start && address - function->start < size;
}

/* The table of an object (.eh_frame_hdr) is sorted by the functions' starts. Linkers write it in one form only:
 * version 1, then how three things are encoded, a pointer, the count, and pairs, relative to the table's own start. */
ORDO__RAW static bool find_function(struct function *function, uint64_t address)
{
    static const uint8_t form[] = {1, 0x1b, 0x03, 0x3b};
    struct dl_find_object object;
    const uint8_t *table;
    uint32_t low = 0, high;
    int32_t pair[2];

    if (_dl_find_object((void *)(uintptr_t)address, &object) != 0) /* NOLINT(performance-no-int-to-ptr) */
        return false;
    table = object.dlfo_eh_frame;
    if (table == NULL || memcmp(table, form, sizeof(form)) != 0)
        return false;
    memcpy(&high, table + 8, sizeof(high));
    while (low < high) { /* the first that begins behind the address */
        uint32_t middle = low + (high - low) / 2;

        memcpy(pair, table + 12 + (size_t)middle * sizeof(pair), sizeof(pair));
        if ((uint64_t)(uintptr_t)(table + pair[0]) <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    memcpy(pair, table + 12 + (size_t)(low - 1) * sizeof(pair), sizeof(pair));
    return read_function(function, table + pair[1], address);
}

/* --- from instructions to rules --- */

static void set(struct ordo__rules *rules, uint64_t number, struct ordo__rule rule)
{
    if (number == ORDO__RBP)
        rules->rbp = rule;
    else if (number == ORDO__RIP)
        rules->rip = rule;
}

static void set_offset(struct ordo__rules *rules, uint64_t number, enum ordo__rule_kind kind, int64_t offset)
{
    set(rules, number, (struct ordo__rule){.kind = kind, .offset = offset});
}

static void restore(struct ordo__rules *rules, uint64_t number, const struct ordo__rules *initial)
{
    set(rules, number, number == ORDO__RBP ? initial->rbp : initial->rip);
}

static void set_cfa(struct ordo__rules *rules, uint64_t number, int64_t offset)
{
    rules->cfa_is_expression = false;
    rules->cfa_register = number;
    rules->cfa_offset = offset;
}

/* One of the instructions that set rules. */
static void set_rule(struct ordo__rules *rules, struct ordo__bytes *code, uint64_t operation,
                     const struct function *function, const struct ordo__rules *initial)
{
    uint64_t number;

    switch (operation) {
    case 0x00: /* nop */
        return;
    case 0x0d: /* def_cfa_register */
        set_cfa(rules, ordo__bytes_take_unsigned(code), rules->cfa_offset);
        return;
    case 0x0e: /* def_cfa_offset */
        set_cfa(rules, rules->cfa_register, (int64_t)ordo__bytes_take_unsigned(code));
        return;
    case 0x0f: /* def_cfa_expression */
        rules->cfa_is_expression = true;
        rules->cfa_expression = take_block(code);
        return;
    case 0x13: /* def_cfa_offset_sf */
        set_cfa(rules, rules->cfa_register, ordo__bytes_take_signed(code) * function->data_unit);
        return;
    case 0x2e: /* GNU_args_size */
        ordo__bytes_take_unsigned(code);
        return;
    default:
        break;
    }
    number = ordo__bytes_take_unsigned(code);
    switch (operation) {
    case 0x05: /* offset_extended */
        set_offset(rules, number, ORDO__AT_OFFSET,
                   (int64_t)ordo__bytes_take_unsigned(code) * function->data_unit);
        break;
    case 0x06: /* restore_extended */
        restore(rules, number, initial);
        break;
    case 0x07: /* undefined */
        set_offset(rules, number, ORDO__UNDEFINED, 0);
        break;
    case 0x08: /* same_value */
        set_offset(rules, number, ORDO__SAME, 0);
        break;
    case 0x09: /* register */
        set_offset(rules, number, ORDO__IN_REGISTER, (int64_t)ordo__bytes_take_unsigned(code));
        break;
    case 0x0c: /* def_cfa */
        set_cfa(rules, number, (int64_t)ordo__bytes_take_unsigned(code));
        break;
    case 0x10: /* expression */
        set(rules, number, (struct ordo__rule){.kind = ORDO__AT_EXPRESSION, .expression = take_block(code)});
        break;
    case 0x11: /* offset_extended_sf */
        set_offset(rules, number, ORDO__AT_OFFSET, ordo__bytes_take_signed(code) * function->data_unit);
        break;
    case 0x12: /* def_cfa_sf */
        set_cfa(rules, number, ordo__bytes_take_signed(code) * function->data_unit);
        break;
    case 0x14: /* val_offset */
        set_offset(rules, number, ORDO__IS_OFFSET,
                   (int64_t)ordo__bytes_take_unsigned(code) * function->data_unit);
        break;
    case 0x15: /* val_offset_sf */
        set_offset(rules, number, ORDO__IS_OFFSET, ordo__bytes_take_signed(code) * function->data_unit);
        break;
    case 0x16: /* val_expression */
        set(rules, number, (struct ordo__rule){.kind = ORDO__IS_EXPRESSION, .expression = take_block(code)});
        break;
    default:
        code->is_bad = true;
    }
}

/* Follows instructions as far as they are about what is before the address, or at it. */
static bool follow(struct ordo__rules *rules, struct ordo__bytes code, const struct function *function,
                   uint64_t address, const struct ordo__rules *initial)
{
    struct ordo__rules kept[REMEMBERED];
    uint64_t at = function->start;
    size_t depth = 0;

    while (code.at < code.end && at <= address && !code.is_bad) {
        uint64_t operation = ordo__bytes_take(&code, 1), low = operation & 0x3f;

        if (operation >> 6 == 1) { /* advance_loc */
            at += low * function->code_unit;
        } else if (operation >> 6 == 2) { /* offset */
            set_offset(rules, low, ORDO__AT_OFFSET,
                       (int64_t)ordo__bytes_take_unsigned(&code) * function->data_unit);
        } else if (operation >> 6 == 3) { /* restore */
            restore(rules, low, initial);
        } else if (operation == 0x01) { /* set_loc */
            at = take_pointer(&code, function->encoding);
        } else if (operation >= 0x02 && operation <= 0x04) { /* advance_loc1, 2, 4 */
            at += ordo__bytes_take(&code, (size_t)1 << (operation - 2)) * function->code_unit;
        } else if (operation == 0x0a && depth < REMEMBERED) { /* remember_state */
            kept[depth++] = *rules;
        } else if (operation == 0x0b && depth > 0) { /* restore_state */
            *rules = kept[--depth];
        } else {
            set_rule(rules, &code, operation, function, initial);
        }
    }
    return !code.is_bad;
}

uint64_t ordo__function_start(uint64_t address)
{
    struct function function;

    return find_function(&function, address) ? function.start : 0;
}

bool ordo__rules_find(uint64_t address, struct ordo__rules *ret_rules)
{
    struct ordo__rules initial = {0};
    struct function function;

    if (!find_function(&function, address) ||
        !follow(&initial, function.common, &function, function.start, &initial))
        return false;
    *ret_rules = initial;
    return follow(ret_rules, function.own, &function, address, &initial);
}
