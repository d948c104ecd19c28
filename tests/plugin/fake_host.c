/* SPDX-License-Identifier: MIT
 * fake_host.c: the host of plugin tests.
 */
#include "fake_host.h"

#include <dlfcn.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/options.h"

_Noreturn static void fail_test(const char *format, ...) __attribute__((format(printf, 1, 2)));

_Noreturn static void fail_test(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static void host_log(void *engine, enum ordo_log_level level, const char *message)
{
    struct fake_plugin *plugin = engine;

    (void)level;
    pthread_mutex_lock(&plugin->lock);
    snprintf(plugin->log[plugin->log_count % FAKE_LOG_MAX], sizeof(plugin->log[0]), "%s", message);
    plugin->log_count++;
    pthread_cond_broadcast(&plugin->changed);
    pthread_mutex_unlock(&plugin->lock);
}

static int64_t host_monotonic_ns(void *engine)
{
    (void)engine;
    return ordo_clock_ns();
}

static int64_t host_utc_ms(void *engine)
{
    (void)engine;
    return ordo_clock_utc_ms();
}

static int host_submit(void *engine, ordo_str bytes, ordo_outcome_fn decided, void *context,
                       struct ordo_error *err)
{
    struct fake_plugin *plugin = engine;
    struct fake_order order = {.len = bytes.len, .decided = decided, .context = context};
    int result = 0;

    if (bytes.len == 0 || bytes.ptr[0] != '{')
        return ordo_fail(err, ORDO_EJSON, NULL, "expected an object");
    pthread_mutex_lock(&plugin->lock);
    if (plugin->full) {
        plugin->full_count++;
        result = ORDO_EFULL;
    } else {
        if (plugin->order_count == plugin->order_capacity) {
            plugin->order_capacity = plugin->order_capacity == 0 ? 64 : plugin->order_capacity * 2;
            plugin->orders = realloc(plugin->orders, plugin->order_capacity * sizeof(*plugin->orders));
            ORDO_REQUIRE(plugin->orders != NULL);
        }
        order.bytes = strndup(bytes.ptr, bytes.len);
        plugin->orders[plugin->order_count++] = order;
    }
    pthread_cond_broadcast(&plugin->changed);
    pthread_mutex_unlock(&plugin->lock);
    return result == 0 ? 0 : ordo_fail(err, result, NULL, "the queue is full");
}

static const char *need_folder(struct fake_plugin *plugin)
{
    char template[] = "/tmp/ordo-plugin-XXXXXX";

    if (plugin->folder == NULL) {
        if (mkdtemp(template) == NULL)
            fail_test("cannot make a folder in /tmp");
        plugin->folder = strdup(template);
    }
    return plugin->folder;
}

char *fake_expand(const struct fake_plugin *plugin, const char *text)
{
    const char *mark = strstr(text, "@TMP@");
    char *out = NULL;

    if (mark == NULL)
        return strdup(text);
    if (asprintf(&out, "%.*s%s%s", (int)(mark - text), text, need_folder((struct fake_plugin *)plugin),
                 mark + 5) < 0)
        fail_test("out of memory");
    return out;
}

static const char *host_data_dir(void *engine)
{
    return need_folder(engine);
}

static void host_failed(void *engine, const char *message)
{
    struct fake_plugin *plugin = engine;

    host_log(engine, ORDO_LOG_ERROR, message);
    pthread_mutex_lock(&plugin->lock);
    plugin->failures++;
    pthread_mutex_unlock(&plugin->lock);
}

static struct ordo_options *parse_options(struct fake_plugin *plugin, const char *const *settings)
{
    struct ordo_config_node nodes[33] = {{.kind = ORDO_CONFIG_MAP, .origin = "test"}};
    struct ordo_buffer errors = {0};
    struct ordo_options *options;
    size_t count = 0;

    for (; settings != NULL && settings[count] != NULL && count < 32; count++) {
        struct ordo_config_node *node = &nodes[count + 1];
        char *text = fake_expand(plugin, settings[count]), *equals = strchr(text, '=');

        if (equals == NULL)
            fail_test("%s: a setting is key=value", text);
        *equals = '\0';
        *node = (struct ordo_config_node){
            .kind = ORDO_CONFIG_SCALAR, .origin = "test", .key = text, .scalar = equals + 1};
        if (count == 0)
            nodes[0].first = node;
        else
            nodes[count].next = node;
    }
    options = ordo_options_parse(plugin->plugin->options, &nodes[0], "", NULL, &errors);
    if (options == NULL)
        fail_test("%s: %.*s", plugin->plugin->name, (int)errors.len, errors.ptr);
    ordo_buffer_done(&errors);
    while (count > 0)
        free(nodes[count--].key);
    return options;
}

static void host_span(void *engine, const char *name, int64_t began_ns, int64_t ended_ns)
{
    (void)engine;
    ORDO_REQUIRE(name[0] != '\0' && began_ns <= ended_ns);
}

static void fill_host(struct fake_plugin *plugin)
{
    plugin->host = (struct ordo_host){
        .size = sizeof(plugin->host),
        .abi_major = ORDO_ABI_MAJOR,
        .abi_minor = ORDO_ABI_MINOR,
        .engine = plugin,
        .log = host_log,
        .monotonic_ns = host_monotonic_ns,
        .utc_ms = host_utc_ms,
        .fail = ordo_fail,
        .option_bool = ordo_options_bool,
        .option_int = ordo_options_int,
        .option_string = ordo_options_string,
        .submit = host_submit,
        .data_dir = host_data_dir,
        .failed = host_failed,
        .span = host_span,
    };
}

struct fake_plugin *fake_plugin_load(const char *path, const char *const *settings)
{
    struct fake_plugin *plugin = calloc(1, sizeof(*plugin));
    const struct ordo_plugin *(*entry)(void);
    pthread_condattr_t monotonic;

    ORDO_REQUIRE(plugin != NULL);
    plugin->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (plugin->library == NULL)
        fail_test("%s", dlerror());
    *(void **)&entry = dlsym(plugin->library, "ordo_plugin_entry");
    if (entry == NULL)
        fail_test("%s: no ordo_plugin_entry", path);
    plugin->plugin = entry();
    pthread_mutex_init(&plugin->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&plugin->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    fill_host(plugin);
    plugin->options = parse_options(plugin, settings);
    return plugin;
}

struct fake_plugin *fake_plugin_open(const char *path, const char *const *settings)
{
    struct fake_plugin *plugin = fake_plugin_load(path, settings);
    const char *unread;

    if (plugin->plugin->open(&plugin->host, plugin->options, &plugin->self, &plugin->err) != 0)
        plugin->self = NULL;
    else if ((unread = ordo_options_unread(plugin->options)) != NULL)
        fail_test("%s: the option %s is declared but never read", path, unread);
    return plugin;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

void fake_plugin_close(struct fake_plugin *plugin)
{
    fake_decide_all(plugin);
    plugin->plugin->close(plugin->self);
    ordo_options_free(plugin->options);
    for (size_t i = 0; i < plugin->order_count; i++)
        free(plugin->orders[i].bytes);
    free(plugin->orders);
    pthread_cond_destroy(&plugin->changed);
    pthread_mutex_destroy(&plugin->lock);
    if (plugin->folder != NULL)
        nftw(plugin->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(plugin->folder);
    free(plugin); /* the library stays, so that sanitizers can name its functions */
}

void fake_set_full(struct fake_plugin *plugin, bool full)
{
    pthread_mutex_lock(&plugin->lock);
    plugin->full = full;
    pthread_mutex_unlock(&plugin->lock);
}

/* Needs the lock. */
static void wait_change(struct fake_plugin *plugin, const char *what, time_t until)
{
    struct timespec end = {.tv_sec = until};

    if (pthread_cond_timedwait(&plugin->changed, &plugin->lock, &end) != 0)
        fail_test("waited for %s in vain", what);
}

static time_t wait_end(void)
{
    return (time_t)(ordo_clock_ns() / 1000000000) + FAKE_WAIT_S;
}

void fake_wait_full(struct fake_plugin *plugin, uint64_t times)
{
    time_t until = wait_end();

    pthread_mutex_lock(&plugin->lock);
    while (plugin->full_count < times)
        wait_change(plugin, "a submit while full", until);
    pthread_mutex_unlock(&plugin->lock);
}

void fake_wait_orders(struct fake_plugin *plugin, size_t count)
{
    time_t until = wait_end();

    pthread_mutex_lock(&plugin->lock);
    while (plugin->order_count < count)
        wait_change(plugin, "orders", until);
    pthread_mutex_unlock(&plugin->lock);
}

/* Needs the lock. */
static size_t count_log(struct fake_plugin *plugin, const char *part)
{
    size_t found = 0;

    for (size_t i = 0; i < plugin->log_count && i < FAKE_LOG_MAX; i++)
        found += strstr(plugin->log[i], part) != NULL;
    return found;
}

size_t fake_log_count(struct fake_plugin *plugin, const char *part)
{
    size_t found;

    pthread_mutex_lock(&plugin->lock);
    found = count_log(plugin, part);
    pthread_mutex_unlock(&plugin->lock);
    return found;
}

void fake_wait_log(struct fake_plugin *plugin, const char *part)
{
    time_t until = wait_end();

    pthread_mutex_lock(&plugin->lock);
    while (count_log(plugin, part) == 0)
        wait_change(plugin, part, until);
    pthread_mutex_unlock(&plugin->lock);
}

size_t fake_order_count(struct fake_plugin *plugin)
{
    size_t count;

    pthread_mutex_lock(&plugin->lock);
    count = plugin->order_count;
    pthread_mutex_unlock(&plugin->lock);
    return count;
}

const char *fake_order(struct fake_plugin *plugin, size_t index)
{
    const char *bytes;

    pthread_mutex_lock(&plugin->lock);
    ORDO_REQUIRE(index < plugin->order_count);
    bytes = plugin->orders[index].bytes;
    pthread_mutex_unlock(&plugin->lock);
    return bytes;
}

void fake_decide(struct fake_plugin *plugin, size_t index, enum ordo_status status, const char *decision)
{
    struct ordo_outcome outcome = {.size = sizeof(outcome),
                                   .status = status,
                                   .id = ORDO_STR("o-1"),
                                   .decision = ordo_str_from(decision)};
    struct fake_order order;

    pthread_mutex_lock(&plugin->lock);
    ORDO_REQUIRE(index < plugin->order_count && !plugin->orders[index].is_decided);
    plugin->orders[index].is_decided = true;
    order = plugin->orders[index];
    pthread_mutex_unlock(&plugin->lock);
    if (order.decided != NULL)
        order.decided(order.context, &outcome);
}

void fake_decide_all(struct fake_plugin *plugin)
{
    size_t count = fake_order_count(plugin);

    for (size_t i = 0; i < count; i++) {
        bool is_decided;

        pthread_mutex_lock(&plugin->lock);
        is_decided = plugin->orders[i].is_decided;
        pthread_mutex_unlock(&plugin->lock);
        if (!is_decided)
            fake_decide(plugin, i, ORDO_STATUS_DONE, "{}");
    }
}

void fake_poll(int64_t began_ns, const char *what)
{
    struct timespec step = {.tv_nsec = 1000000};

    if (ordo_clock_ns() - began_ns > FAKE_WAIT_S * (int64_t)1000000000)
        fail_test("waited for %s in vain", what);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
}

char *fake_read_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "re");
    struct ordo_buffer bytes = {0};
    size_t got;

    if (file == NULL)
        return NULL;
    while ((got = fread(ordo_buffer_reserve(&bytes, 65536), 1, 65535, file)) > 0)
        bytes.len += got;
    fclose(file);
    *ordo_buffer_reserve(&bytes, 1) = '\0';
    if (ret_len != NULL)
        *ret_len = bytes.len;
    return bytes.ptr;
}
