/* SPDX-License-Identifier: MIT
 * http_post.h: one HTTP POST, and what its answer means for what it carried.
 *
 * A poster keeps its connection for the next POST. One thread at a time, but for http_poster_abandon. A plugin that has
 * posters calls curl_global_init in open and curl_global_cleanup in close.
 */
#pragma once

#include <ordo/plugin.h>

struct http_poster;

enum http_verdict {
    HTTP_TAKEN = 0, /* 2xx */
    HTTP_RETRY,     /* 408, 429, 5xx */
    HTTP_REFUSED,   /* any other answer: the same bytes will not do better */
    HTTP_AWAY,      /* no answer: whatever goes wrong below HTTP */
};

struct http_answer {
    enum http_verdict verdict;
    int64_t retry_after_ms; /* the receiver's wish; 0: none */
    char reason[320];       /* when it was not taken: one line of ASCII */
};

/* Fails where the URL is not http:// or https://. */
int http_poster_open(const struct ordo_host *host, const char *url, int64_t timeout_ms,
                     struct http_poster **ret_poster, struct ordo_error *err);
void http_poster_close(struct http_poster *poster); /* NULL is allowed */

/* Reads the value of the Authorization header from a file, or a bare token for a Bearer one; "": none. When it fails, the
 * poster goes on with what it had. */
int http_poster_read_token(struct http_poster *poster, const struct ordo_host *host, const char *path,
                           struct ordo_error *err);

/* Waits for the answer, at most for the timeout. `url` NULL: that of the poster. Each of `headers` is a line; NULL ends. */
void http_post(struct http_poster *poster, const char *url, const char *const *headers, ordo_str body,
               struct http_answer *ret_answer);

/* The post that is running ends now, and so does each later one: HTTP_AWAY. A name that is being looked up is waited for. Any
 * thread. */
void http_poster_abandon(struct http_poster *poster);
