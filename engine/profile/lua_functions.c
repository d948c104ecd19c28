/* SPDX-License-Identifier: MIT
 * lua_functions.c: which functions a text of Lua has, on which lines, and how they are called there.
 *
 * The VM knows of a function where it begins and nothing else; its name is the place in the text that it is given to:
 * `local function fee`, `function M.fee`, `fee = function`. This reads words and signs, not the grammar.
 */
#include "profile/symbols_impl.h"

struct scan {
    const char *at, *end;
    int line;
};

struct word {
    enum { WORD_END, WORD_NAME, WORD_STRING, WORD_ASSIGN, WORD_SIGN } kind;
    ordo_str text;
    int line;
};

static bool is_name_byte(char byte)
{
    return byte == '_' || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || (byte & 0x80) != 0;
}

static char peek(const struct scan *scan, size_t ahead)
{
    return (size_t)(scan->end - scan->at) > ahead ? scan->at[ahead] : '\0';
}

static void step(struct scan *scan)
{
    if (*scan->at == '\n' || (*scan->at == '\r' && peek(scan, 1) != '\n'))
        scan->line++;
    scan->at++;
}

/* The level of "[==[" at the scan; -1: there is none. */
static int long_bracket(const struct scan *scan)
{
    size_t level = 0;

    if (peek(scan, 0) != '[')
        return -1;
    while (peek(scan, 1 + level) == '=')
        level++;
    return peek(scan, 1 + level) == '[' ? (int)level : -1;
}

static void skip_long(struct scan *scan, int level)
{
    for (; scan->at < scan->end; step(scan)) {
        int found = 0;

        if (*scan->at != ']')
            continue;
        while (peek(scan, 1 + (size_t)found) == '=')
            found++;
        if (found == level && peek(scan, 1 + (size_t)found) == ']') {
            scan->at += 2 + found;
            return;
        }
    }
}

static void skip_string(struct scan *scan)
{
    char quote = *scan->at++;

    while (scan->at < scan->end && *scan->at != quote) {
        if (*scan->at == '\\' && scan->end - scan->at > 1)
            scan->at++;
        step(scan);
    }
    if (scan->at < scan->end)
        scan->at++;
}

static void skip_blank(struct scan *scan)
{
    while (scan->at < scan->end) {
        if (*scan->at == '-' && peek(scan, 1) == '-') {
            int level;

            scan->at += 2;
            level = long_bracket(scan);
            if (level >= 0) {
                skip_long(scan, level);
                continue;
            }
            while (scan->at < scan->end && *scan->at != '\n')
                scan->at++;
        } else if (*scan->at == ' ' || (*scan->at >= '\t' && *scan->at <= '\r')) {
            step(scan);
        } else {
            return;
        }
    }
}

static struct word next_word(struct scan *scan)
{
    struct word word = {.kind = WORD_SIGN};
    const char *start;

    skip_blank(scan);
    start = scan->at;
    word.line = scan->line;
    if (start >= scan->end) {
        word.kind = WORD_END;
        return word;
    }
    if (is_name_byte(*start)) {
        word.kind = WORD_NAME;
        while (scan->at < scan->end && is_name_byte(*scan->at))
            scan->at++;
    } else if (*start == '"' || *start == '\'') {
        word.kind = WORD_STRING;
        skip_string(scan);
    } else if (long_bracket(scan) >= 0) {
        skip_long(scan, long_bracket(scan));
        word.kind = WORD_STRING;
    } else {
        scan->at++;
        if (strchr("=<>~", *start) != NULL && peek(scan, 0) == '=')
            scan->at++;
        else if (*start == '=')
            word.kind = WORD_ASSIGN;
    }
    word.text = (ordo_str){start, (size_t)(scan->at - start)};
    return word;
}

static bool is_word(const struct word *word, const char *text)
{
    return word->kind != WORD_STRING && ordo_str_equal(word->text, ordo_str_from(text));
}

/* What stands before `=`, or the key of `["name"] =` where a string and a bracket do. */
static ordo_str assigned_name(const struct word *before, const struct word *before_that)
{
    if (before->kind == WORD_NAME)
        return before->text;
    if (is_word(before, "]") && before_that->kind == WORD_STRING && before_that->text.len > 2)
        return (ordo_str){before_that->text.ptr + 1, before_that->text.len - 2};
    return ORDO_STR_NONE;
}

void ordo__lua_functions(ordo_str text, ordo__lua_function_fn each, void *context)
{
    struct scan scan = {.at = text.ptr, .end = text.ptr + text.len, .line = 1};
    struct word before[3] = {
        {.kind = WORD_SIGN}, {.kind = WORD_SIGN}, {.kind = WORD_SIGN}}; /* the last first */

    for (;;) {
        struct word word = next_word(&scan);
        bool is_statement = !is_word(&before[0], "local");
        ordo_str name = ORDO_STR_NONE;
        int line = word.line;

        if (word.kind == WORD_END)
            return;
        if (word.kind == WORD_NAME && is_word(&word, "function")) {
            if (before[0].kind == WORD_ASSIGN)
                name = assigned_name(&before[1], &before[2]);
            word = next_word(&scan);
            is_statement = is_statement && word.kind == WORD_NAME;
            for (; word.kind != WORD_END && !is_word(&word, "("); word = next_word(&scan))
                if (word.kind == WORD_NAME)
                    name = word.text;
            /* The VM says the line of the bracket, but for `function name(` that of the word. */
            each(context, is_statement ? line : word.line, name);
        }
        before[2] = before[1];
        before[1] = before[0];
        before[0] = word;
    }
}
