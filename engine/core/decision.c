/* SPDX-License-Identifier: MIT
 * decision.c: adding operations, and the sums they give. See decision_net.c for what each item
 * costs, and decision_write.c for the JSON.
 *
 * What holds after every call: sums[kind] is the sum of `amount` over the operations of that kind (without
 * included taxes), is at most caps[kind], and every amount and sum is in 0..2^53.
 */
#include "core/decision.h"

static const char *const kind_names[] = {
#define X(name, text) [ORDO_OPERATION_##name] = text,
    ORDO_OPERATION_TABLE(X)
#undef X
};

const char *ordo_operation_name(enum ordo_operation_kind kind)
{
    return kind_names[kind];
}

void ordo_decision_init(struct ordo_decision *decision, struct ordo_arena *arena,
                        const struct ordo_limits *limits, const struct ordo_cart *cart)
{
    *decision = (struct ordo_decision){.arena = arena, .limits = limits, .cart = *cart};
    for (int i = 0; i < ORDO_AMOUNT_KINDS; i++)
        decision->caps[i] = INT64_MAX;
}

static int out_of_arena(const struct ordo_decision *decision, struct ordo_error *err)
{
    return ordo_fail(err, ORDO_ESCRIPT, NULL, "the decision is over %zu bytes (limits.decision_bytes)",
                     decision->limits->decision_bytes);
}

/* Doubles the array; the old one stays in the arena until the order is done. */
static bool grow(struct ordo_decision *decision)
{
    uint32_t capacity = decision->capacity == 0 ? 16 : decision->capacity * 2;
    struct ordo_operation *operations = ordo_arena_alloc(decision->arena, capacity * sizeof(*operations));

    if (operations == NULL)
        return false;
    if (decision->count > 0)
        memcpy(operations, decision->operations, decision->count * sizeof(*operations));
    decision->operations = operations;
    decision->capacity = capacity;
    return true;
}

static bool copy_text(struct ordo_decision *decision, ordo_str text, ordo_str *ret_copy)
{
    *ret_copy = text.len == 0 ? ORDO_STR_NONE : ordo_arena_copy(decision->arena, text);
    return text.len == 0 || ret_copy->ptr != NULL;
}

/* Appends a copy of the operation, with copies of its strings. Nothing changes when it fails. */
static int append(struct ordo_decision *decision, const struct ordo_operation *operation,
                  struct ordo_operation **ret_added, struct ordo_error *err)
{
    struct ordo_operation *added = NULL;

    if (decision->count >= decision->limits->operations)
        return ordo_fail(err, ORDO_ESCRIPT, NULL, "more than %u operations (limits.operations)",
                         decision->limits->operations);
    if (decision->count == decision->capacity && !grow(decision))
        return out_of_arena(decision, err);
    added = &decision->operations[decision->count];
    *added = *operation;
    if (!copy_text(decision, operation->label, &added->label) ||
        !copy_text(decision, operation->text, &added->text))
        return out_of_arena(decision, err);
    decision->count++;
    if (ret_added != NULL)
        *ret_added = added;
    return 0;
}

static int check_amount(const char *call, int64_t amount, struct ordo_error *err)
{
    if (amount < 0)
        return ordo_fail(err, ORDO_ESCRIPT, NULL, "%s: the amount must not be negative, it is %lld", call,
                         (long long)amount);
    if (amount > ORDO_AMOUNT_MAX)
        return ordo_fail(err, ORDO_ESCRIPT, NULL, "%s: the amount is over 9007199254740992", call);
    return 0;
}

int ordo_decision_amount(struct ordo_decision *decision, enum ordo_operation_kind kind, ordo_str label,
                         int64_t amount, uint32_t item, bool included, struct ordo_place place,
                         struct ordo_error *err)
{
    struct ordo_operation operation = {.kind = kind,
                                       .included = included,
                                       .item = item,
                                       .requested = amount,
                                       .label = label,
                                       .place = place};
    int64_t room;
    int result;

    if (decision->ended)
        return 0;
    if ((result = check_amount(kind_names[kind], amount, err)) != 0)
        return result;
    if (item > decision->cart.count)
        return ordo_fail(err, ORDO_ESCRIPT, NULL, "%s: there is no item %u, the order has %u",
                         kind_names[kind], item, decision->cart.count);
    if (amount == 0)
        return 0;
    operation.amount = amount;
    if (!included) {
        room = (decision->caps[kind] < ORDO_AMOUNT_MAX ? decision->caps[kind] : ORDO_AMOUNT_MAX) -
               decision->sums[kind];
        if (amount > room && decision->caps[kind] > ORDO_AMOUNT_MAX)
            return ordo_fail(err, ORDO_ESCRIPT, NULL, "%s: the sum is over 9007199254740992",
                             kind_names[kind]);
        if (amount > room)
            operation.amount = room;
    }
    if ((result = append(decision, &operation, NULL, err)) != 0)
        return result;
    if (!included)
        decision->sums[kind] += operation.amount;
    return 0;
}

/* Takes `excess` back from the newest operations of a kind. */
static void cut(struct ordo_decision *decision, enum ordo_operation_kind kind, int64_t excess)
{
    decision->sums[kind] -= excess;
    for (uint32_t i = decision->count; i > 0 && excess > 0; i--) {
        struct ordo_operation *operation = &decision->operations[i - 1];
        int64_t taken;

        if (operation->kind != kind || operation->included)
            continue;
        taken = operation->amount < excess ? operation->amount : excess;
        operation->amount -= taken;
        excess -= taken;
    }
}

int ordo_decision_cap(struct ordo_decision *decision, ordo_str kind, int64_t amount, ordo_str reason,
                      struct ordo_place place, struct ordo_error *err)
{
    struct ordo_operation operation = {.kind = ORDO_OPERATION_CAP,
                                       .amount = amount,
                                       .requested = amount,
                                       .label = kind,
                                       .text = reason,
                                       .place = place};
    int which = 0, result;

    if (decision->ended)
        return 0;
    while (which < ORDO_AMOUNT_KINDS && !ordo_str_equal(kind, ordo_str_from(kind_names[which])))
        which++;
    if (which == ORDO_AMOUNT_KINDS)
        return ordo_fail(err, ORDO_ESCRIPT, NULL,
                         "cap: the kind must be discount, fee, tax or pay, it is \"%.*s\"",
                         kind.len > 40 ? 40 : (int)kind.len, kind.ptr);
    if ((result = check_amount("cap", amount, err)) != 0 ||
        (result = append(decision, &operation, NULL, err)) != 0)
        return result;
    if (amount < decision->caps[which])
        decision->caps[which] = amount;
    if (decision->sums[which] > decision->caps[which])
        cut(decision, (enum ordo_operation_kind)which, decision->sums[which] - decision->caps[which]);
    return 0;
}

static void unmark(struct ordo_decision *decision, const uint32_t *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        decision->shipped[items[i] - 1] = false;
}

/* Marks the items as shipped; none when one does not exist or is shipped already. */
static int mark(struct ordo_decision *decision, const uint32_t *items, uint32_t count, struct ordo_error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        bool exists = items[i] >= 1 && items[i] <= decision->cart.count;

        if (exists && !decision->shipped[items[i] - 1]) {
            decision->shipped[items[i] - 1] = true;
            continue;
        }
        unmark(decision, items, i);
        return exists ? ordo_fail(err, ORDO_ESCRIPT, NULL, "ship: item %u is in a shipment already", items[i])
                      : ordo_fail(err, ORDO_ESCRIPT, NULL, "ship: there is no item %u, the order has %u",
                                  items[i], decision->cart.count);
    }
    return 0;
}

int ordo_decision_ship(struct ordo_decision *decision, ordo_str name, const uint32_t *items, uint32_t count,
                       struct ordo_place place, struct ordo_error *err)
{
    struct ordo_operation operation = {
        .kind = ORDO_OPERATION_SHIP, .label = name, .item_count = count, .place = place};
    int result;

    if (decision->ended)
        return 0;
    if (count == 0)
        return ordo_fail(err, ORDO_ESCRIPT, NULL, "ship: items must name at least one item");
    if (decision->shipped == NULL) {
        decision->shipped = ordo_arena_alloc(decision->arena, decision->cart.count * sizeof(bool));
        if (decision->shipped == NULL)
            return out_of_arena(decision, err);
        memset(decision->shipped, 0, decision->cart.count * sizeof(bool));
    }
    if ((operation.items = ordo_arena_alloc(decision->arena, count * sizeof(*items))) == NULL)
        return out_of_arena(decision, err);
    memcpy(operation.items, items, count * sizeof(*items));
    if ((result = mark(decision, items, count, err)) != 0)
        return result;
    if ((result = append(decision, &operation, NULL, err)) != 0)
        unmark(decision, items, count);
    return result;
}

int ordo_decision_add(struct ordo_decision *decision, enum ordo_operation_kind kind, ordo_str label,
                      ordo_str text, int64_t amount, struct ordo_place place, struct ordo_error *err)
{
    struct ordo_operation operation = {
        .kind = kind, .amount = amount, .requested = amount, .label = label, .text = text, .place = place};
    struct ordo_operation *added = NULL;
    int result;

    if (decision->ended)
        return 0;
    if (kind == ORDO_OPERATION_SET && text.len > decision->limits->attribute_bytes)
        return ordo_fail(err, ORDO_ESCRIPT, NULL,
                         "set: the value of \"%.*s\" is over %zu bytes (limits.attribute_bytes)",
                         label.len > 40 ? 40 : (int)label.len, label.ptr, decision->limits->attribute_bytes);
    if ((result = append(decision, &operation, &added, err)) != 0)
        return result;
    if (kind == ORDO_OPERATION_ROUTE)
        decision->route = added->label;
    return 0;
}

int ordo_decision_reject(struct ordo_decision *decision, ordo_str code, ordo_str reason,
                         struct ordo_place place, struct ordo_error *err)
{
    struct ordo_operation operation = {
        .kind = ORDO_OPERATION_REJECT, .label = code, .text = reason, .place = place};
    struct ordo_operation *added = NULL;
    int result;

    if (decision->ended && decision->verdict != ORDO_VERDICT_RETRY)
        return 0;
    if ((result = append(decision, &operation, &added, err)) != 0)
        return result;
    decision->verdict = ORDO_VERDICT_REJECTED;
    decision->code = added->label;
    decision->reason = added->text;
    decision->ended = true;
    return 0;
}

int ordo_decision_hold(struct ordo_decision *decision, ordo_str reason, struct ordo_place place,
                       struct ordo_error *err)
{
    struct ordo_operation operation = {.kind = ORDO_OPERATION_HOLD, .text = reason, .place = place};
    struct ordo_operation *added = NULL;
    int result;

    if (decision->ended)
        return 0;
    if ((result = append(decision, &operation, &added, err)) != 0)
        return result;
    if (decision->verdict != ORDO_VERDICT_HELD)
        decision->reason = added->text;
    decision->verdict = ORDO_VERDICT_HELD;
    return 0;
}

int ordo_decision_retry(struct ordo_decision *decision, int64_t after_ms, ordo_str reason,
                        struct ordo_place place, struct ordo_error *err)
{
    struct ordo_operation operation = {.kind = ORDO_OPERATION_RETRY,
                                       .amount = after_ms,
                                       .requested = after_ms,
                                       .text = reason,
                                       .place = place};
    struct ordo_operation *added = NULL;
    int result;

    if (decision->ended)
        return 0;
    if ((result = check_amount("retry", after_ms, err)) != 0 ||
        (result = append(decision, &operation, &added, err)) != 0)
        return result;
    decision->verdict = ORDO_VERDICT_RETRY;
    decision->reason = added->text;
    decision->retry_after_ms = after_ms;
    decision->ended = true;
    return 0;
}

static bool grow_answers(struct ordo_decision *decision)
{
    uint32_t capacity = decision->answer_capacity == 0 ? 4 : decision->answer_capacity * 2;
    struct ordo_answer *answers = ordo_arena_alloc(decision->arena, capacity * sizeof(*answers));

    if (answers == NULL)
        return false;
    if (decision->answer_count > 0)
        memcpy(answers, decision->answers, decision->answer_count * sizeof(*answers));
    decision->answers = answers;
    decision->answer_capacity = capacity;
    return true;
}

int ordo_decision_answer(struct ordo_decision *decision, const char *call, ordo_str value,
                         struct ordo_place place, struct ordo_error *err)
{
    struct ordo_answer answer = {.call = call, .place = place};

    if (decision->answer_count == ORDO_ANSWERS_MAX) {
        decision->answers_left_out++;
        return 0;
    }
    if ((decision->answer_count == decision->answer_capacity && !grow_answers(decision)) ||
        !copy_text(decision, value, &answer.value))
        return out_of_arena(decision, err);
    decision->answers[decision->answer_count++] = answer;
    return 0;
}

int64_t ordo_decision_net(const struct ordo_decision *decision)
{
    return decision->cart.subtotal - decision->sums[ORDO_OPERATION_DISCOUNT] +
           decision->sums[ORDO_OPERATION_FEE];
}

ordo_str ordo_decision_get(const struct ordo_decision *decision, ordo_str key)
{
    for (uint32_t i = decision->count; i > 0; i--) {
        const struct ordo_operation *operation = &decision->operations[i - 1];

        if (operation->kind == ORDO_OPERATION_SET && ordo_str_equal(operation->label, key))
            return operation->text;
    }
    return ORDO_STR_NONE;
}

int ordo_decision_finish(const struct ordo_decision *decision, struct ordo_error *err)
{
    int64_t total = ordo_decision_net(decision) + decision->sums[ORDO_OPERATION_TAX];

    if (total < 0 || total > ORDO_AMOUNT_MAX)
        return ordo_fail(
            err, ORDO_ESCRIPT, NULL,
            "the total is %lld (subtotal %lld - discount %lld + fee %lld + tax %lld); it must be in "
            "0..9007199254740992",
            (long long)total, (long long)decision->cart.subtotal,
            (long long)decision->sums[ORDO_OPERATION_DISCOUNT], (long long)decision->sums[ORDO_OPERATION_FEE],
            (long long)decision->sums[ORDO_OPERATION_TAX]);
    if (decision->sums[ORDO_OPERATION_PAY] > total)
        return ordo_fail(err, ORDO_ESCRIPT, NULL, "%lld is paid, but the total is %lld",
                         (long long)decision->sums[ORDO_OPERATION_PAY], (long long)total);
    return 0;
}

void ordo_decision_withdraw(struct ordo_decision *decision)
{
    for (uint32_t i = 0; i < decision->count; i++)
        if (decision->operations[i].kind <= ORDO_OPERATION_PAY)
            decision->operations[i].amount = 0;
    for (int i = 0; i < ORDO_AMOUNT_KINDS; i++)
        decision->sums[i] = 0;
    decision->nets = NULL;
    decision->withdrawn = true;
}
