/* SPDX-License-Identifier: MIT
 * ordo/error_table.h: the engine's own error codes, below errno's. X(name, value, text), sorted by value.
 */
X(CONFIG, -10001, "configuration is wrong")
X(JSON, -10002, "not valid JSON")
X(LIMIT, -10003, "over a limit")
X(FULL, -10004, "full")
X(EXISTS, -10005, "exists already")
X(ABI, -10006, "built for another plugin interface")
X(SCRIPT, -10007, "a script is wrong")
X(STOPPED, -10008, "stopping")
X(NOTFOUND, -10009, "not found")
X(CONFLICT, -10010, "not possible in its present state")
X(NOMEM, -10011, "out of memory")
X(IO, -10012, "input or output failed")
