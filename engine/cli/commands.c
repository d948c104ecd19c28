/* SPDX-License-Identifier: MIT
 * commands.c: the table of subcommands.
 */
#include "cli/commands.h"

const struct ordo_command ordo_commands[] = {
    {"serve", "", "Runs the engine.", ORDO_SERVE_ABOUT, ordo_serve_options, ordo_serve_run},
    {"check", "", "Checks the configuration, the plugins and the rules.", ORDO_CHECK_ABOUT,
     ordo_check_options, ordo_check_run},
    {"test", "[FOLDER]", "Runs the tests of the rules.", ORDO_TEST_ABOUT, ordo_test_options, ordo_test_run},
    {"run", "", "Decides one order without a server, and explains the decision.", ORDO_RUN_ABOUT,
     ordo_run_options, ordo_run_run},
    {"what-if", "ID", "Decides a recorded order again, changed or by other rules, and shows the difference.",
     ORDO_WHAT_IF_ABOUT, ordo_what_if_options, ordo_what_if_run},
    {"load", "[URL]", "Sends orders to a running engine and measures its answers.", ORDO_LOAD_ABOUT,
     ordo_load_options, ordo_load_run},
    {"backup", "DIR", "Copies the orders of a running engine into a folder.", ORDO_BACKUP_ABOUT,
     ordo_backup_options, ordo_backup_run},
    {"restore", "DIR", "Makes the store of a backup.", ORDO_RESTORE_ABOUT, ordo_restore_options,
     ordo_restore_run},
    {"verify", "[DIR]", "Reads a whole store, or a backup, and says what is wrong with it.",
     ORDO_VERIFY_ABOUT, ordo_verify_options, ordo_verify_run},
    {"orders", "VERB", "Lists, shows, retries, resolves and exports the orders of a running engine.", NULL,
     ordo_orders_options, ordo_orders_run},
    {"rules", "VERB", "Lists, shows, compares and activates the generations of rules of a running engine.",
     NULL, ordo_rules_options, ordo_rules_run},
    {"profile", "KIND", "Shows where time and memory of a running engine go.", ORDO_PROFILES_ABOUT,
     ordo_profiles_options, ordo_profiles_run},
    {"plugins", "[NAME]", "Lists the plugins, or the options of one.", NULL, ordo_plugins_options,
     ordo_plugins_run},
    {"completion", "bash", "Prints the completion for a shell.", ORDO_COMPLETION_ABOUT,
     ordo_completion_options, ordo_completion_run},
    {0},
};

const struct ordo_command *ordo_command_verbs(const struct ordo_command *command)
{
    if (command->run == ordo_orders_run)
        return ordo_orders_verbs;
    if (command->run == ordo_rules_run)
        return ordo_rules_verbs;
    return command->run == ordo_profiles_run ? ordo_profiles_verbs : NULL;
}
