/* SPDX-License-Identifier: MIT
 * webhook_post.h: one HTTP POST, and what its answer means for the batch that it carried.
 *
 * A poster keeps its connection for the next POST. One thread at a time.
 */
#pragma once

#include <ordo/plugin.h>

struct webhook_poster;

enum webhook_verdict {
    WEBHOOK_TAKEN = 0, /* 2xx */
    WEBHOOK_RETRY,     /* 408, 429, 5xx */
    WEBHOOK_REFUSED,   /* any other answer: the same bytes will not do better */
    WEBHOOK_AWAY,      /* no answer: whatever goes wrong below HTTP */
};

struct webhook_answer {
    enum webhook_verdict verdict;
    int64_t retry_after_ms; /* the receiver's wish; 0: none */
    char reason[320];       /* when it was not taken: one line of ASCII */
};

/* `token_file` holds the value of the Authorization header, or a bare token for a Bearer one; "": none. Fails
 * where it cannot be read, and where the URL is not http:// or https://. */
int webhook_poster_open(const struct ordo_host *host, const char *url, int64_t timeout_ms,
                        const char *token_file, struct webhook_poster **ret_poster, struct ordo_error *err);
void webhook_poster_close(struct webhook_poster *poster); /* NULL is allowed */

/* Waits for the answer, at most for the timeout. */
void webhook_post(struct webhook_poster *poster, ordo_str body, const char *idempotency_key,
                  struct webhook_answer *ret_answer);
