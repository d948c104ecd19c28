/* SPDX-License-Identifier: MIT
 * backup.c: `ordo backup`: asks a running engine for a copy of its store, and waits for it.
 */
#include "cli/commands.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json_read.h"
#include "base/json_write.h"

enum { OPTION_URL = 1, OPTION_TOKEN_FILE, TOKEN_MAX = 4096, JSON_DEPTH = 16 };

const struct ordo_cli_option ordo_backup_options[] = {
    {OPTION_URL, "url", 'u', "URL", "The engine's admin listener (http://127.0.0.1:8080)."},
    {OPTION_TOKEN_FILE, "token-file", 't', "FILE", "The token of admin.token_file."},
    {0},
};

/* "Authorization: Bearer ...", or NULL after saying why not. */
static char *read_token(const char *path)
{
    char token[TOKEN_MAX] = "", *header = NULL;
    FILE *file = fopen(path, "re");

    if (file == NULL || fgets(token, sizeof(token), file) == NULL)
        fprintf(stderr, "ordo backup: %s: %s\n", path, file == NULL ? strerror(errno) : "the file is empty");
    else if (asprintf(&header, "Authorization: Bearer %.*s", (int)strcspn(token, "\r\n"), token) < 0)
        header = NULL;
    if (file != NULL)
        fclose(file);
    return header;
}

/* The request's body; the path is taken from the caller's folder, since the engine has another one. */
static bool write_request(const char *folder, struct ordo_buffer *out)
{
    struct ordo_json_writer json = ordo_json_writer(out);
    struct ordo_buffer path = {0};
    char *here = folder[0] == '/' ? NULL : getcwd(NULL, 0);

    if (folder[0] != '/' && here == NULL) {
        fprintf(stderr, "ordo backup: cannot tell the folder that this runs in: %s\n", strerror(errno));
        return false;
    }
    ordo_buffer_printf(&path, "%s%s%s", here != NULL ? here : "", here != NULL ? "/" : "", folder);
    free(here);
    ordo_json_object(&json);
    ordo_json_key_string(&json, ORDO_STR("folder"), ordo_buffer_str(&path));
    ordo_json_end_object(&json);
    ordo_buffer_put(out, '\0');
    ordo_buffer_done(&path);
    return true;
}

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    ordo_buffer_append(context, (ordo_str){bytes, size * count});
    return size * count;
}

/* The status; 0 after saying why there is no answer. */
static long post(const char *url, const char *token, const char *request, struct ordo_buffer *answer)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    struct ordo_buffer target = {0};
    CURL *curl = curl_easy_init();
    CURLcode code;
    long status = 0;

    ORDO_REQUIRE(curl != NULL && headers != NULL);
    if (token != NULL)
        headers = curl_slist_append(headers, token);
    ordo_buffer_printf(&target, "%s/backup", url);
    ordo_buffer_put(&target, '\0');
    curl_easy_setopt(curl, CURLOPT_URL, target.ptr);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    else
        fprintf(stderr, "ordo backup: %s: %s; is an engine running there (--url)?\n", url,
                curl_easy_strerror(code));
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    ordo_buffer_done(&target);
    return status;
}

struct made {
    ordo_str folder, detail;
    uint64_t orders, bytes;
    double seconds;
};

static struct made read_answer(struct ordo_json_value root)
{
    struct made made = {.folder = ORDO_STR_NONE};
    struct ordo_json_value value;
    ordo_str key;

    if (ordo_json_type(root) != ORDO_JSON_OBJECT)
        return made;
    for (struct ordo_json_iter iter = ordo_json_iter_of(root); ordo_json_next(&iter, &key, &value);) {
        enum ordo_json_type type = ordo_json_type(value);

        if (ordo_str_equal(key, ORDO_STR("folder")) && type == ORDO_JSON_STRING)
            made.folder = ordo_json_as_str(value);
        else if (ordo_str_equal(key, ORDO_STR("detail")) && type == ORDO_JSON_STRING)
            made.detail = ordo_json_as_str(value);
        else if (ordo_str_equal(key, ORDO_STR("orders")) && type == ORDO_JSON_INT)
            made.orders = ordo_json_as_uint(value);
        else if (ordo_str_equal(key, ORDO_STR("bytes")) && type == ORDO_JSON_INT)
            made.bytes = ordo_json_as_uint(value);
        else if (ordo_str_equal(key, ORDO_STR("seconds")) && type == ORDO_JSON_DOUBLE)
            made.seconds = ordo_json_as_double(value);
    }
    return made;
}

static int show(long status, struct ordo_buffer *answer)
{
    struct ordo_json_parser *parser = ordo_json_parser_new(JSON_DEPTH);
    struct made made = {.folder = ORDO_STR_NONE};
    struct ordo_error err;
    size_t len = answer->len;

    ordo_buffer_reserve(answer, ORDO_JSON_PADDING);
    if (ordo_json_parse(parser, answer->ptr, len, &err) == 0)
        made = read_answer(ordo_json_root(parser));
    if (status == 200 && made.folder.len > 0)
        printf("backup %.*s: %llu orders, %llu bytes, %.2f s\n", (int)made.folder.len, made.folder.ptr,
               (unsigned long long)made.orders, (unsigned long long)made.bytes, made.seconds);
    else if (made.detail.len > 0)
        fprintf(stderr, "ordo backup: %.*s\n", (int)made.detail.len, made.detail.ptr);
    else
        fprintf(stderr, "ordo backup: the answer is %ld and not one of an engine; see --url\n", status);
    ordo_json_parser_free(parser);
    return status == 200 && made.folder.len > 0 ? ORDO_EXIT_OK : ORDO_EXIT_FAILURE;
}

int ordo_backup_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    const char *value, *url = "http://127.0.0.1:8080", *token_file = NULL;
    struct ordo_buffer request = {0}, answer = {0};
    int code = ORDO_EXIT_FAILURE;
    char *token = NULL;
    long status;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;) {
        if (id == ORDO_CLI_EXIT)
            return args.exit_code;
        if (id == OPTION_URL)
            url = value;
        else
            token_file = value;
    }
    if (argc - args.next != 1)
        return ordo_command_usage(command, "name one folder, which the backup is to be");
    if (token_file != NULL && (token = read_token(token_file)) == NULL)
        return ORDO_EXIT_FAILURE;
    if (write_request(argv[args.next], &request) && (status = post(url, token, request.ptr, &answer)) != 0)
        code = show(status, &answer);
    ordo_buffer_done(&request);
    ordo_buffer_done(&answer);
    free(token);
    return code;
}
