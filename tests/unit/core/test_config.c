/* SPDX-License-Identifier: MIT
 * test_config.c: the file, the environment and --set, one over the other; each way to be wrong with its exact
 * sentence.
 */
#include "core/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* NULL-ended lists in the arguments of load. */
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static char folder[] = "/tmp/ordo_test_config.XXXXXX";
static struct ordo_buffer errors;

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL && chdir(folder) == 0 && mkdir("scripts", 0700) == 0 &&
                   mkdir("data", 0700) == 0 && symlink("scripts", "link") == 0
               ? 0
               : -1;
}

static int drop_folder(void **state)
{
    (void)state;
    ordo_buffer_done(&errors);
    unlink("ordo.yaml");
    unlink("link");
    rmdir("scripts");
    rmdir("data");
    return rmdir(folder);
}

/* With `yaml` NULL there is no file. */
static struct ordo_config *load(const char *yaml, const char *const *environment, const char *const *sets)
{
    struct ordo_config_input input = {.sets = sets, .environment = environment};
    struct ordo_config *config;

    unlink("ordo.yaml");
    if (yaml != NULL) {
        FILE *file = fopen("ordo.yaml", "w");

        assert_non_null(file);
        assert_true(fputs(yaml, file) >= 0);
        assert_int_equal(fclose(file), 0);
    }
    ordo_buffer_clear(&errors);
    config = ordo_config_load(&input, &errors);
    ordo_buffer_put(&errors, '\0');
    return config;
}

static struct ordo_config *load_ok(const char *yaml, const char *const *environment, const char *const *sets)
{
    struct ordo_config *config = load(yaml, environment, sets);

    if (config == NULL)
        fail_msg("refused: %s", errors.ptr);
    return config;
}

static void assert_refused(const char *yaml, const char *const *environment, const char *const *sets,
                           const char *expected)
{
    assert_null(load(yaml, environment, sets));
    assert_string_equal(errors.ptr, expected);
}

/* Asserts on a scalar of a plugin section; value NULL: it is not there. */
static void assert_plugin_value(const struct ordo_config_plugin *plugin, const char *key, const char *value)
{
    const struct ordo_config_node *node = ordo_config_child(plugin->node, key);

    if (value == NULL) {
        assert_null(node);
        return;
    }
    assert_non_null(node);
    assert_string_equal(node->scalar, value);
}

static const char example[] =
    "http:    { listen: 127.0.0.1:8080, threads: 1, max_wait: 30s, batch_window: 1000, token_file: \"\" }\n"
    "admin:   { listen: \"\", token_file: \"\" }          # empty: everything on the main listener, loopback "
    "only\n"
    "workers: { count: 0, max_in_flight: 1000 }       # 0: one a core\n"
    "scripts: scripts                                 # watched; data_dir must lie outside of it\n"
    "data_dir: data\n"
    "queue:   { high: 10000, medium: 10000, low: 10000, max_wait_medium: 500ms, max_wait_low: 2s }\n"
    "rules:   { on_error: hold }\n"
    "store:   { plugin: store_rocksdb }\n"
    "sources: [ { plugin: source_generator, rate: 50 } ]\n"
    "sinks:   [ { plugin: sink_file, path: data/decisions.ndjson } ]\n"
    "profiling: { enabled: true }\n"
    "log:     { level: info, format: text }\n";

static void test_defaults_without_a_file(void **state)
{
    struct ordo_config *config = load_ok(NULL, NULL, NULL);
    const struct ordo_options *options = ordo_config_options(config);
    struct ordo_limits limits = ordo_config_limits(config);
    const struct ordo_config_plugin *plugins;

    (void)state;
    assert_string_equal(ordo_config_file(config), "");
    assert_string_equal(ordo_options_string(options, "http.listen"), "127.0.0.1:8080");
    assert_int_equal(ordo_options_int(options, "queue.max_wait_low"), 2000000);
    assert_string_equal(ordo_options_string(options, "rules.on_error"), "hold");
    assert_true(ordo_options_bool(options, "profiling.enabled"));
    assert_string_equal(ordo_config_store(config)->name, "store_rocksdb");
    assert_string_equal(ordo_config_store(config)->section, "store");
    assert_int_equal(ordo_config_sources(config, &plugins), 1);
    assert_string_equal(plugins[0].name, "source_generator");
    assert_plugin_value(&plugins[0], "rate", "50");
    assert_int_equal(ordo_config_sinks(config, &plugins), 1);
    assert_string_equal(plugins[0].section, "sinks[0]");
    assert_plugin_value(&plugins[0], "path", NULL); /* it follows data_dir */
    assert_int_equal(limits.order_bytes, 1 << 20);
    assert_int_equal(limits.batch_bytes, 64 << 20);
    assert_int_equal(limits.items, 10000);
    assert_int_equal(limits.depth, 64);
    assert_int_equal(limits.operations, 10000);
    assert_int_equal(limits.attribute_bytes, 4096);
    assert_int_equal(limits.decision_bytes, 4 << 20);
    ordo_config_free(config);
}

static void test_the_example_loads(void **state)
{
    struct ordo_config *config = load_ok(example, NULL, NULL);

    (void)state;
    assert_string_equal(ordo_config_file(config), "ordo.yaml");
    assert_string_equal(ordo_config_store(config)->name, "store_rocksdb");
    ordo_config_free(config);
}

static void test_layers_override_in_order(void **state)
{
    struct ordo_config *config = load_ok("queue: {high: 1, medium: 1, low: 1}\n",
                                         LIST("PATH=/bin", "ORDO_QUEUE_MEDIUM=2", "ORDO_QUEUE_LOW=2",
                                              "ORDO_QUEUE_MAX_WAIT_LOW=3s", "ENABLE_PROFILING=true"),
                                         LIST("queue.low=3", "queue.low=4"));
    const struct ordo_options *options = ordo_config_options(config);

    (void)state;
    assert_int_equal(ordo_options_int(options, "queue.high"), 1);
    assert_int_equal(ordo_options_int(options, "queue.medium"), 2);
    assert_int_equal(ordo_options_int(options, "queue.low"), 4);
    assert_int_equal(ordo_options_int(options, "queue.max_wait_low"), 3000000);
    ordo_config_free(config);
}

static void test_lists_by_set(void **state)
{
    struct ordo_config *config =
        load_ok(NULL, LIST("ORDO_SINKS=[]"),
                LIST("sources.0.rate=5", "sources.1={plugin: source_file, path: x}", "sources.2.plugin=y"));
    const struct ordo_config_plugin *plugins;

    (void)state;
    assert_int_equal(ordo_config_sinks(config, &plugins), 0);
    assert_int_equal(ordo_config_sources(config, &plugins), 3);
    assert_plugin_value(&plugins[0], "rate", "5");
    assert_string_equal(plugins[1].name, "source_file");
    assert_string_equal(plugins[2].name, "y");
    ordo_config_free(config);
    config = load_ok(NULL, LIST("ORDO_SOURCES_0_RATE=7"), LIST("sources=[]"));
    assert_int_equal(ordo_config_sources(config, &plugins), 0);
    ordo_config_free(config);
    config = load_ok(NULL, LIST("ORDO_SOURCES_0_MAX_RATE=7"), NULL);
    assert_int_equal(ordo_config_sources(config, &plugins), 1);
    assert_plugin_value(&plugins[0], "max_rate", "7");
    ordo_config_free(config);
}

static void test_another_plugin_drops_older_options(void **state)
{
    struct ordo_config *config =
        load_ok("store: {plugin: a, x: 1}\n", LIST("ORDO_STORE_Y=2", "ORDO_STORE_PLUGIN=b"), NULL);
    const struct ordo_config_plugin *sources;

    (void)state;
    assert_string_equal(ordo_config_store(config)->name, "b");
    assert_plugin_value(ordo_config_store(config), "x", NULL);
    assert_plugin_value(ordo_config_store(config), "y", "2");
    ordo_config_free(config);
    config =
        load_ok("store: {plugin: a, x: 1}\n", LIST("ORDO_STORE_Y=2"), LIST("store.z=3", "store.plugin=b"));
    assert_plugin_value(ordo_config_store(config), "x", NULL);
    assert_plugin_value(ordo_config_store(config), "y", NULL);
    assert_plugin_value(ordo_config_store(config), "z", "3");
    ordo_config_free(config);
    config = load_ok("store: {plugin: a, x: 1}\n", NULL, LIST("store.plugin=a"));
    assert_plugin_value(ordo_config_store(config), "x", "1");
    ordo_config_free(config);
    config = load_ok(NULL, NULL, LIST("sources.0.plugin=other"));
    assert_int_equal(ordo_config_sources(config, &sources), 1);
    assert_plugin_value(&sources[0], "rate", NULL);
    ordo_config_free(config);
}

static void test_a_section_is_replaced_as_a_whole(void **state)
{
    struct ordo_config *config =
        load_ok("store: {plugin: a, x: 1}\nqueue: {low: 7}\n", LIST("ORDO_QUEUE={high: 5}"),
                LIST("store={plugin: store_memory, records: 5}"));

    (void)state;
    assert_string_equal(ordo_config_store(config)->name, "store_memory");
    assert_plugin_value(ordo_config_store(config), "x", NULL);
    assert_plugin_value(ordo_config_store(config), "records", "5");
    assert_int_equal(ordo_options_int(ordo_config_options(config), "queue.high"), 5);
    assert_int_equal(ordo_options_int(ordo_config_options(config), "queue.low"), 10000);
    ordo_config_free(config);
    config = load_ok("store: {records: 5}\n", NULL, NULL);
    assert_string_equal(ordo_config_store(config)->name, "store_rocksdb");
    ordo_config_free(config);
    config = load_ok("store:\n", NULL, LIST("store.records=6"));
    assert_string_equal(ordo_config_store(config)->name, "store_rocksdb");
    assert_plugin_value(ordo_config_store(config), "records", "6");
    ordo_config_free(config);
}

static void test_texts_need_no_second_quoting(void **state)
{
    struct ordo_config *config =
        load_ok(NULL, LIST("ORDO_ADMIN_LISTEN=", "ORDO_SCRIPTS=a: b"),
                LIST("http.listen=[::1]:8080", "http.token_file=\"x # y\"", "data_dir=*d"));
    const struct ordo_options *options = ordo_config_options(config);

    (void)state;
    assert_string_equal(ordo_options_string(options, "http.listen"), "[::1]:8080");
    assert_string_equal(ordo_options_string(options, "http.token_file"), "x # y");
    assert_string_equal(ordo_options_string(options, "data_dir"), "*d");
    assert_string_equal(ordo_options_string(options, "scripts"), "a: b");
    ordo_config_free(config);
}

static void test_unknown_settings(void **state)
{
    (void)state;
    assert_refused(
        NULL,
        LIST("ORDO_QUEUE_HIHG=1", "ORDO_=2", "ORDO_WORKER_COUNT=3", "ORDO_SINKS_X_Y=3", "ORDO_SINKS_0_=1"),
        LIST("queue.hihg=5", "high=5", "stor.plugin=x", "scripts.x=1", "zzz=1"),
        "ORDO_: unknown option\n"
        "ORDO_QUEUE_HIHG: unknown option; did you mean ORDO_QUEUE_HIGH?\n"
        "ORDO_SINKS_0_: unknown option; did you mean ORDO_SINKS?\n"
        "ORDO_SINKS_X_Y: unknown option\n"
        "ORDO_WORKER_COUNT: unknown option; did you mean ORDO_WORKERS_COUNT?\n"
        "--set queue.hihg: unknown option; did you mean queue.high?\n"
        "--set high: unknown option; did you mean queue.high?\n"
        "--set stor.plugin: unknown option; did you mean store.plugin?\n"
        "--set scripts.x: unknown option; did you mean scripts?\n"
        "--set zzz: unknown option\n");
}

static void test_wrong_settings(void **state)
{
    (void)state;
    assert_refused(
        NULL, LIST("ORDO_QUEUE_HIGH=0", "ORDO_LOG={level: loud, x: 1}"),
        LIST("queue.low", "queue.low=x", "=5", "queue..low=1", "store.=1", "store.b\xc3=1", "data_dir=\xff",
             "sinks.3.path=x", "sinks.first.path=x", "store.plugin.x=1", "store={", "queue.medium={a: 1}"),
        "--set queue.low: has no value; write KEY=VALUE\n"
        "--set : is no name of an option; it has a-z, 0-9 and _, with dots between\n"
        "--set queue..low: is no name of an option; it has a-z, 0-9 and _, with dots between\n"
        "--set store.: is no name of an option; it has a-z, 0-9 and _, with dots between\n"
        "--set store.b\xc3: is no name of an option; it has a-z, 0-9 and _, with dots between\n"
        "--set data_dir: not valid YAML: invalid leading UTF-8 octet\n"
        "--set sinks.3.path: '3' is no place of a list of 1; count from 0, 1 adds one\n"
        "--set sinks.first.path: 'first' is no place of a list of 1; count from 0, 1 adds one\n"
        "--set store.plugin.x: 'x' has no place in a single value\n"
        "--set store: not valid YAML: did not find expected node content while parsing a flow node\n"
        "ORDO_LOG: log.level: must be debug, info, warn or error, not 'loud'\n"
        "ORDO_LOG: log.x: unknown option\n"
        "ORDO_QUEUE_HIGH: queue.high: must be a whole number from 1 to 10000000, not '0'\n"
        "--set queue.low: must be a whole number from 1 to 10000000, not 'x'\n"
        "--set queue.medium: must be a single value, not a mapping\n");
}

static void test_yaml_that_is_refused(void **state)
{
    (void)state;
    assert_refused("queue: {high: 5, high: 6}\nscripts: x\nscripts: y\n", NULL, NULL,
                   "ordo.yaml:1:18: 'high' is there twice (first in line 1); keep one\n"
                   "ordo.yaml:3:1: 'scripts' is there twice (first in line 2); keep one\n");
    assert_refused("queue: &q {high: 5}\nscripts: !!str x\ndata_dir: *q\n? [a]\n: b\n", NULL, NULL,
                   "ordo.yaml:1:8: anchors (&q) are not supported; write the value where it is needed\n"
                   "ordo.yaml:2:10: tags (tag:yaml.org,2002:str) are not supported; leave it out\n"
                   "ordo.yaml:3:11: aliases (*q) are not supported; write the value out\n"
                   "ordo.yaml:4:3: a key must be a plain word\n");
    assert_refused("- a\n", NULL, NULL,
                   "ordo.yaml:1:1: must be a mapping of options (queue: {high: 5000})\n");
    assert_refused(
        "queue: {high: 5\nlog: {}\n", NULL, LIST("sinks.7.path=x"),
        "ordo.yaml:2:4: not valid YAML: did not find expected ',' or '}' while parsing a flow mapping\n");
    assert_refused("a: b\n---\nc: d\n", NULL, NULL,
                   "ordo.yaml:2:1: a second document; only one is read\nordo.yaml:1:1: a: unknown option\n");
    assert_refused("store: {plugin: x, a: \"b\\0c\"}\n", NULL, NULL,
                   "ordo.yaml:1:23: text may not hold a NUL\n");
    assert_refused("\tx: y\n", NULL, NULL,
                   "ordo.yaml:1:1: not valid YAML: a tab stands here; indent with spaces\n");
    assert_refused("# caf\xc3\xa9 \xe2\x82\xac\nhttp:\n  \tthreads: 1\n", NULL, NULL,
                   "ordo.yaml:3:3: not valid YAML: a tab stands here; indent with spaces\n");
    assert_refused(
        "http: @a\n", NULL, NULL,
        "ordo.yaml:1:7: not valid YAML: found character that cannot start any token while scanning "
        "for the next token\n");
}

static void test_depth_is_bounded(void **state)
{
    struct ordo_buffer yaml = {0};

    (void)state;
    /* The root and `store` are the first two. */
    for (int depth = 14; depth <= 15; depth++) {
        ordo_buffer_clear(&yaml);
        ordo_buffer_append(&yaml, ORDO_STR("store: {plugin: x, a: "));
        for (int i = 0; i < depth; i++)
            ordo_buffer_put(&yaml, '[');
        for (int i = 0; i < depth; i++)
            ordo_buffer_put(&yaml, ']');
        ordo_buffer_append(&yaml, ORDO_STR("}\n\0"));
        if (depth == 14)
            ordo_config_free(load_ok(yaml.ptr, NULL, NULL));
        else
            assert_refused(yaml.ptr, NULL, NULL, "ordo.yaml:1:37: nested more than 16 deep\n");
    }
    ordo_buffer_done(&yaml);
}

static void test_sections_of_plugins_are_checked(void **state)
{
    (void)state;
    assert_refused("store: store_memory\nsources:\nsinks: [sink_file, {path: x}, {plugin: [a]}]\n", NULL,
                   NULL,
                   "ordo.yaml:1:8: store: must be a section: {plugin: NAME, ...}\n"
                   "ordo.yaml:2:9: sources: must be a list: [{plugin: NAME, ...}], or [] for none\n"
                   "ordo.yaml:3:9: sinks[0]: must be a section: {plugin: NAME, ...}\n"
                   "ordo.yaml:3:20: sinks[1]: names no plugin; write plugin: NAME\n"
                   "ordo.yaml:3:40: sinks[2]: plugin must be a name such as sink_file\n");
    assert_refused(
        "sinks: [{plugin: a}, {plugin: b, name: x y}, {plugin: c, name: b}, {plugin: a}]\n", NULL, NULL,
        "ordo.yaml:1:40: sinks[1]: name must be 1 to 64 of A-Z a-z 0-9 . _ ~ : -\n"
        "ordo.yaml:1:46: sinks[2]: there is a sink 'b' already; give this one a name of its own (name: "
        "NAME), under which its place is remembered\n"
        "ordo.yaml:1:68: sinks[3]: there is a sink 'a' already; give this one a name of its own (name: "
        "NAME), under which its place is remembered\n");
    assert_refused("soruces: []\n", NULL, NULL,
                   "ordo.yaml:1:1: soruces: unknown option; did you mean sources?\n");
}

static void test_exporters_are_checked(void **state)
{
    const struct ordo_config_plugin *plugins;
    struct ordo_config *config =
        load_ok("profiling: {continuous: true}\nexporters: [{plugin: a, url: x}, {plugin: a, name: b}]\n",
                LIST("ORDO_EXPORTERS_0_TOKEN_FILE=/t"), LIST("exporters.1.url=y"));

    (void)state;
    assert_int_equal(ordo_config_exporters(config, &plugins), 2);
    assert_string_equal(plugins[0].section, "exporters[0]");
    assert_string_equal(plugins[0].label, "a");
    assert_string_equal(plugins[1].label, "b");
    assert_plugin_value(&plugins[0], "token_file", "/t");
    assert_plugin_value(&plugins[1], "url", "y");
    ordo_config_free(config);
    config = load_ok("exporters: [{plugin: a}]\nprofiling: {continuous: true}\n", NULL, LIST("exporters=[]"));
    assert_int_equal(ordo_config_exporters(config, &plugins), 0);
    ordo_config_free(config);
    assert_refused(
        "exporters: [{plugin: a}]\n", NULL, NULL,
        "ordo.yaml:1:13: exporters: nothing would be exported, because profiling.continuous is false; "
        "set it to true, or leave exporters out\n");
    assert_refused(
        "profiling: {enabled: false, continuous: true}\nexporters: [{plugin: a}]\n", NULL, NULL,
        "ordo.yaml:2:13: exporters: nothing would be exported, because profiling.enabled is false; set "
        "it to true, or leave exporters out\n");
    assert_refused(
        "profiling: {continuous: true}\nexporters: [{plugin: a}, {plugin: [x]}, {plugin: a}]\n", NULL, NULL,
        "ordo.yaml:2:35: exporters[1]: plugin must be a name such as exporter_pyroscope\n"
        "ordo.yaml:2:41: exporters[2]: there is an exporter 'a' already; give this one a name of its own "
        "(name: NAME), under which its profiles are counted\n");
    assert_refused("exporters: {plugin: a}\n", NULL, NULL,
                   "ordo.yaml:1:12: exporters: must be a list: [{plugin: NAME, ...}], or [] for none\n");
}

static void test_data_dir_lies_outside_of_scripts(void **state)
{
    (void)state;
    assert_refused("data_dir: scripts/not/../there\n", NULL, NULL,
                   "ordo.yaml:1:11: data_dir: 'scripts/not/../there' lies inside of scripts ('scripts'), "
                   "which is watched; "
                   "choose a folder outside of it\n");
    assert_refused(NULL, NULL, LIST("data_dir=link"),
                   "--set data_dir: 'link' lies inside of scripts ('scripts'), which is watched; choose a "
                   "folder outside of "
                   "it\n");
    assert_refused("scripts: .\n", NULL, NULL,
                   "ordo.yaml:1:10: data_dir: 'data' lies inside of scripts ('.'), which is watched; choose "
                   "a folder outside "
                   "of it\n");
    ordo_config_free(load_ok("data_dir: scripts2\n", NULL, NULL));
    ordo_config_free(load_ok("data_dir: scripts/../other/new\n", NULL, NULL));
    ordo_config_free(load_ok("data_dir: scripts/x/../../data\n", NULL, NULL));
}

static void test_a_file_that_cannot_be_read(void **state)
{
    struct ordo_config_input input = {.file = "missing.yaml", .sets = LIST("queue.hihg=1")};

    (void)state;
    ordo_buffer_clear(&errors);
    assert_null(ordo_config_load(&input, &errors));
    ordo_buffer_put(&errors, '\0');
    assert_string_equal(errors.ptr, "missing.yaml: cannot be read: No such file or directory\n"
                                    "--set queue.hihg: unknown option; did you mean queue.high?\n");
}

static void test_empty_file_and_comments(void **state)
{
    (void)state;
    ordo_config_free(load_ok("", NULL, NULL));
    ordo_config_free(load_ok("# nothing\n", NULL, NULL));
    ordo_config_free(load_ok("---\nlog: {level: warn}\n...\n", NULL, NULL));
}

static bool has_line(const char *text, const char *line)
{
    const char *at = strstr(text, line);

    return at != NULL && (at == text || at[-1] == '\n') && at[strlen(line)] == '\n';
}

static void test_print_names_the_origin_of_each_value(void **state)
{
    struct ordo_config *config =
        load_ok("queue:\n  high: 5\nsinks:\n  - plugin: s\n    deep: {list: [1, \"2\", a b], e: {}}\n",
                LIST("ORDO_QUEUE_LOW=6"), LIST("sources=[]", "store.records=7"));
    struct ordo_buffer out = {0};
    const char *start;

    (void)state;
    ordo_config_print(config, &out);
    ordo_buffer_put(&out, '\0');
    assert_true(has_line(out.ptr, "queue:\n  high: 5  # ordo.yaml:2\n  medium: 10000  # default\n"
                                  "  low: 6  # ORDO_QUEUE_LOW\n  max_wait_medium: 500ms  # default"));
    assert_true(has_line(out.ptr, "scripts: scripts  # default"));
    assert_true(has_line(out.ptr, "  token_file: \"\"  # default"));
    start = strstr(out.ptr, "store:");
    assert_non_null(start);
    assert_string_equal(start, "store:\n"
                               "  plugin: store_rocksdb  # default\n"
                               "  records: 7  # --set\n"
                               "sources: []  # --set\n"
                               "sinks:\n"
                               "  - plugin: s  # ordo.yaml:4\n"
                               "    deep:\n"
                               "      list:\n"
                               "        - 1  # ordo.yaml:5\n"
                               "        - \"2\"  # ordo.yaml:5\n"
                               "        - \"a b\"  # ordo.yaml:5\n"
                               "      e: {}  # ordo.yaml:5\n"
                               "exporters: []  # default\n");
    ordo_config_free(config);
    ordo_buffer_done(&out);
}

static void strip_comments(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0';)
        if (strncmp(from, "  # ", 4) == 0)
            from += strcspn(from, "\n");
        else
            *to++ = *from++;
    *to = '\0';
}

static void test_what_is_printed_loads_as_the_same(void **state)
{
    struct ordo_config *config = load_ok(
        example, NULL, LIST("http.token_file=a: b # c", "sinks.1={plugin: s, l: [[1, 2], [], {a: x}]}"));
    struct ordo_buffer first = {0}, second = {0};

    (void)state;
    ordo_config_print(config, &first);
    ordo_config_free(config);
    ordo_buffer_put(&first, '\0');
    config = load_ok(first.ptr, NULL, NULL);
    ordo_config_print(config, &second);
    ordo_config_free(config);
    ordo_buffer_put(&second, '\0');
    strip_comments(first.ptr);
    strip_comments(second.ptr);
    assert_string_equal(first.ptr, second.ptr);
    ordo_buffer_done(&first);
    ordo_buffer_done(&second);
}

/* Two options whose variables had the same name could not both be set. */
static void test_every_option_has_a_variable_of_its_own(void **state)
{
    struct ordo_buffer list = {0};
    const char **environment;
    struct ordo_config *config;
    size_t count = 0;

    (void)state;
    while (ordo_engine_options[count].name != NULL)
        count++;
    environment = calloc(count + 1, sizeof *environment);
    assert_non_null(environment);
    for (size_t i = 0; i < count; i++) {
        ordo_buffer_clear(&list);
        ordo_buffer_printf(&list, "ORDO_%s=%s", ordo_engine_options[i].name, ordo_engine_options[i].preset);
        ordo_buffer_put(&list, '\0');
        for (char *at = list.ptr; *at != '='; at++)
            *at = *at == '.' ? '_' : *at >= 'a' && *at <= 'z' ? (char)(*at - 32) : *at;
        environment[i] = strdup(list.ptr);
    }
    config = load_ok(NULL, environment, NULL);
    ordo_buffer_clear(&list);
    ordo_config_print(config, &list);
    ordo_buffer_put(&list, '\0');
    *strstr(list.ptr, "store:") = '\0';
    assert_null(strstr(list.ptr, "# default"));
    ordo_config_free(config);
    for (size_t i = 0; i < count; i++)
        free((char *)(uintptr_t)environment[i]);
    free(environment);
    ordo_buffer_done(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_without_a_file),
        cmocka_unit_test(test_the_example_loads),
        cmocka_unit_test(test_layers_override_in_order),
        cmocka_unit_test(test_lists_by_set),
        cmocka_unit_test(test_another_plugin_drops_older_options),
        cmocka_unit_test(test_a_section_is_replaced_as_a_whole),
        cmocka_unit_test(test_texts_need_no_second_quoting),
        cmocka_unit_test(test_unknown_settings),
        cmocka_unit_test(test_wrong_settings),
        cmocka_unit_test(test_yaml_that_is_refused),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_sections_of_plugins_are_checked),
        cmocka_unit_test(test_exporters_are_checked),
        cmocka_unit_test(test_data_dir_lies_outside_of_scripts),
        cmocka_unit_test(test_a_file_that_cannot_be_read),
        cmocka_unit_test(test_empty_file_and_comments),
        cmocka_unit_test(test_print_names_the_origin_of_each_value),
        cmocka_unit_test(test_what_is_printed_loads_as_the_same),
        cmocka_unit_test(test_every_option_has_a_variable_of_its_own),
    };

    return cmocka_run_group_tests_name("config", tests, make_folder, drop_folder);
}
