/* SPDX-License-Identifier: MIT
 * rules_archive_format.c: reads and writes the files of data_dir/rules.
 */
#include "worker/rules_archive_impl.h"

#include "base/file.h"
#include "base/json_write.h"

#define MAGIC "ordo rules 1\n"

enum { MODE = 0600, DEPTH = 8, CHECK_SIZE = ORDO_HASH_SIZE /* and a newline for the NUL */ };

void ordo__archive_seal(ordo_str head, ordo_str files, struct ordo_buffer *out)
{
    size_t start = out->len;
    char check[ORDO_HASH_SIZE];

    ordo_buffer_append(out, ORDO_STR(MAGIC));
    ordo_buffer_append(out, head);
    ordo_buffer_put(out, '\n');
    ordo_buffer_append(out, files);
    ordo_hash_hex((ordo_str){out->ptr + start, out->len - start}, check);
    ordo_buffer_printf(out, "%s\n", check);
}

static bool is_whole(ordo_str bytes)
{
    const size_t magic = strlen(MAGIC);
    char check[ORDO_HASH_SIZE];

    if (bytes.len < magic + CHECK_SIZE || memcmp(bytes.ptr, MAGIC, magic) != 0 ||
        bytes.ptr[bytes.len - 1] != '\n')
        return false;
    ordo_hash_hex((ordo_str){bytes.ptr, bytes.len - CHECK_SIZE}, check);
    return memcmp(check, bytes.ptr + bytes.len - CHECK_SIZE, CHECK_SIZE - 1) == 0;
}

bool ordo__archive_open(struct ordo_buffer *bytes, struct ordo__archive_file *ret_file)
{
    struct ordo_error ignored;
    ordo_str rest;
    const char *end;

    ret_file->parser = ordo_json_parser_new(DEPTH);
    ordo_buffer_reserve(bytes,
                        ORDO_JSON_PADDING); /* the JSON ends before the bytes do, and is parsed in place */
    if (!is_whole(ordo_buffer_str(bytes)))
        return false;
    rest = (ordo_str){bytes->ptr + strlen(MAGIC), bytes->len - strlen(MAGIC) - CHECK_SIZE};
    end = memchr(rest.ptr, '\n', rest.len);
    if (end == NULL || ordo_json_parse(ret_file->parser, rest.ptr, (size_t)(end - rest.ptr), &ignored) != 0)
        return false;
    ret_file->files = (ordo_str){end + 1, rest.len - (size_t)(end + 1 - rest.ptr)};
    return true;
}

void ordo__archive_close(struct ordo__archive_file *file)
{
    ordo_json_parser_free(file->parser);
    file->parser = NULL;
}

void ordo__archive_head(const struct ordo_ruleset *ruleset, uint64_t number, int64_t at_ms, ordo_str by,
                        ordo_str note, struct ordo_buffer *out)
{
    struct ordo_json_writer json = ordo_json_writer(out);

    ordo_json_object(&json);
    ordo_json_key_int(&json, ORDO_STR("number"), (int64_t)number);
    ordo_json_key_string(&json, ORDO_STR("identity"), ordo_str_from(ruleset->identity));
    ordo_json_key_int(&json, ORDO_STR("at"), at_ms);
    ordo_json_key_string(&json, ORDO_STR("by"), by);
    ordo_json_key_string(&json, ORDO_STR("note"), note);
    ordo_json_end_object(&json);
}

int ordo__archive_keep(int folder, const char *name, const struct ordo_buffer *head,
                       const struct ordo_ruleset *ruleset)
{
    struct ordo_buffer files = {0}, file = {0};
    int code;

    ordo_ruleset_pack(ruleset, &files);
    ordo__archive_seal(ordo_buffer_str(head), ordo_buffer_str(&files), &file);
    code = ordo_file_replace(folder, name, ordo_buffer_str(&file), MODE);
    ordo_buffer_done(&files);
    ordo_buffer_done(&file);
    return code;
}

uint64_t ordo__archive_number(struct ordo_json_value object, ordo_str key)
{
    int64_t number = ordo_json_number(object, key, 0);

    return number > 0 ? (uint64_t)number : 0;
}
