/* SPDX-License-Identifier: MIT
 * frame_text.h: frames and values as people read them.
 */
#pragma once

#include "profile/profile.h"

enum { ORDO_FRAME_TEXT = 256, ORDO_VALUE_TEXT = 48 };

/* The function; where there is none, "file.lua:7", "libc.so.6+0x1234" or "0x1234"; `out` has ORDO_FRAME_TEXT bytes. */
ordo_str ordo_frame_name(const struct ordo_frame *frame, char *out);
/* "lua", "engine", ... */
const char *ordo_frame_kind_word(enum ordo_frame_kind kind);

/* "500 ms", "6.25 KiB", "75"; `out` has ORDO_VALUE_TEXT bytes. Returns it. */
const char *ordo_value_text(double value, const char *unit, char *out);
/* A share in percent; 0 of nothing. */
double ordo_percent(double part, double whole);
/* What the shown value of a profile is: "cpu: 1 s in 1.5 s, 2025-11-26T15:13:20.000Z". Appends. */
void ordo_profile_summary(const struct ordo_profile *profile, struct ordo_buffer *out);
