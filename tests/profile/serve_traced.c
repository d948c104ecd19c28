/* SPDX-License-Identifier: MIT
 * serve_traced.c: `ordo serve` in a program that also gives its timeline to whoever asks at a socket.
 *
 *   TRACE_SOCKET=PATH serve_traced serve [options]
 *
 * A connection sends one line, "past SECONDS", "slow" or "slow ID", and gets the answer until its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "cli/commands.h"
#include "profile/timeline.h"

static int listener;

static void answer(const char *line, struct ordo_buffer *out)
{
    int64_t now_ns = ordo_clock_ns();

    if (strncmp(line, "past ", 5) == 0)
        ordo_timeline_write(out, now_ns - (int64_t)(strtod(line + 5, NULL) * 1e9), now_ns);
    else if (strcmp(line, "slow") == 0)
        ordo_timeline_slow_list(out);
    else if (strncmp(line, "slow ", 5) == 0)
        ordo_timeline_slow_write(ordo_str_from(line + 5), out);
}

static void run(void *context)
{
    struct ordo_buffer out = {0};
    int client;

    (void)context;
    while ((client = accept(listener, NULL, NULL)) >= 0) {
        char line[256] = "";
        FILE *stream = fdopen(client, "r+");

        if (stream == NULL || fgets(line, sizeof(line), stream) == NULL)
            abort();
        line[strcspn(line, "\n")] = '\0';
        ordo_buffer_clear(&out);
        answer(line, &out);
        for (size_t at = 0; at < out.len;) {
            ssize_t wrote = send(client, out.ptr + at, out.len - at, MSG_NOSIGNAL);

            if (wrote <= 0)
                break;
            at += (size_t)wrote;
        }
        fclose(stream);
    }
    ordo_buffer_done(&out);
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ordo_thread thread;
    int code;

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", getenv("TRACE_SOCKET"));
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (argc < 2 || listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, 8) != 0 || ordo_thread_start(&thread, "test-socket", run, NULL) != 0)
        return 1;
    code = ordo_serve_run(ordo_command_find("serve"), argc - 1, argv + 1);
    shutdown(listener, SHUT_RDWR);
    ordo_thread_join(&thread);
    return code;
}
