/* SPDX-License-Identifier: MIT
 * plugins.c: `ordo plugins`: what lies in the folder of plugins, and what each can be told.
 */
#include "cli/commands.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "base/json_write.h"
#include "core/options.h"
#include "plugin/plugin.h"

enum { OPTION_JSON = 1, OPTION_NAMES, OPTION_FOLDER, PLUGINS_MAX = 256 };

const struct ordo_cli_option ordo_plugins_options[] = {
    {OPTION_JSON, "json", 'j', NULL, "Prints JSON."},
    {OPTION_NAMES, "names", 0, NULL, "Prints the names only."},
    {OPTION_FOLDER, "folder", 'f', "DIR", "Looks in DIR instead of the engine's own folder."},
    {0},
};

struct listing {
    const char *folder;
    bool json, names;
    char *entries[PLUGINS_MAX];
    size_t count;
};

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the shared objects, sorted. */
static int find(struct listing *listing)
{
    DIR *folder = opendir(listing->folder);
    struct dirent *entry;

    if (folder == NULL)
        return -errno;
    while ((entry = readdir(folder)) != NULL && listing->count < PLUGINS_MAX) {
        size_t len = strlen(entry->d_name);

        if (len > 3 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 3, ".so") == 0) {
            char *name = strndup(entry->d_name, len - 3);

            ORDO_REQUIRE(name != NULL);
            listing->entries[listing->count++] = name;
        }
    }
    closedir(folder);
    qsort(listing->entries, listing->count, sizeof(listing->entries[0]), compare);
    return 0;
}

static void put(struct ordo_json_writer *json, const char *key, const char *value)
{
    ordo_json_key(json, ordo_str_from(key));
    if (value == NULL)
        ordo_json_null(json);
    else
        ordo_json_string(json, ordo_str_from(value));
}

static void write_option(struct ordo_json_writer *json, const struct ordo_option *option)
{
    static const char *const types[] = {"bool", "int", "duration", "size", "string", "enum"};

    ordo_json_object(json);
    put(json, "name", option->name);
    put(json, "type", types[option->type]);
    put(json, "default", option->preset);
    if (option->min != 0 || option->max != 0) {
        ordo_json_key_int(json, ORDO_STR("min"), option->min);
        ordo_json_key_int(json, ORDO_STR("max"), option->max);
    }
    put(json, "unit", option->unit);
    put(json, "help", option->help);
    ordo_json_end_object(json);
}

static void write_plugin(struct ordo_json_writer *json, const struct ordo_plugin_library *library)
{
    const struct ordo_plugin *plugin = ordo_plugin_of(library);
    char abi[32];

    snprintf(abi, sizeof(abi), "%u.%u", plugin->abi_major, plugin->abi_minor);
    ordo_json_object(json);
    put(json, "name", plugin->name);
    put(json, "kind", ordo_plugin_kind_name(plugin->kind));
    put(json, "version", plugin->version);
    put(json, "summary", plugin->summary);
    put(json, "file", ordo_plugin_path(library));
    put(json, "abi", abi);
    ordo_json_key(json, ORDO_STR("options"));
    ordo_json_array(json);
    for (const struct ordo_option *option = plugin->options; option != NULL && option->name != NULL; option++)
        write_option(json, option);
    ordo_json_end_array(json);
    ordo_json_end_object(json);
}

/* One plugin in full. */
static int show(const struct listing *listing, const char *name)
{
    struct ordo_plugin_library *library;
    struct ordo_buffer text = {0};
    struct ordo_error err;
    char line[1024];

    if (ordo_plugin_load(listing->folder, name, 0, &library, &err) != 0) {
        fprintf(stderr, "ordo plugins: %s\n", ordo_error_format(&err, line, sizeof(line)));
        return ORDO_EXIT_FAILURE;
    }
    if (listing->json) {
        struct ordo_json_writer json = ordo_json_writer(&text);

        write_plugin(&json, library);
        ordo_buffer_put(&text, '\n');
    } else {
        const struct ordo_plugin *plugin = ordo_plugin_of(library);

        ordo_buffer_printf(&text, "%s %s (%s, ABI %u.%u): %s\n%s\n\n", plugin->name, plugin->version,
                           ordo_plugin_kind_name(plugin->kind), plugin->abi_major, plugin->abi_minor,
                           plugin->summary, ordo_plugin_path(library));
        if (plugin->options != NULL && plugin->options[0].name != NULL)
            ordo_options_help(plugin->options, &text);
        else
            ordo_buffer_printf(&text, "It has no options.\n");
    }
    fwrite(text.ptr, 1, text.len, stdout);
    ordo_buffer_done(&text);
    ordo_plugin_unload(library);
    return ORDO_EXIT_OK;
}

/* All of them; one that does not load is told and makes the exit code 1. */
static int list(const struct listing *listing)
{
    struct ordo_buffer text = {0};
    struct ordo_json_writer json = ordo_json_writer(&text);
    int code = ORDO_EXIT_OK;

    if (listing->json)
        ordo_json_array(&json);
    else
        ordo_buffer_printf(&text, "%-18s %-9s %-8s %-5s %s\n", "NAME", "KIND", "VERSION", "ABI", "SUMMARY");
    for (size_t i = 0; i < listing->count; i++) {
        struct ordo_plugin_library *library;
        const struct ordo_plugin *plugin;
        struct ordo_error err;
        char line[1024], abi[32];

        if (ordo_plugin_load(listing->folder, listing->entries[i], 0, &library, &err) != 0) {
            fprintf(stderr, "ordo plugins: %s\n", ordo_error_format(&err, line, sizeof(line)));
            code = ORDO_EXIT_FAILURE;
            continue;
        }
        plugin = ordo_plugin_of(library);
        snprintf(abi, sizeof(abi), "%u.%u", plugin->abi_major, plugin->abi_minor);
        if (listing->json)
            write_plugin(&json, library);
        else
            ordo_buffer_printf(&text, "%-18s %-9s %-8s %-5s %s\n", plugin->name,
                               ordo_plugin_kind_name(plugin->kind), plugin->version, abi, plugin->summary);
        ordo_plugin_unload(library);
    }
    if (listing->json) {
        ordo_json_end_array(&json);
        ordo_buffer_put(&text, '\n');
    } else {
        ordo_buffer_printf(&text, "\nin %s; `ordo plugins NAME` shows the options of one.\n",
                           listing->folder);
    }
    fwrite(text.ptr, 1, text.len, stdout);
    ordo_buffer_done(&text);
    return code;
}

static int show_folder(struct listing *listing)
{
    int code = listing->folder[0] != '\0' ? find(listing) : -ENOENT;

    if (code != 0) {
        fprintf(stderr, "ordo plugins: cannot read the folder of plugins \"%s\": %s\n", listing->folder,
                strerror(-code));
        return ORDO_EXIT_FAILURE;
    }
    if (listing->names)
        for (size_t i = 0; i < listing->count; i++)
            puts(listing->entries[i]);
    else
        code = list(listing);
    for (size_t i = 0; i < listing->count; i++)
        free(listing->entries[i]);
    return code;
}

int ordo_plugins_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    struct listing listing = {0};
    const char *value;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;)
        switch (id) {
        case ORDO_CLI_EXIT:
            return args.exit_code;
        case OPTION_JSON:
            listing.json = true;
            break;
        case OPTION_NAMES:
            listing.names = true;
            break;
        case OPTION_FOLDER:
            listing.folder = value;
            break;
        }
    if (argc - args.next > 1)
        return ordo_command_usage(command, "one name is enough; \"%s\" is too much", argv[args.next + 1]);
    if (listing.folder == NULL)
        listing.folder = ordo_plugin_folder();
    return args.next < argc ? show(&listing, argv[args.next]) : show_folder(&listing);
}
