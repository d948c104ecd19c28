// SPDX-License-Identifier: MIT
// A library that stress_sampler loads and unloads: each thread has a variable of its own in it, and it throws.
static thread_local volatile int thrown;

static __attribute__((noinline)) void fall(int depth)
{
    if (depth == 0) {
        thrown = thrown + 1;
        throw depth;
    }
    fall(depth - 1);
    thrown = thrown + 1; // no tail call
}

extern "C" __attribute__((visibility("default"))) int stress_throw(int depth);

int stress_throw(int depth)
{
    try {
        fall(depth);
    } catch (int) {
    }
    return thrown;
}
