/* SPDX-License-Identifier: MIT
 * quiet_thread.c: a thread that no signal interrupts.
 */
#include "quiet_thread.h"

#include <signal.h>
#include <string.h>

int quiet_thread_start(pthread_t *thread, const char *name, void *(*run)(void *context), void *context,
                       const struct ordo_host *host, struct ordo_error *err)
{
    sigset_t all, before;
    int result;

    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != 0)
        return host->fail(err, -result, NULL, "cannot start its thread: %s", strerror(result));
    pthread_setname_np(*thread, name);
    return 0;
}
