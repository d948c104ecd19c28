/* SPDX-License-Identifier: MIT
 * api_client.h: requests to a running engine, one at a time, over one connection that is kept. Blocks. One thread.
 *
 * What goes wrong is said here, once, in one sentence on standard error: the problem's detail and the cure.
 *
 *   struct ordo_api *api = ordo_api_open(command, &options);
 *   if (api != NULL && ordo_api_get(api, "/orders/o-1", "o-1"))
 *       ... api->body, ordo_json_root(api->parser)
 *   ordo_api_close(api);
 */
#pragma once

#include "base/json_read.h"
#include "cli/command.h"

enum { ORDO_API_URL = 200, ORDO_API_TOKEN_FILE };

/* Rows for a table of options. */
#define ORDO_API_ROWS                                                                                        \
    {ORDO_API_URL, "url", 'u', "URL",                                                                        \
     "The engine; http://127.0.0.1:8080 unless it is given. With admin.listen:\nthat address."},             \
    {                                                                                                        \
        ORDO_API_TOKEN_FILE, "token-file", 't', "FILE",                                                      \
            "File with the token, as the engine's admin.token_file or\nhttp.token_file."                     \
    }

struct ordo_api_options {
    const char *url, *token_file; /* NULL: not given */
    bool may_take_long;           /* an answer may be silent for as long as it takes */
    /* Called each second, and more often, while an answer is waited for; NULL: nothing is. */
    void (*tick)(void *context);
    void *tick_context;
};

struct ordo_api {
    const struct ordo_command *command;
    void *curl;                      /* CURL */
    char *base;                      /* the URL without a slash at its end */
    char *authorization;             /* the whole header line; NULL: none */
    const char *token_file;          /* for what is said; NULL: none */
    struct ordo_buffer body;         /* of the last answer */
    struct ordo_json_parser *parser; /* has the body of the last answer that was 2xx */
    long status;                     /* of the last answer; 0: there was none */
    long retry_after_s;              /* what it said; 0: nothing */
    char code[32];                   /* of the problem, when it was one */
    bool is_elsewhere;               /* another listener has this route */
    char type[64];                   /* of the last answer's content; empty: it did not say */
    char file[64];                   /* the name that it gave itself, of safe characters; empty: none */
    uint64_t profile_id;             /* under which the engine keeps it; 0: it does not */
    void (*tick)(void *context);
    void *tick_context;
};

/* Takes one of the two options; other ids: false. */
bool ordo_api_take(struct ordo_api_options *options, int id, const char *value);

/* NULL after saying why; then the command line or the token file is wrong. */
struct ordo_api *ordo_api_open(const struct ordo_command *command, const struct ordo_api_options *options);
void ordo_api_close(struct ordo_api *api); /* NULL is fine */

/* True: 2xx, and the body is JSON. `subject` (an id; NULL: none) stands before what is said. */
bool ordo_api_get(struct ordo_api *api, const char *path, const char *subject);
/* The same of a body that need not be JSON; then the parser has nothing. */
bool ordo_api_fetch(struct ordo_api *api, const char *path, const char *subject);
bool ordo_api_delete(struct ordo_api *api, const char *path, const char *subject);
/* The body may be NULL: an empty one. Of the problem code `quiet` (NULL: none) nothing is said: the caller goes on by
 * itself. */
bool ordo_api_post(struct ordo_api *api, const char *path, const struct ordo_buffer *body,
                   const char *subject, const char *quiet);

/* Appends the text with what is not safe in a URL as %xx. */
void ordo_api_put_escaped(struct ordo_buffer *out, ordo_str text);

/* ORDO_EXIT_USAGE when the engine said that the question itself was wrong, else ORDO_EXIT_FAILURE. */
int ordo_api_exit(const struct ordo_api *api);
