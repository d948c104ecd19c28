/* SPDX-License-Identifier: MIT
 * check.c: `ordo check`: tells everything that would keep `ordo serve` from starting, and changes nothing.
 */
#include "cli/commands.h"

#include "cli/setup.h"

enum { OPTION_PRINT = 1 };

const struct ordo_cli_option ordo_check_options[] = {
    ORDO_CLI_CONFIG_ROWS,
    {OPTION_PRINT, "print", 'p', NULL,
     "Prints the configuration in effect, with where each value comes from."},
    {0},
};

/* The file, also what it says to plugins. */
static bool check_config(const struct ordo_config *config)
{
    struct ordo_cli_plugins plugins;
    struct ordo_buffer errors = {0};
    const struct ordo_config_plugin *sections;
    bool ok = ordo_cli_http_check(config, &errors);

    ok = ordo_cli_plugins_open(config, true, &plugins, &errors) && ok;
    ordo_cli_print_lines(&errors, "", stderr);
    ordo_buffer_done(&errors);
    ordo_cli_plugins_close(&plugins);
    if (ok) {
        size_t sources = ordo_config_sources(config, &sections), sinks = ordo_config_sinks(config, &sections),
               exporters = ordo_config_exporters(config, &sections);

        printf("configuration: ok (%s)\n",
               ordo_config_file(config)[0] != '\0' ? ordo_config_file(config) : "defaults");
        printf("plugins: ok (store %s, %zu source%s, %zu sink%s, %zu exporter%s)\n",
               ordo_config_store(config)->name, sources, sources == 1 ? "" : "s", sinks,
               sinks == 1 ? "" : "s", exporters, exporters == 1 ? "" : "s");
    }
    return ok;
}

static bool check_rules(const struct ordo_config *config)
{
    const char *folder = ordo_options_string(ordo_config_options(config), "scripts");
    struct ordo_script_options options = ordo_cli_script_options(config);
    struct ordo_buffer errors = {0}, warnings = {0};
    size_t tests = 0;
    struct ordo_ruleset *ruleset = ordo_rules_try(folder, &options, &errors, &warnings, &tests);
    bool ok = ruleset != NULL;

    ordo_cli_print_lines(&warnings, "warning: ", stderr);
    ordo_cli_print_lines(&errors, "", stderr);
    if (ok)
        printf("rules: ok (%s, %zu file%s, %zu test%s, %.12s)\n", folder, ruleset->count,
               ruleset->count == 1 ? "" : "s", tests, tests == 1 ? "" : "s", ruleset->identity);
    ordo_ruleset_unref(ruleset);
    ordo_buffer_done(&errors);
    ordo_buffer_done(&warnings);
    return ok;
}

static void print(const struct ordo_config *config)
{
    struct ordo_buffer text = {0};

    ordo_config_print(config, &text);
    ordo_cli_print_lines(&text, "", stdout);
    ordo_buffer_done(&text);
}

int ordo_check_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    struct ordo_cli_setup setup = {0};
    struct ordo_config *config;
    const char *value;
    bool print_only = false, ok;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;) {
        if (id == ORDO_CLI_EXIT)
            return args.exit_code;
        if (!ordo_cli_setup_take(&setup, id, value))
            print_only = true;
    }
    if (args.next < argc)
        return ordo_command_usage(command, "\"%s\" is too much", argv[args.next]);
    config = ordo_cli_setup_load(&setup);
    if (config == NULL)
        return ORDO_EXIT_CONFIG;
    if (print_only) {
        print(config);
        ordo_config_free(config);
        return ORDO_EXIT_OK;
    }
    ok = check_config(config);
    ok = check_rules(config) && ok;
    ordo_config_free(config);
    return ok ? ORDO_EXIT_OK : ORDO_EXIT_CONFIG;
}
