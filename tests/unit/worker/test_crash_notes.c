/* SPDX-License-Identifier: MIT
 * test_crash_notes.c: a child process dies of a fault; what it noted is there, and it died of that signal.
 */
#include "worker/crash_notes.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/thread.h"

/* A sanitizer that takes the signals for itself would end the child with a code of its own. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);
const char *__ubsan_default_options(void);
#define NO_HANDLERS "handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigill=0:handle_sigfpe=0"

const char *__asan_default_options(void)
{
    return NO_HANDLERS;
}

const char *__tsan_default_options(void)
{
    return NO_HANDLERS;
}

const char *__ubsan_default_options(void)
{
    return NO_HANDLERS;
}

static char folder[] = "/tmp/test_crash_notes.XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    ordo_log_setup(ORDO_LOG_ERROR, ORDO_LOG_TEXT);
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_file(void **state)
{
    char path[64];

    (void)state;
    snprintf(path, sizeof(path), "%s/crashes", folder);
    return unlink(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static struct ordo_job job_of(const char *id)
{
    struct ordo_job job = {.parsed = true, .id_len = (uint8_t)strlen(id)};

    memcpy(job.id_bytes, id, strlen(id));
    return job;
}

static int *volatile nowhere;
static volatile int zero;

#define NOT_CHECKED __attribute__((no_sanitize("address", "undefined", "thread"), noinline))

NOT_CHECKED static void touch_nothing(void)
{
    *nowhere = 1;
}

NOT_CHECKED static void touch_behind_a_file(void)
{
    FILE *file = tmpfile();
    volatile char *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(file), 0);

    zero = map[0];
}

static void run_no_instruction(void)
{
#if defined(__x86_64__)
    __asm__ volatile("ud2");
#else
    raise(SIGILL);
#endif
}

static void divide(void)
{
#if defined(__x86_64__)
    __asm__ volatile("xorl %%ecx, %%ecx; movl $1, %%eax; cltd; idivl %%ecx" ::: "eax", "ecx", "edx");
#else
    raise(SIGFPE);
#endif
}

/* Not a tail call, and not one that the compiler can see through. */
static int (*volatile again)(int);

NOT_CHECKED static int overflow(int depth)
{
    volatile char frame[1024];

    frame[0] = (char)depth;
    return again(depth + 1) + frame[0];
}

static void overflow_the_stack(void)
{
    again = overflow;
    zero = overflow(0);
}

static void send_to_itself(void)
{
    raise(SIGSEGV);
}

struct child {
    void (*fault)(void);
    const char *id; /* of the order that is executed; NULL: none */
    bool is_read;   /* its id is known */
};

static void child_thread(void *context)
{
    const struct child *child = context;
    struct ordo_job job = job_of(child->id == NULL ? "none" : child->id);

    job.parsed = child->is_read;
    ordo_crash_notes_enter();
    if (child->id != NULL) {
        ordo_execute(&job);
        child->fault();
    }
    ordo_execute(&job);
    ordo_execute(NULL);
    child->fault();
}

/* cmocka has handlers, which a child takes over. */
static void forget_handlers(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        signal(numbers[i], SIG_DFL);
}

/* The signal that a child dies of. */
static int die(void (*fault)(void), const char *id, bool is_read)
{
    struct child child = {fault, id, is_read};
    struct ordo_thread thread = {0};
    int status;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        forget_handlers();
        if (ordo_crash_notes_start(folder, 3) == NULL)
            _exit(1);
        ordo_thread_start(&thread, "child", child_thread, &child);
        ordo_thread_join(&thread);
        _exit(2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    return WTERMSIG(status);
}

/* Crashes noted for an id; 0: it is not poison with `most`. */
static uint32_t crashes_of(const char *id, uint32_t most, int *ret_signal)
{
    struct ordo_crash_notes *notes = ordo_crash_notes_start(folder, most);
    struct ordo_job job = job_of(id);
    struct ordo_crash crash = {0};

    assert_non_null(notes);
    if (ordo_crash_notes_is_poison(notes, &job, &crash) && ret_signal != NULL)
        *ret_signal = crash.signal;
    ordo_crash_notes_stop(notes);
    return crash.count;
}

static void test_faults_are_noted_and_end_the_process(void **state)
{
    static const struct {
        const char *id;
        void (*fault)(void);
        int signal;
    } rows[] = {
        {"segv", touch_nothing, SIGSEGV},
        {"bus", touch_behind_a_file, SIGBUS},
        {"abort", abort, SIGABRT},
        {"ill", run_no_instruction, SIGILL},
        {"fpe", divide, SIGFPE},
        {"sent", send_to_itself, SIGSEGV},
        {"stack", overflow_the_stack, SIGSEGV},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int signal = 0;

        print_message("%s\n", rows[i].id);
        assert_int_equal(die(rows[i].fault, rows[i].id, true), rows[i].signal);
        assert_int_equal(crashes_of(rows[i].id, 1, &signal), 1);
        assert_int_equal(signal, rows[i].signal);
        assert_string_not_equal(ordo_crash_signal_name(signal), ordo_crash_signal_name(0));
    }
}

static void test_only_what_is_executed_counts(void **state)
{
    (void)state;
    assert_int_equal(die(touch_nothing, NULL, true), SIGSEGV);
    assert_int_equal(die(touch_nothing, "o-1", false), SIGSEGV); /* its id is not known */
    assert_int_equal(crashes_of("none", 1, NULL), 0);
    assert_int_equal(crashes_of("o-1", 1, NULL), 0);
}

static void test_poison_is_what_crashed_often(void **state)
{
    struct ordo_crash_notes *notes;
    struct ordo_job job = job_of("o-1"), other = job_of("o-2"), unknown = job_of("");
    struct ordo_crash crash;

    (void)state;
    die(touch_nothing, "o-1", true);
    die(abort, "o-1", true);
    die(abort, "o-2", true);
    notes = ordo_crash_notes_start(folder, 2);
    assert_true(ordo_crash_notes_is_poison(notes, &job, &crash));
    assert_int_equal(crash.count, 2);
    assert_false(ordo_crash_notes_is_poison(notes, &other, &crash));
    assert_false(ordo_crash_notes_is_poison(notes, &unknown, &crash));
    assert_true(ordo_crash_notes_forget(notes, &job));
    assert_false(ordo_crash_notes_forget(notes, &job));
    assert_false(ordo_crash_notes_forget(notes, &other)); /* it was not poison */
    assert_false(ordo_crash_notes_is_poison(notes, &job, &crash));
    ordo_crash_notes_stop(notes);
    assert_int_equal(crashes_of("o-1", 1, NULL), 0);
    assert_int_equal(crashes_of("o-2", 1, NULL), 0);

    assert_false(ordo_crash_notes_is_poison(NULL, &job, &crash));
    assert_false(ordo_crash_notes_forget(NULL, &job));
    ordo_crash_notes_stop(NULL);
}

static void handle(int number)
{
    static const char text[] = "handled";

    (void)number;
    _exit(write(STDOUT_FILENO, text, 0) == 0 ? 7 : 8);
}

/* A handler that was there before has the last word, and those of other signals are back, too. */
static void test_handlers_from_before_are_restored(void **state)
{
    struct sigaction action = {.sa_handler = handle}, now, before;
    struct ordo_crash_notes *notes;
    int status;
    pid_t pid;

    (void)state;
    sigaction(SIGBUS, NULL, &before);
    notes = ordo_crash_notes_start(folder, 1);
    sigaction(SIGBUS, NULL, &now);
    assert_true(now.sa_handler != before.sa_handler && (now.sa_flags & SA_ONSTACK) != 0);
    ordo_crash_notes_stop(notes);
    sigaction(SIGBUS, NULL, &now);
    assert_true(now.sa_handler == before.sa_handler && now.sa_flags == before.sa_flags);
    fflush(NULL);
    if ((pid = fork()) == 0) {
        struct ordo_job job = job_of("o-1");

        forget_handlers();
        sigaction(SIGSEGV, &action, NULL);
        signal(SIGFPE, SIG_IGN);
        ordo_crash_notes_start(folder, 1);
        ordo_execute(&job);
        raise(SIGFPE); /* ignored as before */
        touch_nothing();
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(crashes_of("o-1", 1, NULL), 1);
}

static void leave_at_once(void *context)
{
    stack_t now;

    ordo_crash_notes_enter();
    sigaltstack(NULL, &now);
    *(bool *)context = (now.ss_flags & SS_DISABLE) == 0;
    ordo_crash_notes_leave();
}

static void test_a_thread_has_a_stack_for_faults(void **state)
{
    struct ordo_thread thread = {0};
    bool has_stack = false;

    (void)state;
    assert_int_equal(ordo_thread_start(&thread, "child", leave_at_once, &has_stack), 0);
    ordo_thread_join(&thread);
    assert_true(has_stack);
    ordo_crash_notes_stop(ordo_crash_notes_start(folder, 1)); /* for the teardown */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_faults_are_noted_and_end_the_process, remove_file),
        cmocka_unit_test_teardown(test_only_what_is_executed_counts, remove_file),
        cmocka_unit_test_teardown(test_poison_is_what_crashed_often, remove_file),
        cmocka_unit_test_teardown(test_handlers_from_before_are_restored, remove_file),
        cmocka_unit_test_teardown(test_a_thread_has_a_stack_for_faults, remove_file),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
