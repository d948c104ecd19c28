/* SPDX-License-Identifier: MIT
 * json_read.cc: simdjson behind a C interface; the one C++ file. It parses and checks keys; reading the tape
 * is C (json_read.h). simdjson accepts duplicate keys, so they are looked for here, in one pass over the
 * tape.
 *
 * A key's mark is its length and first four bytes, which stand side by side in the string buffer: one load.
 * Most keys of an object differ in a few bits of it already; the others are compared mark by mark, and equal
 * marks byte by byte. Objects with many keys use a hash table, seeded, so that no sender can make it slow.
 */
#include "base/json_read.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include <simdjson.h>
#include <sys/random.h>

#include "base/int128.h"
#include "base/json_locate.h"

namespace
{

enum {
    SMALL_OBJECT = 24, /* keys of an object that are compared by their marks */
    FIRST_CAPACITY = 8192,
};

/* An array or object that the pass is inside of. */
struct frame {
    bool is_object;
    bool is_checked; /* its keys were checked when it opened */
    uint32_t count;  /* keys so far */
    uint64_t seen;   /* one bit for each mark so far */
};

struct key {
    uint64_t mark;
    const uint64_t *word; /* on the tape */
};

uint64_t random_seed()
{
    uint64_t seed;

    ORDO_REQUIRE(getrandom(&seed, sizeof(seed), 0) == sizeof(seed));
    return seed;
}

} // namespace

struct ordo_json_parser {
    simdjson::dom::parser parser;
    size_t max_depth;
    frame *frames;   /* of each depth */
    key *keys;       /* SMALL_OBJECT of each depth */
    uint32_t *slots; /* hash table of one large object: indexes on the tape, 0: free */
    size_t slot_capacity;
    uint64_t seed;
};

namespace
{

int too_deep(const ordo_json_parser *parser, ordo_error *err)
{
    return ordo_fail(err, ORDO_ELIMIT, nullptr, "nested more than %zu levels deep (limits.depth)",
                     parser->max_depth);
}

uint64_t mark_of(const unsigned char *string)
{
    uint64_t mark;
    uint32_t len;

    memcpy(&mark, string, sizeof(mark));
    len = static_cast<uint32_t>(mark);
    return len >= 4 ? mark : mark & (UINT64_C(0xffffffffffffffff) >> (32 - 8 * len));
}

/* Whether two strings of the string buffer, whose marks are equal, are equal. */
bool are_equal(const unsigned char *a, const unsigned char *b)
{
    uint32_t len;

    memcpy(&len, a, sizeof(len));
    return memcmp(a + sizeof(len), b + sizeof(len), len) == 0;
}

const unsigned char *string_at(const ordo_json_value &at, const uint64_t *word)
{
    return at.strings + (*word & ORDO_JSON_PAYLOAD);
}

/* Adds a key to its object. False when the object has it already. */
bool add_key(frame *in, key *keys, const ordo_json_value &at)
{
    uint64_t mark = mark_of(string_at(at, at.word));
    uint64_t bit = UINT64_C(1) << (mark * UINT64_C(0x9e3779b97f4a7c15) >> 58);

    if (__builtin_expect((in->seen & bit) != 0, 0))
        for (uint32_t i = 0; i < in->count; i++)
            if (keys[i].mark == mark && are_equal(string_at(at, keys[i].word), string_at(at, at.word)))
                return false;
    in->seen |= bit;
    keys[in->count++] = key{mark, at.word};
    return true;
}

uint64_t hash_of(ordo_str text, uint64_t seed)
{
    uint64_t hash = seed ^ text.len, chunk;

    for (size_t i = 0; i < text.len; i += sizeof(chunk)) {
        size_t left = text.len - i;

        chunk = 0;
        memcpy(&chunk, text.ptr + i, left < sizeof(chunk) ? left : sizeof(chunk));
        ordo_uint128 product = static_cast<ordo_uint128>(hash ^ chunk) * UINT64_C(0xa0761d6478bd642f);
        hash = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64) ^ seed;
    }
    return hash * UINT64_C(0x9e3779b97f4a7c15) >> 32;
}

void clear_slots(ordo_json_parser *parser, size_t keys, size_t *ret_capacity)
{
    size_t capacity = 64;

    while (capacity < 2 * keys)
        capacity *= 2;
    if (capacity > parser->slot_capacity) {
        std::free(parser->slots);
        parser->slots = static_cast<uint32_t *>(std::malloc(capacity * sizeof(*parser->slots)));
        ORDO_REQUIRE(parser->slots != nullptr);
        parser->slot_capacity = capacity;
    }
    memset(parser->slots, 0, capacity * sizeof(*parser->slots));
    *ret_capacity = capacity;
}

/* The place of the first key that a large object has already, or NULL. */
const uint64_t *find_duplicate(ordo_json_parser *parser, const ordo_json_value &object)
{
    ordo_json_iter iter = ordo_json_iter_of(object);
    ordo_json_value value;
    ordo_str name = {nullptr, 0};
    size_t capacity;

    clear_slots(parser, ordo_json_count(object), &capacity);
    for (const uint64_t *word = iter.at.word; ordo_json_next(&iter, &name, &value); word = iter.at.word) {
        size_t slot = hash_of(name, parser->seed) & (capacity - 1);

        for (; parser->slots[slot] != 0; slot = (slot + 1) & (capacity - 1)) {
            ordo_json_value other = object;

            other.word = object.tape + parser->slots[slot];
            if (ordo_str_equal(ordo_json_as_str(other), name))
                return word;
        }
        parser->slots[slot] = static_cast<uint32_t>(word - object.tape);
    }
    return nullptr;
}

/* Tells where the key at `word` stands: it is the same string, counted from the start, in the text. */
int report_duplicate(ordo_json_value at, const uint64_t *word, const char *bytes, size_t len, ordo_error *err)
{
    size_t strings_before = 0;

    for (at.word = at.tape + 1; at.word < word; at.word++) {
        char type = static_cast<char>(*at.word >> 56);

        strings_before += type == '"';
        at.word += type == 'l' || type == 'u' || type == 'd';
    }
    at.word = word;
    return ordo_json_locate_key(bytes, len, strings_before, ordo_json_as_str(at), err);
}

/* Opens an array or object. Returns where a key of it stands twice, or NULL. */
const uint64_t *open(ordo_json_parser *parser, size_t depth, const ordo_json_value &at, bool is_object)
{
    bool is_large = is_object && ordo_json_count(at) > SMALL_OBJECT;

    parser->frames[depth] = frame{is_object, is_large, 0, 0};
    return is_large ? find_duplicate(parser, at) : nullptr;
}

int check_tape(ordo_json_parser *parser, const char *bytes, size_t len, ordo_error *err)
{
    ordo_json_value at = ordo_json_root(parser);
    const uint64_t *end = at.tape + (at.tape[0] & ORDO_JSON_PAYLOAD) - 1, *twice;
    frame *in = parser->frames; /* depth 0: not in a container */
    size_t depth = 0;

    *in = frame{false, false, 0, 0};
    while (at.word < end) {
        char type = static_cast<char>(*at.word >> 56);

        if (type == ']' || type == '}') {
            in = &parser->frames[--depth];
            at.word++;
            continue;
        }
        if (in->is_object) {
            if (!in->is_checked && !add_key(in, &parser->keys[depth * SMALL_OBJECT], at))
                return report_duplicate(at, at.word, bytes, len, err);
            type = static_cast<char>(*++at.word >> 56);
        }
        if (type == '{' || type == '[') {
            if (++depth > parser->max_depth)
                return too_deep(parser, err);
            in = &parser->frames[depth];
            if ((twice = open(parser, depth, at, type == '{')) != nullptr)
                return report_duplicate(at, twice, bytes, len, err);
        }
        at.word += type == 'l' || type == 'u' || type == 'd' ? 2 : 1;
    }
    return 0;
}

/* simdjson allocates exactly what a text needs; texts that grow slowly would make it allocate for each. */
simdjson::error_code make_room(ordo_json_parser *parser, size_t len)
{
    simdjson::error_code error;
    size_t capacity = FIRST_CAPACITY;

    if (len <= parser->parser.capacity() && len <= parser->parser.doc.capacity())
        return simdjson::SUCCESS;
    if (len > simdjson::SIMDJSON_MAXSIZE_BYTES / 2)
        return simdjson::CAPACITY;
    while (capacity < len)
        capacity *= 2;
    if ((error = parser->parser.allocate(capacity, parser->max_depth + 1)) == simdjson::SUCCESS)
        error = parser->parser.doc.allocate(capacity);
    return error;
}

} // namespace

extern "C" {

struct ordo_json_parser *ordo_json_parser_new(size_t max_depth)
{
    ordo_json_parser *parser = new (std::nothrow) ordo_json_parser();

    ORDO_REQUIRE(parser != nullptr);
    parser->max_depth = max_depth;
    parser->seed = random_seed();
    parser->frames = static_cast<frame *>(std::malloc((max_depth + 1) * sizeof(frame)));
    parser->keys = static_cast<key *>(std::malloc((max_depth + 1) * SMALL_OBJECT * sizeof(key)));
    ORDO_REQUIRE(parser->frames != nullptr && parser->keys != nullptr);
    /* One level more than allowed: simdjson counts an empty container as less deep than one with a member.
     * check_tape counts exactly. */
    ORDO_REQUIRE(make_room(parser, 1) == simdjson::SUCCESS);
    return parser;
}

void ordo_json_parser_free(struct ordo_json_parser *parser)
{
    if (parser == nullptr)
        return;
    std::free(parser->frames);
    std::free(parser->keys);
    std::free(parser->slots);
    delete parser;
}

int ordo_json_parse(struct ordo_json_parser *parser, const char *bytes, size_t len, struct ordo_error *err)
{
    simdjson::error_code error = len == 0 ? simdjson::EMPTY : make_room(parser, len);

    if (error == simdjson::SUCCESS)
        error = parser->parser.parse(bytes, len, false).error();
    if (error == simdjson::SUCCESS)
        return check_tape(parser, bytes, len, err);
    if (error == simdjson::DEPTH_ERROR)
        return too_deep(parser, err);
    if (error == simdjson::MEMALLOC)
        return ordo_fail(err, ORDO_ENOMEM, nullptr, "out of memory while parsing");
    if (error == simdjson::CAPACITY)
        return ordo_fail(err, ORDO_ELIMIT, nullptr, "a text of %zu bytes is too long", len);
    return ordo_json_locate(bytes, len, err);
}

struct ordo_json_value ordo_json_root(const struct ordo_json_parser *parser)
{
    const uint64_t *tape = parser->parser.doc.tape.get();

    return ordo_json_value{tape + 1, tape, parser->parser.doc.string_buf.get()};
}
}
