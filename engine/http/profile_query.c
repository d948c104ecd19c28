/* SPDX-License-Identifier: MIT
 * profile_query.c: reading the query of a route of profiles. One table says which parameters there are; all of them are
 * read here, so a name means the same everywhere.
 */
#include "http/profile_query.h"

#include <math.h>
#include <stdlib.h>

#include "core/options.h"
#include "core/order.h"
#include "http/query.h"
#include "profile/sampler.h"

static const struct {
    const char *name;
    enum ordo_profile_format format;
} formats[] = {
    {"pprof", ORDO_FORMAT_PPROF},
    {"collapsed", ORDO_FORMAT_COLLAPSED},
    {"speedscope", ORDO_FORMAT_SPEEDSCOPE},
    {"svg", ORDO_FORMAT_SVG},
    {"text", ORDO_FORMAT_TEXT},
    {"raw", ORDO_FORMAT_RAW},
    {"symbolized", ORDO_FORMAT_SYMBOLIZED},
    {"json", ORDO_FORMAT_JSON},
    {"perfmap", ORDO_FORMAT_PERF_MAP},
};

#define RATE_MAX_US ((int64_t)3600000000)
enum { FORMATS = sizeof(formats) / sizeof(*formats) };

/* --- one parameter --- */

struct reading {
    const struct ordo__profile_route *route;
    struct ordo_profile_request *request;
    int64_t max_duration_ns;
    bool has_duration;
    struct ordo_error *err;
};

static int read_length(struct reading *reading, const char *name, double seconds, ordo_str value)
{
    if (reading->has_duration)
        return ordo_fail(reading->err, ORDO_ECONFIG, NULL,
                         "%s: the duration was given before; give one of duration and seconds", name);
    if (!(seconds > 0) || seconds * 1e9 > (double)reading->max_duration_ns)
        return ordo_fail(reading->err, ORDO_ECONFIG, NULL,
                         "%s: more than 0 and at most %g s (profiling.max_duration), not '" ORDO_STR_FMT "'",
                         name, (double)reading->max_duration_ns / 1e9, ORDO_STR_ARG(value));
    reading->request->duration_ns = (int64_t)(seconds * 1e9);
    reading->has_duration = true;
    return 0;
}

/* A number that is one to its last byte. */
static bool read_number(ordo_str value, double *ret_number)
{
    char text[32], *end;

    if (value.len == 0 || value.len >= sizeof(text) || (value.ptr[0] < '0' && value.ptr[0] != '.') ||
        value.ptr[0] > '9')
        return false;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    *ret_number = strtod(text, &end);
    return *end == '\0' && isfinite(*ret_number);
}

static const struct ordo_option duration_option = {
    "duration", ORDO_OPTION_DURATION, "30s", 0, INT64_MAX / 1000, NULL, ""};

static int read_duration(struct reading *reading, ordo_str value)
{
    struct ordo_error unused;
    int64_t us;

    if (ordo_option_parse(&duration_option, value, &us, &unused) != 0)
        return ordo_fail(reading->err, ORDO_ECONFIG, NULL,
                         "duration: a time with its unit, like 10s or 500ms, not '" ORDO_STR_FMT "'",
                         ORDO_STR_ARG(value));
    return read_length(reading, "duration", (double)us / 1e6, value);
}

static int read_seconds(struct reading *reading, ordo_str value)
{
    double seconds;

    if (!read_number(value, &seconds))
        return ordo_fail(reading->err, ORDO_ECONFIG, NULL, "seconds: a number, not '" ORDO_STR_FMT "'",
                         ORDO_STR_ARG(value));
    return read_length(reading, "seconds", seconds, value);
}

static int read_format(struct reading *reading, ordo_str value)
{
    struct ordo_buffer allowed = {0};
    int result;

    for (size_t i = 0; i < FORMATS; i++) {
        if ((reading->route->formats & 1u << formats[i].format) == 0)
            continue;
        if (ordo_str_equal(value, ordo_str_from(formats[i].name))) {
            reading->request->format = formats[i].format;
            ordo_buffer_done(&allowed);
            return 0;
        }
        ordo_buffer_printf(&allowed, "%s%s", allowed.len > 0 ? ", " : "", formats[i].name);
    }
    result =
        ordo_fail(reading->err, ORDO_ECONFIG, NULL, "format: one of " ORDO_STR_FMT ", not '" ORDO_STR_FMT "'",
                  ORDO_STR_ARG(ordo_buffer_str(&allowed)), ORDO_STR_ARG(value));
    ordo_buffer_done(&allowed);
    return result;
}

static int read_hz(struct reading *reading, ordo_str value)
{
    double hz;

    if (!read_number(value, &hz) || hz != floor(hz) || hz < 1 || hz > ORDO_SAMPLE_HZ_MAX)
        return ordo_fail(reading->err, ORDO_ECONFIG, NULL,
                         "hz: a whole number from 1 to %d, not '" ORDO_STR_FMT "'", ORDO_SAMPLE_HZ_MAX,
                         ORDO_STR_ARG(value));
    reading->request->hz = (unsigned)hz;
    return 0;
}

static int read_mode(struct reading *reading, ordo_str value)
{
    reading->request->wall = ordo_str_equal(value, ORDO_STR("wall"));
    if (reading->request->wall || ordo_str_equal(value, ORDO_STR("cpu")))
        return 0;
    return ordo_fail(reading->err, ORDO_ECONFIG, NULL, "mode: cpu or wall, not '" ORDO_STR_FMT "'",
                     ORDO_STR_ARG(value));
}

static int read_min_ms(struct reading *reading, ordo_str value)
{
    double ms;

    if (!read_number(value, &ms) || ms <= 0 || ms > 1e9)
        return ordo_fail(reading->err, ORDO_ECONFIG, NULL,
                         "min_ms: milliseconds, more than 0, not '" ORDO_STR_FMT "'", ORDO_STR_ARG(value));
    reading->request->slower_than_ns = (int64_t)(ms * 1e6);
    return 0;
}

static int read_priority(struct reading *reading, ordo_str value)
{
    enum ordo_priority priority;

    if (!ordo_priority_parse(value, &priority))
        return ordo_fail(reading->err, ORDO_ECONFIG, NULL,
                         "priority: high, medium or low, not '" ORDO_STR_FMT "'", ORDO_STR_ARG(value));
    reading->request->priority = (int)priority;
    return 0;
}

static int read_rule(struct reading *reading, ordo_str value)
{
    struct ordo_profile_request *request = reading->request;

    if (value.len == 0 || value.len >= sizeof(request->rule))
        return ordo_fail(reading->err, ORDO_ECONFIG, NULL, "rule: the name of a rule, of 1 to %zu bytes",
                         sizeof(request->rule) - 1);
    memcpy(request->rule, value.ptr, value.len);
    request->rule[value.len] = '\0';
    return 0;
}

static int read_id(struct reading *reading, const char *name, ordo_str value, uint64_t *ret_id)
{
    double number;

    if (!read_number(value, &number) || number != floor(number) || number < 1 || number > 1e15)
        return ordo_fail(reading->err, ORDO_ECONFIG, NULL,
                         "%s: the id of a profile that GET /profile/history lists, not '" ORDO_STR_FMT "'",
                         name, ORDO_STR_ARG(value));
    *ret_id = (uint64_t)number;
    return 0;
}

static int read_base(struct reading *reading, ordo_str value)
{
    return read_id(reading, "base", value, &reading->request->base);
}

static int read_to(struct reading *reading, ordo_str value)
{
    return read_id(reading, "to", value, &reading->request->id);
}

static int read_switch(struct reading *reading, const char *name, ordo_str value, bool *ret_on)
{
    *ret_on = ordo_str_equal(value, ORDO_STR("1"));
    if (*ret_on || ordo_str_equal(value, ORDO_STR("0")))
        return 0;
    return ordo_fail(reading->err, ORDO_ECONFIG, NULL, "%s: 0 or 1, not '" ORDO_STR_FMT "'", name,
                     ORDO_STR_ARG(value));
}

static int read_gc(struct reading *reading, ordo_str value)
{
    return read_switch(reading, "gc", value, &reading->request->collect);
}

static int read_run(struct reading *reading, ordo_str value)
{
    return read_switch(reading, "run", value, &reading->request->collect);
}

static int read_rate(struct reading *reading, ordo_str value)
{
    struct ordo_error unused;
    int64_t us;

    if (ordo_option_parse(&duration_option, value, &us, &unused) != 0 || us <= 0 || us > RATE_MAX_US)
        return ordo_fail(
            reading->err, ORDO_ECONFIG, NULL,
            "rate: a time with its unit, from 1us to 1h: each wait that long is taken, shorter ones "
            "by chance; not '" ORDO_STR_FMT "'",
            ORDO_STR_ARG(value));
    reading->request->rate_ns = us * 1000;
    return 0;
}

static int read_debug(struct reading *reading, ordo_str value)
{
    if (value.len != 1 || *value.ptr < '0' || *value.ptr > '2')
        return ordo_fail(reading->err, ORDO_ECONFIG, NULL,
                         "debug: 1 or 2 for text, 0 for a profile; not "
                         "'" ORDO_STR_FMT "'",
                         ORDO_STR_ARG(value));
    reading->request->debug = (unsigned)(*value.ptr - '0');
    return 0;
}

static int read_last(struct reading *reading, ordo_str value)
{
    struct ordo_error unused;
    int64_t us;

    if (ordo_option_parse(&duration_option, value, &us, &unused) != 0 || us <= 0 ||
        us * 1000 > reading->max_duration_ns)
        return ordo_fail(reading->err, ORDO_ECONFIG, NULL,
                         "last: a time with its unit, like 5s, of at most %g s (profiling.max_duration), not "
                         "'" ORDO_STR_FMT "'",
                         (double)reading->max_duration_ns / 1e9, ORDO_STR_ARG(value));
    reading->request->last_ns = us * 1000;
    reading->request->duration_ns = 0;
    return 0;
}

static int read_slow(struct reading *reading, ordo_str value)
{
    struct ordo_profile_request *request = reading->request;

    if (value.len == 0 || value.len >= sizeof(request->slow))
        return ordo_fail(reading->err, ORDO_ECONFIG, NULL,
                         "slow: 1 for the list, or the id of an order in it");
    memcpy(request->slow, value.ptr, value.len);
    request->slow[value.len] = '\0';
    request->duration_ns = 0;
    return 0;
}

static int read_peak(struct reading *reading, ordo_str value)
{
    return read_switch(reading, "peak", value, &reading->request->peak);
}

#define NUMBER "{\"type\":\"number\",\"exclusiveMinimum\":0}"
#define TEXT "{\"type\":\"string\"}"
#define ID "{\"type\":\"integer\",\"minimum\":1}"
#define SWITCH "{\"enum\":[\"0\",\"1\"]}"

static const struct {
    const char *name;
    unsigned takes; /* 0: where there are formats */
    int (*read)(struct reading *reading, ordo_str value);
    const char *schema, *meaning;
} parameters[] = {
    {"base", ORDO__TAKES_BASE, read_base, ID,
     "Answers the change since this profile of the history, per order"},
    {"debug", ORDO__TAKES_DEBUG, read_debug, "{\"enum\":[\"0\",\"1\",\"2\"],\"default\":\"0\"}",
     "1, 2: as text; of orders and threads 1: stacks and how many stand there, 2: each one"},
    {"duration", ORDO__TAKES_DURATION, read_duration, TEXT, "How long: 10s, 500ms"},
    {"format", 0, read_format, TEXT, "What is answered"},
    {"gc", ORDO__TAKES_HEAP, read_gc, SWITCH, "1: Lua's garbage is collected first"},
    {"hz", ORDO__TAKES_HZ, read_hz, "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,\"default\":100}",
     "Samples a second"},
    {"last", ORDO__TAKES_TRACE, read_last, TEXT, "Of the past, so long: 5s"},
    {"min_ms", ORDO__TAKES_FILTER, read_min_ms, NUMBER,
     "Only orders that took longer, from receipt to decision"},
    {"mode", ORDO__TAKES_MODE, read_mode, "{\"enum\":[\"cpu\",\"wall\"],\"default\":\"cpu\"}",
     "wall: waiting counts, too"},
    {"peak", ORDO__TAKES_HEAP, read_peak, SWITCH, "1: as it was when most memory was in use"},
    {"priority", ORDO__TAKES_FILTER, read_priority, "{\"enum\":[\"high\",\"medium\",\"low\"]}",
     "Only orders of this class"},
    {"rate", ORDO__TAKES_RATE, read_rate, TEXT,
     "Measures meanwhile: each wait that long, shorter ones by chance: 10us"},
    {"rule", ORDO__TAKES_FILTER, read_rule, TEXT, "Only this rule, by the name that it gives itself"},
    {"run", ORDO__TAKES_RUN, read_run, SWITCH, "1: Lua's garbage is collected first"},
    {"seconds", ORDO__TAKES_DURATION, read_seconds, NUMBER, "How long, in seconds"},
    {"slow", ORDO__TAKES_TRACE, read_slow, TEXT,
     "1: which orders were slower than trace.slow_ms; an id: the trace of that order"},
    {"to", ORDO__TAKES_TO, read_to, ID, "The profile of the history to which the change is answered"},
};

enum { PARAMETERS = sizeof(parameters) / sizeof(*parameters) };

static bool is_taken(const struct ordo__profile_route *route, size_t parameter)
{
    unsigned takes = parameters[parameter].takes;

    return takes == 0 ? route->formats != 0 : (route->parameters & takes) != 0;
}

static int unknown(const struct ordo__profile_route *route, ordo_str name, struct ordo_error *err)
{
    const char *names[PARAMETERS];
    struct ordo_buffer there_are = {0};
    size_t count = 0;
    int result;

    ordo_buffer_printf(&there_are, "there are: ");
    for (size_t i = 0; i < PARAMETERS; i++)
        if (is_taken(route, i)) {
            ordo_buffer_printf(&there_are, "%s%s", count > 0 ? ", " : "", parameters[i].name);
            names[count++] = parameters[i].name;
        }
    result = ordo__query_unknown(name, names, count, there_are.ptr, err);
    ordo_buffer_done(&there_are);
    return result;
}

/* What must be there, and what does not go together. */
static int check_together(const struct ordo__profile_route *route, const struct ordo_profile_request *request,
                          struct ordo_error *err)
{
    if ((route->parameters & ORDO__TAKES_TO) != 0 && (request->base == 0 || request->id == 0))
        return ordo_fail(err, ORDO_ECONFIG, NULL, "base and to: two ids of GET /profile/history are needed");
    if (request->base != 0 && (ORDO__CHANGE_FORMATS & 1u << request->format) == 0)
        return ordo_fail(err, ORDO_ECONFIG, NULL, "format: with base, one of pprof, svg, text");
    if (request->rate_ns != 0 && request->duration_ns == 0)
        return ordo_fail(err, ORDO_ECONFIG, NULL, "rate: give seconds too: for how long to measure");
    if (request->debug != 0 && request->format != route->format)
        return ordo_fail(err, ORDO_ECONFIG, NULL, "debug: not together with a format");
    if (request->peak && request->duration_ns != 0)
        return ordo_fail(err, ORDO_ECONFIG, NULL, "peak: not together with a duration");
    return 0;
}

int ordo__profile_query_parse(const struct ordo__profile_route *route, ordo_str text, int64_t max_duration_ns,
                              struct ordo_profile_request *ret_request, struct ordo_error *err)
{
    struct reading reading = {route, ret_request, max_duration_ns, false, err};
    bool seen[PARAMETERS] = {false};
    char decoded[256];
    ordo_str name, value;
    size_t len, i;
    int result;

    *ret_request = (struct ordo_profile_request){.kind = route->kind,
                                                 .format = route->format,
                                                 .duration_ns = route->duration_ns,
                                                 .hz = 100,
                                                 .priority = -1,
                                                 .collect = route->collect,
                                                 .allocs = route->allocs};
    while (ordo__query_next(&text, &name, &value)) {
        for (i = 0; i < PARAMETERS &&
                    !(is_taken(route, i) && ordo_str_equal(name, ordo_str_from(parameters[i].name)));
             i++)
            continue;
        if (i == PARAMETERS)
            return unknown(route, name, err);
        if (seen[i])
            return ordo_fail(err, ORDO_ECONFIG, NULL, "%s: given twice", parameters[i].name);
        seen[i] = true;
        if (!ordo__percent_decode(value, true, decoded, sizeof(decoded), &len))
            return ordo_fail(err, ORDO_ECONFIG, NULL, "%s: a bad %%-escape, or too long", parameters[i].name);
        if ((result = parameters[i].read(&reading, (ordo_str){decoded, len})) != 0)
            return result;
    }
    return check_together(route, ret_request, err);
}

/* --- /openapi.json --- */

static void describe_formats(const struct ordo__profile_route *route, struct ordo_buffer *out)
{
    const char *comma = "";

    ordo_buffer_append(out, ORDO_STR("{\"enum\":["));
    for (size_t i = 0; i < FORMATS; i++)
        if ((route->formats & 1u << formats[i].format) != 0) {
            ordo_buffer_printf(out, "%s\"%s\"", comma, formats[i].name);
            comma = ",";
        }
    ordo_buffer_append(out, ORDO_STR("],\"default\":\""));
    for (size_t i = 0; i < FORMATS; i++)
        if (formats[i].format == route->format)
            ordo_buffer_append(out, ordo_str_from(formats[i].name));
    ordo_buffer_append(out, ORDO_STR("\"}"));
}

void ordo__profile_query_describe(const struct ordo__profile_route *route, bool has_id,
                                  struct ordo_buffer *out)
{
    const char *comma = has_id ? "," : "";

    ordo_buffer_printf(out, "\"parameters\":[%s",
                       has_id ? "{\"name\":\"id\",\"in\":\"path\",\"required\":true,\"schema\":" ID "}" : "");
    for (size_t i = 0; i < PARAMETERS; i++) {
        if (!is_taken(route, i))
            continue;
        ordo_buffer_printf(out,
                           "%s{\"name\":\"%s\",\"in\":\"query\",\"description\":\"%s\",\"schema\":", comma,
                           parameters[i].name, parameters[i].meaning);
        if (parameters[i].takes == 0)
            describe_formats(route, out);
        else
            ordo_buffer_append(out, ordo_str_from(parameters[i].schema));
        ordo_buffer_put(out, '}');
        comma = ",";
    }
    ordo_buffer_put(out, ']');
}
