/* SPDX-License-Identifier: MIT
 * rocks_key.c: keys and records as bytes, and back.
 */
#include "rocks_key.h"

enum { RECORD_FORMAT = 1 };

const char *const rocks_family_names[ROCKS_FAMILY_COUNT] = {
    [ROCKS_META] = "default",        [ROCKS_ORDERS] = "orders", [ROCKS_IDS] = "ids",
    [ROCKS_CUSTOMERS] = "customers", [ROCKS_OPEN] = "open",
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
};
_Static_assert(sizeof(struct header) == ROCKS_HEADER, "the layout on the disk");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the layout on the disk");

void rocks_record_parts(const struct ordo_record *record, char header[ROCKS_HEADER],
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

static bool read_header(const char *value, size_t len, struct header *ret_header)
{
    if (len < ROCKS_HEADER)
        return false;
    memcpy(ret_header, value, ROCKS_HEADER);
    return ret_header->format == RECORD_FORMAT && ret_header->status < ORDO_STATUS_COUNT &&
           ret_header->priority < ORDO_PRIORITY_COUNT &&
           len == ROCKS_HEADER + (size_t)ret_header->id_len + ret_header->customer_len +
                      ret_header->order_len + ret_header->answer_len;
}

static ordo_str take(const char **at, size_t len)
{
    ordo_str text = {*at, len};

    *at += len;
    return text;
}

bool rocks_record_read(const char *value, size_t len, struct ordo_record *ret_record)
{
    struct header header;
    const char *at;

    if (!read_header(value, len, &header))
        return false;
    at = value + ROCKS_HEADER;
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

bool rocks_record_status(const char *value, size_t len, enum ordo_status *ret_status)
{
    struct header header;

    if (!read_header(value, len, &header))
        return false;
    *ret_status = (enum ordo_status)header.status;
    return true;
}
