/* SPDX-License-Identifier: MIT
 * what_if_changes.c: customer.tier=gold coupon=null becomes {"customer":{"tier":"gold"},"coupon":null}.
 *
 * There are few arguments, so for each object all of them are looked through.
 */
#include "base/buffer.h"
#include "base/json_write.h"
#include "cli/what_if.h"

struct change {
    ordo_str path, value; /* value: JSON, or a text that becomes one */
    bool is_json;
};

struct changes {
    struct change all[ORDO_WHAT_IF_SETS];
    size_t count;
};

/* Takes the first name off a path. */
static ordo_str first_name(ordo_str *path)
{
    const char *dot = memchr(path->ptr, '.', path->len);
    ordo_str name = {path->ptr, dot == NULL ? path->len : (size_t)(dot - path->ptr)};
    size_t taken = dot == NULL ? name.len : name.len + 1;

    *path = (ordo_str){path->ptr + taken, path->len - taken};
    return name;
}

/* Is `inner` the field `outer`, or inside of it? */
static bool is_inside(ordo_str inner, ordo_str outer)
{
    return inner.len >= outer.len && memcmp(inner.ptr, outer.ptr, outer.len) == 0 &&
           (inner.len == outer.len || inner.ptr[outer.len] == '.');
}

static const char *wrong_with(ordo_str path)
{
    if (memchr(path.ptr, '[', path.len) != NULL)
        return "an array is replaced whole: give all of its elements as JSON";
    do {
        if (first_name(&path).len == 0)
            return "a name is empty";
    } while (path.len > 0);
    return path.ptr[-1] == '.' ? "a name is empty" : NULL;
}

static bool is_json(struct ordo_json_parser *parser, ordo_str text)
{
    struct ordo_buffer padded = {0};
    bool is;

    ordo_buffer_append(&padded, text);
    is = text.len > 0 && ordo_json_parse_buffer(parser, &padded, NULL) == 0;
    ordo_buffer_done(&padded);
    return is;
}

static bool read_change(const struct ordo_command *command, struct ordo_json_parser *parser, const char *text,
                        struct changes *changes)
{
    struct change *change = &changes->all[changes->count];
    const char *equals = strchr(text, '='), *wrong;

    if (equals == NULL || equals == text) {
        ordo_command_usage(command, "--set wants FIELD=VALUE, not \"%s\"", text);
        return false;
    }
    change->path = (ordo_str){text, (size_t)(equals - text)};
    change->value = ordo_str_from(equals + 1);
    change->is_json = is_json(parser, change->value);
    if ((wrong = wrong_with(change->path)) != NULL) {
        ordo_command_usage(command, "--set %s: %s", text, wrong);
        return false;
    }
    for (size_t i = 0; i < changes->count; i++)
        if (is_inside(change->path, changes->all[i].path) || is_inside(changes->all[i].path, change->path)) {
            ordo_command_usage(command, "--set %s: the same field is set twice", text);
            return false;
        }
    changes->count++;
    return true;
}

/* An earlier change is of this member, or inside of it: it wrote both. */
static bool is_written(const struct changes *changes, size_t index, ordo_str member)
{
    for (size_t i = 0; i < index; i++)
        if (is_inside(changes->all[i].path, member))
            return true;
    return false;
}

/* The object whose path is `path`; its members are those behind it. */
static void write_object(struct ordo_json_writer *json, const struct changes *changes, ordo_str path)
{
    ordo_json_object(json);
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->all[i];
        size_t skip = path.len == 0 ? 0 : path.len + 1;
        ordo_str rest, name, member;

        if (path.len > 0 && !is_inside(change->path, path))
            continue;
        rest = (ordo_str){change->path.ptr + skip, change->path.len - skip};
        name = first_name(&rest);
        member = (ordo_str){change->path.ptr, skip + name.len};
        if (is_written(changes, i, member))
            continue;
        ordo_json_key_escaped(json, name);
        if (rest.len > 0)
            write_object(json, changes, member);
        else if (change->is_json)
            ordo_json_raw(json, change->value);
        else
            ordo_json_string(json, change->value);
    }
    ordo_json_end_object(json);
}

bool ordo_what_if_changes(const struct ordo_command *command, const char *const *sets, size_t count,
                          struct ordo_buffer *out)
{
    struct ordo_json_parser *parser = ordo_json_parser_new(1024);
    struct ordo_json_writer json = ordo_json_writer(out);
    struct changes changes = {.count = 0};
    bool good = true;

    for (size_t i = 0; good && i < count; i++)
        good = read_change(command, parser, sets[i], &changes);
    if (good)
        write_object(&json, &changes, ORDO_STR_NONE);
    ordo_json_parser_free(parser);
    return good;
}
