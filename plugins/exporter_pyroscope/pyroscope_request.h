/* SPDX-License-Identifier: MIT
 * pyroscope_request.h: a profile as a request to Pyroscope's /ingest.
 *
 * The profile goes as one part of a form, and beside it what its sample types mean: without that, Pyroscope takes what was
 * allocated for sums since the start of the process. A form has no `format` in the query: with it, Pyroscope would
 * take the whole form for the profile.
 */
#pragma once

#include <ordo/exporter.h>

struct pyroscope_request {
    struct pyroscope_request *next;
    char *url;
    char content_type[96]; /* a header line */
    size_t len;
    char body[];
};

/* Where profiles go, and under which name. */
struct pyroscope_target {
    char *url;  /* of /ingest, without the query */
    char *name; /* service{label=value,...} */
};

/* `labels`: "key=value,key=value", or empty. What is wrong with one of the texts is told with the option's name. */
int pyroscope_target_init(struct pyroscope_target *target, const struct ordo_host *host, const char *url,
                          const char *service, const char *labels, struct ordo_error *err);
void pyroscope_target_done(struct pyroscope_target *target); /* one that is all zero is allowed */

/* NULL: out of memory. Any thread. */
struct pyroscope_request *pyroscope_request_new(const struct pyroscope_target *target,
                                                const struct ordo_exported_profile *profile);
void pyroscope_request_free(struct pyroscope_request *request); /* NULL is allowed */
