/* SPDX-License-Identifier: MIT
 * config_print.c: the configuration in effect as YAML that can be loaded again; a comment tells where each
 * value is from.
 */
#include "core/config.h"
#include "core/option_value.h"

#include <stdio.h>

struct print {
    struct ordo_buffer *out;
    char section[64]; /* of the line before */
};

static void print_option(void *context, const char *name, const char *value, const char *origin)
{
    struct print *print = context;
    const char *dot = strchr(name, '.');
    size_t len = dot == NULL ? 0 : (size_t)(dot - name);

    if (strlen(print->section) != len || strncmp(print->section, name, len) != 0) {
        snprintf(print->section, sizeof print->section, "%.*s", (int)len, name);
        if (len > 0)
            ordo_buffer_printf(print->out, "%s:\n", print->section);
    }
    ordo_buffer_printf(print->out, "%s%s: %s  # %s\n", len > 0 ? "  " : "", len > 0 ? dot + 1 : name, value,
                       origin);
}

static void print_origin(struct ordo_buffer *out, const struct ordo_config_node *node)
{
    ordo_buffer_printf(out, "  # %s", node->origin);
    if (node->line > 0)
        ordo_buffer_printf(out, ":%d", node->line);
    ordo_buffer_put(out, '\n');
}

static bool can_stay_bare(const struct ordo_config_node *node)
{
    const char *text = node->scalar;
    size_t len = strlen(text);

    return !node->quoted && strspn(text, ORDO__YAML_SAFE) == len &&
           (len == 0 || (text[len - 1] != ':' && strchr("%@:=-", text[*text == '-' && len > 1]) == NULL));
}

/* What comes behind "key:" or "-", up to the end of its last line. */
static void print_node(struct ordo_buffer *out, const struct ordo_config_node *node, int indent, bool in_list)
{
    bool first = true;

    if (node->kind == ORDO_CONFIG_SCALAR) {
        ordo_buffer_put(out, ' ');
        if (can_stay_bare(node))
            ordo_buffer_append(out, ordo_str_from(node->scalar)); /* quotes would make text of a number */
        else
            ordo__yaml_text(out, node->scalar, true);
        print_origin(out, node);
        return;
    }
    if (node->first == NULL) {
        ordo_buffer_append(out, node->kind == ORDO_CONFIG_LIST ? ORDO_STR(" []") : ORDO_STR(" {}"));
        print_origin(out, node);
        return;
    }
    if (!in_list || node->kind == ORDO_CONFIG_LIST)
        ordo_buffer_put(out, '\n');
    for (const struct ordo_config_node *child = node->first; child != NULL;
         child = child->next, first = false) {
        if (in_list && first && node->kind == ORDO_CONFIG_MAP)
            ordo_buffer_put(out, ' '); /* the first key stands beside the dash */
        else
            ordo_buffer_printf(out, "%*s", indent, "");
        if (node->kind == ORDO_CONFIG_MAP) {
            ordo__yaml_text(out, child->key, false);
            ordo_buffer_put(out, ':');
        } else {
            ordo_buffer_put(out, '-');
        }
        print_node(out, child, indent + 2, node->kind == ORDO_CONFIG_LIST);
    }
}

void ordo_config_print(const struct ordo_config *config, struct ordo_buffer *out)
{
    static const char *const sections[] = {"store", "sources", "sinks", "exporters"};
    struct print print = {.out = out};

    ordo_options_each(ordo_config_options(config), print_option, &print);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        ordo_buffer_printf(out, "%s:", sections[i]);
        print_node(out, ordo_config_child(ordo_config_root(config), sections[i]), 2, false);
    }
}
