/* SPDX-License-Identifier: MIT
 * queue.c: three bounded FIFO lists under one mutex.
 *
 * Weighted service is a cycle of credits: each class starts a round with its weight, a take spends one, and
 * the class with the most credit left among those that have work goes first, so that classes interleave
 * instead of bursting. When no class with work has credit, a new round begins. Since an empty class spends
 * nothing, its turns go to the others.
 *
 * `overdue_at_ns` is the earliest moment at which some head will have waited its bound. It is read without
 * the lock by ordo_queue_take_overdue, which workers call between two orders; a stale value costs one look or
 * one order's delay.
 */
#include "core/queue.h"

#include <stdlib.h>

struct class_queue {
    struct ordo_job_list jobs;
    uint32_t capacity, reserved; /* reserved: room held for orders on their way in */
    uint32_t weight, credit;
    int64_t max_wait_ns;
    uint64_t pushed, taken, refused, overdue;
};

struct ordo_queue {
    struct ordo_lock lock;
    struct class_queue classes[ORDO_PRIORITY_COUNT]; /* under lock */
    struct ordo_queue_sleeper *sleepers;             /* under lock */
    _Atomic int64_t overdue_at_ns;                   /* written under lock */
};

struct ordo_queue *ordo_queue_new(const struct ordo_queue_options *options)
{
    static const uint32_t preset_weight[ORDO_PRIORITY_COUNT] = {8, 4, 1};
    struct ordo_queue *queue = calloc(1, sizeof(*queue));
    bool weighted = false;

    ORDO_REQUIRE(queue != NULL);
    ordo_lock_init(&queue->lock, ORDO_LOCK_QUEUE);
    atomic_init(&queue->overdue_at_ns, INT64_MAX);
    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++)
        weighted |= options->weight[i] > 0;
    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++) {
        struct class_queue *class = &queue->classes[i];

        class->capacity = options->capacity[i];
        class->max_wait_ns = options->max_wait_ns[i];
        class->weight = weighted ? options->weight[i] : preset_weight[i];
        ORDO_REQUIRE(class->weight > 0);
        class->credit = class->weight;
    }
    return queue;
}

void ordo_queue_free(struct ordo_queue *queue)
{
    if (queue == NULL)
        return;
    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++)
        ORDO_REQUIRE(queue->classes[i].jobs.first == NULL);
    ORDO_REQUIRE(queue->sleepers == NULL);
    ordo_lock_done(&queue->lock);
    free(queue);
}

/* When this class's head will be due out of turn; INT64_MAX: never. */
static int64_t head_overdue_at(const struct class_queue *class)
{
    if (class->jobs.first == NULL || class->max_wait_ns == INT64_MAX)
        return INT64_MAX;
    return class->jobs.first->queued_ns + class->max_wait_ns;
}

static void note_overdue(struct ordo_queue *queue)
{
    int64_t earliest = INT64_MAX;

    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++) {
        int64_t at = head_overdue_at(&queue->classes[i]);

        if (at < earliest)
            earliest = at;
    }
    if (atomic_load_explicit(&queue->overdue_at_ns, memory_order_relaxed) != earliest)
        atomic_store_explicit(&queue->overdue_at_ns, earliest, memory_order_relaxed);
}

static bool is_empty(const struct ordo_queue *queue)
{
    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++)
        if (queue->classes[i].jobs.first != NULL)
            return false;
    return true;
}

/* Takes one sleeper off the list, to be woken after the lock is released: its waker outlives the queue's
 * workers. */
static struct ordo_waker *pop_sleeper(struct ordo_queue *queue)
{
    struct ordo_queue_sleeper *sleeper = queue->sleepers;

    if (sleeper == NULL)
        return NULL;
    queue->sleepers = sleeper->next;
    sleeper->registered = false;
    return sleeper->waker;
}

static void append(struct class_queue *class, struct ordo_job *job, int64_t now_ns)
{
    job->queued_ns = now_ns;
    ordo_job_set_stage(job, ORDO_STAGE_QUEUED);
    ordo_job_list_push(&class->jobs, job);
    class->pushed++;
}

uint32_t ordo_queue_push(struct ordo_queue *queue, struct ordo_job_list *jobs, int64_t now_ns)
{
    struct ordo_job_list all = *jobs;
    struct ordo_waker *waker;
    struct ordo_job *job;

    *jobs = (struct ordo_job_list){0};
    ordo_lock(&queue->lock);
    while ((job = ordo_job_list_pop(&all)) != NULL) {
        struct class_queue *class = &queue->classes[job->priority];

        if (class->jobs.count + class->reserved < class->capacity) {
            append(class, job, now_ns);
        } else {
            class->refused += job->parsed; /* a line of a batch waits outside instead: that is no refusal */
            ordo_job_list_push(jobs, job);
        }
    }
    note_overdue(queue);
    waker = is_empty(queue) ? NULL : pop_sleeper(queue);
    ordo_unlock(&queue->lock);
    if (waker != NULL)
        ordo_waker_wake(waker);
    return jobs->count;
}

bool ordo_queue_reserve(struct ordo_queue *queue, enum ordo_priority priority, uint32_t count)
{
    struct class_queue *class = &queue->classes[priority];
    bool room;

    ordo_lock(&queue->lock);
    room = class->capacity - class->jobs.count - class->reserved >= count;
    if (room)
        class->reserved += count;
    else
        class->refused += count;
    ordo_unlock(&queue->lock);
    return room;
}

void ordo_queue_push_reserved(struct ordo_queue *queue, struct ordo_job *job, int64_t now_ns)
{
    struct class_queue *class = &queue->classes[job->priority];
    struct ordo_waker *waker;

    ordo_lock(&queue->lock);
    ORDO_REQUIRE(class->reserved > 0);
    class->reserved--;
    append(class, job, now_ns);
    note_overdue(queue);
    waker = pop_sleeper(queue);
    ordo_unlock(&queue->lock);
    if (waker != NULL)
        ordo_waker_wake(waker);
}

void ordo_queue_release(struct ordo_queue *queue, enum ordo_priority priority, uint32_t count)
{
    struct class_queue *class = &queue->classes[priority];

    ordo_lock(&queue->lock);
    ORDO_REQUIRE(class->reserved >= count);
    class->reserved -= count;
    ordo_unlock(&queue->lock);
}

/* The class whose head has waited its bound, the longest overdue first; NULL when there is none. */
static struct class_queue *find_overdue(struct ordo_queue *queue, int64_t now_ns)
{
    struct class_queue *found = NULL;

    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++) {
        struct class_queue *class = &queue->classes[i];

        if (head_overdue_at(class) <= now_ns &&
            (found == NULL || class->jobs.first->queued_ns < found->jobs.first->queued_ns))
            found = class;
    }
    return found;
}

/* The class whose turn it is; NULL when all are empty. Ties go to the higher class. */
static struct class_queue *find_turn(struct ordo_queue *queue)
{
    struct class_queue *found = NULL;

    for (int round = 0; round < 2; round++) {
        bool work = false;

        for (int i = 0; i < ORDO_PRIORITY_COUNT; i++) {
            struct class_queue *class = &queue->classes[i];

            if (class->jobs.first == NULL)
                continue;
            work = true;
            /* compared as shares of the weight: credit/weight, without dividing */
            if (class->credit > 0 &&
                (found == NULL || class->credit * found->weight > found->credit * class->weight))
                found = class;
        }
        if (found != NULL || !work)
            return found;
        for (int i = 0; i < ORDO_PRIORITY_COUNT; i++)
            queue->classes[i].credit = queue->classes[i].weight;
    }
    return found;
}

/* An order taken out of turn spends no credit: its class keeps its share. */
static struct ordo_job *take_from(struct class_queue *class)
{
    class->taken++;
    return ordo_job_list_pop(&class->jobs);
}

uint32_t ordo_queue_take(struct ordo_queue *queue, uint32_t max, int64_t now_ns,
                         struct ordo_job_list *ret_jobs)
{
    struct ordo_waker *waker = NULL;
    struct class_queue *class;
    uint32_t count = 0;

    ordo_lock(&queue->lock);
    for (; count < max; count++) {
        if ((class = find_overdue(queue, now_ns)) != NULL)
            class->overdue++;
        else if ((class = find_turn(queue)) != NULL)
            class->credit--;
        else
            break;
        ordo_job_list_push(ret_jobs, take_from(class));
    }
    if (count > 0)
        note_overdue(queue);
    if (!is_empty(queue))
        waker = pop_sleeper(queue);
    ordo_unlock(&queue->lock);
    if (waker != NULL)
        ordo_waker_wake(waker);
    return count;
}

struct ordo_job *ordo_queue_take_overdue(struct ordo_queue *queue, int64_t now_ns)
{
    struct class_queue *class;
    struct ordo_job *job = NULL;

    if (atomic_load_explicit(&queue->overdue_at_ns, memory_order_relaxed) > now_ns)
        return NULL;
    ordo_lock(&queue->lock);
    if ((class = find_overdue(queue, now_ns)) != NULL) {
        class->overdue++;
        job = take_from(class);
        note_overdue(queue);
    }
    ordo_unlock(&queue->lock);
    return job;
}

bool ordo_queue_sleep(struct ordo_queue *queue, struct ordo_queue_sleeper *sleeper)
{
    bool empty;

    ordo_lock(&queue->lock);
    empty = is_empty(queue);
    if (empty && !sleeper->registered) {
        sleeper->next = queue->sleepers;
        queue->sleepers = sleeper;
        sleeper->registered = true;
    }
    ordo_unlock(&queue->lock);
    return empty;
}

void ordo_queue_awake(struct ordo_queue *queue, struct ordo_queue_sleeper *sleeper)
{
    ordo_lock(&queue->lock);
    for (struct ordo_queue_sleeper **at = &queue->sleepers; sleeper->registered; at = &(*at)->next)
        if (*at == sleeper) {
            *at = sleeper->next;
            sleeper->registered = false;
            break;
        }
    ordo_unlock(&queue->lock);
}

void ordo_queue_figures(struct ordo_queue *queue, int64_t now_ns, struct ordo_queue_figures *ret_figures)
{
    struct ordo_queue_figures figures = {0};

    ordo_lock(&queue->lock);
    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++) {
        const struct class_queue *class = &queue->classes[i];

        figures.depth[i] = class->jobs.count;
        figures.capacity[i] = class->capacity;
        figures.pushed[i] = class->pushed;
        figures.taken[i] = class->taken;
        figures.refused[i] = class->refused;
        figures.overdue[i] = class->overdue;
        if (class->jobs.first != NULL && class->jobs.first->queued_ns < now_ns)
            figures.oldest_wait_ns[i] = now_ns - class->jobs.first->queued_ns;
    }
    ordo_unlock(&queue->lock);
    *ret_figures = figures;
}
