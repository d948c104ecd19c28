/* SPDX-License-Identifier: MIT
 * mallctl.h: jemalloc's door. Programs that run without jemalloc (sanitizers, unit tests) find it closed, so nothing
 * here needs its header or its library.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

extern int mallctl(const char *name, void *old, size_t *old_size, void *value, size_t size)
    __attribute__((weak));

/* 0 or a positive errno value; ENOSYS without jemalloc. */
static inline int ordo_mallctl_read(const char *name, void *ret_value, size_t size)
{
    return mallctl == NULL ? ENOSYS : mallctl(name, ret_value, &size, NULL, 0);
}

static inline int ordo_mallctl_write(const char *name, void *value, size_t size)
{
    return mallctl == NULL ? ENOSYS : mallctl(name, NULL, NULL, value, size);
}
