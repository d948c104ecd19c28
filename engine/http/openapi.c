/* SPDX-License-Identifier: MIT
 * openapi.c: GET /openapi.json, written from the route table, the problem table and the schemas.
 */
#include <ctype.h>

#include "http/http_impl.h"
#include "http/profile_query.h"

static const char *const parts[ORDO__ROUTE_COUNT] = {
#define X(name, members) [ORDO__ROUTE_##name] = members,
#include "http/openapi_parts.h"
#undef X
};

static const char *const codes[] = {
#define X(name, code, status, title) code,
#include "core/problem_table.h"
#undef X
};

static const struct {
    const char *name, *schema;
} schemas[] = {
#define X(name, schema) {name, schema},
#include "http/openapi_schemas.h"
#undef X
};

/* The routes of profiles have one table of their parameters, and answer alike. */
static void write_profile_parts(struct ordo_json_writer *json, const struct ordo__route *route,
                                const struct ordo__profile_route *profile)
{
    static const char answers[] =
        ",\"responses\":{\"200\":{\"description\":\"The profile\",\"content\":{\"*/*\":{\"schema\":{\"type\":"
        "\"string\"}}}},\"default\":{\"description\":\"bad_query, unauthorized, not_found, profile_running, "
        "profile_unavailable, stopping; for `go tool pprof` and jeprof as text\",\"content\":{"
        "\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}},"
        "\"text/plain\":{\"schema\":{\"type\":\"string\"}}}}}";

    ordo__profile_query_describe(profile, strchr(route->pattern, '{') != NULL, json->out);
    ordo_buffer_append(json->out, ordo_str_from(answers));
}

static void write_operation(struct ordo_json_writer *json, const struct ordo__route *route)
{
    const struct ordo__profile_route *profile = ordo__profile_route(route->name);
    char method[8] = "";

    for (size_t i = 0; route->method[i] != '\0' && i + 1 < sizeof(method); i++)
        method[i] = (char)tolower((unsigned char)route->method[i]);
    ordo_json_key(json, ordo_str_from(method));
    ordo_buffer_printf(json->out, "{\"summary\":\"%s\",%s", route->summary,
                       (route->scope & ORDO__SCOPE_TOKENLESS) != 0 ? "\"security\":[]," : "");
    if (profile != NULL)
        write_profile_parts(json, route, profile);
    else
        ordo_buffer_append(json->out, ordo_str_from(parts[route->name]));
    ordo_buffer_put(json->out, '}');
    json->comma = true;
}

static void write_paths(struct ordo_json_writer *json)
{
    ordo_json_key(json, ORDO_STR("paths"));
    ordo_json_object(json);
    for (size_t i = 0; i < ORDO__ROUTE_COUNT; i++) {
        if (i == 0 || strcmp(ordo__routes[i].pattern, ordo__routes[i - 1].pattern) != 0) {
            ordo_json_key(json, ordo_str_from(ordo__routes[i].pattern));
            ordo_json_object(json);
        }
        write_operation(json, &ordo__routes[i]);
        if (i + 1 == ORDO__ROUTE_COUNT || strcmp(ordo__routes[i].pattern, ordo__routes[i + 1].pattern) != 0)
            ordo_json_end_object(json);
    }
    ordo_json_end_object(json);
}

static void write_problem_schema(struct ordo_json_writer *json)
{
    ordo_json_key(json, ORDO_STR("Problem"));
    ordo_json_object(json);
    ordo_json_key_string(json, ORDO_STR("type"), ORDO_STR("object"));
    ordo_json_key(json, ORDO_STR("required"));
    ordo_json_raw(json, ORDO_STR("[\"type\",\"title\",\"status\",\"code\",\"detail\"]"));
    ordo_json_key(json, ORDO_STR("properties"));
    ordo_json_object(json);
    ordo_json_key(json, ORDO_STR("code"));
    ordo_json_object(json);
    ordo_json_key(json, ORDO_STR("enum"));
    ordo_json_array(json);
    for (size_t i = 0; i < ORDO_PROBLEM_COUNT; i++)
        ordo_json_string(json, ordo_str_from(codes[i]));
    ordo_json_end_array(json);
    ordo_json_end_object(json);
    ordo_json_key(json, ORDO_STR("type"));
    ordo_json_raw(json, ORDO_STR("{\"type\":\"string\"}"));
    ordo_json_key(json, ORDO_STR("title"));
    ordo_json_raw(json, ORDO_STR("{\"type\":\"string\"}"));
    ordo_json_key(json, ORDO_STR("detail"));
    ordo_json_raw(json, ORDO_STR("{\"type\":\"string\"}"));
    ordo_json_key(json, ORDO_STR("status"));
    ordo_json_raw(json, ORDO_STR("{\"type\":\"integer\"}"));
    ordo_json_key(json, ORDO_STR("id"));
    ordo_json_raw(json, ORDO_STR("{\"type\":\"string\"}"));
    ordo_json_key(json, ORDO_STR("problems"));
    ordo_json_raw(
        json,
        ORDO_STR("{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"field\",\"pointer\","
                 "\"message\"],\"properties\":{\"field\":{\"type\":\"string\"},\"pointer\":{\"type\":"
                 "\"string\"},\"message\":{\"type\":\"string\"},\"rule\":{\"type\":\"string\"},\"at\":"
                 "{\"type\":\"string\"}}}}"));
    ordo_json_end_object(json);
    ordo_json_end_object(json);
}

static void write_components(struct ordo_json_writer *json)
{
    ordo_json_key(json, ORDO_STR("components"));
    ordo_json_object(json);
    ordo_json_key(json, ORDO_STR("schemas"));
    ordo_json_object(json);
    for (size_t i = 0; i < sizeof(schemas) / sizeof(*schemas); i++) {
        ordo_json_key(json, ordo_str_from(schemas[i].name));
        ordo_json_raw(json, ordo_str_from(schemas[i].schema));
    }
    write_problem_schema(json);
    ordo_json_end_object(json);
    ordo_json_key(json, ORDO_STR("securitySchemes"));
    ordo_json_raw(json, ORDO_STR("{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
                                 "\"basic\":{\"type\":\"http\",\"scheme\":\"basic\"}}"));
    ordo_json_end_object(json);
}

void ordo__openapi_write(struct ordo_buffer *out)
{
    struct ordo_json_writer json = ordo_json_writer(out);

    ordo_json_object(&json);
    ordo_json_key_string(&json, ORDO_STR("openapi"), ORDO_STR("3.1.0"));
    ordo_json_key(&json, ORDO_STR("info"));
    ordo_json_raw(&json,
                  ORDO_STR("{\"title\":\"ordo\",\"description\":\"A scriptable order engine.\","
                           "\"license\":{\"name\":\"MIT\",\"identifier\":\"MIT\"},\"version\":\"" ORDO_VERSION
                           "\"}"));
    ordo_json_key(&json, ORDO_STR("servers"));
    ordo_json_raw(&json, ORDO_STR("[{\"url\":\"/\"}]"));
    ordo_json_key(&json, ORDO_STR("security"));
    ordo_json_raw(&json, ORDO_STR("[{},{\"bearer\":[]},{\"basic\":[]}]"));
    write_paths(&json);
    write_components(&json);
    ordo_json_end_object(&json);
}

void ordo__openapi_get(struct ordo__request *request)
{
    struct ordo_buffer out = {0};

    ordo__openapi_write(&out);
    ordo__reply_json(request, 200, ordo_buffer_str(&out));
    ordo_buffer_done(&out);
}
