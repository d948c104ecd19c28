/* SPDX-License-Identifier: MIT
 * profiles_table.h: what `ordo profile` can take. X("kind", "/path", shape, seconds, options, "summary"): `seconds` is how
 * long the engine takes it unless told otherwise; 0: it is of now.
 */
X("cpu", "/profile/cpu", STACKS, 30, cpu, "Where CPU time goes, in C and Lua.")
X("memory", "/profile/memory", STACKS, 0, memory, "What holds the memory, in C and Lua.")
X("allocs", "/profile/allocs", STACKS, 0, memory, "What allocates memory, in C and Lua.")
X("block", "/profile/block", STACKS, 0, waits, "Where orders, coroutines and commits wait.")
X("mutex", "/profile/mutex", STACKS, 0, waits, "Where threads wait for locks.")
X("goroutines", "/profile/goroutines", STACKS, 0, coroutines, "Every coroutine and thread, with its stack.")
X("trace", "/profile/trace", DOCUMENT, 1, trace, "What happened when, for ui.perfetto.dev.")
X("gc", "/profile/gc", DOCUMENT, 0, gc,
  "Lua's memory and its collector's pauses by worker, and the allocator's memory.")
X("jit", "/profile/jit", DOCUMENT, 0, jit, "Lines that are compiled, and why others are not.")
X("leaks", "/profile/leaks", DOCUMENT, 0, leaks, "Lines that hold ever more memory.")
X("diff", "/profile/diff", CHANGE, 0, diff, "The change from one kept profile to another, per order.")
X("status", "/profile/status", DOCUMENT, 0, status, "What can be profiled, who does, and what it costs.")
