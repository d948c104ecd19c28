/* SPDX-License-Identifier: MIT
 * pyroscope_request.c: names, the query, and the form.
 */
#include "pyroscope_request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <curl/curl.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

enum { BOUNDARY_MAX = 64 };

/* What Pyroscope does with each kind of sample: how it names it, and whether profiles of a time are added up or averaged. */
static const struct {
    const char *kind, *config;
} sample_types[] = {
    {"cpu", "{\"samples\":{\"units\":\"samples\",\"display-name\":\"cpu\",\"aggregation\":\"sum\","
            "\"sampled\":true}}"},
    {"memory", "{\"alloc_objects\":{\"units\":\"objects\",\"aggregation\":\"sum\"},"
               "\"alloc_space\":{\"units\":\"bytes\",\"aggregation\":\"sum\"},"
               "\"inuse_objects\":{\"units\":\"objects\",\"aggregation\":\"average\"},"
               "\"inuse_space\":{\"units\":\"bytes\",\"aggregation\":\"average\"}}"},
};

static const char *config_of(const char *kind)
{
    for (size_t i = 0; i < sizeof(sample_types) / sizeof(*sample_types); i++)
        if (strcmp(sample_types[i].kind, kind) == 0)
            return sample_types[i].config;
    return NULL;
}

/* --- the name --- */

static int check_service(const struct ordo_host *host, const char *service, struct ordo_error *err)
{
    if (strspn(service, LETTERS DIGITS "._/-") == strlen(service))
        return 0;
    return host->fail(err, ORDO_ECONFIG, "service",
                      "\"%.100s\" is no name of a service; use A-Z a-z 0-9 . _ / -", service);
}

/* One "key=value"; *at is moved behind it and its comma. */
static int check_label(const struct ordo_host *host, const char **at, struct ordo_error *err)
{
    const char *start = *at, *value;
    size_t key = strspn(start, LETTERS DIGITS "_"), len;

    if (key == 0 || start[key] != '=' || strchr(DIGITS, start[0]) != NULL || strncmp(start, "__", 2) == 0)
        return host->fail(
            err, ORDO_ECONFIG, "labels",
            "\"%.100s\" does not begin with a label; write key=value,key=value with keys of A-Z a-z "
            "0-9 _ that begin with a letter",
            start);
    value = start + key + 1;
    len = strcspn(value, ",");
    for (size_t i = 0; i < len; i++)
        if (value[i] < ' ' || value[i] > '~' || strchr("{}=", value[i]) != NULL)
            len = 0;
    if (len == 0)
        return host->fail(err, ORDO_ECONFIG, "labels",
                          "\"%.100s\" has no value that can be sent; use printable ASCII but , = { }", start);
    if (value[len] == ',' && value[len + 1] == '\0')
        return host->fail(err, ORDO_ECONFIG, "labels", "a label is missing behind the last comma");
    *at = value + len + (value[len] == ',');
    return 0;
}

static int check_labels(const struct ordo_host *host, const char *labels, struct ordo_error *err)
{
    int result = 0;

    while (result == 0 && *labels != '\0')
        result = check_label(host, &labels, err);
    return result;
}

/* The URL with /ingest behind its path, and no query. */
static char *ingest_url(const char *base)
{
    CURLU *parts = curl_url();
    char *path = NULL, *whole = NULL, *text = NULL, *result = NULL;
    size_t len;

    if (parts == NULL || curl_url_set(parts, CURLUPART_URL, base, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_PATH, &path, 0) != CURLUE_OK)
        goto out;
    len = strlen(path);
    while (len > 0 && path[len - 1] == '/')
        len--;
    if (asprintf(&whole, "%.*s/ingest", (int)len, path) < 0) {
        whole = NULL;
        goto out;
    }
    if (curl_url_set(parts, CURLUPART_PATH, whole, 0) == CURLUE_OK &&
        curl_url_set(parts, CURLUPART_QUERY, NULL, 0) == CURLUE_OK &&
        curl_url_set(parts, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_URL, &text, 0) == CURLUE_OK)
        result = strdup(text);
out:
    curl_free(text);
    free(whole);
    curl_free(path);
    curl_url_cleanup(parts);
    return result;
}

int pyroscope_target_init(struct pyroscope_target *target, const struct ordo_host *host, const char *url,
                          const char *service, const char *labels, struct ordo_error *err)
{
    int result = check_service(host, service, err);

    if (result == 0)
        result = check_labels(host, labels, err);
    if (result != 0)
        return result;
    target->url = ingest_url(url);
    if (asprintf(&target->name, "%s{%s}", service, labels) < 0)
        target->name = NULL;
    if (target->url != NULL && target->name != NULL)
        return 0;
    pyroscope_target_done(target);
    return host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
}

void pyroscope_target_done(struct pyroscope_target *target)
{
    free(target->url);
    free(target->name);
    *target = (struct pyroscope_target){0};
}

/* --- a request --- */

/* Seconds: every version of Pyroscope reads those. What lies in between stands in the profile itself. */
static char *make_url(const struct pyroscope_target *target, const struct ordo_exported_profile *profile)
{
    char *name = curl_easy_escape(NULL, target->name, 0), rate[32] = "", *url = NULL;

    if (profile->hz > 0)
        snprintf(rate, sizeof(rate), "&sampleRate=%" PRIu32, profile->hz);
    if (name != NULL &&
        asprintf(&url, "%s?name=%s&from=%" PRId64 "&until=%" PRId64 "&spyName=ordo%s", target->url, name,
                 profile->from_utc_ns / 1000000000, profile->until_utc_ns / 1000000000, rate) < 0)
        url = NULL;
    curl_free(name);
    return url;
}

/* A line that the profile does not contain. */
static void make_boundary(const struct ordo_exported_profile *profile, char boundary[BOUNDARY_MAX])
{
    unsigned number = 0;

    do
        snprintf(boundary, BOUNDARY_MAX, "ordo-%016" PRIx64 "-%u", (uint64_t)profile->from_utc_ns, number++);
    while (memmem(profile->pprof.ptr, profile->pprof.len, boundary, strlen(boundary)) != NULL);
}

static char *append(char *to, const char *bytes, size_t len)
{
    memcpy(to, bytes, len);
    return to + len;
}

struct pyroscope_request *pyroscope_request_new(const struct pyroscope_target *target,
                                                const struct ordo_exported_profile *profile)
{
    const char *config = config_of(profile->kind);
    char boundary[BOUNDARY_MAX], head[256], tail[768], *to;
    struct pyroscope_request *request;
    int head_len, tail_len;

    make_boundary(profile, boundary);
    head_len =
        snprintf(head, sizeof(head),
                 "--%s\r\nContent-Disposition: form-data; name=\"profile\"; filename=\"profile.pprof\"\r\n"
                 "Content-Type: application/octet-stream\r\n\r\n",
                 boundary);
    tail_len = config == NULL
                   ? snprintf(tail, sizeof(tail), "\r\n--%s--\r\n", boundary)
                   : snprintf(tail, sizeof(tail),
                              "\r\n--%s\r\nContent-Disposition: form-data; name=\"sample_type_config\"; "
                              "filename=\"sample_type_config.json\"\r\nContent-Type: application/json\r\n\r\n"
                              "%s\r\n--%s--\r\n",
                              boundary, config, boundary);
    request = malloc(sizeof(*request) + (size_t)head_len + profile->pprof.len + (size_t)tail_len);
    if (request == NULL)
        return NULL;
    *request = (struct pyroscope_request){.url = make_url(target, profile)};
    snprintf(request->content_type, sizeof(request->content_type),
             "Content-Type: multipart/form-data; boundary=%s", boundary);
    to = append(request->body, head, (size_t)head_len);
    to = append(to, profile->pprof.ptr, profile->pprof.len);
    to = append(to, tail, (size_t)tail_len);
    request->len = (size_t)(to - request->body);
    if (request->url != NULL)
        return request;
    pyroscope_request_free(request);
    return NULL;
}

void pyroscope_request_free(struct pyroscope_request *request)
{
    if (request != NULL)
        free(request->url);
    free(request);
}
