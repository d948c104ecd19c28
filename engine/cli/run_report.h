/* SPDX-License-Identifier: MIT
 * run_report.h: a decision and its explanation, or what is wrong with an order, for people or as clients get
 * it.
 */
#pragma once

#include <stdio.h>

#include "script/script.h"

void ordo_run_report_text(const struct ordo_run *run, const struct ordo_decision_facts *facts, FILE *out);
void ordo_run_report_json(const struct ordo_run *run, const struct ordo_decision_facts *facts, FILE *out);
