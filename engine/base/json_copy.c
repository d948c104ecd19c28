/* SPDX-License-Identifier: MIT
 * json_copy.c: from the tape to the writer.
 */
#include "base/json_copy.h"

#include <inttypes.h>
#include <stdio.h>

static void copy_uint(struct ordo_json_writer *json, uint64_t number)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%" PRIu64, number);

    ordo_json_raw(json, (ordo_str){text, (size_t)len});
}

static void copy_members(struct ordo_json_writer *json, struct ordo_json_value container, bool is_object)
{
    struct ordo_json_value member;
    ordo_str key;

    for (struct ordo_json_iter iter = ordo_json_iter_of(container); ordo_json_next(&iter, &key, &member);) {
        if (is_object)
            ordo_json_key_escaped(json, key);
        ordo_json_copy(json, member);
    }
}

void ordo_json_copy(struct ordo_json_writer *json, struct ordo_json_value value)
{
    switch (ordo_json_type(value)) {
    case ORDO_JSON_NULL:
        ordo_json_null(json);
        break;
    case ORDO_JSON_BOOL:
        ordo_json_bool(json, ordo_json_as_bool(value));
        break;
    case ORDO_JSON_INT:
        ordo_json_int(json, ordo_json_as_int(value));
        break;
    case ORDO_JSON_UINT:
        copy_uint(json, ordo_json_as_uint(value));
        break;
    case ORDO_JSON_DOUBLE:
        ordo_json_double(json, ordo_json_as_double(value));
        break;
    case ORDO_JSON_STRING:
        ordo_json_string(json, ordo_json_as_str(value));
        break;
    case ORDO_JSON_ARRAY:
        ordo_json_array(json);
        copy_members(json, value, false);
        ordo_json_end_array(json);
        break;
    case ORDO_JSON_OBJECT:
        ordo_json_object(json);
        copy_members(json, value, true);
        ordo_json_end_object(json);
        break;
    }
}
