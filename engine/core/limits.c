/* SPDX-License-Identifier: MIT
 * limits.c: the defaults; the same figures stand in engine_options.c, and a test compares them.
 */
#include "core/limits.h"

const struct ordo_limits ordo_limits_preset = {
    .order_bytes = 1 << 20,
    .batch_bytes = 64 << 20,
    .items = 10000,
    .depth = 64,
    .operations = 10000,
    .attribute_bytes = 4 << 10,
    .decision_bytes = 4 << 20,
};
