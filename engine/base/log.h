/* SPDX-License-Identifier: MIT
 * log.h: one line an event on standard error, as text or JSON. Libraries below the places that handle an
 * error do not log; whoever handles it logs it, once.
 *
 *   ordo_log_info("rules", "generation %d is running", number);
 *   text: 2026-11-23T06:27:05.123Z info  rules: generation 2 is running
 *   json: {"time":"2026-11-23T06:27:05.123Z","level":"info","tag":"rules","message":"generation 2 is
 * running"}
 */
#pragma once

#include <stdatomic.h>

#include <ordo/plugin.h>

enum ordo_log_format { ORDO_LOG_TEXT = 0, ORDO_LOG_JSON };

void ordo_log_setup(enum ordo_log_level level, enum ordo_log_format format); /* before threads start */
bool ordo_log_is_on(enum ordo_log_level level);

/* One write(2) a line, so lines of threads do not mix; control characters are escaped; a line ends at
 * 4 KiB, with "...". Keeps errno. Any thread. */
void ordo_log_write(enum ordo_log_level level, const char *tag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define ordo_log_debug(...) ordo_log_write(ORDO_LOG_DEBUG, __VA_ARGS__)
#define ordo_log_info(...) ordo_log_write(ORDO_LOG_INFO, __VA_ARGS__)
#define ordo_log_warn(...) ordo_log_write(ORDO_LOG_WARN, __VA_ARGS__)
#define ordo_log_error(...) ordo_log_write(ORDO_LOG_ERROR, __VA_ARGS__)

/* For events that can come in floods: true when this one may be logged, at most one a second for each `gate`;
 * *ret_skipped is how many were held back since the last. `gate` starts zeroed. Any thread. */
struct ordo_log_gate {
    _Atomic int64_t last_ns;
    _Atomic uint32_t skipped;
};
bool ordo_log_gate_pass(struct ordo_log_gate *gate, uint32_t *ret_skipped);

/* For the end of such a line: " (3 more were not logged)", or "" for none. Returns out. */
const char *ordo_log_skipped(uint32_t skipped, char *out, size_t size);
