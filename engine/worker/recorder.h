/* SPDX-License-Identifier: MIT
 * recorder.h: the thread behind the timeline: every 100 ms it puts the engine's figures on it, and lets it save slow orders.
 */
#pragma once

struct ordo_engine;
struct ordo_recorder;

/* NULL: nothing is recorded (ordo_timeline_start), or there is no thread. */
struct ordo_recorder *ordo_recorder_start(struct ordo_engine *engine);
void ordo_recorder_stop(struct ordo_recorder *recorder); /* NULL is allowed */
