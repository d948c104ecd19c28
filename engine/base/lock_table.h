/* SPDX-License-Identifier: MIT
 * lock_table.h: X(NAME, "name in docs/architecture.md"): the locks of the engine, in the order of their names. The table
 * of locks there says what each guards.
 */
X(CRASH_TABLE, "ordo_crash_table.lock")
X(ENGINE, "ordo_engine.lock")
X(EVENTS, "ordo__events feed")
X(INFLIGHT, "ordo_inflight shard")
X(LISTENING, "ordo_engine.listening")
X(PROFILER, "ordo_profiler.lock")
X(QUEUE, "ordo_queue.lock")
X(RECOVERY, "ordo__recovery.lock")
X(RULES, "ordo_rules.lock")
X(SAMPLER, "ordo_sampler.lock")
X(SINK, "sink")
X(SOURCE, "ordo_engine.source_lock")
X(SYMBOLS_LUA, "ordo_symbols.lua_lock")
X(SYMBOLS_NATIVE, "ordo_symbols.native_lock")
X(TIMELINE, "timeline: registry")
X(TIMELINE_CLOCK, "timeline: clock")
X(TIMELINE_NAMES, "timeline: names")
X(TIMELINE_SLOW, "timeline: slow orders")
X(TRACES, "ordo__traces.lock")
X(WAKER, "ordo_waker.lock")
