/* SPDX-License-Identifier: MIT
 * quiet_thread.h: starts a plugin's thread: named, and with signals left to the main thread.
 */
#pragma once

#include <pthread.h>

#include <ordo/plugin.h>

/* 0, or a code with *err. Faults still reach the thread that makes them. Join it. */
int quiet_thread_start(pthread_t *thread, const char *name, void *(*run)(void *context), void *context,
                       const struct ordo_host *host, struct ordo_error *err);
