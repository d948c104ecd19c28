/* SPDX-License-Identifier: MIT
 * test_plugin.c: every refusal of the loader with its exact text, shown on modules that are wrong in one way
 * each; what a table of an older interface is taken for; and the minimal plugin loaded, opened and run.
 *
 * Arguments: the folder of the broken modules, the folder of the minimal plugin, the folder of the sources.
 * The documents hold each sentence, and the test holds them to it.
 */
#include "plugin/plugin.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/config_yaml.h"

static const char *broken_folder, *minimal_folder;
static char *documents, *readme;
static char empty_folder[] = "/tmp/ordo_test_plugin.XXXXXX";

/* What the loader says, without the folder. */
static void assert_load(const char *folder, const char *name, int kind, int code, const char *expected)
{
    struct ordo_plugin_library *library = NULL;
    struct ordo_error err = {0};
    char text[1024], wanted[1024];

    assert_int_equal(ordo_plugin_load(folder, name, kind, &library, &err), code);
    assert_null(library);
    assert_int_equal(err.code, code);
    ordo_error_format(&err, text, sizeof text);
    snprintf(wanted, sizeof wanted, "%s/%s.so: %s", folder, name, expected);
    assert_string_equal(text, wanted);
}

/* Fails unless docs/plugins.md has the sentence. */
static void assert_documented(const char *sentence)
{
    if (strstr(documents, sentence) == NULL)
        fail_msg("docs/plugins.md lacks: %s", sentence);
}

static void assert_broken(const char *name, int code, const char *expected)
{
    assert_load(broken_folder, name, ORDO_PLUGIN_SINK, code, expected);
    assert_documented(expected);
}

static void test_a_right_plugin_loads(void **state)
{
    struct ordo_plugin_library *library;
    char path[1024];

    (void)state;
    for (int kind = 0; kind <= ORDO_PLUGIN_SINK; kind += ORDO_PLUGIN_SINK) {
        assert_int_equal(ordo_plugin_load(broken_folder, "broken_right", kind, &library, NULL), 0);
        assert_string_equal(ordo_plugin_of(library)->name, "broken_right");
        snprintf(path, sizeof path, "%s/broken_right.so", broken_folder);
        assert_string_equal(ordo_plugin_path(library), path);
        ordo_plugin_unload(library);
    }
    ordo_plugin_unload(NULL);
}

static void test_other_versions_are_refused(void **state)
{
    (void)state;
    assert_broken("broken_major", ORDO_EABI,
                  "is built for plugin interface 2.1, but this engine has 1.1; build it again with this "
                  "engine's headers");
    assert_broken("broken_minor", ORDO_EABI,
                  "is built for plugin interface 1.7, but this engine has 1.1 only; build it with this "
                  "engine's headers, or "
                  "use it with a newer engine");
}

static void test_short_descriptors_are_refused(void **state)
{
    char expected[512];

    (void)state;
    snprintf(expected, sizeof expected,
             "its descriptor has 8 bytes, too few for its versions, where interface 1.1 of this engine has "
             "%zu; set size to "
             "sizeof(struct ordo_plugin)",
             sizeof(struct ordo_plugin));
    assert_broken("broken_tiny", ORDO_EABI, expected);
    snprintf(
        expected, sizeof expected,
        "its descriptor has 24 bytes, where interface 1.1 of this engine has %zu; set size to sizeof(struct "
        "ordo_plugin) and build it with this engine's headers",
        sizeof(struct ordo_plugin));
    assert_broken("broken_small", ORDO_EABI, expected);
}

static void test_wrong_descriptors_are_refused(void **state)
{
    char expected[512];

    (void)state;
    assert_broken("broken_no_entry", ORDO_ECONFIG,
                  "exports no ordo_plugin_entry, so it is no plugin; define it as ordo/plugin.h declares it "
                  "(this engine's "
                  "interface is 1.1)");
    assert_broken(
        "broken_null_entry", ORDO_ECONFIG,
        "its ordo_plugin_entry returns NULL; return the descriptor (this engine's interface is 1.1)");
    assert_broken("broken_no_open", ORDO_ECONFIG,
                  "its descriptor leaves out 'open', which every plugin needs");
    assert_broken("broken_misnamed", ORDO_ECONFIG,
                  "its descriptor calls it 'another', but the file is named broken_misnamed.so; give both "
                  "the same name");
    assert_broken(
        "broken_kind", ORDO_EABI,
        "has kind 9, which interface 1.1 of this engine does not know; use one of enum ordo_plugin_kind");
    assert_broken("broken_exporter", ORDO_ECONFIG,
                  "is an exporter, and a sink is needed here; name it under 'exporters'");
    assert_load(broken_folder, "broken_right", ORDO_PLUGIN_EXPORTER, ORDO_ECONFIG,
                "is a sink, and an exporter is needed here; name it under 'sinks'");
    assert_load(broken_folder, "broken_exporter_no_ops", ORDO_PLUGIN_EXPORTER, ORDO_ECONFIG,
                "its descriptor leaves out 'ops'; an exporter has a struct ordo_exporter_ops there");
    assert_load(broken_folder, "broken_right", ORDO_PLUGIN_STORE, ORDO_ECONFIG,
                "is a sink, and a store is needed here; name it under 'sinks'");
    assert_documented("is a sink, and a store is needed here; name it under 'sinks'");
    assert_broken("broken_no_ops", ORDO_ECONFIG,
                  "its descriptor leaves out 'ops'; a sink has a struct ordo_sink_ops there");
    snprintf(
        expected, sizeof expected,
        "its operations have 16 bytes, where interface 1.1 of this engine has %zu; set size to sizeof(struct "
        "ordo_sink_ops) and build it with this engine's headers",
        sizeof(struct ordo_sink_ops));
    assert_broken("broken_small_ops", ORDO_EABI, expected);
    assert_broken("broken_no_flush", ORDO_ECONFIG,
                  "leaves out the operation 'flush', which every sink needs; one that does nothing will do");
}

static void test_wrong_option_tables_are_refused(void **state)
{
    (void)state;
    assert_broken("broken_preset", ORDO_ECONFIG,
                  "bug in its option table: the preset of 'n' must be a whole number from 1 to 9, not '0'");
    assert_broken("broken_twice", ORDO_ECONFIG, "bug in its option table: 'path' is there twice");
    assert_broken("broken_no_help", ORDO_ECONFIG,
                  "bug in its option table: 'n' has no help; say in one sentence what it does");
    assert_broken("broken_reserved", ORDO_ECONFIG,
                  "bug in its option table: 'plugin' has a name that is not made of a-z, 0-9 and _, or is "
                  "'plugin' itself");
}

static void test_files_that_are_no_modules(void **state)
{
    char path[1024];
    FILE *file;

    (void)state;
    assert_broken("broken_symbol", ORDO_ECONFIG,
                  "cannot be loaded: undefined symbol: ordo_nobody_defines_this; build it as a shared object "
                  "that links all "
                  "it needs and nothing of the engine (its interface is 1.1)");
    snprintf(path, sizeof path, "%s/text.so", empty_folder);
    file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 100; i++)
        fputs("not a module\n", file);
    fclose(file);
    assert_load(empty_folder, "text", 0, ORDO_ECONFIG,
                "cannot be loaded: invalid ELF header; build it as a shared object that links all it needs "
                "and nothing of "
                "the engine (its interface is 1.1)");
    assert_load(empty_folder, "texd", 0, -ENOENT, "there is no such plugin; did you mean text?");
    assert_load(empty_folder, "sink_file", 0, -ENOENT, "there is no such plugin; the folder has text");
    assert_int_equal(unlink(path), 0);
    assert_load(empty_folder, "text", 0, -ENOENT,
                "there is no such plugin, and no other in its folder; build the plugins first");
    assert_load("/nowhere", "text", 0, -ENOENT,
                "there is no such plugin, and no other in its folder; build the plugins first");
}

static void test_a_name_is_no_path(void **state)
{
    static const char *const names[] = {"../broken_right", "/tmp/x", "", "Sink", "a.b", "a b", "a-b"};
    struct ordo_plugin_library *library;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct ordo_error err = {0};
        char expected[256];

        assert_int_equal(ordo_plugin_load(broken_folder, names[i], 0, &library, &err), ORDO_ECONFIG);
        snprintf(expected, sizeof expected,
                 "'%s' is no name of a plugin; it has letters a-z, digits and _ only", names[i]);
        assert_string_equal(err.message, expected);
    }
}

static void test_readme_has_the_options(void **state)
{
    struct ordo_plugin_library *library;
    struct ordo_buffer table = {0};

    (void)state;
    assert_int_equal(ordo_plugin_load(minimal_folder, "minimal_plugin", ORDO_PLUGIN_SINK, &library, NULL), 0);
    ordo_options_help(ordo_plugin_of(library)->options, &table);
    ordo_buffer_put(&table, '\0');
    if (strstr(readme, table.ptr) == NULL)
        fail_msg("the README of the minimal plugin lacks:\n%s", table.ptr);
    ordo_buffer_done(&table);
    ordo_plugin_unload(library);
}

/* A section as the configuration has it: sinks[0] with these options. */
struct section {
    struct ordo_config_node *node;
    struct ordo_config_plugin plugin;
};

static struct section section_of(const char *yaml)
{
    static const struct ordo_config_source source = {.origin = "ordo.yaml", .layer = ORDO_CONFIG_FILE};
    struct ordo_buffer errors = {0};
    struct section section = {.node = ordo__config_parse(ordo_str_from(yaml), &source, &errors)};

    assert_int_equal(errors.len, 0);
    section.plugin.node = section.node;
    section.plugin.section = "sinks[0]";
    section.plugin.name = section.plugin.label = ordo_config_child(section.node, "plugin")->scalar;
    return section;
}

typedef struct ordo_plugin_instance *(*begin_fn)(const struct ordo_config_plugin *section, int kind,
                                                 struct ordo_buffer *errors);

/* NULL, and what was told; or the instance. */
static struct ordo_plugin_instance *begin_sink(const char *yaml, begin_fn begin, const char *expected)
{
    struct section section = section_of(yaml);
    struct ordo_buffer errors = {0};
    struct ordo_plugin_instance *instance = begin(&section.plugin, ORDO_PLUGIN_SINK, &errors);

    ordo_buffer_put(&errors, '\0');
    assert_string_equal(errors.ptr, expected);
    ordo_buffer_done(&errors);
    ordo__config_free(section.node);
    return instance;
}

static void test_open_tells_every_error_with_its_place(void **state)
{
    char expected[1400];

    (void)state;
    ordo_plugin_use_folder(broken_folder);
    assert_string_equal(ordo_plugin_folder(), broken_folder);
    assert_null(begin_sink("plugin: broken_right\npth: x\nnote: [a]\n", ordo_plugin_open,
                           "ordo.yaml:2:1: sinks[0].pth: unknown option; did you mean sinks[0].path?\n"
                           "ordo.yaml:3:7: sinks[0].note: must be a single value, not a list\n"));
    assert_null(begin_sink("{plugin: broken_right, path: fail}", ordo_plugin_open,
                           "ordo.yaml:1:10: sinks[0]: broken_right: /some/file: cannot be opened\n"));
    assert_null(
        begin_sink("{plugin: broken_right, path: silent}", ordo_plugin_open,
                   "ordo.yaml:1:10: sinks[0]: broken_right: open failed (IO) and does not say why\n"));
    assert_null(begin_sink(
        "{plugin: broken_right, path: unread}", ordo_plugin_open,
        "ordo.yaml:1:10: sinks[0]: bug in plugin broken_right: option 'note' is declared but not read\n"));
    assert_null(begin_sink(
        "{plugin: broken_right, path: submit}", ordo_plugin_open,
        "ordo.yaml:1:10: sinks[0]: broken_right: broken_right: orders can be submitted by a source, "
        "between its start and stop\n"));
    snprintf(expected, sizeof expected,
             "ordo.yaml:1:10: sinks[0]: %s/broken_major.so: is built for plugin interface 2.1, but this "
             "engine has 1.1; build "
             "it again with this engine's headers\n",
             broken_folder);
    assert_null(begin_sink("{plugin: broken_major}", ordo_plugin_check, expected));
    assert_null(begin_sink("{plugin: ../x}", ordo_plugin_check,
                           "ordo.yaml:1:10: sinks[0]: '../x' is no name of a plugin; it has "
                           "letters a-z, digits and _ only\n"));
}

static void test_check_stops_before_open(void **state)
{
    struct ordo_plugin_instance *instance;

    (void)state;
    ordo_plugin_use_folder(broken_folder);
    instance = begin_sink("{plugin: broken_right, path: fail}", ordo_plugin_check, "");
    assert_non_null(instance);
    assert_null(instance->self);
    ordo_plugin_close(instance);
    assert_null(begin_sink("{plugin: broken_right, x: y}", ordo_plugin_check,
                           "ordo.yaml:1:24: sinks[0].x: unknown option\n"));
    assert_null(begin_sink("{plugin: broken_right, path: refused}", ordo_plugin_check,
                           "ordo.yaml:1:10: sinks[0]: broken_right: path: it is refused\n"));
    /* What lies behind a descriptor of 1.0 is not read. */
    instance = begin_sink("{plugin: broken_older, path: refused}", ordo_plugin_check, "");
    assert_non_null(instance);
    ordo_plugin_close(instance);
}

static void find_none(void *self, const ordo_str *ids, size_t count, int *ret_results, uint32_t *ret_moment)
{
    (void)self, (void)ids, (void)count, (void)ret_results, (void)ret_moment;
}

static void stop_none(void *self)
{
    (void)self;
}

/* An operation that a table does not reach whole is not there, whatever lies behind the table's end. */
static void test_each_operation_of_1_1_has_its_size(void **state)
{
    struct ordo_store_ops ops = {.find = find_none, .backup_stop = stop_none};

    (void)state;
    for (ops.size = ORDO_STORE_OPS_1_0; ops.size <= sizeof ops; ops.size++) {
        assert_int_equal(ordo_store_has_find(&ops), ops.size >= ORDO_STORE_OPS_1_0 + sizeof ops.find);
        assert_int_equal(ordo_store_can_stop_backup(&ops), ops.size == sizeof ops);
    }
    ops = (struct ordo_store_ops){.size = sizeof ops};
    assert_false(ordo_store_has_find(&ops));
    assert_false(ordo_store_can_stop_backup(&ops));
}

/* Runs emit with standard error in a file, and returns what was written there. */
static size_t emit_captured(struct ordo_plugin_instance *instance, const struct ordo_emission *items,
                            size_t count, char *out, size_t size)
{
    const struct ordo_sink_ops *ops = instance->plugin->ops;
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO), result;
    size_t len;

    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    result = ops->emit(instance->self, items, count, NULL);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    len = fread(out, 1, size - 1, file);
    out[len] = '\0';
    fclose(file);
    assert_int_equal(result, 0);
    return len;
}

static void test_minimal_plugin_runs(void **state)
{
    const struct ordo_emission items[] = {{ORDO_STR("o-1"), 1, ORDO_STR("{}")},
                                          {ORDO_STR("o-2"), 1, ORDO_STR("{}")},
                                          {ORDO_STR("o-3"), 2, ORDO_STR("{}")}};
    struct ordo_sink_stat stat = {.size = sizeof stat};
    struct ordo_plugin_instance *first, *second;
    const struct ordo_sink_ops *ops;
    char log[1024];

    (void)state;
    ordo_plugin_use_folder(minimal_folder);
    first = begin_sink("{plugin: minimal_plugin, every: 3}", ordo_plugin_open, "");
    second = begin_sink("{plugin: minimal_plugin, every: 2, label: item}", ordo_plugin_open, "");
    assert_non_null(first);
    assert_non_null(second);
    ops = first->plugin->ops;
    assert_int_equal(emit_captured(first, items, 2, log, sizeof log), 0);
    emit_captured(first, items + 2, 1, log, sizeof log);
    assert_non_null(strstr(log, " info  minimal_plugin: decision 3: order o-3, revision 2\n"));
    emit_captured(second, items, 3, log, sizeof log);
    assert_non_null(strstr(log, " minimal_plugin: item 2: order o-2, revision 1\n"));
    assert_null(strstr(log, "o-3"));
    assert_int_equal(ops->flush(first->self, NULL), 0);
    assert_int_equal(ops->reopen(first->self, NULL), 0);
    ops->stat(first->self, &stat);
    assert_int_equal(stat.emitted, 3);
    ordo_plugin_close(first);
    ops->stat(second->self, &stat);
    assert_int_equal(stat.emitted, 3);
    ordo_plugin_close(second);
    ordo_plugin_close(NULL);
    assert_null(
        begin_sink("{plugin: minimal_plugin, every: 0}", ordo_plugin_open,
                   "ordo.yaml:1:33: sinks[0].every: must be a whole number from 1 to 1000000000, not '0'\n"));
}

static int submitted(void *context, ordo_str order, ordo_outcome_fn decided, void *user,
                     struct ordo_error *err)
{
    (void)decided, (void)user, (void)err;
    *(size_t *)context += order.len;
    return ORDO_EFULL;
}

static void test_submit_goes_where_it_was_connected(void **state)
{
    struct ordo_plugin_instance *instance;
    struct ordo_error err = {0};
    size_t bytes = 0;

    (void)state;
    ordo_plugin_use_folder(broken_folder);
    instance = begin_sink("{plugin: broken_right}", ordo_plugin_open, "");
    assert_non_null(instance);
    assert_int_equal(instance->host.submit(instance->host.engine, ORDO_STR("{}"), NULL, NULL, &err),
                     ORDO_ESTOPPED);
    ordo_plugin_connect(instance, submitted, &bytes);
    assert_int_equal(instance->host.submit(instance->host.engine, ORDO_STR("{}"), NULL, NULL, &err),
                     ORDO_EFULL);
    assert_int_equal(bytes, 2);
    assert_int_equal(instance->host.size, sizeof(struct ordo_host));
    assert_true(instance->host.monotonic_ns(instance->host.engine) > 0);
    assert_true(instance->host.utc_ms(instance->host.engine) > 1600000000000);
    ordo_plugin_close(instance);
}

static void collect(void *context, const char *name)
{
    char *out = context;

    snprintf(out + strlen(out), 256 - strlen(out), "%s ", name);
}

static void test_listing_is_sorted_modules_only(void **state)
{
    static const char *const names[] = {"b.so", "a.so", ".hidden.so", "readme.md", ".so"};
    char path[512], listed[256] = "";

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", empty_folder, names[i]);
        fclose(fopen(path, "w"));
    }
    ordo_plugin_list(empty_folder, collect, listed);
    assert_string_equal(listed, "a b ");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", empty_folder, names[i]);
        unlink(path);
    }
    ordo_plugin_list("/nowhere", collect, listed);
    assert_string_equal(listed, "a b ");
    assert_string_equal(ordo_plugin_kind_name(ORDO_PLUGIN_STORE), "store");
    assert_string_equal(ordo_plugin_kind_name(9), "unknown");
}

/* First of all tests, since the folder is looked for once. */
static void test_folder_is_beside_the_program(void **state)
{
    char program[1024], expected[1100];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);

    (void)state;
    assert_true(len > 0);
    program[len] = '\0';
    *strrchr(program, '/') = '\0';
    snprintf(expected, sizeof expected, "%s/plugins", program);
    mkdir(expected, 0700);
    assert_string_equal(ordo_plugin_folder(), expected);
    rmdir(expected);
}

static void test_without_a_folder(void **state)
{
    struct ordo_plugin_library *library;
    struct ordo_error err = {0};

    (void)state;
    ordo_plugin_use_folder("");
    assert_int_equal(ordo_plugin_load(NULL, "x", 0, &library, &err), -ENOENT);
    assert_memory_equal(err.message,
                        "there is no folder of plugins: neither 'plugins' beside the program nor /", 71);
}

static char *read_text(const char *folder, const char *name)
{
    char path[1024];
    struct ordo_buffer text = {0};
    FILE *file;
    int byte;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "r");
    if (file == NULL)
        exit(2);
    while ((byte = getc(file)) != EOF)
        ordo_buffer_put(&text, (char)byte);
    fclose(file);
    ordo_buffer_put(&text, '\0');
    return text.ptr;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folder_is_beside_the_program),
        cmocka_unit_test(test_without_a_folder),
        cmocka_unit_test(test_a_right_plugin_loads),
        cmocka_unit_test(test_other_versions_are_refused),
        cmocka_unit_test(test_short_descriptors_are_refused),
        cmocka_unit_test(test_wrong_descriptors_are_refused),
        cmocka_unit_test(test_wrong_option_tables_are_refused),
        cmocka_unit_test(test_files_that_are_no_modules),
        cmocka_unit_test(test_a_name_is_no_path),
        cmocka_unit_test(test_readme_has_the_options),
        cmocka_unit_test(test_open_tells_every_error_with_its_place),
        cmocka_unit_test(test_check_stops_before_open),
        cmocka_unit_test(test_each_operation_of_1_1_has_its_size),
        cmocka_unit_test(test_minimal_plugin_runs),
        cmocka_unit_test(test_submit_goes_where_it_was_connected),
        cmocka_unit_test(test_listing_is_sorted_modules_only),
    };
    int failed;

    if (argc != 4 || mkdtemp(empty_folder) == NULL)
        return 2;
    broken_folder = argv[1];
    minimal_folder = argv[2];
    documents = read_text(argv[3], "docs/plugins.md");
    readme = read_text(argv[3], "examples/minimal_plugin/README.md");
    failed = cmocka_run_group_tests_name("plugin", tests, NULL, NULL);
    rmdir(empty_folder);
    free(documents);
    free(readme);
    return failed;
}
