/* SPDX-License-Identifier: MIT
 * load.c: `ordo load`: its options, and what runs when.
 */
#include "cli/commands.h"

#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/load_report.h"

enum {
    OPTION_RATE = 1,
    OPTION_DURATION,
    OPTION_ORDERS,
    OPTION_CONNECTIONS,
    OPTION_MODE,
    OPTION_BATCH,
    OPTION_PRIORITIES,
    OPTION_SEED,
    OPTION_TIMEOUT,
    OPTION_TOKEN_FILE,
    OPTION_JSON,
    OPTION_QUIET,
};

const struct ordo_cli_option ordo_load_options[] = {
    {OPTION_RATE, "rate", 'r', "N", "Orders a second; without it, as fast as the engine answers."},
    {OPTION_DURATION, "duration", 'd', "TIME", "How long to send: 500ms, 10s, 5m; 10s by default."},
    {OPTION_ORDERS, "orders", 'n', "N",
     "Sends N orders and ends; then there is no duration unless one is given."},
    {OPTION_CONNECTIONS, "connections", 'c', "N",
     "Connections, each with one request at a time; 64 by default."},
    {OPTION_MODE, "mode", 'm', "sync|async|ndjson",
     "sync waits for each decision (default), async asks for 202,\nndjson sends batches."},
    {OPTION_BATCH, "batch", 'b', "N", "Orders a request with ndjson; 100 by default."},
    {OPTION_PRIORITIES, "priorities", 'p', "H:M:L",
     "Shares of high, medium and low orders; 1:2:1 by default."},
    {OPTION_SEED, "seed", 's', "N", "Makes the same orders again, ids included; random by default."},
    {OPTION_TIMEOUT, "timeout", 't', "TIME", "Gives a request up after this; 35s by default."},
    {OPTION_TOKEN_FILE, "token-file", 0, "FILE", "Sends the token in FILE (http.token_file of the engine)."},
    {OPTION_JSON, "json", 'j', NULL, "Prints the summary as one line of JSON; times are in microseconds."},
    {OPTION_QUIET, "quiet", 'q', NULL, "No line a second on a terminal."},
    {0},
};

struct invocation {
    struct ordo_load_options load;
    bool json, quiet, has_duration;
    char url[512]; /* cut into host, port and path */
    char token[512];
};

/* "http://HOST[:PORT][/PATH]"; IPv6 addresses stand in brackets. False: it is none. */
static bool cut_url(char *url, struct ordo_load_options *load)
{
    char *host = url, *after;

    if (strncmp(host, "http://", 7) == 0)
        host += 7;
    else if (strstr(host, "://") != NULL)
        return false;
    after = strchr(host, '/');
    load->path = "/orders";
    if (after != NULL && after[1] != '\0') {
        /* The path needs its slash, which is also where the host ends: the host moves one to the left. */
        memmove(host - 1, host, (size_t)(after - host));
        host--;
        after[-1] = '\0';
        load->path = after;
    } else if (after != NULL) {
        *after = '\0';
    }
    load->port = "80";
    after = strrchr(host, ':');
    if (after != NULL && strchr(after, ']') == NULL) {
        *after = '\0';
        load->port = after + 1;
    }
    if (host[0] == '[' && host[strlen(host) - 1] == ']') {
        host[strlen(host) - 1] = '\0';
        host++;
    }
    load->host = host;
    return host[0] != '\0' && load->port[0] != '\0' && strpbrk(load->path, " \r\n") == NULL;
}

static bool parse_mix(const char *text, uint32_t mix[ORDO_PRIORITY_COUNT])
{
    unsigned parts[ORDO_PRIORITY_COUNT];
    int end = 0;

    if (strspn(text, "0123456789:") != strlen(text) ||
        sscanf(text, "%5u:%5u:%5u%n", &parts[0], &parts[1], &parts[2], &end) != 3 || text[end] != '\0')
        return false;
    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++)
        mix[i] = parts[i];
    return parts[0] + parts[1] + parts[2] > 0;
}

static bool read_token(const char *path, char *token, size_t size)
{
    FILE *file = fopen(path, "re");
    bool read;

    if (file == NULL)
        return false;
    read = fgets(token, (int)size, file) != NULL;
    fclose(file);
    token[strcspn(token, " \t\r\n")] = '\0';
    return read && token[0] != '\0';
}

/* One option; false after saying what is wrong. */
static bool take_option(const struct ordo_command *command, struct invocation *call, int id,
                        const char *value)
{
    struct ordo_load_options *load = &call->load;
    int64_t number = 0;
    bool ok = true;

    switch (id) {
    case OPTION_RATE:
        ok = ordo_cli_number(command, "rate", value, 1, 10000000, &number);
        load->rate = (double)number;
        break;
    case OPTION_DURATION:
        call->has_duration = true;
        return ordo_cli_duration(command, "duration", value, &load->duration_ns);
    case OPTION_ORDERS:
        ok = ordo_cli_number(command, "orders", value, 1, INT64_MAX, &number);
        load->limit = (uint64_t)number;
        break;
    case OPTION_CONNECTIONS:
        ok = ordo_cli_number(command, "connections", value, 1, 100000, &number);
        load->connections = (uint32_t)number;
        break;
    case OPTION_MODE:
        for (int mode = ORDO_LOAD_SYNC; mode <= ORDO_LOAD_NDJSON; mode++)
            if (strcmp(value, ordo_load_mode_name(mode)) == 0) {
                load->mode = mode;
                return true;
            }
        ordo_command_usage(command, "--mode is sync, async or ndjson, not \"%s\"", value);
        return false;
    case OPTION_BATCH:
        ok = ordo_cli_number(command, "batch", value, 1, 100000, &number);
        load->batch = (uint32_t)number;
        break;
    case OPTION_PRIORITIES:
        ok = parse_mix(value, load->mix);
        if (!ok)
            ordo_command_usage(
                command, "--priorities are shares such as 1:2:1 (high, medium, low), not \"%s\"", value);
        break;
    case OPTION_SEED:
        ok = ordo_cli_number(command, "seed", value, 0, ((int64_t)1 << 53), &number);
        load->seed = (uint64_t)number;
        break;
    case OPTION_TIMEOUT:
        return ordo_cli_duration(command, "timeout", value, &load->timeout_ns);
    case OPTION_TOKEN_FILE:
        ok = read_token(value, call->token, sizeof(call->token));
        load->token = call->token;
        if (!ok)
            fprintf(stderr, "ordo load: cannot read a token from %s\n", value);
        break;
    case OPTION_JSON:
        call->json = true;
        break;
    case OPTION_QUIET:
        call->quiet = true;
        break;
    }
    return ok;
}

static void set_defaults(struct invocation *call)
{
    call->load = (struct ordo_load_options){
        .mode = ORDO_LOAD_SYNC,
        .duration_ns = (int64_t)10 * 1000000000,
        .timeout_ns = (int64_t)35 * 1000000000,
        .connections = 64,
        .mix = {1, 2, 1},
    };
    if (getrandom(&call->load.seed, sizeof(call->load.seed), 0) != (ssize_t)sizeof(call->load.seed))
        call->load.seed = (uint64_t)getpid();
    call->load.seed >>= 11; /* exact in JSON for every reader */
}

/* An exit code, or -1: go on. */
static int parse(const struct ordo_command *command, int argc, char **argv, struct invocation *call)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    const char *value, *url = "http://127.0.0.1:8080";

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;) {
        if (id == ORDO_CLI_EXIT)
            return args.exit_code;
        if (!take_option(command, call, id, value))
            return ORDO_EXIT_USAGE;
    }
    if (argc - args.next > 1)
        return ordo_command_usage(command, "one URL is enough; \"%s\" is too much", argv[args.next + 1]);
    if (args.next < argc)
        url = argv[args.next];
    if (strlen(url) >= sizeof(call->url) - 1)
        return ordo_command_usage(command, "the URL is too long");
    /* One byte in front, for cut_url. */
    call->url[0] = ' ';
    memcpy(call->url + 1, url, strlen(url) + 1);
    if (!cut_url(call->url + 1, &call->load))
        return ordo_command_usage(command,
                                  "\"%s\" is no URL such as http://127.0.0.1:8080 (TLS is not spoken)", url);
    if (call->load.batch > 0 && call->load.mode != ORDO_LOAD_NDJSON)
        return ordo_command_usage(command, "--batch needs --mode ndjson");
    if (call->load.batch == 0)
        call->load.batch = call->load.mode == ORDO_LOAD_NDJSON ? 100 : 1;
    if (call->load.limit > 0 && !call->has_duration)
        call->load.duration_ns = INT64_MAX / 4;
    return -1;
}

int ordo_load_run(const struct ordo_command *command, int argc, char **argv)
{
    static struct invocation call;
    static struct ordo_load_stats stats;
    static struct ordo_load_report report;
    struct ordo_error err;
    char text[1024];
    int code;

    set_defaults(&call);
    code = parse(command, argc, argv, &call);
    if (code >= 0)
        return code;
    ordo_load_report_init(&report, &call.load, !call.quiet && isatty(STDERR_FILENO) ? stderr : NULL);
    if (ordo_load_client_run(&call.load, &report.observer, &stats, &err) != 0) {
        fprintf(stderr, "ordo load: %s\n", ordo_error_format(&err, text, sizeof(text)));
        return ORDO_EXIT_FAILURE;
    }
    if (call.json)
        ordo_load_report_json(&call.load, &stats, stdout);
    else
        ordo_load_report_text(&call.load, &stats, stdout);
    return stats.requests > 0 && ordo_load_report_errors(&stats) == 0 ? ORDO_EXIT_OK : ORDO_EXIT_FAILURE;
}
