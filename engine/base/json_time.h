/* SPDX-License-Identifier: MIT
 * json_time.h: moments as RFC 3339 text in UTC with milliseconds: "2026-11-23T06:27:05.123Z".
 */
#pragma once

#include "base/json_write.h"

enum { ORDO_TIME_TEXT = 24 }; /* bytes of the text, for years 0 to 9999 */

/* Writes ORDO_TIME_TEXT bytes, no NUL. Moments after the year 9999 are its last, those before 1970 are 1970's first.
 * Needs no locale, time zone or lock. */
void ordo_time_format(int64_t utc_ms, char *out);

/* The way back, and what people write: seconds' fractions may have 1 to 9 digits (milliseconds count) or be
 * absent, the end is Z or an offset like +02:00; a day alone is its midnight UTC. False: anything else, or a moment before 1970. */
bool ordo_time_parse(ordo_str text, int64_t *ret_utc_ms);

/* The text as a JSON string. */
void ordo_json_time(struct ordo_json_writer *json, int64_t utc_ms);
