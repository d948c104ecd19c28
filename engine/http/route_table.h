/* SPDX-License-Identifier: MIT
 * route_table.h: every route. X(NAME, "METHOD", "/pattern", scope, handler, "summary").
 *
 * Dispatch, 404, 405 with Allow, the index at / and /openapi.json all come from this table. A pattern may
 * have one {id} or {generation}, and end in {path}; where one without has a path, no other one does. Routes of one pattern
 * stand together; HEAD is answered wherever GET is. Scopes: MAIN, the
 * listener of orders; ADMIN, the admin listener when there is one; BOTH; OPEN is BOTH without a token.
 */
X(ORDERS_POST, "POST", "/orders", MAIN, ordo__orders_post, "Decides one order, or a batch with a line each")
X(ORDERS_LIST, "GET", "/orders", BOTH, ordo__orders_list, "Lists orders, newest first")
X(ORDER_GET, "GET", "/orders/{id}", BOTH, ordo__order_get, "Shows an order with its decision and explanation")
X(ORDER_EXPLAIN, "GET", "/orders/{id}/explain", BOTH, ordo__order_explain,
  "Says why an order was decided so, as JSON or in sentences")
X(ORDER_WHAT_IF, "POST", "/orders/{id}/what-if", ADMIN, ordo__order_what_if,
  "Decides an order once more with changed fields, and shows the difference; records nothing")
X(ORDER_RETRY, "POST", "/orders/{id}/retry", ADMIN, ordo__order_retry, "Tries a dead order once more")
X(ORDER_RESOLVE, "POST", "/orders/{id}/resolve", ADMIN, ordo__order_resolve, "Decides a held order by hand")
X(STATS, "GET", "/stats", BOTH, ordo__stats_get, "Statistics as JSON")
X(HEALTHZ, "GET", "/healthz", OPEN, ordo__health_get, "Health with its checks")
X(HEALTH, "GET", "/health", OPEN, ordo__health_get, "The same as /healthz")
X(LIVEZ, "GET", "/livez", OPEN, ordo__livez_get, "200 as long as the process answers")
X(READYZ, "GET", "/readyz", OPEN, ordo__readyz_get,
  "200 when orders are taken, 503 when the engine stops or its store is full")
X(METRICS, "GET", "/metrics", ADMIN, ordo__metrics_get, "Metrics in the Prometheus text format")
X(EVENTS, "GET", "/events", BOTH, ordo__events_get,
  "Server-sent events: decisions and statistics as they happen")
X(RULES, "GET", "/rules", BOTH, ordo__rules_get,
  "The rule set that is running, and the generations that are kept")
X(RULES_RELOAD, "POST", "/rules/reload", ADMIN, ordo__rules_reload, "Loads the rules from their folder")
X(RULES_ROLLBACK, "POST", "/rules/rollback", ADMIN, ordo__rules_rollback,
  "Activates the generation that was active before")
X(RULES_DRAFT, "GET", "/rules/draft", ADMIN, ordo__rules_draft_get, "The draft and its files")
X(RULES_DRAFT_DROP, "DELETE", "/rules/draft", ADMIN, ordo__rules_draft_drop,
  "Drops the draft: it begins anew as the active generation")
X(RULES_DRAFT_CHECK, "POST", "/rules/draft/check", ADMIN, ordo__rules_draft_check,
  "Compiles the draft and runs its tests")
X(RULES_DRAFT_SEAL, "POST", "/rules/draft/seal", ADMIN, ordo__rules_draft_seal,
  "Makes a generation of the draft")
X(RULES_DRAFT_PUT, "PUT", "/rules/draft/files/{path}", ADMIN, ordo__rules_draft_put,
  "Adds a file to the draft, or replaces it")
X(RULES_DRAFT_DELETE, "DELETE", "/rules/draft/files/{path}", ADMIN, ordo__rules_draft_delete,
  "Removes a file of the draft")
X(RULES_SHOW, "GET", "/rules/{generation}", BOTH, ordo__rules_show, "A generation and its files")
X(RULES_FILE, "GET", "/rules/{generation}/files/{path}", ADMIN, ordo__rules_file,
  "A file of a generation, or of the draft")
X(RULES_DIFF, "GET", "/rules/{generation}/diff", ADMIN, ordo__rules_diff,
  "What differs from one generation to another")
X(RULES_ACTIVATE, "POST", "/rules/{generation}/activate", ADMIN, ordo__rules_activate,
  "Makes a generation the active one")
X(BACKUP, "POST", "/backup", ADMIN, ordo__backup_post, "Copies the store into a folder")
X(PROFILE_CPU, "GET", "/profile/cpu", ADMIN, ordo__profile_get, "Where CPU time goes, in C and Lua")
X(PROFILE_MEMORY, "GET", "/profile/memory", ADMIN, ordo__profile_get, "What holds the memory, in C and Lua")
X(PROFILE_ALLOCS, "GET", "/profile/allocs", ADMIN, ordo__profile_get, "What allocates memory, in C and Lua")
X(PROFILE_TRACE, "GET", "/profile/trace", ADMIN, ordo__profile_get, "What happened when, for ui.perfetto.dev")
X(PROFILE_GC, "GET", "/profile/gc", ADMIN, ordo__profile_get,
  "Lua's memory and its collector's pauses by worker, and the allocator's memory")
X(PROFILE_JIT, "GET", "/profile/jit", ADMIN, ordo__profile_get,
  "Lines that are compiled, and why others are not")
X(PROFILE_LEAKS, "GET", "/profile/leaks", ADMIN, ordo__profile_get, "Lines that hold ever more memory")
X(PROFILE_GOROUTINES, "GET", "/profile/goroutines", ADMIN, ordo__profile_get,
  "Orders that wait in a rule, and what threads do")
X(PROFILE_BLOCK, "GET", "/profile/block", ADMIN, ordo__profile_get, "What orders wait for, and how long")
X(PROFILE_MUTEX, "GET", "/profile/mutex", ADMIN, ordo__profile_get,
  "Which locks are waited for, and how long")
X(PROFILE_HISTORY, "GET", "/profile/history", ADMIN, ordo__profile_get, "Profiles that are kept")
X(PROFILE_KEPT, "GET", "/profile/history/{id}", ADMIN, ordo__profile_get, "One of them")
X(PROFILE_FORGET, "DELETE", "/profile/history/{id}", ADMIN, ordo__profile_get, "Deletes one of them")
X(PROFILE_DIFF, "GET", "/profile/diff", ADMIN, ordo__profile_get,
  "The change from one of them to another, per order")
X(PROFILE_STATUS, "GET", "/profile/status", ADMIN, ordo__profile_get,
  "What can be profiled, who does, and what it costs")
X(DEBUG_INDEX, "GET", "/debug/pprof/", ADMIN, ordo__profile_index, "A page with every profile")
X(PROFILE_INDEX, "GET", "/profile/", ADMIN, ordo__profile_index, "The same page")
X(DEBUG_PROFILE, "GET", "/debug/pprof/profile", ADMIN, ordo__profile_get, "CPU time, for `go tool pprof`")
X(DEBUG_HEAP, "GET", "/debug/pprof/heap", ADMIN, ordo__profile_get, "Memory in use, for `go tool pprof`")
X(DEBUG_ALLOCS, "GET", "/debug/pprof/allocs", ADMIN, ordo__profile_get,
  "Memory allocated, for `go tool pprof`")
X(DEBUG_BLOCK, "GET", "/debug/pprof/block", ADMIN, ordo__profile_get,
  "What orders wait for, for `go tool pprof`")
X(DEBUG_MUTEX, "GET", "/debug/pprof/mutex", ADMIN, ordo__profile_get, "Waits for locks, for `go tool pprof`")
X(DEBUG_GOROUTINE, "GET", "/debug/pprof/goroutine", ADMIN, ordo__profile_get,
  "Waiting orders and threads, for `go tool pprof`")
X(PPROF_CONTENTION, "GET", "/pprof/contention", ADMIN, ordo__profile_get,
  "Waits for locks, for `jeprof --contentions`")
X(PPROF_PROFILE, "GET", "/pprof/profile", ADMIN, ordo__profile_get, "CPU time, for `jeprof`")
X(PPROF_HEAP, "GET", "/pprof/heap", ADMIN, ordo__profile_get, "Memory, for `jeprof`")
X(DEBUG_TRACE, "GET", "/debug/pprof/trace", ADMIN, ordo__profile_no_trace,
  "Says where the trace is that can be read")
X(DEBUG_CMDLINE, "GET", "/debug/pprof/cmdline", ADMIN, ordo__profile_cmdline, "The program and its arguments")
X(DEBUG_SYMBOL, "GET", "/debug/pprof/symbol", ADMIN, ordo__profile_symbol, "Whether addresses can be named")
X(DEBUG_SYMBOL_POST, "POST", "/debug/pprof/symbol", ADMIN, ordo__profile_symbol, "Names for addresses")
X(PPROF_CMDLINE, "GET", "/pprof/cmdline", ADMIN, ordo__profile_cmdline,
  "The program and its arguments, for `jeprof`")
X(PPROF_SYMBOL, "GET", "/pprof/symbol", ADMIN, ordo__profile_symbol,
  "Whether addresses can be named, for `jeprof`")
X(PPROF_SYMBOL_POST, "POST", "/pprof/symbol", ADMIN, ordo__profile_symbol,
  "Names for addresses, for `jeprof`")
X(OPENAPI, "GET", "/openapi.json", OPEN, ordo__openapi_get, "This interface as OpenAPI 3.1")
X(INDEX, "GET", "/", OPEN, ordo__index_get, "What there is to try")
