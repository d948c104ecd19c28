/* SPDX-License-Identifier: MIT
 * orders_change.c: `ordo orders retry` and `resolve`: what a person may do to an order.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/json_write.h"
#include "cli/orders.h"

enum { OPTION_ALL = 1, OPTION_ACCEPT, OPTION_REJECT, OPTION_REASON, OPTION_BY };

const struct ordo_cli_option ordo_orders_retry_options[] = {
    ORDO_ORDERS_FILTER_ROWS,
    {OPTION_ALL, "all", 'a', NULL, "Every order that the filter finds; with --status dead."},
    ORDO_API_ROWS,
    {0},
};

const struct ordo_cli_option ordo_orders_resolve_options[] = {
    {OPTION_ACCEPT, "accept", 'a', NULL, "The order is accepted."},
    {OPTION_REJECT, "reject", 'r', NULL, "The order is rejected, with the code `resolved`."},
    {OPTION_REASON, "reason", 'm', "TEXT", "Why; it becomes part of the decision."},
    {OPTION_BY, "by", 'b', "NAME", "Who decides; $USER unless it is given."},
    ORDO_API_ROWS,
    {0},
};

static void put_path(struct ordo_buffer *path, ordo_str id, const char *action)
{
    ordo_buffer_clear(path);
    ordo_buffer_append(path, ORDO_STR("/orders/"));
    ordo_api_put_escaped(path, id);
    ordo_buffer_printf(path, "/%s", action);
    ordo_buffer_put(path, '\0');
}

struct retry {
    struct ordo_api *api;
    struct ordo_buffer path, id;
    uint64_t queued, failed;
};

/* True: go on with the next order; an engine that does not answer or does not let us in will not do so for others. */
static bool retry_one(struct retry *retry, ordo_str id)
{
    struct ordo_api *api = retry->api;
    bool ok;

    put_path(&retry->path, id, "retry");
    ordo_buffer_clear(&retry->id);
    ordo_buffer_append(&retry->id, id);
    ordo_buffer_put(&retry->id, '\0');
    while (!(ok = ordo_api_post(api, retry->path.ptr, NULL, retry->id.ptr, "queue_full")) &&
           strcmp(api->code, "queue_full") == 0)
        sleep(api->retry_after_s > 0 ? (unsigned)api->retry_after_s : 1);
    if (ok) {
        retry->queued++;
        printf("%s: queued\n", retry->id.ptr);
    } else {
        retry->failed++;
    }
    return ok || (!api->is_elsewhere && (api->status == 409 || api->status == 404));
}

/* The walk has a connection of its own: the retries' answers would overwrite its page. */
static bool retry_found(void *context, ordo_str line, struct ordo_json_value order)
{
    struct retry *retry = context;

    (void)line;
    return retry_one(retry, ordo_json_text(order, ORDO_STR("id")));
}

static bool retry_all(struct retry *retry, const struct ordo_command *command,
                      const struct ordo_api_options *options, const struct ordo_orders_filter *filter)
{
    struct ordo_orders_walk walk = {
        .api = ordo_api_open(command, options),
        .filter = filter,
        .limit = INT64_MAX,
        .visit = retry_found,
        .context = retry,
    };
    bool ok = walk.api != NULL && ordo_orders_walk(&walk);

    ordo_api_close(walk.api);
    if (ok && walk.visited == 0)
        printf("no order matches\n");
    return ok;
}

int ordo_orders_retry_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    struct ordo_api_options options = {0};
    struct ordo_orders_filter filter = {0};
    struct retry retry = {0};
    bool all = false, filtered = false, ok = true;
    const char *value;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;) {
        if (id == ORDO_CLI_EXIT)
            return args.exit_code;
        all = all || id == OPTION_ALL;
        filtered = ordo_orders_filter_take(&filter, id, value) || filtered;
        ordo_api_take(&options, id, value);
    }
    if (args.next < argc && (all || filtered))
        return ordo_command_usage(command, "give ids, or --status dead --all, not both");
    if (args.next == argc && (!all || filter.status == NULL || strcmp(filter.status, "dead") != 0))
        return ordo_command_usage(command, "give ids, or --status dead --all");
    for (int i = args.next; i < argc; i++)
        if (argv[i][0] == '\0')
            return ordo_command_usage(command, ORDO_ORDERS_NO_ID);
    retry.api = ordo_api_open(command, &options);
    if (retry.api == NULL)
        return ORDO_EXIT_USAGE;
    if (all)
        ok = retry_all(&retry, command, &options, &filter);
    for (int i = args.next; i < argc; i++)
        if (!retry_one(&retry, ordo_str_from(argv[i])))
            break;
    if (retry.queued + retry.failed > 1)
        printf("%llu of %llu queued\n", (unsigned long long)retry.queued,
               (unsigned long long)(retry.queued + retry.failed));
    ordo_buffer_done(&retry.path);
    ordo_buffer_done(&retry.id);
    ordo_api_close(retry.api);
    return ok && retry.failed == 0 ? ORDO_EXIT_OK : ORDO_EXIT_FAILURE;
}

struct resolution {
    const char *id, *by, *reason;
    bool accept, reject;
};

static int resolve(struct ordo_api *api, const struct resolution *resolution)
{
    struct ordo_buffer path = {0}, body = {0};
    struct ordo_json_writer json = ordo_json_writer(&body);
    const char *decision = resolution->accept ? "accepted" : "rejected";
    bool ok;

    put_path(&path, ordo_str_from(resolution->id), "resolve");
    ordo_json_object(&json);
    ordo_json_key_string(&json, ORDO_STR("decision"), ordo_str_from(decision));
    ordo_json_key_string(&json, ORDO_STR("by"), ordo_str_from(resolution->by));
    ordo_json_key_string(&json, ORDO_STR("reason"), ordo_str_from(resolution->reason));
    ordo_json_end_object(&json);
    ok = ordo_api_post(api, path.ptr, &body, resolution->id, NULL);
    if (ok)
        printf("%s: %s by %s, revision %lld\n", resolution->id, decision, resolution->by,
               (long long)ordo_json_number(ordo_json_root(api->parser), ORDO_STR("revision"), 0));
    ordo_buffer_done(&path);
    ordo_buffer_done(&body);
    return ok ? ORDO_EXIT_OK : ORDO_EXIT_FAILURE;
}

static int check_resolution(const struct ordo_command *command, const struct resolution *resolution)
{
    if (resolution->accept == resolution->reject)
        return ordo_command_usage(command, "say --accept or --reject");
    if (resolution->reason == NULL || resolution->reason[0] == '\0')
        return ordo_command_usage(command, "say why with --reason TEXT");
    if (resolution->by == NULL || resolution->by[0] == '\0')
        return ordo_command_usage(command, "say who decides with --by NAME; $USER is not set");
    return ORDO_EXIT_OK;
}

int ordo_orders_resolve_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    struct resolution resolution = {.by = getenv("USER")};
    struct ordo_api_options options = {0};
    struct ordo_api *api;
    const char *value;
    int code;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;)
        switch (id) {
        case ORDO_CLI_EXIT:
            return args.exit_code;
        case OPTION_ACCEPT:
            resolution.accept = true;
            break;
        case OPTION_REJECT:
            resolution.reject = true;
            break;
        case OPTION_REASON:
            resolution.reason = value;
            break;
        case OPTION_BY:
            resolution.by = value;
            break;
        default:
            ordo_api_take(&options, id, value);
        }
    if (argc - args.next != 1)
        return ordo_command_usage(command, "give the id of one order");
    if (argv[args.next][0] == '\0')
        return ordo_command_usage(command, ORDO_ORDERS_NO_ID);
    resolution.id = argv[args.next];
    if ((code = check_resolution(command, &resolution)) != ORDO_EXIT_OK)
        return code;
    api = ordo_api_open(command, &options);
    if (api == NULL)
        return ORDO_EXIT_USAGE;
    code = resolve(api, &resolution);
    ordo_api_close(api);
    return code;
}
