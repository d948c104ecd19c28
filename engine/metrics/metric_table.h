/* SPDX-License-Identifier: MIT
 * metric_table.h: every counter (X) and timing (H) of the engine: X(NAME, "metric", "labels", "help").
 * Rows of one metric stand together.
 */
X(ORDERS_RECEIVED, "ordo_orders_received_total", "", "Orders that were read, by HTTP or a source.")
X(ORDERS_ACCEPTED, "ordo_orders_total", "outcome=\"accepted\"", "Orders with a recorded outcome.")
X(ORDERS_REJECTED, "ordo_orders_total", "outcome=\"rejected\"", "")
X(ORDERS_HELD, "ordo_orders_total", "outcome=\"held\"", "")
X(ORDERS_INVALID, "ordo_orders_total", "outcome=\"invalid\"", "")
X(ORDERS_DEAD, "ordo_orders_total", "outcome=\"dead\"", "")
X(ORDERS_CRASHED, "ordo_orders_crashed_total", "",
  "Orders that are dead because the process died while it decided them.")
X(ORDERS_REPLAYED, "ordo_orders_replayed_total", "", "Orders answered with the decision recorded before.")
X(ORDERS_CONFLICT, "ordo_orders_conflict_total", "",
  "Orders refused because their id was in progress or used for another order.")
X(ORDERS_REFUSED, "ordo_orders_refused_total", "", "Orders answered 503 because their queue was full.")
X(ORDERS_STOPPED, "ordo_orders_stopped_total", "",
  "Orders that were not decided because the engine was stopping.")
X(ORDERS_STORE_FAILED, "ordo_orders_store_failed_total", "", "Orders that the store did not take.")
X(ATTEMPTS_RETRIED, "ordo_attempts_retried_total", "", "Attempts that ended in a retry.")
X(RULE_ERRORS, "ordo_rule_errors_total", "", "Rules that broke.")
X(RULES_RELOADED, "ordo_rules_reloads_total", "result=\"ok\"", "Rule sets that were loaded or refused.")
X(RULES_REFUSED, "ordo_rules_reloads_total", "result=\"refused\"", "")
X(HTTP_REQUESTS, "ordo_http_requests_total", "", "HTTP requests that reached a route.")
X(HTTP_2XX, "ordo_http_responses_total", "class=\"2xx\"", "HTTP responses.")
X(HTTP_4XX, "ordo_http_responses_total", "class=\"4xx\"", "")
X(HTTP_5XX, "ordo_http_responses_total", "class=\"5xx\"", "")
X(HTTP_GONE, "ordo_http_clients_gone_total", "", "Requests whose client left before the answer.")
X(HTTP_LATE, "ordo_http_answered_late_total", "",
  "Requests answered 202 because the decision took longer than the wait.")
X(HTTP_LIMITED, "ordo_http_connections_limited_total", "",
  "Connections closed for resetting too many requests.")
X(EVENTS_SENT, "ordo_events_sent_total", "", "Server-sent events.")
X(EVENTS_DROPPED, "ordo_events_dropped_total", "",
  "Server-sent events dropped because a subscriber was slow.")
X(SINK_EMITTED, "ordo_sink_decisions_total", "", "Decisions that a sink took.")
X(SINK_RETRIED, "ordo_sink_retries_total", "", "Batches that a sink failed and that were tried again.")
X(SINK_LOST, "ordo_sink_lost_total", "",
  "Decisions that a sink does not get because the store has lost them.")
H(QUEUE_WAIT, "ordo_queue_wait_seconds", "", "Time from the queue's entry to a worker.")
H(PROCESSING, "ordo_processing_seconds", "", "Time from a worker's start to the decision, waits included.")
H(BLOCKED, "ordo_blocked_seconds", "", "Time that an order spent waiting inside its rules (sleep, fetch).")
H(TOTAL, "ordo_order_seconds", "", "Time from receipt to the recorded outcome.")
H(GC_STEP, "ordo_lua_gc_step_seconds", "", "Pauses: steps of Lua's collector between orders.")
