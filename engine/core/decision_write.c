/* SPDX-License-Identifier: MIT
 * decision_write.c: a decision as clients get it. The members and their order are part of the API:
 * docs/http.md.
 *
 * Every order pays for this, so it does not go through the JSON writer member by member: each part first makes
 * room for the most that it can write, and then stores literals and values at `end`, unchecked. Only strings that
 * need escapes, or are not ASCII, go to the writer.
 */
#include "base/json_time.h"
#include "core/decision.h"

enum {
    ESCAPED = 6,  /* bytes that one byte of a string becomes at most */
    NUMBER = 20,  /* bytes of a number at most */
    FIXED = 1024, /* more than the literals and numbers of one part */
    WORD = 8,
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "short strings are put into a word by their bytes");

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Stores a literal at `end`. */
#define PUT(literal) (memcpy(end, literal, sizeof(literal) - 1), end += sizeof(literal) - 1)

/* Room for `more` bytes and FIXED behind `end`, which may move with the buffer. */
static char *room(struct ordo_buffer *out, char *end, size_t more)
{
    out->len = (size_t)(end - out->ptr);
    return ordo_buffer_reserve(out, more + FIXED);
}

/* True when one of the bytes is a control character, a quote, a backslash, or not ASCII. A byte that is too small
 * borrows from its top bit; it may borrow from its neighbour too, but only when the answer is yes anyway. */
static inline bool needs_attention(uint64_t word)
{
    uint64_t quotes = word ^ EACH_BYTE('"'), backslashes = word ^ EACH_BYTE('\\');

    return (((word - EACH_BYTE(0x20)) | (quotes - EACH_BYTE(1)) | (backslashes - EACH_BYTE(1)) | word) &
            EACH_BYTE(0x80)) != 0;
}

/* One to seven bytes as a word, with spaces behind them. */
static inline uint64_t load_short(const char *at, size_t len)
{
    uint64_t word = EACH_BYTE(' ') << (8 * len);
    uint32_t first, last;

    if (len >= sizeof(first)) {
        memcpy(&first, at, sizeof(first));
        memcpy(&last, at + len - sizeof(last), sizeof(last));
        return word | first | (uint64_t)last << (8 * (len - sizeof(last)));
    }
    word |= (unsigned char)at[0];
    word |= (uint64_t)(unsigned char)at[len / 2] << (8 * (len / 2));
    return word | (uint64_t)(unsigned char)at[len - 1] << (8 * (len - 1));
}

static __attribute__((noinline)) char *put_escaped(struct ordo_buffer *out, char *end, ordo_str text)
{
    struct ordo_json_writer json = ordo_json_writer(out);

    out->len = (size_t)(end - out->ptr);
    ordo_json_string(&json, text);
    return out->ptr + out->len;
}

/* A string with its quotes. There is room for ESCAPED times its length, the quotes, and a word. */
static char *put_string(struct ordo_buffer *out, char *end, ordo_str text)
{
    char *start = end;
    uint64_t word;
    size_t at = 0;

    *end++ = '"';
    for (; at + WORD <= text.len; at += WORD) {
        memcpy(&word, text.ptr + at, WORD);
        if (needs_attention(word))
            return put_escaped(out, start, text);
        memcpy(end + at, &word, WORD);
    }
    if (at < text.len) {
        word = load_short(text.ptr + at, text.len - at);
        if (needs_attention(word))
            return put_escaped(out, start, text);
        memcpy(end + at, &word, WORD);
    }
    end += text.len;
    *end++ = '"';
    return end;
}

static inline char *put_number(char *end, int64_t number)
{
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    size_t digits = 1;

    *end = '-';
    end += number < 0;
    for (uint64_t rest = left; rest >= 10; rest /= 10)
        digits++;
    for (size_t i = digits; i-- > 0; left /= 10)
        end[i] = (char)('0' + left % 10);
    return end + digits;
}

/* A comma, but for the first member. */
static inline char *put_comma(char *end)
{
    *end = ',';
    return end + (end[-1] != '[' && end[-1] != '{');
}

static inline char *put_raw(char *end, ordo_str value)
{
    if (value.len > 0)
        memcpy(end, value.ptr, value.len);
    return end + value.len;
}

static char *put_items(char *end, const struct ordo_operation *operation)
{
    PUT(",\"items\":[");
    for (uint32_t i = 0; i < operation->item_count; i++) {
        end = put_comma(end);
        end = put_number(end, operation->items[i]);
    }
    *end++ = ']';
    return end;
}

static char *put_shipment(struct ordo_buffer *out, char *end, const struct ordo_operation *operation)
{
    end = room(out, end, ESCAPED * operation->label.len + (NUMBER + 1) * (size_t)operation->item_count);
    end = put_comma(end);
    PUT("{\"name\":");
    end = put_string(out, end, operation->label);
    end = put_items(end, operation);
    *end++ = '}';
    return end;
}

static char *put_flag(struct ordo_buffer *out, char *end, const struct ordo_operation *operation)
{
    end = room(out, end, ESCAPED * (operation->label.len + operation->text.len));
    end = put_comma(end);
    PUT("{\"kind\":");
    end = put_string(out, end, operation->label);
    PUT(",\"reason\":");
    end = put_string(out, end, operation->text);
    *end++ = '}';
    return end;
}

static bool is_first_set(const struct ordo_decision *decision, uint32_t which)
{
    for (uint32_t i = 0; i < which; i++)
        if (decision->operations[i].kind == ORDO_OPERATION_SET &&
            ordo_str_equal(decision->operations[i].label, decision->operations[which].label))
            return false;
    return true;
}

/* Each key once, at the place of its first setting, with its last value. */
static char *put_attribute(struct ordo_buffer *out, char *end, const struct ordo_decision *decision,
                           uint32_t which)
{
    ordo_str key = decision->operations[which].label, value;

    if (!is_first_set(decision, which))
        return end;
    value = ordo_decision_get(decision, key);
    end = room(out, end, ESCAPED * key.len + value.len);
    end = put_comma(end);
    end = put_string(out, end, key);
    *end++ = ':';
    return put_raw(end, value);
}

/* The operations once more, by what they are about: most orders have few of them, so the list is walked for each. */
static char *put_collections(struct ordo_buffer *out, char *end, const struct ordo_decision *decision)
{
    const struct ordo_operation *operations = decision->operations;
    uint32_t counts[ORDO_OPERATION_COUNT_] = {0};

    for (uint32_t i = 0; i < decision->count; i++)
        counts[operations[i].kind]++;
    PUT(",\"shipments\":[");
    for (uint32_t i = 0; counts[ORDO_OPERATION_SHIP] > 0; i++)
        if (operations[i].kind == ORDO_OPERATION_SHIP) {
            end = put_shipment(out, end, &operations[i]);
            counts[ORDO_OPERATION_SHIP]--;
        }
    end = room(out, end, 0);
    PUT("],\"flags\":[");
    for (uint32_t i = 0; counts[ORDO_OPERATION_FLAG] > 0; i++)
        if (operations[i].kind == ORDO_OPERATION_FLAG) {
            end = put_flag(out, end, &operations[i]);
            counts[ORDO_OPERATION_FLAG]--;
        }
    end = room(out, end, 0);
    PUT("],\"attributes\":{");
    for (uint32_t i = 0; counts[ORDO_OPERATION_SET] > 0; i++)
        if (operations[i].kind == ORDO_OPERATION_SET) {
            end = put_attribute(out, end, decision, i);
            counts[ORDO_OPERATION_SET]--;
        }
    end = room(out, end, 0);
    *end++ = '}';
    return end;
}

/* ,"rule":"coupon","at":"rules/30_coupon.lua:10" */
static char *put_place(struct ordo_buffer *out, char *end, const struct ordo_place *place)
{
    if (place->rule.len > 0) {
        PUT(",\"rule\":");
        end = put_string(out, end, place->rule);
    }
    if (place->file.len > 0) {
        PUT(",\"at\":");
        end = put_string(out, end, place->file);
        end[-1] = ':';
        end = put_number(end, place->line > 0 ? place->line : 0);
        *end++ = '"';
    }
    return end;
}

static char *put_amount(struct ordo_buffer *out, char *end, const struct ordo_operation *operation)
{
    PUT(",\"label\":");
    end = put_string(out, end, operation->label);
    PUT(",\"amount\":");
    end = put_number(end, operation->amount);
    if (operation->requested != operation->amount) {
        PUT(",\"requested\":");
        end = put_number(end, operation->requested);
    }
    if (operation->item > 0) {
        PUT(",\"item\":");
        end = put_number(end, operation->item);
    }
    if (operation->included)
        PUT(",\"included\":true");
    return end;
}

/* What only some kinds of operations have. */
enum {
    HAS_LABEL = 1,
    HAS_AMOUNT = 2,
    HAS_AFTER = 4,
    HAS_REASON = 8,
    HAS_ITEMS = 16,
    HAS_VALUE = 32,
    HAS_TEXT = 64,
    IS_AMOUNT = 128
};
static const unsigned char shapes[] = {
    [ORDO_OPERATION_DISCOUNT] = IS_AMOUNT,
    [ORDO_OPERATION_FEE] = IS_AMOUNT,
    [ORDO_OPERATION_TAX] = IS_AMOUNT,
    [ORDO_OPERATION_PAY] = IS_AMOUNT,
    [ORDO_OPERATION_CAP] = HAS_LABEL | HAS_AMOUNT | HAS_REASON,
    [ORDO_OPERATION_SHIP] = HAS_LABEL | HAS_ITEMS,
    [ORDO_OPERATION_ROUTE] = HAS_LABEL,
    [ORDO_OPERATION_FLAG] = HAS_LABEL | HAS_REASON,
    [ORDO_OPERATION_NOTE] = HAS_TEXT,
    [ORDO_OPERATION_SET] = HAS_LABEL | HAS_VALUE,
    [ORDO_OPERATION_COUNT] = HAS_LABEL | HAS_AMOUNT,
    [ORDO_OPERATION_REJECT] = HAS_LABEL | HAS_REASON,
    [ORDO_OPERATION_HOLD] = HAS_REASON,
    [ORDO_OPERATION_RETRY] = HAS_AFTER | HAS_REASON,
};
_Static_assert(sizeof(shapes) == ORDO_OPERATION_COUNT_, "every kind has a shape");

static char *put_shape(struct ordo_buffer *out, char *end, const struct ordo_operation *operation)
{
    unsigned shape = shapes[operation->kind];

    if (shape & HAS_LABEL) {
        PUT(",\"label\":");
        end = put_string(out, end, operation->label);
    }
    if (shape & (HAS_AMOUNT | HAS_AFTER)) {
        if (shape & HAS_AMOUNT)
            PUT(",\"amount\":");
        else
            PUT(",\"after_ms\":");
        end = put_number(end, operation->amount);
    }
    if (shape & HAS_ITEMS)
        end = put_items(end, operation);
    if (shape & HAS_VALUE) {
        PUT(",\"value\":");
        end = put_raw(end, operation->text);
    }
    if (shape & (HAS_TEXT | HAS_REASON)) {
        if (shape & HAS_TEXT)
            PUT(",\"text\":");
        else
            PUT(",\"reason\":");
        end = put_string(out, end, operation->text);
    }
    return end;
}

static char *put_operation(struct ordo_buffer *out, char *end, const struct ordo_operation *operation)
{
    /* {"op":"discount" */
    static const struct {
        char bytes[24];
        size_t len;
    } starts[] = {
#define X(name, text) [ORDO_OPERATION_##name] = {"{\"op\":\"" text "\"", sizeof("{\"op\":\"" text "\"") - 1},
        ORDO_OPERATION_TABLE(X)
#undef X
    };
    const struct ordo_place *place = &operation->place;

    end = room(out, end,
               ESCAPED * (operation->label.len + operation->text.len + place->rule.len + place->file.len) +
                   (NUMBER + 1) * (size_t)operation->item_count);
    end = put_comma(end);
    memcpy(end, starts[operation->kind].bytes, sizeof(starts->bytes));
    end += starts[operation->kind].len;
    if (shapes[operation->kind] == IS_AMOUNT)
        end = put_amount(out, end, operation);
    else
        end = put_shape(out, end, operation);
    end = put_place(out, end, place);
    *end++ = '}';
    return end;
}

/* ,"ctx":[{"call":"now","answer":1764138511000,"rule":"hours","at":"rules/40_hours.lua:7"}: only of decisions that asked. */
static char *put_answers(struct ordo_buffer *out, char *end, const struct ordo_decision *decision)
{
    end = room(out, end, 0);
    PUT(",\"ctx\":[");
    for (uint32_t i = 0; i < decision->answer_count; i++) {
        const struct ordo_answer *answer = &decision->answers[i];
        ordo_str call = ordo_str_from(answer->call);

        end =
            room(out, end,
                 ESCAPED * (call.len + answer->place.rule.len + answer->place.file.len) + answer->value.len);
        end = put_comma(end);
        PUT("{\"call\":");
        end = put_string(out, end, call);
        PUT(",\"answer\":");
        end = put_raw(end, answer->value);
        end = put_place(out, end, &answer->place);
        *end++ = '}';
    }
    end = room(out, end, 0);
    *end++ = ']';
    if (decision->answers_left_out > 0) {
        PUT(",\"ctx_more\":");
        end = put_number(end, decision->answers_left_out);
    }
    return end;
}

static char *put_head(struct ordo_buffer *out, char *end, const struct ordo_decision *decision,
                      const struct ordo_decision_facts *facts)
{
    end = room(out, end,
               ESCAPED *
                   (facts->id.len + decision->code.len + decision->reason.len + decision->cart.currency.len));
    PUT("{\"id\":");
    end = put_string(out, end, facts->id);
    PUT(",\"revision\":");
    end = put_number(end, facts->revision);
    switch (decision->verdict) {
    case ORDO_VERDICT_REJECTED:
        PUT(",\"status\":\"done\",\"decision\":\"rejected\",\"code\":");
        end = put_string(out, end, decision->code);
        PUT(",\"reason\":");
        end = put_string(out, end, decision->reason);
        break;
    case ORDO_VERDICT_HELD:
        PUT(",\"status\":\"held\",\"decision\":\"held\",\"reason\":");
        end = put_string(out, end, decision->reason);
        break;
    default:
        PUT(",\"status\":\"done\",\"decision\":\"accepted\"");
    }
    PUT(",\"currency\":");
    end = put_string(out, end, decision->cart.currency);
    PUT(",\"priority\":");
    return put_string(out, end, ordo_str_from(ordo_priority_name(facts->priority)));
}

static char *put_totals(struct ordo_buffer *out, char *end, const struct ordo_decision *decision)
{
    int64_t total = ordo_decision_net(decision) + decision->sums[ORDO_OPERATION_TAX];
    int64_t paid = decision->sums[ORDO_OPERATION_PAY];

    end = room(out, end, ESCAPED * decision->route.len);
    PUT(",\"subtotal\":");
    end = put_number(end, decision->cart.subtotal);
    PUT(",\"discount\":");
    end = put_number(end, decision->sums[ORDO_OPERATION_DISCOUNT]);
    PUT(",\"fee\":");
    end = put_number(end, decision->sums[ORDO_OPERATION_FEE]);
    PUT(",\"tax\":");
    end = put_number(end, decision->sums[ORDO_OPERATION_TAX]);
    PUT(",\"total\":");
    end = put_number(end, total);
    PUT(",\"paid\":");
    end = put_number(end, paid);
    PUT(",\"due\":");
    end = put_number(end, total - paid);
    PUT(",\"route\":");
    if (decision->route.ptr != NULL)
        return put_string(out, end, decision->route);
    PUT("null");
    return end;
}

static char *put_tail(struct ordo_buffer *out, char *end, const struct ordo_decision_facts *facts)
{
    end = room(out, end, 0);
    PUT(",\"attempt\":");
    end = put_number(end, facts->attempt);
    PUT(",\"decided_at\":\"");
    ordo_time_format(facts->decided_ms, end);
    end += ORDO_TIME_TEXT;
    PUT("\",\"timing\":{\"queue_us\":");
    end = put_number(end, facts->queue_us);
    PUT(",\"processing_us\":");
    end = put_number(end, facts->processing_us);
    PUT("}}");
    return end;
}

void ordo_decision_write(const struct ordo_decision *decision, const struct ordo_decision_facts *facts,
                         struct ordo_buffer *out)
{
    char *end = ordo_buffer_reserve(out, FIXED);

    ORDO_REQUIRE(decision->verdict != ORDO_VERDICT_RETRY);
    end = put_head(out, end, decision, facts);
    end = put_totals(out, end, decision);
    end = put_collections(out, end, decision);
    PUT(",\"generation\":");
    end = put_number(end, (int64_t)facts->generation);
    PUT(",\"operations\":[");
    for (uint32_t i = 0; i < decision->count; i++)
        end = put_operation(out, end, &decision->operations[i]);
    end = room(out, end, 0);
    *end++ = ']';
    if (decision->answer_count > 0)
        end = put_answers(out, end, decision);
    end = put_tail(out, end, facts);
    out->len = (size_t)(end - out->ptr);
}
