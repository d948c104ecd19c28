/* SPDX-License-Identifier: MIT
 * library.c: finding a plugin's file and loading it. Nothing of it is called but its entry, and that only
 * once.
 */
#include "plugin/plugin_impl.h"
#include "core/nearest.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct ordo_plugin_library {
    void *handle;
    const struct ordo_plugin *plugin;
    char path[]; /* of the file */
};

static char folder[PATH_MAX];
static pthread_once_t folder_once = PTHREAD_ONCE_INIT;

static bool is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static void find_folder(void)
{
    char program[PATH_MAX - 16];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash;

    if (len > 0) {
        program[len] = '\0';
        slash = strrchr(program, '/');
        snprintf(folder, sizeof folder, "%.*s/plugins", slash == NULL ? 0 : (int)(slash - program), program);
    }
    if (!is_folder(folder))
        snprintf(folder, sizeof folder, "%s", is_folder(ORDO_PLUGIN_DIR) ? ORDO_PLUGIN_DIR : "");
}

const char *ordo_plugin_folder(void)
{
    pthread_once(&folder_once, find_folder);
    return folder;
}

void ordo_plugin_use_folder(const char *path)
{
    pthread_once(&folder_once, find_folder);
    snprintf(folder, sizeof folder, "%s", path);
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_library(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' && len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0;
}

void ordo_plugin_list(const char *from, void (*visit)(void *context, const char *name), void *context)
{
    struct dirent **entries = NULL;
    int count = scandir(from == NULL ? ordo_plugin_folder() : from, &entries, is_library, compare_names);

    for (int i = 0; i < count; i++) {
        entries[i]->d_name[strlen(entries[i]->d_name) - 3] = '\0';
        visit(context, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

/* What a plugin that is not there is told with. */
struct others {
    struct ordo_nearest near;
    char names[300];
    size_t len;
};

static void add_other(void *context, const char *name)
{
    struct others *others = context;
    int added;

    ordo_nearest_try(&others->near, ordo_str_from(name));
    if (others->len + strlen(name) + 8 > sizeof others->names)
        return;
    added = snprintf(others->names + others->len, sizeof others->names - others->len, "%s%s",
                     others->len == 0 ? "" : ", ", name);
    others->len += (size_t)added;
}

static int fail_missing(const char *path, const char *from, const char *name, struct ordo_error *err)
{
    struct others others = {.near = ordo_nearest(name)};

    ordo_plugin_list(from, add_other, &others);
    if (*others.near.best != '\0')
        return ordo_fail(err, -ENOENT, path, "there is no such plugin; did you mean %s?", others.near.best);
    if (others.len == 0)
        return ordo_fail(err, -ENOENT, path,
                         "there is no such plugin, and no other in its folder; build the plugins first");
    return ordo_fail(err, -ENOENT, path, "there is no such plugin; the folder has %s", others.names);
}

static int fail_loading(const char *path, struct ordo_error *err)
{
    const char *why = dlerror();
    size_t len = strlen(path);

    if (why == NULL)
        why = "unknown reason";
    if (strncmp(why, path, len) == 0 && strncmp(why + len, ": ", 2) == 0)
        why += len + 2;
    return ordo_fail(
        err, ORDO_ECONFIG, path,
        "cannot be loaded: %.200s; build it as a shared object that links all it needs and nothing of the "
        "engine (its interface is %u.%u)",
        why, ORDO_ABI_MAJOR, ORDO_ABI_MINOR);
}

/* On success *ret_plugin is the descriptor, checked. */
static int open_library(const char *path, const char *name, int kind, void **ret_handle,
                        const struct ordo_plugin **ret_plugin, struct ordo_error *err)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL), *symbol;
    const struct ordo_plugin *(*entry)(void);
    const struct ordo_plugin *plugin;
    int code;

    if (handle == NULL)
        return fail_loading(path, err);
    symbol = dlsym(handle, "ordo_plugin_entry");
    memcpy(&entry, &symbol, sizeof entry);
    plugin = entry == NULL ? NULL : entry();
    if (entry == NULL)
        code = ordo_fail(
            err, ORDO_ECONFIG, path,
            "exports no ordo_plugin_entry, so it is no plugin; define it as ordo/plugin.h declares it (this "
            "engine's interface is %u.%u)",
            ORDO_ABI_MAJOR, ORDO_ABI_MINOR);
    else if (plugin == NULL)
        code = ordo_fail(
            err, ORDO_ECONFIG, path,
            "its ordo_plugin_entry returns NULL; return the descriptor (this engine's interface is %u.%u)",
            ORDO_ABI_MAJOR, ORDO_ABI_MINOR);
    else
        code = ordo__plugin_check(plugin, path, name, kind, err);
    if (code < 0) {
        dlclose(handle);
        return code;
    }
    *ret_handle = handle;
    *ret_plugin = plugin;
    return 0;
}

int ordo_plugin_load(const char *from, const char *name, int kind, struct ordo_plugin_library **ret_library,
                     struct ordo_error *err)
{
    size_t len = strlen(name), size;
    struct ordo_plugin_library *library;
    int code;

    /* A name is no path: what is loaded comes from the one folder. */
    if (len == 0 || len > 64 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != len)
        return ordo_fail(err, ORDO_ECONFIG, NULL,
                         "'%.64s' is no name of a plugin; it has letters a-z, digits and _ only", name);
    if (from == NULL)
        from = ordo_plugin_folder();
    if (*from == '\0')
        return ordo_fail(
            err, -ENOENT, NULL,
            "there is no folder of plugins: neither 'plugins' beside the program nor " ORDO_PLUGIN_DIR);
    size = strlen(from) + len + sizeof "/.so";
    library = calloc(1, sizeof *library + size);
    ORDO_REQUIRE(library != NULL);
    snprintf(library->path, size, "%s/%s.so", from, name);
    code = access(library->path, F_OK) < 0 && errno == ENOENT
               ? fail_missing(library->path, from, name, err)
               : open_library(library->path, name, kind, &library->handle, &library->plugin, err);
    if (code < 0) {
        free(library);
        return code;
    }
    *ret_library = library;
    return 0;
}

void ordo_plugin_unload(struct ordo_plugin_library *library)
{
    if (library == NULL)
        return;
        /* Sanitizers report at the end of the process, and name the functions only of what is still
         * loaded. */
#ifndef ORDO_SANITIZED
    dlclose(library->handle);
#endif
    free(library);
}

const struct ordo_plugin *ordo_plugin_of(const struct ordo_plugin_library *library)
{
    return library->plugin;
}

const char *ordo_plugin_path(const struct ordo_plugin_library *library)
{
    return library->path;
}
