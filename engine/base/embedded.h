/* SPDX-License-Identifier: MIT
 * embedded.h: a file that is part of the program; embed.py makes tables of them.
 */
#pragma once

#include <stddef.h>

struct ordo_embedded {
    const char *name; /* without its folder */
    const char *text; /* no NUL behind it */
    size_t len;
};
