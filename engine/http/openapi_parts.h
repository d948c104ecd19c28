/* SPDX-License-Identifier: MIT
 * openapi_parts.h: what /openapi.json says of each route beyond the route table: the members of its operation object
 * as JSON. X(NAME, "members"); every route of route_table.h has a row, which a test checks.
 */
/* clang-format off */
#define TIME "{\"type\":\"string\",\"format\":\"date-time\"}"
#define JSON_BODY(schema) \
    "\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/" schema "\"}}}"
#define ANY_JSON "\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\"}}}"
#define TEXT_BODY(type) "\"content\":{\"" type "\":{\"schema\":{\"type\":\"string\"}}}"
#define ANSWER(status, text, body) "\"" status "\":{\"description\":\"" text "\"," body "}"
#define PROBLEM(status, text) \
    "\"" status "\":{\"description\":\"" text "\",\"content\":{\"application/problem+json\":{\"schema\":" \
    "{\"$ref\":\"#/components/schemas/Problem\"}}}}"
#define QUERY(name, schema, text) \
    "{\"name\":\"" name "\",\"in\":\"query\",\"description\":\"" text "\",\"schema\":" schema "}"
#define HEADER(name, schema, text) \
    "{\"name\":\"" name "\",\"in\":\"header\",\"description\":\"" text "\",\"schema\":" schema "}"
#define ID_PARAMETER \
    "\"parameters\":[{\"name\":\"id\",\"in\":\"path\",\"required\":true," \
    "\"schema\":{\"$ref\":\"#/components/schemas/Id\"}}]"
#define GENERATION_PARAMETER \
    "{\"name\":\"generation\",\"in\":\"path\",\"required\":true,\"description\":\"a number, active or draft\"," \
    "\"schema\":{\"type\":\"string\"}}"
#define PATH_PARAMETER \
    "{\"name\":\"path\",\"in\":\"path\",\"required\":true,\"description\":\"as in rules/30_coupon.lua\"," \
    "\"schema\":{\"type\":\"string\"}}"
#define IF_MATCH HEADER("If-Match", "{\"type\":\"string\"}", "412 unless it names what is there")
#define PARAMETERS(list) "\"parameters\":[" list "]"
#define WORDS "\"requestBody\":{\"required\":false," JSON_BODY("Words") "}"
#define RESPONSES(list) "\"responses\":{" list "}"
#define SYMBOL_POST \
    "\"requestBody\":{\"required\":true,\"content\":{\"text/plain\":{\"schema\":{\"type\":\"string\",\"description\":" \
    "\"0xADDRESS+0xADDRESS...\"}}}}," \
    RESPONSES(ANSWER("200", "A line for each: 0xADDRESS name", TEXT_BODY("text/plain")) "," \
              ANSWER("400", "What is wrong", TEXT_BODY("text/plain")))

X(ORDERS_POST,
  "\"parameters\":["
  HEADER("Prefer", "{\"type\":\"string\"}",
         "respond-async: 202 at once; wait=N: 202 after N seconds without a decision") ","
  HEADER("Idempotency-Key", "{\"$ref\":\"#/components/schemas/Id\"}", "Stands in for an absent id") "],"
  "\"requestBody\":{\"required\":true,\"content\":{"
  "\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/Order\"}},"
  "\"application/x-ndjson\":{\"schema\":{\"type\":\"string\",\"description\":\"an order a line\"}}}},"
  RESPONSES(
    "\"200\":{\"description\":\"Decided: accepted, rejected or held; for a batch a line each\",\"headers\":{"
    "\"Idempotent-Replayed\":{\"description\":\"true: the decision recorded before\","
    "\"schema\":{\"type\":\"string\"}}},\"content\":{"
    "\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/Decision\"}},"
    "\"application/x-ndjson\":{\"schema\":{\"type\":\"string\"}}}},"
    "\"202\":{\"description\":\"Recorded and not decided yet\",\"headers\":{"
    "\"Location\":{\"schema\":{\"type\":\"string\"}},\"Retry-After\":{\"schema\":{\"type\":\"integer\"}}},"
    JSON_BODY("Later") "},"
    PROBLEM("400", "invalid_json, too_deep, bad_key") ","
    PROBLEM("401", "unauthorized") ","
    PROBLEM("409", "in_progress") ","
    PROBLEM("413", "order_too_large, batch_too_large") ","
    PROBLEM("415", "unsupported_type") ","
    PROBLEM("422", "invalid_order, key_reused, key_mismatch") ","
    PROBLEM("500", "order_dead, internal") ","
    PROBLEM("503", "queue_full, connection_limited, stopping") ","
    PROBLEM("507", "store_full")))
X(ORDERS_LIST,
  "\"parameters\":["
  QUERY("status", "{\"type\":\"string\"}", "One or more of queued, done, held, invalid, dead with commas between") ","
  QUERY("customer", "{\"type\":\"string\",\"maxLength\":128}", "customer.id") ","
  QUERY("priority", "{\"enum\":[\"high\",\"medium\",\"low\"]}", "The class") ","
  QUERY("since", TIME, "Received then or later") ","
  QUERY("until", TIME, "Received before") ","
  QUERY("after", "{\"type\":\"string\"}", "The `next` of the page before") ","
  QUERY("detail", "{\"enum\":[\"full\"]}", "full: each with its `order`, byte for byte as it was sent") ","
  QUERY("limit", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,\"default\":50}", "Orders of a page") "],"
  RESPONSES(ANSWER("200", "A page", JSON_BODY("OrderPage")) ","
            PROBLEM("400", "bad_query") "," PROBLEM("401", "unauthorized")))
X(ORDER_GET, ID_PARAMETER ","
  RESPONSES(ANSWER("200", "The order", JSON_BODY("OrderRecord")) ","
            PROBLEM("401", "unauthorized") "," PROBLEM("404", "not_found") "," PROBLEM("500", "internal")))
X(ORDER_EXPLAIN, ID_PARAMETER ","
  RESPONSES("\"200\":{\"description\":\"The explanation\",\"content\":{"
            "\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/Explanation\"}},"
            "\"text/plain\":{\"schema\":{\"type\":\"string\",\"description\":\"a sentence a line\"}}}},"
            PROBLEM("401", "unauthorized") "," PROBLEM("404", "not_found") ","
            PROBLEM("409", "in_progress") "," PROBLEM("500", "internal") "," PROBLEM("503", "trial_busy, stopping")))
X(ORDER_WHAT_IF, ID_PARAMETER ",\"requestBody\":{\"required\":true," JSON_BODY("WhatIf") "},"
  RESPONSES(ANSWER("200", "Both decisions and how they differ", JSON_BODY("WhatIfAnswer")) ","
            PROBLEM("400", "invalid_json, too_deep") "," PROBLEM("401", "unauthorized") "," PROBLEM("404", "not_found") ","
            PROBLEM("409", "in_progress") "," PROBLEM("413", "order_too_large") ","
            PROBLEM("415", "unsupported_type") "," PROBLEM("422", "invalid_what_if, trial_too_long") ","
            PROBLEM("500", "internal") "," PROBLEM("503", "trial_busy, stopping")))
X(ORDER_RETRY, ID_PARAMETER ","
  RESPONSES(ANSWER("202", "Queued once more", JSON_BODY("Later")) ","
            PROBLEM("401", "unauthorized") "," PROBLEM("404", "not_found") ","
            PROBLEM("409", "not_dead, in_progress") "," PROBLEM("503", "queue_full, stopping")))
X(ORDER_RESOLVE, ID_PARAMETER ",\"requestBody\":{\"required\":true," JSON_BODY("Resolution") "},"
  RESPONSES(ANSWER("200", "The decision, one revision later", JSON_BODY("Decision")) ","
            PROBLEM("400", "invalid_json") "," PROBLEM("401", "unauthorized") "," PROBLEM("404", "not_found") ","
            PROBLEM("409", "not_held") "," PROBLEM("413", "order_too_large") ","
            PROBLEM("415", "unsupported_type") "," PROBLEM("422", "invalid_resolution")))
X(STATS,
  RESPONSES(ANSWER("200", "Counts, times in microseconds, queues, store", ANY_JSON) "," PROBLEM("401", "unauthorized")))
X(HEALTHZ, RESPONSES(ANSWER("200", "Health", JSON_BODY("Health"))))
X(HEALTH, RESPONSES(ANSWER("200", "Health", JSON_BODY("Health"))))
X(LIVEZ, RESPONSES(ANSWER("200", "It answers", TEXT_BODY("text/plain"))))
X(READYZ,
  RESPONSES(ANSWER("200", "Orders are taken", TEXT_BODY("text/plain")) ","
            ANSWER("503", "The engine is stopping", TEXT_BODY("text/plain"))))
X(METRICS, RESPONSES(ANSWER("200", "Metrics", TEXT_BODY("text/plain")) "," PROBLEM("401", "unauthorized")))
X(EVENTS,
  "\"parameters\":["
  QUERY("types", "{\"type\":\"string\"}", "decision, stats, or both with a comma between") "],"
  RESPONSES(ANSWER("200", "Events without end", TEXT_BODY("text/event-stream")) ","
            PROBLEM("400", "bad_query") "," PROBLEM("401", "unauthorized")))
X(RULES, RESPONSES(ANSWER("200", "The rule set, and the generations", JSON_BODY("Rules")) "," PROBLEM("401", "unauthorized")))
X(RULES_RELOAD,
  RESPONSES(ANSWER("200", "The folder's rules are running", JSON_BODY("Reload")) ","
            PROBLEM("401", "unauthorized") "," PROBLEM("422", "rules_refused: the old ones go on") ","
            PROBLEM("503", "stopping")))
X(RULES_ROLLBACK,
  PARAMETERS(IF_MATCH) "," WORDS ","
  RESPONSES(ANSWER("200", "It is active", JSON_BODY("Reload")) "," PROBLEM("400", "invalid_json") ","
            PROBLEM("401", "unauthorized") "," PROBLEM("409", "no_generation_before, rules_folder") ","
            PROBLEM("412", "precondition_failed") "," PROBLEM("413", "order_too_large") ","
            PROBLEM("415", "unsupported_type") "," PROBLEM("422", "rules_refused, invalid_rules") ","
            PROBLEM("500", "internal") "," PROBLEM("503", "stopping")))
X(RULES_DRAFT,
  RESPONSES(ANSWER("200", "The draft", JSON_BODY("Draft")) "," PROBLEM("401", "unauthorized") ","
            PROBLEM("500", "internal") "," PROBLEM("503", "stopping")))
X(RULES_DRAFT_DROP,
  RESPONSES(ANSWER("200", "It is dropped", ANY_JSON) "," PROBLEM("401", "unauthorized") ","
            PROBLEM("500", "internal") "," PROBLEM("503", "stopping")))
X(RULES_DRAFT_CHECK,
  RESPONSES(ANSWER("200", "What was found", JSON_BODY("Check")) "," PROBLEM("401", "unauthorized") ","
            PROBLEM("500", "internal") "," PROBLEM("503", "stopping")))
X(RULES_DRAFT_SEAL,
  WORDS ","
  RESPONSES(ANSWER("200", "There is such a generation", JSON_BODY("Sealed")) ","
            ANSWER("201", "The generation, with its Location", JSON_BODY("Sealed")) ","
            PROBLEM("400", "invalid_json") "," PROBLEM("401", "unauthorized") "," PROBLEM("413", "order_too_large") ","
            PROBLEM("415", "unsupported_type") "," PROBLEM("422", "invalid_rules") ","
            PROBLEM("500", "internal") "," PROBLEM("503", "stopping")))
X(RULES_DRAFT_PUT,
  PARAMETERS(PATH_PARAMETER "," IF_MATCH ","
             HEADER("If-None-Match", "{\"type\":\"string\"}", "*: 412 when there is such a file")) ","
  "\"requestBody\":{\"required\":true,\"content\":{\"*/*\":{\"schema\":{\"type\":\"string\"}}}},"
  RESPONSES(ANSWER("200", "It is replaced", ANY_JSON) "," ANSWER("201", "It is added", ANY_JSON) ","
            PROBLEM("401", "unauthorized") "," PROBLEM("412", "precondition_failed") ","
            PROBLEM("422", "invalid_rules") "," PROBLEM("500", "internal") "," PROBLEM("503", "stopping")))
X(RULES_DRAFT_DELETE,
  PARAMETERS(PATH_PARAMETER "," IF_MATCH) ","
  RESPONSES(ANSWER("200", "It is removed", ANY_JSON) "," PROBLEM("401", "unauthorized") ","
            PROBLEM("404", "not_found") "," PROBLEM("412", "precondition_failed") ","
            PROBLEM("422", "invalid_rules") "," PROBLEM("500", "internal") "," PROBLEM("503", "stopping")))
X(RULES_SHOW,
  PARAMETERS(GENERATION_PARAMETER) ","
  RESPONSES(ANSWER("200", "The generation", JSON_BODY("Generation")) "," PROBLEM("401", "unauthorized") ","
            PROBLEM("404", "not_found") "," PROBLEM("500", "internal") "," PROBLEM("503", "stopping")))
X(RULES_FILE,
  PARAMETERS(GENERATION_PARAMETER "," PATH_PARAMETER) ","
  RESPONSES(ANSWER("200", "The file, with its ETag", TEXT_BODY("text/plain")) "," PROBLEM("401", "unauthorized") ","
            PROBLEM("404", "not_found") "," PROBLEM("500", "internal") "," PROBLEM("503", "stopping")))
X(RULES_DIFF,
  PARAMETERS(GENERATION_PARAMETER ","
             QUERY("to", "{\"type\":\"string\",\"default\":\"active\"}", "a number, active or draft")) ","
  RESPONSES("\"200\":{\"description\":\"What differs; as a unified diff alone when text/plain is accepted\",\"content\":{"
            "\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/RulesDiff\"}},"
            "\"text/plain\":{\"schema\":{\"type\":\"string\"}}}},"
            PROBLEM("400", "bad_query") "," PROBLEM("401", "unauthorized") "," PROBLEM("404", "not_found") ","
            PROBLEM("500", "internal") "," PROBLEM("503", "stopping")))
X(RULES_ACTIVATE,
  PARAMETERS(GENERATION_PARAMETER "," IF_MATCH) "," WORDS ","
  RESPONSES(ANSWER("200", "It is active", JSON_BODY("Reload")) "," PROBLEM("400", "invalid_json") ","
            PROBLEM("401", "unauthorized") "," PROBLEM("404", "not_found") "," PROBLEM("409", "rules_folder") ","
            PROBLEM("412", "precondition_failed") "," PROBLEM("413", "order_too_large") ","
            PROBLEM("415", "unsupported_type") "," PROBLEM("422", "rules_refused, invalid_rules") ","
            PROBLEM("500", "internal") "," PROBLEM("503", "stopping")))
X(BACKUP, "\"requestBody\":{\"required\":true," JSON_BODY("Backup") "},"
  RESPONSES(ANSWER("200", "The backup is made and durable", JSON_BODY("BackupMade")) ","
            PROBLEM("400", "invalid_json") "," PROBLEM("401", "unauthorized") "," PROBLEM("409", "backup_running") ","
            PROBLEM("413", "order_too_large") "," PROBLEM("415", "unsupported_type") "," PROBLEM("422", "invalid_backup") ","
            PROBLEM("500", "internal") "," PROBLEM("503", "stopping")))
X(DEBUG_INDEX, RESPONSES(ANSWER("200", "A page", TEXT_BODY("text/html"))))
X(PROFILE_INDEX, RESPONSES(ANSWER("200", "A page", TEXT_BODY("text/html"))))
X(DEBUG_TRACE, RESPONSES(ANSWER("501", "Where the trace is", TEXT_BODY("text/plain"))))
X(DEBUG_CMDLINE, RESPONSES(ANSWER("200", "The arguments with a NUL between", TEXT_BODY("text/plain"))))
X(DEBUG_SYMBOL, RESPONSES(ANSWER("200", "num_symbols: 1", TEXT_BODY("text/plain"))))
X(DEBUG_SYMBOL_POST, SYMBOL_POST)
X(PPROF_CMDLINE, RESPONSES(ANSWER("200", "The arguments with a NUL between", TEXT_BODY("text/plain"))))
X(PPROF_SYMBOL, RESPONSES(ANSWER("200", "num_symbols: 1", TEXT_BODY("text/plain"))))
X(PPROF_SYMBOL_POST, SYMBOL_POST)
X(OPENAPI, RESPONSES(ANSWER("200", "This document", ANY_JSON)))
X(INDEX, RESPONSES(ANSWER("200", "A text", TEXT_BODY("text/plain"))))

#undef JSON_BODY
#undef ANY_JSON
#undef TEXT_BODY
#undef ANSWER
#undef PROBLEM
#undef QUERY
#undef HEADER
#undef ID_PARAMETER
#undef GENERATION_PARAMETER
#undef PATH_PARAMETER
#undef IF_MATCH
#undef PARAMETERS
#undef WORDS
#undef RESPONSES
#undef SYMBOL_POST
/* clang-format on */
