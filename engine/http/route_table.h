/* SPDX-License-Identifier: MIT
 * route_table.h: every route. X(NAME, "METHOD", "/pattern", scope, handler, "summary").
 *
 * Dispatch, 404, 405 with Allow, the index at / and /openapi.json all come from this table. A pattern may
 * have one {id}. Routes of one pattern stand together; HEAD is answered wherever GET is. Scopes: MAIN, the
 * listener of orders; ADMIN, the admin listener when there is one; BOTH; OPEN is BOTH without a token.
 */
X(ORDERS_POST, "POST", "/orders", MAIN, ordo__orders_post, "Decides one order, or a batch with a line each")
X(ORDERS_LIST, "GET", "/orders", BOTH, ordo__orders_list, "Lists orders, newest first")
X(ORDER_GET, "GET", "/orders/{id}", BOTH, ordo__order_get, "Shows an order with its decision and explanation")
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
X(RULES, "GET", "/rules", BOTH, ordo__rules_get, "The rule set that is running")
X(RULES_RELOAD, "POST", "/rules/reload", ADMIN, ordo__rules_reload, "Loads the rules from their folder")
X(BACKUP, "POST", "/backup", ADMIN, ordo__backup_post, "Copies the store into a folder")
X(OPENAPI, "GET", "/openapi.json", OPEN, ordo__openapi_get, "This interface as OpenAPI 3.1")
X(INDEX, "GET", "/", OPEN, ordo__index_get, "What there is to try")
