/* SPDX-License-Identifier: MIT
 * api_client.c: HTTP by libcurl, and what its failures mean to whoever typed the command.
 *
 * Proxies of the environment are not used: a token is for the engine alone, and an engine is near.
 */
#include "cli/api_client.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdlib.h>

#include "cli/table.h"
#include "http/auth.h"

/* An order may have 1024 levels, and stands inside of a page. */
enum { CONNECT_SECONDS = 10, SILENT_SECONDS = 60, DEPTH = 1040 };

static void say(const struct ordo_api *api, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(const struct ordo_api *api, const char *subject, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "ordo %s: ", api->command->name);
    if (subject != NULL)
        fprintf(stderr, "%s: ", subject);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

bool ordo_api_take(struct ordo_api_options *options, int id, const char *value)
{
    if (id == ORDO_API_URL)
        options->url = value;
    else if (id == ORDO_API_TOKEN_FILE)
        options->token_file = value;
    else
        return false;
    return true;
}

/* The address without a slash at its end; "host:port" is http. */
static bool read_url(struct ordo_api *api, const char *url)
{
    CURLU *parts = curl_url();
    char *whole = NULL, *scheme = NULL, *query = NULL;
    bool ok;
    size_t len;

    ORDO_REQUIRE(parts != NULL);
    ok = curl_url_set(parts, CURLUPART_URL, url, CURLU_GUESS_SCHEME) == CURLUE_OK &&
         curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
         (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
         curl_url_get(parts, CURLUPART_QUERY, &query, 0) == CURLUE_NO_QUERY &&
         curl_url_get(parts, CURLUPART_URL, &whole, 0) == CURLUE_OK;
    if (ok) {
        for (len = strlen(whole); len > 0 && whole[len - 1] == '/'; len--)
            continue;
        api->base = strndup(whole, len);
        ORDO_REQUIRE(api->base != NULL);
    } else {
        ordo_command_usage(api->command,
                           "--url is the engine's address such as http://127.0.0.1:8080, not \"%s\"", url);
    }
    curl_free(whole);
    curl_free(scheme);
    curl_free(query);
    curl_url_cleanup(parts);
    return ok;
}

static bool read_token(struct ordo_api *api, const char *path)
{
    struct ordo_token token;
    struct ordo_error err;
    char text[1024];

    if (path == NULL)
        return true;
    if (ordo_token_read(path, &token, &err) != 0) {
        say(api, NULL, "--token-file: %s", ordo_error_format(&err, text, sizeof(text)));
        return false;
    }
    ORDO_REQUIRE(asprintf(&api->authorization, "Authorization: Bearer %.*s", (int)token.len, token.bytes) >
                 0);
    api->token_file = path;
    return true;
}

static size_t keep_body(char *bytes, size_t size, size_t count, void *context)
{
    struct ordo_api *api = context;

    ordo_buffer_append(&api->body, (ordo_str){bytes, size * count});
    return size * count;
}

static int tick(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct ordo_api *api = context;
    curl_off_t sent_us = 0;

    (void)a, (void)b, (void)c, (void)d;
    curl_easy_getinfo(api->curl, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
    if (sent_us > 0) /* there is a connection */
        api->tick(api->tick_context);
    return 0;
}

static void set_options(struct ordo_api *api, const struct ordo_api_options *options)
{
    curl_easy_setopt(api->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(api->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(api->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(api->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(api->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(api->curl, CURLOPT_LOW_SPEED_TIME, options->may_take_long ? 0L : (long)SILENT_SECONDS);
    curl_easy_setopt(api->curl, CURLOPT_USERAGENT, "ordo/" ORDO_VERSION);
    curl_easy_setopt(api->curl, CURLOPT_WRITEFUNCTION, keep_body);
    curl_easy_setopt(api->curl, CURLOPT_WRITEDATA, api);
    curl_easy_setopt(api->curl, CURLOPT_NOPROGRESS, options->tick == NULL ? 1L : 0L);
    curl_easy_setopt(api->curl, CURLOPT_XFERINFOFUNCTION, tick);
    curl_easy_setopt(api->curl, CURLOPT_XFERINFODATA, api);
}

struct ordo_api *ordo_api_open(const struct ordo_command *command, const struct ordo_api_options *options)
{
    struct ordo_api *api = calloc(1, sizeof(*api));

    ORDO_REQUIRE(api != NULL);
    api->command = command;
    if (!read_url(api, options->url != NULL ? options->url : "http://127.0.0.1:8080") ||
        !read_token(api, options->token_file)) {
        ordo_api_close(api);
        return NULL;
    }
    api->curl = curl_easy_init();
    ORDO_REQUIRE(api->curl != NULL);
    api->parser = ordo_json_parser_new(DEPTH);
    api->tick = options->tick;
    api->tick_context = options->tick_context;
    set_options(api, options);
    return api;
}

void ordo_api_close(struct ordo_api *api)
{
    if (api == NULL)
        return;
    curl_easy_cleanup(api->curl);
    ordo_json_parser_free(api->parser);
    ordo_buffer_done(&api->body);
    free(api->authorization);
    free(api->base);
    free(api);
}

static void say_unreachable(struct ordo_api *api, CURLcode code, const char *subject)
{
    long number = 0;

    curl_easy_getinfo(api->curl, CURLINFO_OS_ERRNO, &number);
    if (code == CURLE_COULDNT_CONNECT)
        say(api, subject, "cannot reach %s: %s; is the engine running there? --url names another address",
            api->base, number != 0 ? strerror((int)number) : curl_easy_strerror(code));
    else
        say(api, subject, "%s: %s", api->base, curl_easy_strerror(code));
}

/* What there is to do, behind what the problem says of itself. */
static const char *cure_of(const struct ordo_api *api)
{
    static const struct {
        const char *code, *cure;
    } cures[] = {
        {"in_progress", "; it will be decided by itself"},
        {"not_dead", "; `ordo orders show` says where it stands"},
        {"not_held", "; `ordo orders show` says where it stands"},
    };

    if (api->is_elsewhere)
        return "; name its address (admin.listen) with --url";
    for (size_t i = 0; i < sizeof(cures) / sizeof(*cures); i++)
        if (strcmp(cures[i].code, api->code) == 0)
            return cures[i].cure;
    return "";
}

static ordo_str text_of(struct ordo_json_value object, ordo_str key)
{
    struct ordo_json_value value;

    if (!ordo_json_get(object, key, &value) || ordo_json_type(value) != ORDO_JSON_STRING)
        return ORDO_STR_NONE;
    return ordo_json_as_str(value);
}

static void say_problem(struct ordo_api *api, struct ordo_json_value problem, const char *subject)
{
    ordo_str title = text_of(problem, ORDO_STR("title")), detail = text_of(problem, ORDO_STR("detail"));
    struct ordo_json_value problems, one;
    struct ordo_buffer text = {0}, clean = {0};

    ordo_buffer_printf(&text, ORDO_STR_FMT ": " ORDO_STR_FMT "%s", ORDO_STR_ARG(title), ORDO_STR_ARG(detail),
                       cure_of(api));
    if (ordo_json_get(problem, ORDO_STR("problems"), &problems))
        for (struct ordo_json_iter iter = ordo_json_iter_of(problems); ordo_json_next(&iter, NULL, &one);) {
            ordo_str field = text_of(one, ORDO_STR("field")), message = text_of(one, ORDO_STR("message"));

            ordo_buffer_printf(&text, "; " ORDO_STR_FMT " " ORDO_STR_FMT, ORDO_STR_ARG(field),
                               ORDO_STR_ARG(message));
        }
    ordo_buffer_put_clean(&clean, ordo_buffer_str(&text));
    say(api, subject, "%.*s", (int)clean.len, clean.ptr);
    ordo_buffer_done(&text);
    ordo_buffer_done(&clean);
}

static void say_unauthorized(const struct ordo_api *api, const char *subject)
{
    if (api->token_file == NULL)
        say(api, subject, "%s wants a token; name the file that has it with --token-file", api->base);
    else
        say(api, subject,
            "%s does not take the token of %s; it has one for orders (http.token_file) and may have another "
            "for changes and the admin listener (admin.token_file)",
            api->base, api->token_file);
}

/* Names go into the terminal and the file system: one with what is not safe in both is none. */
static void read_file_name(struct ordo_api *api, const char *disposition)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const char *name = strstr(disposition, "filename=\"");
    size_t len;

    if (name == NULL)
        return;
    name += strlen("filename=\"");
    len = strspn(name, safe);
    if (name[len] == '"' && len < sizeof(api->file) && name[0] != '.')
        snprintf(api->file, sizeof(api->file), "%.*s", (int)len, name);
}

/* What the answer says of itself. */
static void read_headers(struct ordo_api *api)
{
    struct curl_header *header;
    curl_off_t retry_after = 0;

    curl_easy_getinfo(api->curl, CURLINFO_RESPONSE_CODE, &api->status);
    curl_easy_getinfo(api->curl, CURLINFO_RETRY_AFTER, &retry_after);
    api->retry_after_s = (long)retry_after;
    if (curl_easy_header(api->curl, "content-type", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        snprintf(api->type, sizeof(api->type), "%s", header->value);
    if (curl_easy_header(api->curl, "content-disposition", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        read_file_name(api, header->value);
    if (curl_easy_header(api->curl, "x-profile-id", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        api->profile_id = strtoull(header->value, NULL, 10);
}

/* What the answer is worth; `quiet` is a problem code of which nothing is said. */
static bool judge(struct ordo_api *api, const char *subject, const char *quiet)
{
    struct ordo_json_value root;
    struct ordo_error err;
    ordo_str detail;

    if (ordo_json_parse_buffer(api->parser, &api->body, &err) != 0) {
        say(api, subject, "%s answers %ld with something that is no JSON: is it an ordo engine?", api->base,
            api->status);
        return false;
    }
    if (api->status >= 200 && api->status < 300)
        return true;
    root = ordo_json_root(api->parser);
    snprintf(api->code, sizeof(api->code), ORDO_STR_FMT, ORDO_STR_ARG(text_of(root, ORDO_STR("code"))));
    detail = text_of(root, ORDO_STR("detail"));
    api->is_elsewhere = detail.len > 0 && memmem(detail.ptr, detail.len, "admin listener", 14) != NULL;
    if (quiet != NULL && strcmp(api->code, quiet) == 0)
        return false;
    if (api->status == 401)
        say_unauthorized(api, subject);
    else if (text_of(root, ORDO_STR("title")).len > 0)
        say_problem(api, root, subject);
    else
        say(api, subject, "%s answers %ld, and not as an ordo engine does", api->base, api->status);
    return false;
}

static void add_header(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = line == NULL ? *headers : curl_slist_append(*headers, line);

    ORDO_REQUIRE(longer != NULL || line == NULL);
    *headers = longer;
}

enum body { JSON, ANYTHING };

static bool perform(struct ordo_api *api, const char *path, struct curl_slist *headers, enum body expected,
                    const char *subject, const char *quiet)
{
    char *url;
    CURLcode code;

    ORDO_REQUIRE(asprintf(&url, "%s%s", api->base, path) > 0);
    add_header(&headers, api->authorization);
    ordo_buffer_clear(&api->body);
    api->status = 0;
    api->code[0] = api->type[0] = api->file[0] = '\0';
    api->is_elsewhere = false;
    api->profile_id = 0;
    curl_easy_setopt(api->curl, CURLOPT_URL, url);
    curl_easy_setopt(api->curl, CURLOPT_HTTPHEADER, headers);
    code = curl_easy_perform(api->curl);
    curl_easy_setopt(api->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    free(url);
    if (code != CURLE_OK) {
        say_unreachable(api, code, subject);
        return false;
    }
    read_headers(api);
    if (expected == ANYTHING && api->status >= 200 && api->status < 300)
        return true;
    return judge(api, subject, quiet);
}

bool ordo_api_get(struct ordo_api *api, const char *path, const char *subject)
{
    curl_easy_setopt(api->curl, CURLOPT_HTTPGET, 1L);
    return perform(api, path, NULL, JSON, subject, NULL);
}

bool ordo_api_fetch(struct ordo_api *api, const char *path, const char *subject)
{
    curl_easy_setopt(api->curl, CURLOPT_HTTPGET, 1L);
    return perform(api, path, NULL, ANYTHING, subject, NULL);
}

bool ordo_api_delete(struct ordo_api *api, const char *path, const char *subject)
{
    bool ok;

    curl_easy_setopt(api->curl, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(api->curl, CURLOPT_CUSTOMREQUEST, "DELETE");
    ok = perform(api, path, NULL, JSON, subject, NULL);
    curl_easy_setopt(api->curl, CURLOPT_CUSTOMREQUEST, NULL);
    return ok;
}

bool ordo_api_post(struct ordo_api *api, const char *path, const struct ordo_buffer *body,
                   const char *subject, const char *quiet)
{
    struct curl_slist *headers = NULL;

    add_header(&headers, "Content-Type: application/json");
    curl_easy_setopt(api->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(api->curl, CURLOPT_POSTFIELDS, body != NULL ? body->ptr : "");
    curl_easy_setopt(api->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(body != NULL ? body->len : 0));
    return perform(api, path, headers, JSON, subject, quiet);
}

void ordo_api_put_escaped(struct ordo_buffer *out, ordo_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            (c != '\0' && strchr("-._~", c) != NULL))
            ordo_buffer_put(out, (char)c);
        else
            ordo_buffer_printf(out, "%%%02X", c);
    }
}

int ordo_api_exit(const struct ordo_api *api)
{
    return api->status == 400 && strcmp(api->code, "bad_query") == 0 ? ORDO_EXIT_USAGE : ORDO_EXIT_FAILURE;
}
