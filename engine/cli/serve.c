/* SPDX-License-Identifier: MIT
 * serve.c: `ordo serve`: starts the parts in their order, waits for signals, and stops the parts in the other
 * order.
 *
 * Signals are blocked before the first thread starts and read from a signalfd by the main thread, so no
 * handler runs among the engine's locks. The one exception comes at the end: once the stop has begun, a
 * second SIGTERM or SIGINT has a handler that leaves at once.
 */
#include "cli/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/setup.h"
#include "profile/timeline.h"

enum { OPTION_PORT_FILE = 1 };

const struct ordo_cli_option ordo_serve_options[] = {
    ORDO_CLI_CONFIG_ROWS,
    {OPTION_PORT_FILE, "port-file", 0, "FILE",
     "Writes the port to FILE once orders are taken (for port 0);\nwith admin.listen a second line has that "
     "one's."},
    {0},
};

struct server {
    struct ordo_config *config;
    struct ordo_cli_plugins plugins;
    struct ordo_profiler *profiler; /* NULL: profiling.enabled is false */
    struct ordo_engine *engine;
    struct ordo_rules *rules;
    struct ordo_http *http;
    size_t sources_started;
    int signals;
    int failure;               /* an eventfd: the store failed */
    _Atomic bool store_failed; /* written by the store's threads */
    int64_t deadline_ns;       /* monotonic, of the whole stop; 0: it has not begun */
    bool lost;                 /* orders were given up */
};

static int config_error(struct ordo_buffer *errors)
{
    ordo_cli_print_lines(errors, "", stderr);
    ordo_buffer_done(errors);
    return ORDO_EXIT_CONFIG;
}

static int failure(const char *tag, const struct ordo_error *err)
{
    char text[1024];

    ordo_log_error(tag, "%s", ordo_error_format(err, text, sizeof(text)));
    return ORDO_EXIT_FAILURE;
}

static int take_signals(struct server *server)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a write beyond a limit then fails, as on a full disk */
    sigprocmask(SIG_BLOCK, &set, NULL);
    server->signals = signalfd(-1, &set, SFD_CLOEXEC);
    server->failure = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return server->signals < 0 || server->failure < 0 ? -errno : 0;
}

static int start_sources(struct server *server, struct ordo_error *err)
{
    for (; server->sources_started < server->plugins.source_count; server->sources_started++) {
        struct ordo_plugin_instance *source = server->plugins.sources[server->sources_started];
        int code = ((const struct ordo_source_ops *)source->plugin->ops)->start(source->self, err);

        if (code != 0)
            return code;
    }
    return 0;
}

static void stop_sources(struct server *server)
{
    while (server->sources_started > 0) {
        struct ordo_plugin_instance *source = server->plugins.sources[--server->sources_started];

        ((const struct ordo_source_ops *)source->plugin->ops)->stop(source->self);
    }
}

static int submit_from_source(void *context, ordo_str order, ordo_outcome_fn decided, void *user,
                              struct ordo_error *err)
{
    return ordo_engine_submit_bytes(context, order, decided, user, err);
}

/* The store can make nothing durable any more. It says why itself. */
static void store_failed(void *context, const char *message)
{
    struct server *server = context;

    (void)message;
    atomic_store(&server->store_failed, true);
    eventfd_write(server->failure, 1);
}

/* Configuration, plugins and rules: what is wrong here is the operator's to mend. */
static int prepare(struct server *server)
{
    const struct ordo_options *options = ordo_config_options(server->config);
    struct ordo_rules_options rules = {
        .folder = ordo_options_string(options, "scripts"),
        .data_dir = ordo_options_string(options, "data_dir"),
        .keep = (size_t)ordo_options_int(options, "rules.keep"),
        .script = ordo_cli_script_options(server->config),
    };
    struct ordo_buffer errors = {0}, warnings = {0};
    struct ordo_error err;
    bool is_busy;

    if (!ordo_cli_http_check(server->config, &errors))
        return config_error(&errors);
    if (ordo_cli_make_folder(ordo_options_string(options, "data_dir"), &err) != 0) {
        failure("data_dir", &err);
        return ORDO_EXIT_CONFIG;
    }
    server->rules = ordo_rules_open(&rules, &errors, &warnings, &is_busy);
    ordo_cli_print_lines(&warnings, "warning: ", stderr);
    ordo_buffer_done(&warnings);
    if (server->rules == NULL && !is_busy)
        return config_error(&errors);
    /* Where another process is busy, store and sinks say so, too, and who it is. */
    if (!ordo_cli_plugins_open(server->config, false, &server->plugins, &errors) || server->rules == NULL)
        return config_error(&errors);
    ordo_plugin_on_failure(server->plugins.store, store_failed, server);
    return ORDO_EXIT_OK;
}

static int start_http(struct server *server, struct ordo_error *err)
{
    struct ordo_http_options http = ordo_cli_http_options(server->config);

    http.profiler = server->profiler;
    server->http = ordo_http_start(server->engine, server->rules, &http, err);
    if (server->http != NULL)
        return ORDO_EXIT_OK;
    failure("http", err);
    if (err->code == -EADDRINUSE)
        ordo_log_error(
            "http",
            "another program listens there, perhaps an engine that still runs (`ss -ltnp` names it): stop "
            "it, or choose another port: --set %s=127.0.0.1:8081",
            err->place);
    return err->code == ORDO_ECONFIG ? ORDO_EXIT_CONFIG : ORDO_EXIT_FAILURE;
}

static int start_profiler(struct server *server, struct ordo_error *err)
{
    struct ordo_profiler_options options = ordo_cli_profiler_options(server->config);
    const struct ordo_plugin_instance *store = server->plugins.store;
    struct ordo_store_stat stat = {.size = sizeof(stat)};
    char folder[4096], filling[128];

    if (!ordo_options_bool(ordo_config_options(server->config), "profiling.enabled"))
        return 0;
    snprintf(folder, sizeof(folder), "%s/profiles",
             ordo_options_string(ordo_config_options(server->config), "data_dir"));
    options.folder = folder;
    ((const struct ordo_store_ops *)store->plugin->ops)->stat(store->self, &stat);
    if (stat.memory_max > 0) {
        snprintf(filling, sizeof(filling), "%s.so", store->plugin->name);
        options.filling = filling;
        options.filling_bytes = stat.memory_max;
    }
    server->profiler = ordo_profiler_start(&options, err);
    return server->profiler == NULL ? err->code : 0;
}

static int start(struct server *server)
{
    struct ordo_engine_options options = ordo_cli_engine_options(server->config);
    struct ordo_error err = {0};
    int code;

    if (start_profiler(server, &err) != 0)
        return failure("profiler", &err);
    options.store = server->plugins.store->plugin->ops;
    options.store_self = server->plugins.store->self;
    options.sinks = server->plugins.sinks;
    options.sink_count = server->plugins.sink_count;
    options.exporters = server->plugins.exporters;
    options.exporter_count = server->plugins.exporter_count;
    options.ruleset = ordo_rules_first(server->rules);
    options.profiler = server->profiler;
    options.data_dir = ordo_options_string(ordo_config_options(server->config), "data_dir");
    server->engine = ordo_engine_new(&options, &err);
    if (server->engine == NULL || ordo_engine_start(server->engine, &err) != 0)
        return failure("engine", &err);
    if (server->profiler != NULL) {
        struct ordo_profiled profiled = ordo_engine_profiled(server->engine);

        ordo_profiler_connect(server->profiler, &profiled);
    }
    if (ordo_rules_start(server->rules, server->engine, &err) != 0)
        return failure("rules", &err);
    code = start_http(server, &err);
    if (code != ORDO_EXIT_OK)
        return code;
    for (size_t i = 0; i < server->plugins.source_count; i++)
        ordo_plugin_connect(server->plugins.sources[i], submit_from_source, server->engine);
    return start_sources(server, &err) == 0 ? ORDO_EXIT_OK : failure("source", &err);
}

/* The orders' port comes first, so `head -n1` is what it always is. Written aside and renamed, so that a reader sees all of it or nothing. */
static int write_port_file(const struct server *server, const char *path)
{
    char aside[4096];
    FILE *file;

    if (snprintf(aside, sizeof(aside), "%s.new", path) >= (int)sizeof(aside))
        return -ENAMETOOLONG;
    file = fopen(aside, "we");
    if (file == NULL)
        return -errno;
    fprintf(file, "%u\n", ordo_http_port(server->http));
    if (ordo_http_admin_port(server->http) != 0)
        fprintf(file, "%u\n", ordo_http_admin_port(server->http));
    if (fclose(file) != 0 || rename(aside, path) != 0)
        return -errno;
    return 0;
}

/* Tells a service manager, if one asked for it: a datagram to the socket in NOTIFY_SOCKET. */
static void notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len;
    int fd;

    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        (len = strlen(path)) >= sizeof(address.sun_path))
        return;
    memcpy(address.sun_path, path, len);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
        ordo_log_warn("serve", "cannot notify %s: %s", path, strerror(errno));
    close(fd);
}

/* The address to show: what was asked for, with the port that came of it; a wildcard is reached through
 * loopback. */
static void format_address(const struct server *server, char *out, size_t size)
{
    const char *listen = ordo_options_string(ordo_config_options(server->config), "http.listen");
    const char *colon = strrchr(listen, ':');
    int host = colon != NULL ? (int)(colon - listen) : (int)strlen(listen);

    if (strncmp(listen, "0.0.0.0:", 8) == 0 || strncmp(listen, "[::]:", 5) == 0 || host == 0)
        snprintf(out, size, "127.0.0.1:%u", ordo_http_port(server->http));
    else
        snprintf(out, size, "%.*s:%u", host, listen, ordo_http_port(server->http));
}

static void say_what_to_try(const struct server *server)
{
    char address[300];
    bool token = ordo_options_string(ordo_config_options(server->config), "http.token_file")[0] != '\0';

    format_address(server, address, sizeof(address));
    ordo_log_info("serve", "ready: orders are taken at http://%s/orders", address);
    /* For people at a terminal; whoever reads JSON, or wants warnings only, is not in need of it. */
    if (!ordo_log_is_on(ORDO_LOG_INFO) ||
        strcmp(ordo_options_string(ordo_config_options(server->config), "log.format"), "json") == 0)
        return;
    fprintf(stderr,
            "\nTry:\n"
            "  curl -s %shttp://%s/orders -H 'Content-Type: application/json' -d "
            "'{\"customer\":{\"id\":\"c-42\",\"tier\":\"gold\",\"country\":\"DE\"},\"currency\":\"EUR\","
            "\"items\":[{\"sku\":\"A-1001\",\"qty\":2,\"price\":1999}],\"coupon\":\"SPRING10\"}'\n"
            "  curl -s %shttp://%s/stats\n"
            "and edit a file in %s/rules while it runs. Ctrl-C stops.\n\n",
            token ? "-H \"Authorization: Bearer $TOKEN\" " : "", address,
            token ? "-H \"Authorization: Bearer $TOKEN\" " : "", address,
            ordo_options_string(ordo_config_options(server->config), "scripts"));
}

static void log_start(const struct server *server)
{
    const struct ordo_options *options = ordo_config_options(server->config);
    const char *file = ordo_config_file(server->config);

    ordo_log_info("serve",
                  "ordo %s, pid %d, configuration %s, scripts %s, store %s, %zu source(s), %zu sink(s), %zu "
                  "exporter(s)",
                  ORDO_VERSION, (int)getpid(), file[0] != '\0' ? file : "of defaults",
                  ordo_options_string(options, "scripts"), ordo_config_store(server->config)->name,
                  server->plugins.source_count, server->plugins.sink_count, server->plugins.exporter_count);
}

/* Until SIGTERM, SIGINT, or the end of the store. */
static void wait_for_end(struct server *server)
{
    struct pollfd polled[] = {{.fd = server->signals, .events = POLLIN},
                              {.fd = server->failure, .events = POLLIN}};
    struct signalfd_siginfo info;

    for (;;) {
        ssize_t got;

        if (poll(polled, sizeof(polled) / sizeof(*polled), -1) < 0)
            continue;
        if (polled[1].revents != 0) {
            ordo_log_error("serve",
                           "the store failed, so nothing can be promised any more; what it had synced is "
                           "there at the next start");
            return;
        }
        got = read(server->signals, &info, sizeof(info));
        if (got != (ssize_t)sizeof(info) || info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            return;
        if (info.ssi_signo == SIGHUP) {
            ordo_log_info("serve", "SIGHUP: loading the rules anew");
            ordo_rules_reload_soon(server->rules);
        } else if (info.ssi_signo == SIGUSR1) {
            ordo_log_info("serve", "SIGUSR1: opening the sinks' files anew");
            ordo_engine_reopen(server->engine);
        }
    }
}

static void leave_at_once(int number)
{
    static const char text[] = "ordo: stopped at once by a second signal; orders inside were not finished\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

    (void)ignored;
    _exit(128 + number);
}

/* From here on SIGTERM and SIGINT end the process. */
static void arm_second_signal(void)
{
    struct sigaction action = {.sa_handler = leave_at_once};
    sigset_t set;

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void drain(struct server *server)
{
    int64_t grace_ns = ordo_options_int(ordo_config_options(server->config), "stop.grace") * 1000;

    server->deadline_ns = ordo_clock_ns() + grace_ns;
    ordo_log_info("serve", "stopping: orders inside have %.1f s to finish; a second signal ends it at once",
                  (double)grace_ns / 1e9);
    ordo_engine_begin_drain(server->engine);
    ordo_http_close_listeners(server->http, server->deadline_ns);
    stop_sources(server);
    server->lost = !ordo_engine_drain(server->engine, server->deadline_ns);
}

/* Works on a server that was started in part, too. The engine ends before HTTP does, because it gives every
 * order back to HTTP. The sinks work meanwhile, and have what is left of the same time, and so have the exporters, once the
 * profiler has ended. */
static void stop(struct server *server)
{
    stop_sources(server);
    if (server->engine != NULL)
        ordo_engine_stop(server->engine);
    ordo_profiler_end(server->profiler);
    if (server->http != NULL)
        ordo_http_stop(server->http, server->deadline_ns);
    if (server->lost)
        ordo_log_error("serve", "%llu order(s) were not finished within stop.grace",
                       (unsigned long long)ordo_engine_given_up(server->engine));
    ordo_log_debug("serve", "stopping: the sinks take what is left");
    if (server->engine != NULL)
        ordo_engine_stop_sinks(server->engine, server->deadline_ns);
    if (server->engine != NULL)
        ordo_engine_stop_exporters(server->engine, server->deadline_ns);
    if (server->rules != NULL)
        ordo_rules_stop(server->rules);
    ordo_engine_free(server->engine);
    ordo_profiler_free(server->profiler);
    ordo_cli_plugins_close(&server->plugins);
    if (server->signals >= 0)
        close(server->signals);
    if (server->failure >= 0)
        close(server->failure);
    ordo_config_free(server->config);
}

static int serve(struct server *server, const char *port_file)
{
    int code = prepare(server);

    if (code != ORDO_EXIT_OK)
        return code;
    log_start(server);
    code = start(server);
    if (code != ORDO_EXIT_OK)
        return code;
    if (port_file != NULL && (code = write_port_file(server, port_file)) != 0) {
        ordo_log_error("serve", "cannot write the port file %s: %s", port_file, strerror(-code));
        return ORDO_EXIT_FAILURE;
    }
    say_what_to_try(server);
    notify("READY=1");
    wait_for_end(server);
    notify("STOPPING=1");
    arm_second_signal();
    drain(server);
    return ORDO_EXIT_OK;
}

int ordo_serve_run(const struct ordo_command *command, int argc, char **argv)
{
    struct ordo_cli_args args = ordo_cli_args(command, argc, argv);
    struct ordo_cli_setup setup = {0};
    struct server server = {.signals = -1, .failure = -1};
    const char *value, *port_file = NULL;
    int code;

    for (int id; (id = ordo_cli_next(&args, &value)) != ORDO_CLI_END;) {
        if (id == ORDO_CLI_EXIT)
            return args.exit_code;
        if (!ordo_cli_setup_take(&setup, id, value))
            port_file = value;
    }
    if (args.next < argc)
        return ordo_command_usage(command, "\"%s\" is too much", argv[args.next]);
    if ((code = take_signals(&server)) != 0) {
        fprintf(stderr, "ordo serve: cannot wait for signals: %s\n", strerror(-code));
        return ORDO_EXIT_FAILURE;
    }
    server.config = ordo_cli_setup_load(&setup);
    if (server.config == NULL)
        return ORDO_EXIT_CONFIG;
    ordo_cli_setup_log(server.config);
    ordo_cli_setup_timeline(server.config);
    code = serve(&server, port_file);
    stop(&server);
    ordo_timeline_forget_slow();
    if (code == ORDO_EXIT_OK)
        ordo_log_info("serve", "stopped");
    if (atomic_load(&server.store_failed)) {
        /* A store that failed may have threads left that it cannot end; they must not meet what exit() takes down. */
        fflush(NULL);
        _exit(ORDO_EXIT_FAILURE);
    }
    return code == ORDO_EXIT_OK && server.lost ? ORDO_EXIT_FAILURE : code;
}
