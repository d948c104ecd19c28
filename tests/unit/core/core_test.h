/* SPDX-License-Identifier: MIT
 * core_test.h: what the tests of orders and decisions share: a parsed document and its cart.
 */
#pragma once

#include <stdlib.h>

#include "core/decision.h"

struct parsed {
    struct ordo_json_parser *parser;
    char *bytes;
    struct ordo_arena arena;
    struct ordo_problems problems;
    struct ordo_cart cart;
    int result;
};

static inline void parsed_init(struct parsed *parsed, const char *text, const struct ordo_limits *limits)
{
    size_t len = strlen(text);

    *parsed = (struct parsed){.parser = ordo_json_parser_new(limits->depth)};
    parsed->bytes = calloc(1, len + ORDO_JSON_PADDING);
    ORDO_REQUIRE(parsed->bytes != NULL);
    memcpy(parsed->bytes, text, len);
    ORDO_REQUIRE(ordo_json_parse(parsed->parser, parsed->bytes, len, NULL) == 0);
    ordo_arena_init(&parsed->arena, limits->decision_bytes);
    parsed->result = ordo_order_check(ordo_json_root(parsed->parser), limits, &parsed->arena,
                                      &parsed->problems, &parsed->cart);
}

static inline void parsed_done(struct parsed *parsed)
{
    ordo_arena_done(&parsed->arena);
    ordo_json_parser_free(parsed->parser);
    free(parsed->bytes);
}
