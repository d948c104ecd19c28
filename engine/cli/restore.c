/* SPDX-License-Identifier: MIT
 * restore.c: `ordo restore`: makes the store of a backup, while no engine runs on it.
 */
#include "cli/commands.h"

#include "base/clock.h"
#include "cli/setup.h"

const struct ordo_cli_option ordo_restore_options[] = {
    ORDO_CLI_CONFIG_ROWS,
    {0},
};

static int restore(const struct ordo_config *config, const char *folder)
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
    result = ordo_cli_make_folder(store->data_dir, &err);
    if (result == 0)
        result = ops->restore(&store->host, store->options, folder, &report, &err);
    ordo_plugin_close(store);
    if (result != 0) {
        fprintf(stderr, "ordo restore: %s\n", ordo_error_format(&err, text, sizeof(text)));
        return ORDO_EXIT_FAILURE;
    }
    printf("restored %s: %llu orders, %llu bytes, %.2f s\n", folder, (unsigned long long)report.orders,
           (unsigned long long)report.bytes, (double)(ordo_clock_ns() - begin_ns) / 1e9);
    return ORDO_EXIT_OK;
}

int ordo_restore_run(const struct ordo_command *command, int argc, char **argv)
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
    if (argc - args.next != 1)
        return ordo_command_usage(command, "name one folder, the backup");
    config = ordo_cli_setup_load(&setup);
    if (config == NULL)
        return ORDO_EXIT_CONFIG;
    code = restore(config, argv[args.next]);
    ordo_config_free(config);
    return code;
}
