/* SPDX-License-Identifier: MIT
 * orders.h: the verbs of `ordo orders`, and what several of them need: a filter, and the walk over what it finds.
 */
#pragma once

#include "cli/api_client.h"

/* The verbs, each in the file of its name; their rows stand in orders.c. */
extern const struct ordo_cli_option ordo_orders_list_options[], ordo_orders_show_options[],
    ordo_orders_retry_options[], ordo_orders_resolve_options[], ordo_orders_export_options[];
int ordo_orders_list_run(const struct ordo_command *command, int argc, char **argv);
int ordo_orders_show_run(const struct ordo_command *command, int argc, char **argv);
int ordo_orders_retry_run(const struct ordo_command *command, int argc, char **argv);
int ordo_orders_resolve_run(const struct ordo_command *command, int argc, char **argv);
int ordo_orders_export_run(const struct ordo_command *command, int argc, char **argv);

enum {
    ORDO_ORDERS_STATUS = 210,
    ORDO_ORDERS_CUSTOMER,
    ORDO_ORDERS_PRIORITY,
    ORDO_ORDERS_SINCE,
    ORDO_ORDERS_UNTIL,
};

/* Rows for a table of options; the engine checks the values. */
#define ORDO_ORDERS_FILTER_ROWS                                                                              \
    {ORDO_ORDERS_STATUS, "status", 's', "STATUS",                                                            \
     "Only orders of this status, or of several with commas between:\nqueued, done, held, invalid, dead."},  \
        {ORDO_ORDERS_CUSTOMER, "customer", 'c', "ID", "Only orders of this customer.id."},                   \
        {ORDO_ORDERS_PRIORITY, "priority", 'p', "high|medium|low", "Only orders of this class."},            \
        {ORDO_ORDERS_SINCE, "since", 0, "TIME",                                                              \
         "Only orders received then or later: 2026-11-23, 2026-11-23T06:27:05Z."},                           \
    {                                                                                                        \
        ORDO_ORDERS_UNTIL, "until", 0, "TIME", "Only orders received before."                                \
    }

/* Said of an id that is "": a script's variable is not set. */
#define ORDO_ORDERS_NO_ID "the id of an order has at least one character, and this one has none"

struct ordo_orders_filter {
    const char *status, *customer, *priority, *since, *until; /* NULL: all */
};

/* Takes one of the filter's options; other ids: false. */
bool ordo_orders_filter_take(struct ordo_orders_filter *filter, int id, const char *value);

/* One order of a page: its text, which is one line, and the same read. Both live during the call only. False ends the
 * walk. */
typedef bool (*ordo_orders_visit_fn)(void *context, ordo_str line, struct ordo_json_value order);

struct ordo_orders_walk {
    struct ordo_api *api;
    const struct ordo_orders_filter *filter;
    bool with_order; /* each has its `order` as it was sent */
    uint64_t limit;  /* orders at most */
    ordo_orders_visit_fn visit;
    bool (*page_end)(void *context); /* after each page; false ends the walk; NULL: nothing to do */
    void *context;
    uint64_t visited; /* orders shown to `visit` */
    bool has_more;    /* the limit ended the walk, and there may be more */
};

/* Newest first, page by page, with one page in memory. False after a page could not be had, which is said. */
bool ordo_orders_walk(struct ordo_orders_walk *walk);

/* orders_show.c: tables on standard output. */
void ordo_orders_print_operations(struct ordo_json_value operations);
void ordo_orders_print_problems(
    struct ordo_json_value problem); /* an empty line and its `problems`; nothing without any */
