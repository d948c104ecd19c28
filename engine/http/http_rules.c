/* SPDX-License-Identifier: MIT
 * http_rules.c: GET /rules, and POST /rules/reload, which is answered when the rules thread has tried the
 * folder.
 */
#include "http/http_impl.h"

/* A reload that was asked for; between the loop and the rules thread. */
struct reload {
    struct ordo__letter letter; /* first: both convert */
    struct ordo__loop *loop;
    struct ordo__request *request; /* the loop's; NULL: the client left */
    bool ok, changed;
    uint64_t generation;
    char identity[80];
    struct ordo_buffer errors;
};

void ordo__rules_get(struct ordo__request *request)
{
    struct ordo_rules *rules = request->loop->http->rules;
    struct ordo_buffer out = {0};

    if (rules == NULL) {
        ordo__reply_problem(request, ORDO_PROBLEM_NOT_FOUND, "this engine runs without a folder of rules");
        return;
    }
    ordo_rules_write(rules, &out);
    ordo__reply_json(request, 200, ordo_buffer_str(&out));
    ordo_buffer_done(&out);
}

static void client_left(struct ordo__request *request)
{
    ((struct reload *)request->owner)->request = NULL;
    request->left = NULL;
}

static void answer(struct ordo__request *request, const struct reload *reload)
{
    struct ordo_buffer body = {0};
    struct ordo_json_writer json = ordo_json_writer(&body);

    if (!reload->ok) {
        ordo_problem_write(&body, ORDO_PROBLEM_RULES_REFUSED, ordo_buffer_str(&reload->errors), ORDO_STR_NONE,
                           NULL);
        ordo__reply_problem_body(request, ORDO_PROBLEM_RULES_REFUSED, ordo_buffer_str(&body));
    } else {
        ordo_json_object(&json);
        ordo_json_key_int(&json, ORDO_STR("generation"), (int64_t)reload->generation);
        ordo_json_key_string(&json, ORDO_STR("identity"), ordo_str_from(reload->identity));
        ordo_json_key(&json, ORDO_STR("changed"));
        ordo_json_bool(&json, reload->changed);
        ordo_json_end_object(&json);
        ordo__reply_json(request, 200, ordo_buffer_str(&body));
    }
    ordo_buffer_done(&body);
}

static void delivered(struct ordo__loop *loop, struct ordo__letter *letter)
{
    struct reload *reload = (struct reload *)letter;
    struct ordo__request *request = reload->request;

    loop->jobs_out--;
    if (request != NULL) {
        request->left = NULL;
        answer(request, reload);
    }
    ordo_buffer_done(&reload->errors);
    free(reload);
}

static void done(void *context, const struct ordo_rules_result *result) /* the rules thread */
{
    struct reload *reload = context;

    reload->ok = result->ok;
    reload->changed = result->changed;
    reload->generation = result->generation;
    snprintf(reload->identity, sizeof(reload->identity), "%s", result->identity);
    ordo_buffer_append(&reload->errors, result->errors);
    ordo__loop_post(reload->loop, &reload->letter);
}

void ordo__rules_reload(struct ordo__request *request)
{
    struct reload *reload;

    if (request->loop->http->rules == NULL) {
        ordo__reply_problem(request, ORDO_PROBLEM_NOT_FOUND, "this engine runs without a folder of rules");
        return;
    }
    reload = calloc(1, sizeof(*reload));
    ORDO_REQUIRE(reload != NULL);
    reload->letter.deliver = delivered;
    reload->loop = request->loop;
    reload->request = request;
    reload->loop->jobs_out++; /* the loop must stay until the letter has come */
    request->owner = reload;
    request->left = client_left;
    ordo_rules_reload(request->loop->http->rules, done, reload);
}
