/* SPDX-License-Identifier: MIT
 * symbol_name.c: names of functions and paths of sources as people want to read them.
 *
 * A name that the C++ compiler made holds all types of all arguments, which for RocksDB's templates is a page of text;
 * what tells functions apart in a profile is namespace, class and name.
 */
#include "profile/symbols_impl.h"

#include <ctype.h>
#include <stdlib.h>

/* Of the C++ runtime, which the JSON reader brings. */
char *__cxa_demangle(const char *mangled, char *out, size_t *len, int *status);

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Behind the bracket that closes the one at `text`. */
static const char *behind_bracket(const char *text)
{
    char open = *text, close = open == '(' ? ')' : '>';
    int depth = 0;

    for (; *text != '\0'; text++) {
        if (*text == open)
            depth++;
        else if (*text == close && text[-1] != '-' && --depth == 0) /* no "->" */
            return text + 1;
    }
    return text;
}

/* The sign of "operator<<" and its like; NULL: `text` is no operator's name. */
static const char *behind_operator(const char *text, const char *begin)
{
    static const char *const signs[] = {"()", "<=>", "<<=", ">>=", "->*", "<<",
                                        ">>", "<=",  ">=",  "->",  "<",   ">"};

    if (!starts_with(text, "operator") ||
        (text > begin && (isalnum((unsigned char)text[-1]) || text[-1] == '_')))
        return NULL;
    text += strlen("operator");
    for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
        if (starts_with(text, signs[i]))
            return text + strlen(signs[i]);
    return isalnum((unsigned char)*text) || *text == '_' ? NULL : text;
}

/* A name of C++: drops what is in brackets, then what stands before the last space outside of an operator's name. */
static void shorten(const char *name, struct ordo_buffer *out)
{
    size_t start = out->len;
    const char *begin = name, *next;

    while (*name != '\0') {
        if ((next = behind_operator(name, begin)) != NULL) {
            ordo_buffer_append(out, (ordo_str){name, (size_t)(next - name)});
            name = next;
            if (*name == ' ') /* "operator new", "operator bool": to its end */
                while (*name != '\0' && *name != '(')
                    ordo_buffer_put(out, *name++);
        } else if (starts_with(name, "(anonymous namespace)")) {
            ordo_buffer_append(out, ORDO_STR("{anonymous}"));
            name += strlen("(anonymous namespace)");
        } else if (starts_with(name, "{lambda(")) {
            ordo_buffer_append(out, ORDO_STR("{lambda"));
            name = behind_bracket(name + strlen("{lambda"));
        } else if (*name == '(' || *name == '<') {
            name = behind_bracket(name);
            if (starts_with(name, " const"))
                name += strlen(" const");
        } else if (*name == '[') { /* "[clone .cold]", "[abi:cxx11]" */
            name += strcspn(name, "]");
            name += *name == ']';
        } else if (*name == ' ') { /* what was before is what it returns */
            if (name[1] != '[' && name[1] != '\0' && name[1] != '&')
                out->len = start;
            name++;
        } else {
            ordo_buffer_put(out, *name++);
        }
    }
}

/* "advance.part.0" -> advance */
static size_t without_suffixes(const char *symbol)
{
    static const char *const suffixes[] = {".part.",     ".isra.",      ".constprop.", ".cold",
                                           ".lto_priv.", ".localalias", ".llvm."};
    size_t len = strlen(symbol);

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
        const char *found = strstr(symbol, suffixes[i]);

        if (found != NULL && found > symbol && (size_t)(found - symbol) < len)
            len = (size_t)(found - symbol);
    }
    return len;
}

void ordo__symbol_name(const char *symbol, struct ordo_buffer *out)
{
    char *name = NULL;
    int status = -1;

    if (starts_with(symbol, "_Z"))
        name = __cxa_demangle(symbol, NULL, NULL, &status);
    if (name != NULL)
        shorten(name, out);
    else
        ordo_buffer_append(out, (ordo_str){symbol, without_suffixes(symbol)});
    free(name);
}

/* Takes the last part of the path away that begins at `start`; the root stays. */
static void step_up(struct ordo_buffer *out, size_t start)
{
    while (out->len > start && out->ptr[out->len - 1] != '/')
        out->len--;
    if (out->len > start)
        out->len--;
}

static void append_parts(struct ordo_buffer *out, size_t start, const char *path)
{
    while (*path != '\0') {
        size_t len = strcspn(path, "/");

        if (len == 2 && path[0] == '.' && path[1] == '.') {
            step_up(out, start);
        } else if (len > 0 && !(len == 1 && path[0] == '.')) {
            ordo_buffer_put(out, '/');
            ordo_buffer_append(out, (ordo_str){path, len});
        }
        path += len + (path[len] == '/');
    }
}

void ordo__symbol_path(const char *folder, const char *path, struct ordo_buffer *out)
{
    size_t start = out->len;

    if (path[0] != '/') {
        if (folder == NULL || folder[0] != '/') { /* nobody knows where that is */
            ordo_buffer_append(out, ordo_str_from(path));
            return;
        }
        append_parts(out, start, folder);
    }
    append_parts(out, start, path);
}
