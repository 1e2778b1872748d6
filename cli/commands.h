/* commands.h - what the table of commands runs; one file each in cli/. All take the form of command_fn. */
#ifndef TALLY_CLI_COMMANDS_H
#define TALLY_CLI_COMMANDS_H

#include "cli/cli.h"

int upload_results(struct cli *cli);
int upload_subunit(struct cli *cli);

int run_list(struct cli *cli);
int run_show(struct cli *cli);
int run_tests(struct cli *cli);
int run_failures(struct cli *cli);
int run_compare(struct cli *cli);
int run_export(struct cli *cli);
int run_attachment(struct cli *cli);
int run_delete(struct cli *cli);

int test_list(struct cli *cli);
int test_history(struct cli *cli);

int result_list(struct cli *cli);
int result_show(struct cli *cli);
int result_share(struct cli *cli);
int result_set(struct cli *cli);
int result_delete(struct cli *cli);

int key_add(struct cli *cli);
int key_list(struct cli *cli);
int key_delete(struct cli *cli);
int key_sign(struct cli *cli);

int task_import(struct cli *cli);
int task_export(struct cli *cli);
int task_clone(struct cli *cli);
int task_list(struct cli *cli);
int task_show(struct cli *cli);
int task_wait(struct cli *cli);

int image_list(struct cli *cli);
int image_show(struct cli *cli);

#endif
