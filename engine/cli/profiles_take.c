/* SPDX-License-Identifier: MIT
 * profiles_take.c: from options to a request, and the request itself.
 */
#include <unistd.h>

#include "cli/profiles.h"

enum { LIMIT_MOST = 100000, WIDTH_LEAST = 10, WIDTH_MOST = 10000 };

static const struct ordo_cli_option *option_of(const struct ordo_command *command, int id)
{
    const struct ordo_cli_option *option = command->options;

    while (option->id != id)
        option++;
    return option;
}

/* "--min-ms 5" is min_ms=5. */
static void put_parameter(struct ordo_profiles_call *call, int id, const char *value)
{
    const char *name = option_of(call->command, id)->name;

    ordo_buffer_put(&call->query, '&');
    for (const char *c = name; *c != '\0'; c++)
        ordo_buffer_put(&call->query, *c == '-' ? '_' : *c);
    ordo_buffer_put(&call->query, '=');
    ordo_api_put_escaped(&call->query, ordo_str_from(value != NULL ? value : "1"));
}

/* "10" and "0.5s", which other commands take, are "10s" and "500ms" to the engine. */
static void put_duration(struct ordo_profiles_call *call, const char *value)
{
    char text[32];

    if (strspn(value, "0123456789") == strlen(value))
        snprintf(text, sizeof(text), "%.30ss", value);
    else if (strchr(value, '.') != NULL)
        snprintf(text, sizeof(text), "%lldus", (long long)(call->duration_ns / 1000));
    else
        snprintf(text, sizeof(text), "%.31s", value);
    put_parameter(call, ORDO_PROFILES_DURATION, text);
}

bool ordo_profiles_take(struct ordo_profiles_call *call, int id, const char *value)
{
    if (ordo_api_take(&call->api, id, value))
        return true;
    switch (id) {
    case ORDO_PROFILES_TOP:
        call->top = true;
        return true;
    case ORDO_PROFILES_FLAME:
        call->flame = true;
        return true;
    case ORDO_PROFILES_OPEN:
        call->open = true;
        return true;
    case ORDO_PROFILES_OUTPUT:
        call->output = value;
        return true;
    case ORDO_PROFILES_LIMIT:
        return ordo_cli_number(call->command, "limit", value, 1, LIMIT_MOST, &call->limit);
    case ORDO_PROFILES_WIDTH:
        return ordo_cli_number(call->command, "width", value, WIDTH_LEAST, WIDTH_MOST, &call->width);
    case ORDO_PROFILES_FORMAT: /* what is shown may need one of its own */
        call->format = value;
        return true;
    case ORDO_PROFILES_DURATION:
        if (!ordo_cli_duration(call->command, "duration", value, &call->duration_ns))
            return false;
        put_duration(call, value);
        return true;
    case ORDO_PROFILES_BASE:
        call->kind.shape = ORDO_PROFILES_CHANGE;
        break;
    case ORDO_PROFILES_DEBUG:
        call->as_text = true;
        break;
    case ORDO_PROFILES_LAST:
    case ORDO_PROFILES_SLOW:
        call->kind.seconds = 0;
        break;
    }
    put_parameter(call, id, value);
    return true;
}

/* What goes together, and the format that it needs; NULL: the engine's own. False after saying what does not. */
static bool choose_format(struct ordo_profiles_call *call, const char **ret_format)
{
    bool changes = call->kind.shape == ORDO_PROFILES_CHANGE, draws = call->top || call->flame;

    if (call->kind.shape != ORDO_PROFILES_DOCUMENT && !draws && !call->open && !call->as_text &&
        call->output == NULL && call->format == NULL && isatty(STDOUT_FILENO))
        call->top = draws = true;
    *ret_format = call->format;
    if (call->flame && changes)
        ordo_command_usage(call->command,
                           "--flame draws one profile; --top and --open show the change between two");
    else if (call->limit > 0 && changes)
        ordo_command_usage(call->command, "--limit does not go with --base: the engine writes the table");
    else if (draws && call->open)
        ordo_command_usage(call->command, "--open is of a file, --%s of the terminal: give one of them",
                           call->top ? "top" : "flame");
    else if (draws && (call->format != NULL || call->as_text))
        ordo_command_usage(call->command, "--%s does not go with --%s: it needs a format of its own",
                           call->top ? "top" : "flame", call->format != NULL ? "format" : "debug");
    else {
        if (draws)
            *ret_format = changes ? "text" : "pprof";
        else if (call->open && call->format == NULL && !call->as_text &&
                 call->kind.shape != ORDO_PROFILES_DOCUMENT)
            *ret_format = "svg";
        return true;
    }
    return false;
}

static void put_path(const struct ordo_profiles_call *call, const char *format, struct ordo_buffer *path)
{
    size_t mark;

    ordo_buffer_printf(path, "%s", call->kind.path);
    mark = path->len;
    if (format != NULL) {
        ordo_buffer_append(path, ORDO_STR("&format="));
        ordo_api_put_escaped(path, ordo_str_from(format));
    }
    ordo_buffer_append(path, ordo_buffer_str(&call->query));
    if (path->len > mark)
        path->ptr[mark] = '?';
    ordo_buffer_put(path, '\0');
}

int ordo_profiles_perform(struct ordo_profiles_call *call)
{
    struct ordo_profiles_wait wait;
    struct ordo_buffer path = {0};
    struct ordo_api *api;
    const char *format;
    bool came;
    int code;

    if (!choose_format(call, &format))
        return ORDO_EXIT_USAGE;
    if (call->duration_ns == 0)
        call->duration_ns = (int64_t)call->kind.seconds * 1000000000;
    call->api.may_take_long = true;
    call->api.tick = ordo_profiles_wait_tick;
    call->api.tick_context = &wait;
    if ((api = ordo_api_open(call->command, &call->api)) == NULL)
        return ORDO_EXIT_USAGE;
    put_path(call, format, &path);
    ordo_profiles_wait_begin(&wait, call->command, call->duration_ns);
    came = ordo_api_fetch(api, path.ptr, NULL);
    ordo_profiles_wait_end(&wait);
    code = came ? ordo_profiles_show(call, api, path.ptr) : ordo_api_exit(api);
    ordo_buffer_done(&path);
    ordo_api_close(api);
    return code;
}
