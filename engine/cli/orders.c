/* SPDX-License-Identifier: MIT
 * orders.c: `ordo orders`: the verbs, each a command of its own, and the way to them.
 */
#include "cli/orders.h"

#include "cli/commands.h"

#define LIST_ABOUT                                                                                           \
    "Newest first. Totals are in minor units of the currency. With --json a line is an order as GET "        \
    "/orders gives it."
#define RETRY_ABOUT                                                                                          \
    "Each order gets one attempt more. With --all it takes every dead order that the filter finds; "         \
    "--status dead has to\n"                                                                                 \
    "be there, so that nothing is retried by accident. A full queue is waited for. The exit code is 1 when " \
    "one could not\n"                                                                                        \
    "be queued."
#define EXPORT_ABOUT                                                                                         \
    "Newest first, page by page: it needs the memory of one page. NDJSON has the whole order and its "       \
    "decision. CSV\n"                                                                                        \
    "(RFC 4180, first line: names) has the columns\n"                                                        \
    "  id,status,decision,code,priority,customer,received_at,updated_at,attempt,revision,\n"                 \
    "  generation,currency,subtotal,discount,fee,tax,total,paid,due,route\n"                                 \
    "FILE is written as FILE.partial and renamed when it is whole."

const struct ordo_command ordo_orders_verbs[] = {
    {"orders list", "", "Lists orders.", LIST_ABOUT, ordo_orders_list_options, ordo_orders_list_run},
    {"orders show", "ID", "Shows an order and how its decision came about.", NULL, ordo_orders_show_options,
     ordo_orders_show_run},
    {"orders retry", "ID...", "Tries dead orders once more.", RETRY_ABOUT, ordo_orders_retry_options,
     ordo_orders_retry_run},
    {"orders resolve", "ID", "Decides a held order by hand.", NULL, ordo_orders_resolve_options,
     ordo_orders_resolve_run},
    {"orders export", "", "Writes every order that a filter finds.", EXPORT_ABOUT, ordo_orders_export_options,
     ordo_orders_export_run},
    {0},
};

const struct ordo_cli_option ordo_orders_options[] = {{0}};

int ordo_orders_run(const struct ordo_command *command, int argc, char **argv)
{
    return ordo_command_run_verb(command, argc, argv);
}
