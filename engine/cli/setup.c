/* SPDX-License-Identifier: MIT
 * setup.c: from option names to the structs of the layers; the one place that knows both.
 */
#include "cli/setup.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/timeline.h"
#include "profile/timeline.h"

bool ordo_cli_setup_take(struct ordo_cli_setup *setup, int id, const char *value)
{
    if (id == ORDO_CLI_CONFIG_FILE) {
        setup->file = value;
        return true;
    }
    if (id != ORDO_CLI_CONFIG_SET)
        return false;
    if (setup->set_count == ORDO_CLI_SETS_MAX) {
        fprintf(stderr, "ordo: --set can be given %d times; put more into a file\n", ORDO_CLI_SETS_MAX);
        exit(ORDO_EXIT_USAGE);
    }
    setup->sets[setup->set_count++] = value;
    return true;
}

struct ordo_config *ordo_cli_setup_load(const struct ordo_cli_setup *setup)
{
    struct ordo_config_input input = {
        .file = setup->file,
        .sets = setup->sets,
        .environment = (const char *const *)environ,
    };
    struct ordo_buffer errors = {0};
    struct ordo_config *config = ordo_config_load(&input, &errors);

    ordo_cli_print_lines(&errors, "", stderr);
    ordo_buffer_done(&errors);
    return config;
}

static uint32_t number_of(const struct ordo_config *config, const char *name)
{
    return (uint32_t)ordo_options_int(ordo_config_options(config), name);
}

static int64_t ns_of(const struct ordo_config *config, const char *name)
{
    return ordo_options_int(ordo_config_options(config), name) * 1000;
}

struct ordo_script_options ordo_cli_script_options(const struct ordo_config *config)
{
    const struct ordo_options *options = ordo_config_options(config);
    const char *on_error = ordo_options_string(options, "rules.on_error");

    return (struct ordo_script_options){
        .limits = ordo_config_limits(config),
        .on_error = strcmp(on_error, "hold") == 0     ? ORDO_ON_ERROR_HOLD
                    : strcmp(on_error, "reject") == 0 ? ORDO_ON_ERROR_REJECT
                                                      : ORDO_ON_ERROR_RETRY,
        .retry_after_ms = ordo_options_int(options, "rules.retry_after") / 1000,
        .jit = ordo_options_bool(options, "rules.jit"),
    };
}

struct ordo_engine_options ordo_cli_engine_options(const struct ordo_config *config)
{
    return (struct ordo_engine_options){
        .limits = ordo_config_limits(config),
        .queue =
            {
                .capacity = {number_of(config, "queue.high"), number_of(config, "queue.medium"),
                             number_of(config, "queue.low")},
                .max_wait_ns = {INT64_MAX, ns_of(config, "queue.max_wait_medium"),
                                ns_of(config, "queue.max_wait_low")},
            },
        .script = ordo_cli_script_options(config),
        .workers = number_of(config, "workers.count"),
        .max_in_flight = number_of(config, "workers.max_in_flight"),
        .max_attempts = number_of(config, "rules.max_attempts"),
        .retry_max_ms = ordo_options_int(ordo_config_options(config), "rules.retry_max") / 1000,
        .max_crashes = number_of(config, "rules.max_crashes"),
        .gc_headroom = (size_t)ordo_options_int(ordo_config_options(config), "rules.gc_headroom"),
    };
}

struct ordo_http_options ordo_cli_http_options(const struct ordo_config *config)
{
    const struct ordo_options *options = ordo_config_options(config);

    return (struct ordo_http_options){
        .listen = ordo_options_string(options, "http.listen"),
        .threads = number_of(config, "http.threads"),
        .max_wait_us = ordo_options_int(options, "http.max_wait"),
        .batch_window = number_of(config, "http.batch_window"),
        .token_file = ordo_options_string(options, "http.token_file"),
        .admin_listen = ordo_options_string(options, "admin.listen"),
        .admin_token_file = ordo_options_string(options, "admin.token_file"),
        .max_connections = number_of(config, "http.max_connections"),
        .retry_after_s = ordo_options_int(options, "http.retry_after") / 1000000,
        .timeout_s = ordo_options_int(options, "http.timeout") / 1000000,
        .max_profile_ns = ordo_options_int(options, "profiling.max_duration") * 1000,
    };
}

struct ordo_profiler_options ordo_cli_profiler_options(const struct ordo_config *config)
{
    const struct ordo_options *options = ordo_config_options(config);

    return (struct ordo_profiler_options){
        .history_bytes = (uint64_t)ordo_options_int(options, "profiling.history_bytes"),
        .continuous = ordo_options_bool(options, "profiling.continuous"),
        .interval_ns = ns_of(config, "profiling.interval"),
        .continuous_hz = number_of(config, "profiling.hz"),
        .leaks_interval_ns = ns_of(config, "profiling.leaks_interval"),
        .wait_rate_ns = {ns_of(config, "profiling.block_rate"), ns_of(config, "profiling.mutex_rate")},
    };
}

struct complaints {
    const struct ordo_config *config;
    struct ordo_buffer *errors;
};

/* `option` is "section.key". */
static void complain(void *context, const char *option, const char *message)
{
    const struct complaints *complaints = context;
    const char *dot = strchr(option, '.');
    const struct ordo_config_node *node;
    char section[32];

    ORDO_REQUIRE(dot != NULL);
    snprintf(section, sizeof(section), "%.*s", (int)(dot - option), option);
    node = ordo_config_child(ordo_config_root(complaints->config), section);
    if (node != NULL)
        node = ordo_config_child(node, dot + 1);
    ordo_config_complain(complaints->errors, node, false, option, "%s", message);
}

bool ordo_cli_http_check(const struct ordo_config *config, struct ordo_buffer *errors)
{
    struct ordo_http_options options = ordo_cli_http_options(config);
    struct complaints complaints = {config, errors};

    return ordo_http_check(&options, complain, &complaints);
}

void ordo_cli_setup_log(const struct ordo_config *config)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    const struct ordo_options *options = ordo_config_options(config);
    const char *name = ordo_options_string(options, "log.level");
    enum ordo_log_level level = ORDO_LOG_INFO;

    for (int i = ORDO_LOG_DEBUG; i <= ORDO_LOG_ERROR; i++)
        if (strcmp(name, levels[i]) == 0)
            level = i;
    ordo_log_setup(level, strcmp(ordo_options_string(options, "log.format"), "json") == 0 ? ORDO_LOG_JSON
                                                                                          : ORDO_LOG_TEXT);
}

void ordo_cli_setup_timeline(const struct ordo_config *config)
{
    const struct ordo_options *options = ordo_config_options(config);
    size_t wanted = (size_t)ordo_options_int(options, "trace.memory"), bytes = wanted > 0 ? 64 << 10 : 0;

    while (bytes < wanted)
        bytes *= 2;
    ordo_timeline_start(&(struct ordo_timeline_options){
        .ring_bytes = bytes, .slow_ns = ordo_options_int(options, "trace.slow_ms") * 1000000});
    ordo_timeline_keep_slow((size_t)ordo_options_int(options, "trace.slow_kept"));
}

typedef struct ordo_plugin_instance *(*begin_fn)(const struct ordo_config_plugin *section, int kind,
                                                 struct ordo_buffer *errors);

/* A list of sections of one kind; goes on after an error, so that all are told. */
static struct ordo_plugin_instance **open_list(const struct ordo_config_plugin *sections, size_t count,
                                               enum ordo_plugin_kind kind, begin_fn begin, size_t *ret_count,
                                               struct ordo_buffer *errors)
{
    struct ordo_plugin_instance **list = calloc(count + 1, sizeof(struct ordo_plugin_instance *));

    ORDO_REQUIRE(list != NULL);
    for (size_t i = 0; i < count; i++) {
        struct ordo_plugin_instance *instance = begin(&sections[i], kind, errors);

        if (instance != NULL)
            list[(*ret_count)++] = instance;
    }
    return list;
}

/* The option path of a sink, as it is written; NULL: it has no such option. */
static const char *path_of(const struct ordo_plugin_instance *sink)
{
    for (const struct ordo_option *option = sink->plugin->options; option->name != NULL; option++)
        if (strcmp(option->name, "path") == 0 && option->type == ORDO_OPTION_STRING)
            return ordo_options_string(sink->options, "path");
    return NULL;
}

/* Two sinks of one plugin with one path: at a start the second one finds it locked. */
static void check_paths(const struct ordo_config_plugin *sections, struct ordo_plugin_instance *const *sinks,
                        size_t count, struct ordo_buffer *errors)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = 0; k < i; k++) {
            const struct ordo_config_node *place = ordo_config_child(sections[i].node, "path");

            if (strcmp(sinks[i]->plugin->name, sinks[k]->plugin->name) != 0 || path_of(sinks[i]) == NULL ||
                strcmp(path_of(sinks[i]), path_of(sinks[k])) != 0)
                continue;
            ordo_config_complain(errors, place != NULL ? place : sections[i].node, false, sections[i].section,
                                 "%s writes to the same file; give each a file of its own (path: FILE)",
                                 sections[k].section);
            break;
        }
}

bool ordo_cli_plugins_open(const struct ordo_config *config, bool check_only,
                           struct ordo_cli_plugins *ret_plugins, struct ordo_buffer *errors)
{
    begin_fn begin = check_only ? ordo_plugin_check : ordo_plugin_open;
    size_t before = errors->len, count;
    const struct ordo_config_plugin *sections;

    *ret_plugins = (struct ordo_cli_plugins){0};
    ret_plugins->store = begin(ordo_config_store(config), ORDO_PLUGIN_STORE, errors);
    count = ordo_config_sinks(config, &sections);
    ret_plugins->sinks =
        open_list(sections, count, ORDO_PLUGIN_SINK, begin, &ret_plugins->sink_count, errors);
    if (check_only && ret_plugins->sink_count == count)
        check_paths(sections, ret_plugins->sinks, count, errors);
    count = ordo_config_sources(config, &sections);
    ret_plugins->sources =
        open_list(sections, count, ORDO_PLUGIN_SOURCE, begin, &ret_plugins->source_count, errors);
    count = ordo_config_exporters(config, &sections);
    ret_plugins->exporters =
        open_list(sections, count, ORDO_PLUGIN_EXPORTER, begin, &ret_plugins->exporter_count, errors);
    if (errors->len == before)
        return true;
    ordo_cli_plugins_close(ret_plugins);
    return false;
}

void ordo_cli_plugins_close(struct ordo_cli_plugins *plugins)
{
    while (plugins->exporter_count > 0)
        ordo_plugin_close(plugins->exporters[--plugins->exporter_count]);
    while (plugins->source_count > 0)
        ordo_plugin_close(plugins->sources[--plugins->source_count]);
    while (plugins->sink_count > 0)
        ordo_plugin_close(plugins->sinks[--plugins->sink_count]);
    ordo_plugin_close(plugins->store);
    free(plugins->exporters);
    free(plugins->sources);
    free(plugins->sinks);
    *plugins = (struct ordo_cli_plugins){0};
}

struct ordo_plugin_instance *ordo_cli_durable_store(const struct ordo_config *config)
{
    const struct ordo_config_plugin *section = ordo_config_store(config);
    struct ordo_buffer errors = {0};
    struct ordo_plugin_instance *store = ordo_plugin_prepare(section, ORDO_PLUGIN_STORE, &errors);

    if (store != NULL && !ordo_store_is_durable(store->plugin->ops)) {
        ordo_config_complain(&errors, ordo_config_child(section->node, "plugin"), false, section->section,
                             "%s keeps nothing on a disk; choose a store that does, as store_rocksdb",
                             section->name);
        ordo_plugin_close(store);
        store = NULL;
    }
    ordo_cli_print_lines(&errors, "", stderr);
    ordo_buffer_done(&errors);
    return store;
}

int ordo_cli_make_folder(const char *path, struct ordo_error *err)
{
    char *copy = strdup(path);
    int code = 0;

    ORDO_REQUIRE(copy != NULL);
    for (char *c = copy + 1; code == 0; c++) {
        char kept = *c;

        if (kept != '/' && kept != '\0')
            continue;
        *c = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            code = ordo_fail(err, -errno, copy, "cannot make the folder: %s", strerror(errno));
        *c = kept;
        if (kept == '\0')
            break;
    }
    free(copy);
    return code;
}
