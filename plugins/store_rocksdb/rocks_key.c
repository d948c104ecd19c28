/* SPDX-License-Identifier: MIT
 * rocks_key.c: keys and records as bytes, and back.
 */
#include "rocks_key.h"

enum { RECORD_FORMAT = 2, RECORD_FORMAT_1 = 1, HEADER_1 = 56 /* without the sequence number */ };
enum { OUTBOX_REFERENCE = 0, OUTBOX_COPY = 1 };

const char *const rocks_family_names[ROCKS_FAMILY_COUNT] = {
    [ROCKS_META] = "default",        [ROCKS_ORDERS] = "orders", [ROCKS_IDS] = "ids",
    [ROCKS_CUSTOMERS] = "customers", [ROCKS_OPEN] = "open",     [ROCKS_OUTBOX] = "outbox",
    [ROCKS_CHANGES] = "changes",
};

int rocks_place_compare(const struct rocks_place *a, const struct rocks_place *b)
{
    if (a->received_ms != b->received_ms)
        return a->received_ms < b->received_ms ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

/* `bytes` bytes, the most significant first. */
static char *put_big(char *to, uint64_t number, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        to[i] = (char)(number & 0xff);
        number >>= 8;
    }
    return to + bytes;
}

static uint64_t read_big(const char *from, int bytes)
{
    uint64_t number = 0;

    for (int i = 0; i < bytes; i++)
        number = number << 8 | (uint8_t)from[i];
    return number;
}

void rocks_key_order(const struct rocks_place *place, char out[ROCKS_KEY])
{
    *out++ = (char)place->priority;
    put_big(put_big(out, place->received_ms, 6), place->number, 6);
}

/* Here the time comes first: a listing of all priorities reads one range. */
static void put_tail(const struct rocks_place *place, char *out)
{
    *put_big(put_big(out, place->received_ms, 6), place->number, 6) = (char)place->priority;
}

size_t rocks_key_customer(ordo_str customer, const struct rocks_place *place, char out[ROCKS_CUSTOMER_KEY])
{
    out[0] = (char)customer.len;
    memcpy(out + 1, customer.ptr, customer.len);
    put_tail(place, out + 1 + customer.len);
    return 1 + customer.len + ROCKS_KEY;
}

void rocks_key_open(enum ordo_status status, const struct rocks_place *place, char out[ROCKS_OPEN_KEY])
{
    out[0] = (char)status;
    put_tail(place, out + 1);
}

void rocks_key_outbox(uint64_t sequence, char out[ROCKS_OUTBOX_KEY])
{
    put_big(out, sequence, ROCKS_OUTBOX_KEY);
}

uint64_t rocks_key_read_outbox(const char key[ROCKS_OUTBOX_KEY])
{
    return read_big(key, ROCKS_OUTBOX_KEY);
}

size_t rocks_sink_key(ordo_str name, char out[ROCKS_SINK_KEY])
{
    const ordo_str prefix = ORDO_STR(ROCKS_SINK_PREFIX);
    size_t len = name.len < ROCKS_SINK_NAME_MAX ? name.len : ROCKS_SINK_NAME_MAX;

    memcpy(out, prefix.ptr, prefix.len);
    memcpy(out + prefix.len, name.ptr, len);
    return prefix.len + len;
}

static bool read_priority(char byte, enum ordo_priority *ret_priority)
{
    *ret_priority = (enum ordo_priority)byte;
    return byte >= 0 && byte < ORDO_PRIORITY_COUNT;
}

bool rocks_key_read_order(const char *key, size_t len, struct rocks_place *ret_place)
{
    if (len != ROCKS_KEY || !read_priority(key[0], &ret_place->priority))
        return false;
    ret_place->received_ms = read_big(key + 1, 6);
    ret_place->number = read_big(key + 7, 6);
    return true;
}

bool rocks_key_read_tail(const char *key, size_t len, struct rocks_place *ret_place)
{
    if (len <= ROCKS_KEY || !read_priority(key[len - 1], &ret_place->priority))
        return false;
    ret_place->received_ms = read_big(key + len - ROCKS_KEY, 6);
    ret_place->number = read_big(key + len - ROCKS_KEY + 6, 6);
    return true;
}

/* The header as it is written. Little-endian, as every machine that this runs on. */
struct header {
    uint8_t format, status, priority, id_len, customer_len, unused[3];
    uint32_t revision, attempt;
    uint64_t generation;
    int64_t received_ms, updated_ms, due_ms;
    uint32_t order_len, answer_len;
    uint64_t sequence;
};
_Static_assert(sizeof(struct header) == ROCKS_HEADER, "the layout on the disk");
_Static_assert(offsetof(struct header, sequence) == HEADER_1, "the layout on the disk");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the layout on the disk");

void rocks_record_parts(const struct ordo_record *record, uint64_t sequence, char header[ROCKS_HEADER],
                        const char *parts[ROCKS_PARTS], size_t lens[ROCKS_PARTS])
{
    const struct header filled = {
        .format = RECORD_FORMAT,
        .status = (uint8_t)record->status,
        .priority = (uint8_t)record->priority,
        .id_len = (uint8_t)record->id.len,
        .customer_len = (uint8_t)record->customer.len,
        .revision = record->revision,
        .attempt = record->attempt,
        .generation = record->generation,
        .received_ms = record->received_ms,
        .updated_ms = record->updated_ms,
        .due_ms = record->due_ms,
        .order_len = (uint32_t)record->order.len,
        .answer_len = (uint32_t)record->answer.len,
        .sequence = sequence,
    };
    const ordo_str texts[] = {record->id, record->customer, record->order, record->answer};

    memcpy(header, &filled, ROCKS_HEADER);
    parts[0] = header;
    lens[0] = ROCKS_HEADER;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        parts[i + 1] = texts[i].ptr != NULL ? texts[i].ptr : "";
        lens[i + 1] = texts[i].len;
    }
}

/* How long the header is, which is told by its first byte; 0 when it is none. */
static size_t read_header(const char *value, size_t len, struct header *ret_header)
{
    size_t header_len = len > 0 && value[0] == RECORD_FORMAT_1 ? HEADER_1 : ROCKS_HEADER;

    if (len < header_len || (value[0] != RECORD_FORMAT && value[0] != RECORD_FORMAT_1))
        return 0;
    *ret_header = (struct header){0};
    memcpy(ret_header, value, header_len);
    if (ret_header->status >= ORDO_STATUS_COUNT || ret_header->priority >= ORDO_PRIORITY_COUNT ||
        len != header_len + (size_t)ret_header->id_len + ret_header->customer_len + ret_header->order_len +
                   ret_header->answer_len)
        return 0;
    return header_len;
}

static ordo_str take(const char **at, size_t len)
{
    ordo_str text = {*at, len};

    *at += len;
    return text;
}

bool rocks_record_read(const char *value, size_t len, struct ordo_record *ret_record, uint64_t *ret_sequence)
{
    struct header header;
    size_t header_len = read_header(value, len, &header);
    const char *at;

    if (header_len == 0)
        return false;
    at = value + header_len;
    if (ret_sequence != NULL)
        *ret_sequence = header.sequence;
    *ret_record = (struct ordo_record){
        .size = sizeof(*ret_record),
        .status = (enum ordo_status)header.status,
        .priority = (enum ordo_priority)header.priority,
        .revision = header.revision,
        .attempt = header.attempt,
        .generation = header.generation,
        .received_ms = header.received_ms,
        .updated_ms = header.updated_ms,
        .due_ms = header.due_ms,
    };
    ret_record->id = take(&at, header.id_len);
    ret_record->customer = take(&at, header.customer_len);
    ret_record->order = take(&at, header.order_len);
    ret_record->answer = take(&at, header.answer_len);
    return true;
}

void rocks_outbox_copy_head(const struct ordo_record *record, char out[ROCKS_OUTBOX_HEAD])
{
    out[0] = OUTBOX_COPY;
    out[1] = (char)record->id.len;
    memcpy(out + 2, &record->revision, 4);
}

void rocks_outbox_reference(const char order_key[ROCKS_KEY], char out[1 + ROCKS_KEY])
{
    out[0] = OUTBOX_REFERENCE;
    memcpy(out + 1, order_key, ROCKS_KEY);
}

bool rocks_outbox_read(const char *value, size_t len, struct rocks_outbox_entry *ret_entry)
{
    struct ordo_emission *emission = &ret_entry->emission;
    const char *at = value + ROCKS_OUTBOX_HEAD;
    size_t id_len;

    if (len == 1 + ROCKS_KEY && value[0] == OUTBOX_REFERENCE) {
        ret_entry->is_copy = false;
        memcpy(ret_entry->order_key, value + 1, ROCKS_KEY);
        return true;
    }
    if (len < ROCKS_OUTBOX_HEAD || value[0] != OUTBOX_COPY)
        return false;
    id_len = (uint8_t)value[1];
    if (len < ROCKS_OUTBOX_HEAD + id_len)
        return false;
    ret_entry->is_copy = true;
    memcpy(&emission->revision, value + 2, 4);
    emission->id = take(&at, id_len);
    emission->decision = take(&at, len - ROCKS_OUTBOX_HEAD - id_len);
    return true;
}

void rocks_key_change(uint64_t number, char out[ROCKS_CHANGES_KEY])
{
    put_big(out, number, ROCKS_CHANGES_KEY);
}

uint64_t rocks_key_read_change(const char key[ROCKS_CHANGES_KEY])
{
    return read_big(key, ROCKS_CHANGES_KEY);
}

size_t rocks_change_write(const struct rocks_change *change, char out[ROCKS_CHANGE_MAX])
{
    out[0] = (char)change->kind;
    out[1] = (char)change->id.len;
    out[2] = (char)change->customer.len;
    memcpy(out + 3, change->order_key, ROCKS_KEY);
    memcpy(out + ROCKS_CHANGE_HEAD, change->id.ptr, change->id.len);
    if (change->customer.len > 0)
        memcpy(out + ROCKS_CHANGE_HEAD + change->id.len, change->customer.ptr, change->customer.len);
    return ROCKS_CHANGE_HEAD + change->id.len + change->customer.len;
}

struct rocks_change rocks_change_at(const char *value)
{
    const char *at = value + ROCKS_CHANGE_HEAD;
    struct rocks_change change = {.kind = (enum rocks_change_kind)value[0], .order_key = value + 3};

    change.id = take(&at, (uint8_t)value[1]);
    change.customer = take(&at, (uint8_t)value[2]);
    return change;
}

uint64_t rocks_change_count(const char *value, size_t len)
{
    struct rocks_place place;
    uint64_t count = 0;

    while (len > 0) {
        size_t change_len;

        if (len < ROCKS_CHANGE_HEAD || value[0] < 0 || value[0] >= ROCKS_CHANGE_KINDS ||
            (uint8_t)value[1] > ORDO_ID_MAX || (uint8_t)value[2] > ORDO_ID_MAX ||
            !rocks_key_read_order(value + 3, ROCKS_KEY, &place))
            return 0;
        change_len = ROCKS_CHANGE_HEAD + (size_t)(uint8_t)value[1] + (uint8_t)value[2];
        if (len < change_len)
            return 0;
        value += change_len;
        len -= change_len;
        count++;
    }
    return count;
}
