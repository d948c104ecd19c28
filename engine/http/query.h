/* SPDX-License-Identifier: MIT
 * query.h: query strings, and the one of GET /orders.
 */
#pragma once

#include <ordo/store.h>

#include "base/error.h"

enum { ORDO__LIST_DEFAULT = 50, ORDO__LIST_MAX = 1000 };

/* Decodes %xx (and '+' as a space when `plus`). False: a bad escape, a NUL, or more than `size` bytes. */
bool ordo__percent_decode(ordo_str text, bool plus, char *out, size_t size, size_t *ret_len);

/* The next name=value, both as sent; false at the end. *rest starts as the whole query. */
bool ordo__query_next(ordo_str *rest, ordo_str *ret_name, ordo_str *ret_value);

/* A whole number of at most 20 digits; false: anything else, or above max. */
bool ordo__query_number(ordo_str text, uint64_t max, uint64_t *ret_number);

/* No parameter is called so: ORDO_ECONFIG, with the nearest of the names, or else with `there_are`, which lists them. */
int ordo__query_unknown(ordo_str name, const char *const *names, size_t count, const char *there_are,
                        struct ordo_error *err);

/* What GET /orders asks for; the strings point into it. */
struct ordo__list_query {
    struct ordo_store_query query;
    char customer[ORDO_ID_MAX];
    bool with_order; /* detail=full: each with the order's bytes */
};

/* ORDO_ECONFIG: err->message names the parameter and what it may be. */
int ordo__list_query_parse(ordo_str text, struct ordo__list_query *ret_list, struct ordo_error *err);
