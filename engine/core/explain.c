/* SPDX-License-Identifier: MIT
 * explain.c: the document that explains a decision.
 *
 * Amounts before and after are those of the decision as it came out: an operation that a later cap cut counts for what was
 * left of it, so the last "after" is what the client was told.
 */
#include "core/explain.h"

#include "base/json_copy.h"
#include "core/decision.h"
#include "core/money.h"

enum { NETS_MOST = 50000000 /* steps that the nets of items may take in all: a tenth of a second */ };

struct explaining {
    struct ordo_json_value record, answer; /* the order; its decision or problem */
    const struct ordo_explain_again *again;
    struct ordo_json_writer json;
    struct ordo_arena arena;
    struct ordo_decision decision; /* the operations so far once more, for the sums that they give */
    bool has_items;                /* the cart is known, and small enough for the nets of its items */
};

static void copy_member(struct explaining *explaining, struct ordo_json_value object, const char *key)
{
    struct ordo_json_value value;

    if (!ordo_json_get(object, ordo_str_from(key), &value))
        return;
    ordo_json_key(&explaining->json, ordo_str_from(key));
    ordo_json_copy(&explaining->json, value);
}

static void copy_members(struct explaining *explaining, struct ordo_json_value object,
                         const char *const *keys)
{
    for (; *keys != NULL; keys++)
        copy_member(explaining, object, *keys);
}

static size_t count_item_operations(struct ordo_json_value operations)
{
    struct ordo_json_value operation, item;
    size_t count = 0;

    for (struct ordo_json_iter iter = ordo_json_iter_of(operations); ordo_json_next(&iter, NULL, &operation);)
        count += ordo_json_get(operation, ORDO_STR("item"), &item);
    return count;
}

/* The cart that the rules saw. An order that cannot be read so any more (its limits have changed) has its subtotal only. */
static void begin(struct explaining *explaining, const struct ordo_limits *limits,
                  struct ordo_json_value operations)
{
    struct ordo_problems problems = {0};
    struct ordo_cart cart = {0};
    struct ordo_json_value order;
    int64_t subtotal = ordo_json_number(explaining->answer, ORDO_STR("subtotal"), 0);
    uint64_t steps;

    if (!ordo_json_get(explaining->record, ORDO_STR("order"), &order) ||
        ordo_order_check(order, limits, &explaining->arena, &problems, &cart) != 0 || problems.count > 0 ||
        cart.subtotal != subtotal)
        cart = (struct ordo_cart){.subtotal = subtotal};
    steps = (uint64_t)count_item_operations(operations) * (cart.count + ordo_json_count(operations));
    explaining->has_items = cart.count > 0 && steps <= NETS_MOST;
    ordo_decision_init(&explaining->decision, &explaining->arena, limits, &cart);
}

static bool find_amount_kind(ordo_str name, enum ordo_operation_kind *ret_kind)
{
    for (int kind = 0; kind < ORDO_AMOUNT_KINDS; kind++)
        if (ordo_str_equal(name, ordo_str_from(ordo_operation_name(kind)))) {
            *ret_kind = kind;
            return true;
        }
    return false;
}

/* What the operation changes, as it is now. NULL: nothing that is known. */
static const char *amount_now(struct explaining *explaining, enum ordo_operation_kind kind, uint32_t item,
                              int64_t *ret_amount)
{
    struct ordo_decision *decision = &explaining->decision;
    int64_t total = ordo_decision_net(decision) + decision->sums[ORDO_OPERATION_TAX];
    struct ordo_error err;

    switch (kind) {
    case ORDO_OPERATION_TAX:
        *ret_amount = total;
        return "total";
    case ORDO_OPERATION_PAY:
        *ret_amount = total - decision->sums[ORDO_OPERATION_PAY];
        return "due";
    default:
        *ret_amount = ordo_decision_net(decision);
        if (item == 0)
            return "order";
        return explaining->has_items && ordo_decision_item_net(decision, item, ret_amount, &err) == 0 ? "item"
                                                                                                      : NULL;
    }
}

/* ,"of":"order","before":8948,"after":8053 */
static void write_change(struct explaining *explaining, struct ordo_json_value operation)
{
    int64_t amount = ordo_json_number(operation, ORDO_STR("amount"), 0), before;
    uint32_t item = (uint32_t)ordo_json_number(operation, ORDO_STR("item"), 0);
    enum ordo_operation_kind kind;
    struct ordo_json_value included;
    struct ordo_place nowhere = {.line = 0};
    struct ordo_error err;
    const char *what;

    if (!find_amount_kind(ordo_json_text(operation, ORDO_STR("op")), &kind) ||
        ordo_json_get(operation, ORDO_STR("included"), &included))
        return;
    what = amount_now(explaining, kind, item, &before);
    if (ordo_decision_amount(&explaining->decision, kind, ORDO_STR_NONE, amount,
                             explaining->has_items ? item : 0, false, nowhere, &err) != 0 ||
        what == NULL)
        return;
    ordo_json_key_string(&explaining->json, ORDO_STR("of"), ordo_str_from(what));
    ordo_json_key_int(&explaining->json, ORDO_STR("before"), before);
    /* Of an item too: what the others of its order share is split by lines, which no operation changes. */
    ordo_json_key_int(&explaining->json, ORDO_STR("after"),
                      kind == ORDO_OPERATION_DISCOUNT || kind == ORDO_OPERATION_PAY ? before - amount
                                                                                    : before + amount);
}

static void write_operations(struct explaining *explaining, const struct ordo_limits *limits)
{
    struct ordo_json_writer *json = &explaining->json;
    struct ordo_json_value operations, operation, value;
    ordo_str key = ORDO_STR_NONE;

    if (!ordo_json_member(explaining->answer, ORDO_STR("operations"), &operations))
        return;
    begin(explaining, limits, operations);
    ordo_json_key(json, ORDO_STR("operations"));
    ordo_json_array(json);
    for (struct ordo_json_iter iter = ordo_json_iter_of(operations);
         ordo_json_next(&iter, NULL, &operation);) {
        ordo_json_object(json);
        for (struct ordo_json_iter members = ordo_json_iter_of(operation);
             ordo_json_next(&members, &key, &value);) {
            ordo_json_key(json, key);
            ordo_json_copy(json, value);
        }
        write_change(explaining, operation);
        ordo_json_end_object(json);
    }
    ordo_json_end_array(json);
}

static bool is_place_of(struct ordo_json_value operation, const struct ordo_explain_rule *rule)
{
    return !rule->is_check && ordo_str_equal(ordo_json_text(operation, ORDO_STR("rule")), rule->name);
}

static int64_t count_operations(const struct explaining *explaining, const struct ordo_explain_rule *rule)
{
    struct ordo_json_value operations, operation;
    int64_t count = 0;

    if (ordo_json_member(explaining->answer, ORDO_STR("operations"), &operations))
        for (struct ordo_json_iter iter = ordo_json_iter_of(operations);
             ordo_json_next(&iter, NULL, &operation);)
            count += is_place_of(operation, rule);
    return count;
}

static void write_rule(struct explaining *explaining, const struct ordo_explain_rule *rule)
{
    struct ordo_json_writer *json = &explaining->json;
    struct ordo_buffer at = {0};

    ordo_buffer_printf(&at, ORDO_STR_FMT ":%d", ORDO_STR_ARG(rule->path), rule->line);
    ordo_json_object(json);
    ordo_json_key_string(json, rule->is_check ? ORDO_STR("check") : ORDO_STR("rule"), rule->name);
    ordo_json_key_string(json, ORDO_STR("at"), ordo_buffer_str(&at));
    ordo_json_key(json, ORDO_STR("ran"));
    ordo_json_bool(json, rule->ran);
    if (!rule->is_check)
        ordo_json_key_int(json, ORDO_STR("operations"), count_operations(explaining, rule));
    if (explaining->again->runs > 0 && rule->ran) {
        ordo_json_key_int(json, ORDO_STR("ns"), rule->ns);
        ordo_json_key_int(json, ORDO_STR("bytes"), (int64_t)rule->bytes);
    }
    ordo_json_end_object(json);
    ordo_buffer_done(&at);
}

/* What is known because the order was decided again, or why it was not. */
static void write_again(struct explaining *explaining)
{
    const struct ordo_explain_again *again = explaining->again;
    struct ordo_json_writer *json = &explaining->json;

    ordo_json_key(json, ORDO_STR("again"));
    ordo_json_object(json);
    if (again->why_not != NULL) {
        ordo_json_key_string(json, ORDO_STR("why_not"), ordo_str_from(again->why_not));
    } else {
        ordo_json_key(json, ORDO_STR("same"));
        ordo_json_bool(json, again->same);
    }
    if (again->rules != NULL && again->same) {
        ordo_json_key_int(json, ORDO_STR("measured"), again->runs);
        ordo_json_key(json, ORDO_STR("rules"));
        ordo_json_array(json);
        for (size_t i = 0; i < again->count; i++)
            write_rule(explaining, &again->rules[i]);
        ordo_json_end_array(json);
    }
    ordo_json_end_object(json);
}

void ordo_explain_write(struct ordo_json_value record, const struct ordo_limits *limits,
                        const struct ordo_explain_again *again, struct ordo_buffer *out)
{
    static const char *const of_record[] = {"id", "status", "priority", "customer", NULL};
    static const char *const of_answer[] = {
        "revision", "decision",   "code",     "reason", "currency", "subtotal", "discount",   "fee",
        "tax",      "total",      "paid",     "due",    "route",    "attempt",  "generation", "attempts",
        "problems", "decided_at", "resolved", "ctx",    "ctx_more", NULL};
    struct explaining explaining = {.record = record, .again = again, .json = ordo_json_writer(out)};
    ordo_str currency;

    if (!ordo_json_get(record, ORDO_STR("decision"), &explaining.answer) &&
        !ordo_json_get(record, ORDO_STR("problem"), &explaining.answer))
        return;
    ordo_arena_init(&explaining.arena, limits->decision_bytes);
    ordo_json_object(&explaining.json);
    copy_members(&explaining, record, of_record);
    copy_members(&explaining, explaining.answer, of_answer);
    currency = ordo_json_text(explaining.answer, ORDO_STR("currency"));
    if (currency.len > 0)
        ordo_json_key_int(&explaining.json, ORDO_STR("decimals"), ordo_money_decimals(currency));
    write_operations(&explaining, limits);
    write_again(&explaining);
    ordo_json_end_object(&explaining.json);
    ordo_arena_done(&explaining.arena);
}
