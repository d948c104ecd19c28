/* SPDX-License-Identifier: MIT
 * profile_index.h: the pages that are part of the program.
 */
#pragma once

#include "base/embedded.h"

/* The files of web/. */
extern const struct ordo_embedded ordo__http_web[];
extern const size_t ordo__http_web_count;
