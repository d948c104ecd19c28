/* SPDX-License-Identifier: MIT
 * bench_path.c: an order's bytes to its decision's bytes, in one thread, without HTTP, queue or store.
 *
 *   bench_path RULES_FOLDER ORDER_FILE [ROUNDS]
 *
 * Each order has an id of its own. The figures are medians over rounds of 20,000 orders after three rounds of
 * warm-up, with the parts of the path timed one by one in rounds of their own.
 *
 * Then what the timeline costs: blocks of orders that are put on it as a worker does, and blocks that are not, in turn, by the
 * thread's own CPU time.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/timeline.h"
#include "profile/heap.h"
#include "script/script.h"
#include "vm/collector.h"

enum { STEP_BYTES = 8 << 10, HEADROOM = 4 << 20 }; /* of the collector, as a worker's */
enum { ORDERS = 20000, WARM_UP = 3, ROUNDS_MAX = 101, TURN = 16, BLOCK = 10 * TURN, BLOCKS = 4000 };

enum part { WHOLE = 0, PARSE, RULES, ENCODE, PART_COUNT };
static const char *const part_names[] = {"whole path", "  parse", "  rules", "  encode"};

struct path {
    struct ordo_script *script;
    struct ordo_json_parser *parser;
    struct ordo_buffer order, answer;
    char *id; /* in order: digits that change */
    uint64_t number;
    int64_t spent_ns[PART_COUNT];
};

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "bench_path: %s\n", what);
    exit(1);
}

static void read_order(struct path *path, const char *file_name)
{
    FILE *file = fopen(file_name, "rb");
    char bytes[4096], *id;
    size_t len;

    must(file != NULL, "cannot open the order");
    while ((len = fread(bytes, 1, sizeof(bytes), file)) > 0)
        ordo_buffer_append(&path->order, (ordo_str){bytes, len});
    fclose(file);
    ordo_buffer_reserve(&path->order, ORDO_JSON_PADDING);
    id = memmem(path->order.ptr, path->order.len, "\"id\":\"", 6);
    must(id != NULL && strcspn(id + 6, "\"") >= 8, "the order needs an id of 8 or more characters, first");
    path->id = id + 6;
}

static void next_id(struct path *path)
{
    uint64_t number = path->number++;

    for (int i = 7; i >= 0; i--, number /= 10)
        path->id[i] = (char)('0' + number % 10);
}

static void decide_followed(struct path *path, bool timed, uint64_t follow)
{
    int64_t start = 0, parsed = 0, ruled = 0;
    struct ordo_envelope envelope;
    struct ordo_run *run;

    next_id(path);
    if (timed)
        start = ordo_clock_ns();
    must(ordo_json_parse(path->parser, path->order.ptr, path->order.len, NULL) == 0,
         "the order does not parse");
    ordo_envelope_read(ordo_json_root(path->parser), &envelope);
    if (timed)
        parsed = ordo_clock_ns();
    run = ordo_script_start(path->script, &(struct ordo_script_order){.root = ordo_json_root(path->parser),
                                                                      .id = envelope.id,
                                                                      .priority = envelope.priority,
                                                                      .attempt = 1,
                                                                      .now_ms = 1790000000000,
                                                                      .follow = follow});
    must(run->state == ORDO_RUN_DECIDED && !run->broke, "the rules did not decide the order at once");
    if (timed)
        ruled = ordo_clock_ns();
    ordo_buffer_clear(&path->answer);
    ordo_decision_write(
        &run->decision,
        &(struct ordo_decision_facts){
            .id = envelope.id, .revision = 1, .attempt = 1, .generation = 1, .decided_ms = 1790000000000},
        &path->answer);
    ordo_script_finish(path->script, run);
    if (!timed)
        return;
    path->spent_ns[PARSE] += parsed - start;
    path->spent_ns[RULES] += ruled - parsed;
    path->spent_ns[ENCODE] += ordo_clock_ns() - ruled;
}

/* As at the end of a worker's turn. */
static void collect(struct path *path)
{
    struct ordo_vm_step step;

    ordo_vm_collector_step(ordo_script_vm(path->script), STEP_BYTES, &step);
}

static void decide_all(struct path *path, bool timed)
{
    for (int i = 0; i < ORDERS; i++) {
        decide_followed(path, timed, 0);
        if (i % TURN == TURN - 1)
            collect(path);
    }
}

/* With what a worker puts on the timeline for an order. Returns whether it was recorded. */
static bool decide_on_timeline(struct path *path)
{
    uint64_t follow = ordo_timeline_choose(), began = ordo_timeline_begin(follow);

    if (follow != 0) {
        ordo_timeline_step_at(follow, ORDO_TIMELINE_RECEIVED, 1);
        ordo_timeline_step_at(follow, ORDO_TIMELINE_QUEUED, 1);
        ordo_timeline_label(follow, ORDO_STR("01234567890123456789012345"));
    }
    ordo_timeline_step(follow, ORDO_TIMELINE_RUNNING);
    decide_followed(path, false, follow);
    ordo_timeline_step(follow, ORDO_TIMELINE_RECORDING);
    ordo_timeline_step(follow, ORDO_TIMELINE_FINISHED);
    ordo_timeline_followed(follow);
    ordo_timeline_end(ORDO_TIMELINE_ORDER, began, follow);
    return follow != 0;
}

static int64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* Blocks are neighbours in time, so that what else the machine does meets both alike. */
static void timeline_cost(struct path *path)
{
    static double ratios[BLOCKS];
    int64_t all[2] = {0}, recorded = 0;

    ordo_timeline_start(&(struct ordo_timeline_options){.ring_bytes = 2 << 20});
    ordo_timeline_enter("bench");
    for (int block = 0; block < BLOCKS; block++) {
        int64_t spent[2];

        for (int side = 0; side < 2; side++) {
            bool on = (side + block) % 2 != 0;
            int64_t start = cpu_ns();

            for (int i = 0; i < BLOCK; i++) {
                if (on && i % TURN == 0)
                    ordo_timeline_turn_begin();
                if (on)
                    recorded += decide_on_timeline(path);
                else
                    decide_followed(path, false, 0);
                if (i % TURN == TURN - 1)
                    collect(path);
                if (on && i % TURN == TURN - 1) {
                    ordo_timeline_span_rationed(ORDO_TIMELINE_COMMIT, ORDO_TIMELINE_NONE,
                                                ordo_timeline_ticks());
                    ordo_timeline_turn_end();
                }
            }
            spent[on] = cpu_ns() - start;
            all[on] += spent[on];
        }
        ratios[block] = (double)spent[1] / (double)spent[0];
    }
    qsort(ratios, BLOCKS, sizeof(double), compare);
    printf(
        "on the timeline: %.2f us against %.2f us an order; ratio %.4f of the means, median %.4f of %d pairs "
        "(quartiles %.4f to %.4f); %.2f %% recorded\n",
        (double)all[1] / BLOCKS / BLOCK / 1000, (double)all[0] / BLOCKS / BLOCK / 1000,
        (double)all[1] / (double)all[0], ratios[BLOCKS / 2], BLOCKS, ratios[BLOCKS / 4],
        ratios[BLOCKS * 3 / 4], 100.0 * (double)recorded / BLOCKS / BLOCK);
}

int main(int argc, char **argv)
{
    static double us[PART_COUNT][ROUNDS_MAX];
    struct ordo_script_options options = {.limits = ordo_limits_preset, .jit = getenv("NO_JIT") == NULL};
    struct ordo_buffer errors = {0};
    struct ordo_error err = {0};
    struct path path = {0};
    struct ordo_ruleset *ruleset;
    int rounds = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 15;

    ordo_heap_start(); /* as in the program: allocations are sampled */
    must(argc > 2 && rounds > 0 && rounds <= ROUNDS_MAX,
         "usage: bench_path RULES_FOLDER ORDER_FILE [ROUNDS 1..101]");
    read_order(&path, argv[2]);
    path.parser = ordo_json_parser_new(options.limits.depth);
    ruleset = ordo_ruleset_read(argv[1], &err);
    must(ruleset != NULL, err.message);
    path.script = ordo_script_new(&options, &err);
    must(path.script != NULL, err.message);
    if (getenv("AUTO_GC") == NULL)
        ordo_vm_collector_take(ordo_script_vm(path.script), HEADROOM);
    if (ordo_script_load(path.script, ruleset, &errors, NULL) != 0)
        must(false, (ordo_buffer_put(&errors, 0), errors.ptr));

    for (int round = -WARM_UP; round < rounds; round++) {
        int64_t start = ordo_clock_ns();
        int at = round < 0 ? 0 : round;

        decide_all(&path, false);
        us[WHOLE][at] = (double)(ordo_clock_ns() - start) / ORDERS / 1000;
        memset(path.spent_ns, 0, sizeof(path.spent_ns));
        decide_all(&path, true);
        for (int part = PARSE; part < PART_COUNT; part++)
            us[part][at] = (double)path.spent_ns[part] / ORDERS / 1000;
    }
    printf("%s: order %zu bytes, decision %zu bytes, Lua heap %zu KiB\n", argv[1], path.order.len,
           path.answer.len, ordo_script_lua_bytes(path.script) / 1024);
    for (int part = 0; part < PART_COUNT; part++) {
        qsort(us[part], (size_t)rounds, sizeof(double), compare);
        printf("%-12s %6.2f us   (%.2f to %.2f)\n", part_names[part], us[part][rounds / 2], us[part][0],
               us[part][rounds - 1]);
    }
    timeline_cost(&path);
    ordo_script_free(path.script);
    ordo_ruleset_unref(ruleset);
    ordo_json_parser_free(path.parser);
    ordo_buffer_done(&path.order);
    ordo_buffer_done(&path.answer);
    ordo_buffer_done(&errors);
    return 0;
}
