/* SPDX-License-Identifier: MIT
 * http_post.c: HTTP and TLS by libcurl. Redirects are not followed: a receiver that moved is a mistake to
 * be seen, and a POST that is sent on may lose its body or tell its token to another host.
 */
#include "http_post.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXCERPT = 160, RETRY_AFTER_MAX_S = 3600, TOKEN_MAX = 4096 };

struct http_poster {
    CURL *curl;
    CURLM *multi; /* drives `curl`, so that another thread can end a wait */
    _Atomic bool is_abandoned;
    char *url;
    char *authorization; /* the whole header line; NULL: none */
    char curl_error[CURL_ERROR_SIZE];
    char excerpt[EXCERPT + 1]; /* how the body of the answer begins */
    size_t excerpt_len;
};

static size_t keep_excerpt(char *bytes, size_t size, size_t count, void *context)
{
    struct http_poster *poster = context;

    for (size_t i = 0; i < size * count && poster->excerpt_len < EXCERPT; i++)
        poster->excerpt[poster->excerpt_len++] = bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : ' ';
    return size * count;
}

static int check_url(const struct ordo_host *host, const char *url, struct ordo_error *err)
{
    CURLU *parts = curl_url();
    char *scheme = NULL;
    int result = 0;

    if (parts == NULL)
        return host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
        result =
            host->fail(err, ORDO_ECONFIG, "url",
                       "\"%.200s\" is no URL to post to; write http://host:port/path or https://...", url);
    curl_free(scheme);
    curl_url_cleanup(parts);
    return result;
}

/* The value of the Authorization header: "Bearer TOKEN", or the file's text where it names a scheme
 * itself. */
static int read_token(const struct ordo_host *host, const char *path, char **ret_value,
                      struct ordo_error *err)
{
    char text[TOKEN_MAX + 1];
    size_t len;
    FILE *file;

    *ret_value = NULL;
    if (path[0] == '\0')
        return 0;
    file = fopen(path, "re");
    if (file == NULL)
        return host->fail(err, -errno, path, "cannot read the token: %s", strerror(errno));
    len = fread(text, 1, TOKEN_MAX, file);
    fclose(file);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == ' '))
        len--;
    text[len] = '\0';
    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~')
            return host->fail(err, ORDO_ECONFIG, path, "the token must be one line of printable ASCII");
    if (len == 0)
        return host->fail(err, ORDO_ECONFIG, path, "the file is empty; write the token into it");
    if (asprintf(ret_value, "%s%s", strchr(text, ' ') == NULL ? "Bearer " : "", text) < 0) {
        *ret_value = NULL;
        return host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    }
    return 0;
}

static void set_options(struct http_poster *poster, int64_t timeout_ms)
{
    CURL *curl = poster->curl;

    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "ordo/" ORDO_VERSION);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, poster->curl_error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_excerpt);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, poster);
}

int http_poster_open(const struct ordo_host *host, const char *url, int64_t timeout_ms,
                     struct http_poster **ret_poster, struct ordo_error *err)
{
    struct http_poster *poster;
    int result = check_url(host, url, err);

    if (result != 0)
        return result;
    poster = calloc(1, sizeof(*poster));
    if (poster == NULL || (poster->curl = curl_easy_init()) == NULL ||
        (poster->multi = curl_multi_init()) == NULL || (poster->url = strdup(url)) == NULL) {
        http_poster_close(poster);
        return host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    }
    set_options(poster, timeout_ms);
    *ret_poster = poster;
    return 0;
}

void http_poster_close(struct http_poster *poster)
{
    if (poster == NULL)
        return;
    curl_easy_cleanup(poster->curl);
    curl_multi_cleanup(poster->multi);
    free(poster->authorization);
    free(poster->url);
    free(poster);
}

int http_poster_read_token(struct http_poster *poster, const struct ordo_host *host, const char *path,
                           struct ordo_error *err)
{
    char *value, *line = NULL;
    int result = read_token(host, path, &value, err);

    if (result != 0)
        return result;
    if (value != NULL && asprintf(&line, "Authorization: %s", value) < 0) {
        free(value);
        return host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    }
    free(value);
    free(poster->authorization);
    poster->authorization = line;
    return 0;
}

void http_poster_abandon(struct http_poster *poster)
{
    atomic_store(&poster->is_abandoned, true);
    curl_multi_wakeup(poster->multi);
}

static bool append_line(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*headers, line);

    if (longer != NULL)
        *headers = longer;
    return longer != NULL;
}

/* NULL: out of memory. */
static struct curl_slist *make_headers(const struct http_poster *poster, const char *const *lines)
{
    struct curl_slist *headers = NULL;
    /* No "Expect: 100-continue": it costs a round trip. */
    bool ok = append_line(&headers, "Expect:");

    for (; ok && *lines != NULL; lines++)
        ok = append_line(&headers, *lines);
    if (ok && poster->authorization != NULL)
        ok = append_line(&headers, poster->authorization);
    if (ok)
        return headers;
    curl_slist_free_all(headers);
    return NULL;
}

/* What went wrong below HTTP says nothing about what was sent, whatever it is: names, connections and certificates
 * get mended. */
static void judge(struct http_poster *poster, CURLcode code, struct http_answer *answer)
{
    curl_off_t retry_after = 0;
    long status = 0;

    if (code != CURLE_OK) {
        answer->verdict = HTTP_AWAY;
        snprintf(answer->reason, sizeof(answer->reason), "%s",
                 poster->curl_error[0] != '\0' ? poster->curl_error : curl_easy_strerror(code));
        return;
    }
    curl_easy_getinfo(poster->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(poster->curl, CURLINFO_RETRY_AFTER, &retry_after);
    if (status >= 200 && status < 300)
        return;
    poster->excerpt[poster->excerpt_len] = '\0';
    snprintf(answer->reason, sizeof(answer->reason), "HTTP status %ld%s%s", status,
             poster->excerpt_len > 0 ? ": " : "", poster->excerpt);
    answer->verdict = status == 408 || status == 429 || status >= 500 ? HTTP_RETRY : HTTP_REFUSED;
    if (retry_after > 0)
        answer->retry_after_ms = (retry_after < RETRY_AFTER_MAX_S ? retry_after : RETRY_AFTER_MAX_S) * 1000;
}

/* As curl_easy_perform, but ends when the poster is abandoned. */
static CURLcode perform(struct http_poster *poster)
{
    CURLcode code = CURLE_ABORTED_BY_CALLBACK;
    int running = 1, left;
    CURLMsg *message;

    if (curl_multi_add_handle(poster->multi, poster->curl) != CURLM_OK)
        return CURLE_OUT_OF_MEMORY;
    while (running > 0 && !atomic_load(&poster->is_abandoned))
        if (curl_multi_perform(poster->multi, &running) != CURLM_OK ||
            (running > 0 && curl_multi_poll(poster->multi, NULL, 0, 1000, NULL) != CURLM_OK))
            break;
    while ((message = curl_multi_info_read(poster->multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE)
            code = message->data.result;
    curl_multi_remove_handle(poster->multi, poster->curl);
    return code;
}

void http_post(struct http_poster *poster, const char *url, const char *const *headers, ordo_str body,
               struct http_answer *ret_answer)
{
    struct curl_slist *list = make_headers(poster, headers);
    CURLcode code;

    *ret_answer = (struct http_answer){0};
    poster->curl_error[0] = '\0';
    poster->excerpt_len = 0;
    if (list == NULL) {
        judge(poster, CURLE_OUT_OF_MEMORY, ret_answer);
        return;
    }
    curl_easy_setopt(poster->curl, CURLOPT_URL, url != NULL ? url : poster->url);
    curl_easy_setopt(poster->curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(poster->curl, CURLOPT_POSTFIELDS, body.ptr);
    curl_easy_setopt(poster->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    code = perform(poster);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        snprintf(poster->curl_error, sizeof(poster->curl_error), "there was no time left for it");
    judge(poster, code, ret_answer);
    curl_easy_setopt(poster->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(list);
}
