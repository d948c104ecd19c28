/* SPDX-License-Identifier: MIT
 * verify.c: `ordo verify`: reads a whole store or a backup, and prints each finding.
 */
#include "cli/commands.h"

#include "base/clock.h"
#include "cli/setup.h"

const struct ordo_cli_option ordo_verify_options[] = {
    ORDO_CLI_CONFIG_ROWS,
    {0},
};

static void print_finding(void *context, const char *message)
{
    (void)context;
    puts(message);
}

static int verify(const struct ordo_config *config, const char *folder)
{
    struct ordo_store_report report = {.size = sizeof(report)};
    struct ordo_plugin_instance *store = ordo_cli_durable_store(config);
    int64_t begin_ns = ordo_clock_ns();
    const struct ordo_store_ops *ops;
    struct ordo_error err = {0};
    char text[1024];
    int result;

    if (store == NULL)
        return ORDO_EXIT_CONFIG;
    ops = store->plugin->ops;
    result = ops->verify(&store->host, store->options, folder, print_finding, NULL, &report, &err);
    ordo_plugin_close(store);
    if (result != 0) {
        fprintf(stderr, "ordo verify: %s\n", ordo_error_format(&err, text, sizeof(text)));
        return ORDO_EXIT_FAILURE;
    }
    printf("%s: %llu orders, %llu index entries, %llu bytes, %.2f s",
           report.findings == 0 ? "all is well" : "it is damaged", (unsigned long long)report.orders,
           (unsigned long long)report.index_entries, (unsigned long long)report.bytes,
           (double)(ordo_clock_ns() - begin_ns) / 1e9);
    if (report.findings > 0)
        printf(", %llu finding%s", (unsigned long long)report.findings, report.findings == 1 ? "" : "s");
    putchar('\n');
    return report.findings == 0 ? ORDO_EXIT_OK : ORDO_EXIT_FAILURE;
}

int ordo_verify_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    struct ordo_cli_setup setup = {0};
    struct ordo_config *config;
    const char *value;
    int code;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;) {
        if (id == ORDO_CLI_EXIT)
            return args.exit_code;
        ordo_cli_setup_take(&setup, id, value);
    }
    if (argc - args.next > 1)
        return ordo_command_usage(command, "one folder is enough; \"%s\" is too much", argv[args.next + 1]);
    config = ordo_cli_setup_load(&setup);
    if (config == NULL)
        return ORDO_EXIT_CONFIG;
    code = verify(config, argv[args.next]);
    ordo_config_free(config);
    return code;
}
