/* SPDX-License-Identifier: MIT
 * auth.h: the token that a listener's requests need, and the check of an Authorization header against it.
 */
#pragma once

#include "base/error.h"

enum { ORDO_TOKEN_MAX = 512 };

struct ordo_token {
    char bytes[ORDO_TOKEN_MAX];
    size_t len; /* 0: no token is needed */
};

/* Reads a file with one token; space around it is dropped. ORDO_ECONFIG: empty, too long, or more than one
 * line. */
int ordo_token_read(const char *path, struct ordo_token *ret_token, struct ordo_error *err);

/* "Bearer TOKEN", or "Basic ..." with the token as password. Takes the same time wherever they differ. */
bool ordo_token_allows(const struct ordo_token *token, ordo_str authorization);
