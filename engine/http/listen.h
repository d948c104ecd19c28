/* SPDX-License-Identifier: MIT
 * listen.h: binds the socket of a listener.
 */
#pragma once

#include "base/error.h"

struct ordo__listener {
    int fd;
    uint16_t port;
    bool is_loopback; /* only this machine reaches it */
};

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" for every address; `option` is named in errors.
 * Returns 0 or a negative code; the caller closes fd. */
int ordo__listen(const char *address, const char *option, struct ordo__listener *ret_listener,
                 struct ordo_error *err);

/* The same without a socket: whether the address is one, and whether only this machine reaches it. */
int ordo__listen_check(const char *address, const char *option, bool *ret_is_loopback,
                       struct ordo_error *err);
