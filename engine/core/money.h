/* SPDX-License-Identifier: MIT
 * money.h: amounts as people write them. The rules' own module `money` (script/lua/money.lua) knows the same currencies;
 * a test holds them together.
 */
#pragma once

#include "base/buffer.h"

/* Digits behind the point; 2 for a code that ISO 4217 gives no other number. */
int ordo_money_decimals(ordo_str currency);
/* Appends 8948 as 89.48; no currency. */
void ordo_money_put(struct ordo_buffer *out, int64_t amount, int decimals);
