/* SPDX-License-Identifier: MIT
 * export.h: hands the profiles that the profiler takes by itself to the exporter plugins.
 */
#pragma once

#include "profile/profiler.h"

/* struct ordo_profiled.captured, with the engine. */
void ordo__export(void *context, const struct ordo_profile_capture *capture);
