/* SPDX-License-Identifier: MIT
 * json_parse_buffer.c: parses what a buffer holds.
 */
#include "base/buffer.h"
#include "base/json_read.h"

int ordo_json_parse_buffer(struct ordo_json_parser *parser, struct ordo_buffer *text, struct ordo_error *err)
{
    memset(ordo_buffer_reserve(text, ORDO_JSON_PADDING), 0, ORDO_JSON_PADDING);
    return ordo_json_parse(parser, text->ptr, text->len, err);
}
