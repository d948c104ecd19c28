/* SPDX-License-Identifier: MIT
 * engine_options.c: everything that may be set about the engine itself. Options of one section stand
 * together. Plugins bring tables of their own.
 */
#include "core/config.h"

#define US_MS ((int64_t)1000)
#define US_S (1000 * US_MS)
#define US_H (3600 * US_S)
#define KIB ((int64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

const struct ordo_option ordo_engine_options[] = {
    {"http.listen", ORDO_OPTION_STRING, "127.0.0.1:8080", 0, 0, "host:port",
     "Where clients send orders; port 0 takes a free one."},
    {"http.threads", ORDO_OPTION_INT, "1", 1, 64, NULL, "Threads that read requests and write answers."},
    {"http.max_wait", ORDO_OPTION_DURATION, "30s", US_MS, US_H, NULL,
     "An order not decided by then is answered 202 with its Location."},
    {"http.batch_window", ORDO_OPTION_INT, "1000", 1, 1000000, "lines",
     "Lines of one batch that are undecided at a time."},
    {"http.token_file", ORDO_OPTION_STRING, "", 0, 0, "path",
     "File with the token that orders need; empty: none."},
    {"http.max_connections", ORDO_OPTION_INT, "0", 0, 1000000, NULL,
     "Connections at a time; 0: as many as the system allows."},
    {"http.timeout", ORDO_OPTION_DURATION, "60s", US_S, US_H, NULL,
     "For a request to arrive, an answer to be read, a connection to be idle; in whole seconds."},
    {"http.retry_after", ORDO_OPTION_DURATION, "1s", US_S, US_H, NULL,
     "Retry-After of answers that ask the client to come again."},

    {"admin.listen", ORDO_OPTION_STRING, "", 0, 0, "host:port",
     "A listener of its own for profiles, metrics and changes; empty: all on http.listen."},
    {"admin.token_file", ORDO_OPTION_STRING, "", 0, 0, "path",
     "File with the token that it needs; required beyond loopback."},

    {"workers.count", ORDO_OPTION_INT, "0", 0, 256, "threads", "Threads that decide orders; 0: one a core."},
    {"workers.max_in_flight", ORDO_OPTION_INT, "1000", 1, 1000000, "orders",
     "Orders that a worker holds, those that wait included."},

    {"scripts", ORDO_OPTION_STRING, "scripts", 1, 4000, NULL, "Folder with the rules; watched for changes."},
    {"data_dir", ORDO_OPTION_STRING, "data", 1, 4000, NULL,
     "Folder for what the engine keeps; outside of scripts."},

    {"queue.high", ORDO_OPTION_INT, "10000", 1, 10000000, "orders",
     "Orders of high priority that may wait; more are answered 503."},
    {"queue.medium", ORDO_OPTION_INT, "10000", 1, 10000000, "orders", "The same for medium priority."},
    {"queue.low", ORDO_OPTION_INT, "10000", 1, 10000000, "orders", "The same for low priority."},
    {"queue.max_wait_medium", ORDO_OPTION_DURATION, "500ms", 0, US_H, NULL,
     "A medium order that has waited so long is taken next."},
    {"queue.max_wait_low", ORDO_OPTION_DURATION, "2s", 0, US_H, NULL,
     "A low order that has waited so long is taken next."},

    {"rules.on_error", ORDO_OPTION_ENUM, "hold", 0, 0, "hold|reject|retry",
     "What becomes of an order whose rule broke."},
    {"rules.max_attempts", ORDO_OPTION_INT, "5", 1, 1000, NULL,
     "Attempts at an order that asks for a retry, before it is dead."},
    {"rules.retry_after", ORDO_OPTION_DURATION, "1s", 0, US_H, NULL,
     "Wait before the second attempt when rules.on_error is retry; doubled with each one."},
    {"rules.retry_max", ORDO_OPTION_DURATION, "1h", 0, 720 * US_H, NULL,
     "Longest wait that doubling makes of rules.retry_after, or of what a rule asked for."},
    {"rules.max_crashes", ORDO_OPTION_INT, "3", 1, 1000, NULL,
     "Times that the process may die while deciding an order, before the order is dead."},
    {"rules.gc_headroom", ORDO_OPTION_SIZE, "4MiB", 0, GIB, NULL,
     "Lua's garbage is collected between orders, or inside of one once it has allocated so much; 0: as "
     "LuaJIT likes."},
    {"rules.keep", ORDO_OPTION_INT, "100", 1, 100000, "generations",
     "Generations that are kept in data_dir/rules beside the active one: so many retired, and so many "
     "sealed."},
    {"rules.jit", ORDO_OPTION_BOOL, "true", 0, 0, NULL, "Compile hot rules to machine code."},

    {"limits.order_bytes", ORDO_OPTION_SIZE, "1MiB", 1, GIB, NULL, "Bytes of one order."},
    {"limits.batch_bytes", ORDO_OPTION_SIZE, "64MiB", 1, 64 * GIB, NULL, "Bytes of one batch."},
    {"limits.items", ORDO_OPTION_INT, "10000", 1, 1000000, NULL, "Items of one order."},
    {"limits.depth", ORDO_OPTION_INT, "64", 1, 1024, NULL, "Arrays and objects inside one another."},
    {"limits.operations", ORDO_OPTION_INT, "10000", 1, 1000000, NULL, "Operations of one decision."},
    {"limits.attribute_bytes", ORDO_OPTION_SIZE, "4KiB", 1, 16 * MIB, NULL,
     "Bytes of one value of decide:set."},
    {"limits.decision_bytes", ORDO_OPTION_SIZE, "4MiB", 4 * KIB, GIB, NULL, "Memory of one decision."},

    {"stop.grace", ORDO_OPTION_DURATION, "30s", 0, 24 * US_H, NULL,
     "Time for a stop: for the orders inside to finish, sinks and exporters to take what is left, and "
     "answers "
     "to go out."},

    {"profiling.enabled", ORDO_OPTION_BOOL, "true", 0, 0, NULL, "Offer profiles over HTTP."},
    {"profiling.continuous", ORDO_OPTION_BOOL, "false", 0, 0, NULL,
     "Take profiles of CPU and heap by itself, all the time; for the history and for exporters."},
    {"profiling.interval", ORDO_OPTION_DURATION, "1m", US_S, US_H, NULL, "How long each of these is."},
    {"profiling.hz", ORDO_OPTION_INT, "100", 1, 1000, "samples a second",
     "Of CPU time, in these; others may ask for another rate."},
    {"profiling.leaks_interval", ORDO_OPTION_DURATION, "1m", US_S, US_H, NULL,
     "Between two looks at what grows in memory."},
    {"profiling.block_rate", ORDO_OPTION_DURATION, "0s", 0, US_H, NULL,
     "Measure the waits of orders; shorter ones than this by chance, so that sums are right; 0: none."},
    {"profiling.mutex_rate", ORDO_OPTION_DURATION, "0s", 0, US_H, NULL,
     "The same of the waits for the engine's locks."},
    {"profiling.history_bytes", ORDO_OPTION_SIZE, "256MiB", 0, 1024 * GIB, NULL,
     "Profiles that are kept in data_dir/profiles, the oldest making room; 0: none."},
    {"profiling.max_duration", ORDO_OPTION_DURATION, "10m", US_S, 24 * US_H, NULL,
     "The longest time that a profile may be asked for."},

    {"trace.memory", ORDO_OPTION_SIZE, "2MiB", 0, GIB, NULL,
     "Memory of the flight recorder for each thread, rounded up to a power of two; 0: nothing is recorded."},
    {"trace.slow_ms", ORDO_OPTION_INT, "0", 0, 3600000, "ms",
     "An order that takes longer keeps its own trace; 0: none."},
    {"trace.slow_kept", ORDO_OPTION_INT, "100", 1, 10000, "orders",
     "Slow orders that are kept, the newest ones."},

    {"log.level", ORDO_OPTION_ENUM, "info", 0, 0, "debug|info|warn|error",
     "The least serious events that are logged."},
    {"log.format", ORDO_OPTION_ENUM, "text", 0, 0, "text|json", "How log lines are written."},
    {0},
};
