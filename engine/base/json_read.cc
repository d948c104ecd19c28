/* SPDX-License-Identifier: MIT
 * json_read.cc: simdjson behind a C interface; the one C++ file. It parses and checks keys; reading the tape
 * is C (json_read.h). simdjson accepts duplicate keys, so they are looked for here, in one pass over the
 * tape.
 */
#include "base/json_read.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include <simdjson.h>

#include "base/json_locate.h"

namespace
{

enum { SMALL_OBJECT = 24 /* keys that are compared each with each; more are sorted */ };

struct key {
    const char *ptr;
    uint32_t len;
};

int compare_keys(const void *left, const void *right)
{
    const key *a = static_cast<const key *>(left), *b = static_cast<const key *>(right);

    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    return std::memcmp(a->ptr, b->ptr, a->len);
}

bool are_equal(const key &a, const key &b)
{
    return a.len == b.len && std::memcmp(a.ptr, b.ptr, a.len) == 0;
}

} // namespace

struct ordo_json_parser {
    simdjson::dom::parser parser;
    size_t max_depth;
    key *keys; /* of the largest object so far that had to be sorted */
    size_t key_capacity;
};

namespace
{

int too_deep(const ordo_json_parser *parser, ordo_error *err)
{
    return ordo_fail(err, ORDO_ELIMIT, nullptr, "nested more than %zu levels deep (limits.depth)",
                     parser->max_depth);
}

/* Room for the keys of an object: on the caller's stack for few, in the parser for many. */
key *room_for(ordo_json_parser *parser, size_t count, key *small)
{
    if (count <= SMALL_OBJECT)
        return small;
    if (count > parser->key_capacity) {
        std::free(parser->keys);
        parser->keys = static_cast<key *>(std::malloc(count * sizeof(key)));
        ORDO_REQUIRE(parser->keys != nullptr);
        parser->key_capacity = count;
    }
    return parser->keys;
}

/* A key that an object has twice, or NULL. */
const key *find_duplicate(ordo_json_parser *parser, ordo_json_value object, key *small)
{
    ordo_json_iter iter = ordo_json_iter_of(object);
    size_t members = ordo_json_count(object), count = 0;
    key *keys = room_for(parser, members, small);
    ordo_json_value value;
    ordo_str name;

    for (; ordo_json_next(&iter, &name, &value); count++) {
        keys[count] = key{name.ptr, static_cast<uint32_t>(name.len)};
        for (size_t i = 0; i < count && members <= SMALL_OBJECT; i++)
            if (are_equal(keys[i], keys[count]))
                return &keys[i];
    }
    if (members <= SMALL_OBJECT)
        return nullptr;
    std::qsort(keys, count, sizeof(key), compare_keys);
    for (size_t i = 1; i < count; i++)
        if (are_equal(keys[i - 1], keys[i]))
            return &keys[i];
    return nullptr;
}

int check_tape(ordo_json_parser *parser, const char *bytes, size_t len, ordo_error *err)
{
    ordo_json_value at = ordo_json_root(parser);
    const uint64_t *end = at.tape + (at.tape[0] & ORDO_JSON_PAYLOAD);
    key small[SMALL_OBJECT];
    size_t depth = 0;

    for (; at.word < end; at.word++) {
        char type = static_cast<char>(*at.word >> 56);

        if (type == 'l' || type == 'u' || type == 'd') {
            at.word++;
        } else if (type == ']' || type == '}') {
            depth--;
        } else if (type == '[' || type == '{') {
            if (++depth > parser->max_depth)
                return too_deep(parser, err);
            if (type == '[')
                continue;
            const key *twice = find_duplicate(parser, at, small);

            if (twice != nullptr)
                return ordo_json_locate_duplicate(bytes, len, ordo_str{twice->ptr, twice->len}, err);
        }
    }
    return 0;
}

} // namespace

extern "C" {

struct ordo_json_parser *ordo_json_parser_new(size_t max_depth)
{
    ordo_json_parser *parser = new (std::nothrow) ordo_json_parser();

    ORDO_REQUIRE(parser != nullptr);
    parser->max_depth = max_depth;
    /* One more than allowed: simdjson counts an empty container as less deep than one with a member.
     * check_tape counts exactly. */
    ORDO_REQUIRE(parser->parser.allocate(4096, max_depth + 1) == simdjson::SUCCESS);
    return parser;
}

void ordo_json_parser_free(struct ordo_json_parser *parser)
{
    if (parser == nullptr)
        return;
    std::free(parser->keys);
    delete parser;
}

int ordo_json_parse(struct ordo_json_parser *parser, const char *bytes, size_t len, struct ordo_error *err)
{
    simdjson::error_code error = len == 0 ? simdjson::EMPTY : parser->parser.parse(bytes, len, false).error();

    if (error == simdjson::DEPTH_ERROR)
        return too_deep(parser, err);
    if (error == simdjson::MEMALLOC)
        return ordo_fail(err, ORDO_ENOMEM, nullptr, "out of memory while parsing");
    if (error != simdjson::SUCCESS)
        return ordo_json_locate(bytes, len, err);
    return check_tape(parser, bytes, len, err);
}

struct ordo_json_value ordo_json_root(const struct ordo_json_parser *parser)
{
    const uint64_t *tape = parser->parser.doc.tape.get();

    return ordo_json_value{tape + 1, tape, parser->parser.doc.string_buf.get()};
}
}
