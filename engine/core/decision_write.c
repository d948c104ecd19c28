/* SPDX-License-Identifier: MIT
 * decision_write.c: a decision as clients get it. The members and their order are part of the API:
 * docs/http.md.
 */
#include "base/json_time.h"
#include "core/decision.h"

#define KEY(text) ordo_json_key(json, ORDO_STR(text))
#define KEY_STRING(text, value) ordo_json_key_string(json, ORDO_STR(text), value)
#define KEY_INT(text, value) ordo_json_key_int(json, ORDO_STR(text), value)

static void write_items(struct ordo_json_writer *json, const struct ordo_operation *operation)
{
    KEY("items");
    ordo_json_array(json);
    for (uint32_t i = 0; i < operation->item_count; i++)
        ordo_json_int(json, operation->items[i]);
    ordo_json_end_array(json);
}

static void write_shipments(struct ordo_json_writer *json, const struct ordo_decision *decision)
{
    KEY("shipments");
    ordo_json_array(json);
    for (uint32_t i = 0; i < decision->count; i++) {
        const struct ordo_operation *operation = &decision->operations[i];

        if (operation->kind != ORDO_OPERATION_SHIP)
            continue;
        ordo_json_object(json);
        KEY_STRING("name", operation->label);
        write_items(json, operation);
        ordo_json_end_object(json);
    }
    ordo_json_end_array(json);
}

static void write_flags(struct ordo_json_writer *json, const struct ordo_decision *decision)
{
    KEY("flags");
    ordo_json_array(json);
    for (uint32_t i = 0; i < decision->count; i++) {
        const struct ordo_operation *operation = &decision->operations[i];

        if (operation->kind != ORDO_OPERATION_FLAG)
            continue;
        ordo_json_object(json);
        KEY_STRING("kind", operation->label);
        KEY_STRING("reason", operation->text);
        ordo_json_end_object(json);
    }
    ordo_json_end_array(json);
}

/* Each key once, at the place of its first setting, with its last value. */
static void write_attributes(struct ordo_json_writer *json, const struct ordo_decision *decision)
{
    KEY("attributes");
    ordo_json_object(json);
    for (uint32_t i = 0; i < decision->count; i++) {
        const struct ordo_operation *operation = &decision->operations[i];
        uint32_t first = 0;

        if (operation->kind != ORDO_OPERATION_SET)
            continue;
        while (first < i && (decision->operations[first].kind != ORDO_OPERATION_SET ||
                             !ordo_str_equal(decision->operations[first].label, operation->label)))
            first++;
        if (first < i)
            continue;
        ordo_json_key_escaped(json, operation->label);
        ordo_json_raw(json, ordo_decision_get(decision, operation->label));
    }
    ordo_json_end_object(json);
}

/* "rules/30_coupon.lua:10": file names have no characters that need escapes but those that a file system
 * allows; the writer looks. */
static void write_place(struct ordo_json_writer *json, const struct ordo_place *place)
{
    char text[512];
    size_t len = place->file.len < sizeof(text) - 16 ? place->file.len : sizeof(text) - 16;
    unsigned line = place->line > 0 ? (unsigned)place->line : 0;
    char digits[12];
    int count = 0;

    if (place->rule.len > 0)
        KEY_STRING("rule", place->rule);
    if (len == 0)
        return;
    memcpy(text, place->file.ptr, len);
    text[len++] = ':';
    do
        digits[count++] = (char)('0' + line % 10);
    while ((line /= 10) > 0);
    while (count > 0)
        text[len++] = digits[--count];
    KEY_STRING("at", ((ordo_str){text, len}));
}

static void write_operation(struct ordo_json_writer *json, const struct ordo_operation *operation)
{
    ordo_json_object(json);
    KEY_STRING("op", ordo_str_from(ordo_operation_name(operation->kind)));
    switch (operation->kind) {
    case ORDO_OPERATION_DISCOUNT:
    case ORDO_OPERATION_FEE:
    case ORDO_OPERATION_TAX:
    case ORDO_OPERATION_PAY:
        KEY_STRING("label", operation->label);
        KEY_INT("amount", operation->amount);
        if (operation->requested != operation->amount)
            KEY_INT("requested", operation->requested);
        if (operation->item > 0)
            KEY_INT("item", operation->item);
        if (operation->included) {
            KEY("included");
            ordo_json_bool(json, true);
        }
        break;
    case ORDO_OPERATION_CAP:
        KEY_STRING("label", operation->label);
        KEY_INT("amount", operation->amount);
        KEY_STRING("reason", operation->text);
        break;
    case ORDO_OPERATION_SHIP:
        KEY_STRING("label", operation->label);
        write_items(json, operation);
        break;
    case ORDO_OPERATION_ROUTE:
        KEY_STRING("label", operation->label);
        break;
    case ORDO_OPERATION_NOTE:
        KEY_STRING("text", operation->text);
        break;
    case ORDO_OPERATION_SET:
        KEY_STRING("label", operation->label);
        KEY("value");
        ordo_json_raw(json, operation->text);
        break;
    case ORDO_OPERATION_COUNT:
        KEY_STRING("label", operation->label);
        KEY_INT("amount", operation->amount);
        break;
    case ORDO_OPERATION_FLAG:
    case ORDO_OPERATION_REJECT:
        KEY_STRING("label", operation->label);
        KEY_STRING("reason", operation->text);
        break;
    case ORDO_OPERATION_HOLD:
        KEY_STRING("reason", operation->text);
        break;
    case ORDO_OPERATION_RETRY:
        KEY_INT("after_ms", operation->amount);
        KEY_STRING("reason", operation->text);
        break;
    case ORDO_OPERATION_COUNT_:
        break;
    }
    write_place(json, &operation->place);
    ordo_json_end_object(json);
}

static void write_totals(struct ordo_json_writer *json, const struct ordo_decision *decision)
{
    int64_t total = ordo_decision_net(decision) + decision->sums[ORDO_OPERATION_TAX];
    int64_t paid = decision->sums[ORDO_OPERATION_PAY];

    KEY_INT("subtotal", decision->cart.subtotal);
    KEY_INT("discount", decision->sums[ORDO_OPERATION_DISCOUNT]);
    KEY_INT("fee", decision->sums[ORDO_OPERATION_FEE]);
    KEY_INT("tax", decision->sums[ORDO_OPERATION_TAX]);
    KEY_INT("total", total);
    KEY_INT("paid", paid);
    KEY_INT("due", total - paid);
}

void ordo_decision_write(const struct ordo_decision *decision, const struct ordo_decision_facts *facts,
                         struct ordo_buffer *out)
{
    static const char *const verdicts[] = {[ORDO_VERDICT_ACCEPTED] = "accepted",
                                           [ORDO_VERDICT_REJECTED] = "rejected",
                                           [ORDO_VERDICT_HELD] = "held"};
    struct ordo_json_writer writer = ordo_json_writer(out), *json = &writer;
    bool held = decision->verdict == ORDO_VERDICT_HELD;

    ORDO_REQUIRE(decision->verdict != ORDO_VERDICT_RETRY);
    ordo_json_object(json);
    KEY_STRING("id", facts->id);
    KEY_INT("revision", facts->revision);
    KEY_STRING("status", held ? ORDO_STR("held") : ORDO_STR("done"));
    KEY_STRING("decision", ordo_str_from(verdicts[decision->verdict]));
    if (decision->verdict == ORDO_VERDICT_REJECTED)
        KEY_STRING("code", decision->code);
    if (decision->verdict != ORDO_VERDICT_ACCEPTED)
        KEY_STRING("reason", decision->reason);
    KEY_STRING("currency", decision->cart.currency);
    KEY_STRING("priority", ordo_str_from(ordo_priority_name(facts->priority)));
    write_totals(json, decision);
    KEY("route");
    if (decision->route.ptr != NULL)
        ordo_json_string(json, decision->route);
    else
        ordo_json_null(json);
    write_shipments(json, decision);
    write_flags(json, decision);
    write_attributes(json, decision);
    KEY_INT("generation", (int64_t)facts->generation);
    KEY("operations");
    ordo_json_array(json);
    for (uint32_t i = 0; i < decision->count; i++)
        write_operation(json, &decision->operations[i]);
    ordo_json_end_array(json);
    KEY_INT("attempt", facts->attempt);
    KEY("decided_at");
    ordo_json_time(json, facts->decided_ms);
    KEY("timing");
    ordo_json_object(json);
    KEY_INT("queue_us", facts->queue_us);
    KEY_INT("processing_us", facts->processing_us);
    ordo_json_end_object(json);
    ordo_json_end_object(json);
}
