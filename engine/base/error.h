/* SPDX-License-Identifier: MIT
 * error.h: filling struct ordo_error, and the checks that stay on in production.
 *
 *   if (fd < 0)
 *       return ordo_fail(err, -errno, path, "cannot open: %s", strerror(errno));
 */
#pragma once

#include <ordo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Fills *err (NULL is allowed) and returns code. `place` may be NULL. Too long text is cut, between
 * characters. The arguments may point into *err, so an error can be wrapped in more words. Any thread. */
int ordo_fail(struct ordo_error *err, int code, const char *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* As ordo_fail, with a line and column (0: not known). */
int ordo_fail_at(struct ordo_error *err, int code, const char *place, int line, int column,
                 const char *format, ...) __attribute__((format(printf, 6, 7)));

/* "FULL" for ORDO_EFULL, "ENOENT" for -ENOENT, "UNKNOWN"; never NULL. */
const char *ordo_error_name(int code);

/* Writes "place:line:column: message" with what is known of it; an error without a message gets the
 * text of its code. Too long text is cut. Returns out. */
const char *ordo_error_format(const struct ordo_error *err, char *out, size_t size);

/* The longest start of `text`, at most `most` bytes, that does not end inside a UTF-8 character. */
size_t ordo_text_cut(const char *text, size_t len, size_t most);

/* Takes the first line off, without its end; false when there is none left. */
bool ordo_text_next_line(ordo_str *text, ordo_str *ret_line);

/* A condition that must hold, also in release builds: says where and aborts. */
#define ORDO_REQUIRE(condition)                                                                              \
    do {                                                                                                     \
        if (__builtin_expect(!(condition), 0))                                                               \
            ordo_require_failed(#condition, __FILE__, __LINE__);                                             \
    } while (0)

void ordo_require_failed(const char *condition, const char *file, int line) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif
