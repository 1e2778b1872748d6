/* commands.h - what the table of commands runs, and the columns of what they print. All take the form of
 * command_fn. */
#ifndef TALLY_CLI_COMMANDS_H
#define TALLY_CLI_COMMANDS_H

#include "cli/output.h"

/* The options of a run, and the most shards of one. */
#define UPLOAD_RUN_OPTIONS                                                                                \
    "meta run-at artifacts wall-time no-attachments attr-regex test-attr-prefix remove-test-attr-prefix " \
    "non-subunit-name"
enum { UPLOAD_MAX_FILES = 64 };

extern const struct column upload_columns[];
int upload_results(struct cli *cli);
int upload_subunit(struct cli *cli);

extern const struct column run_columns[], run_tests_columns[], run_failures_columns[], run_compare_columns[];
int run_list(struct cli *cli);
int run_show(struct cli *cli);
int run_tests(struct cli *cli);
int run_failures(struct cli *cli);
int run_compare(struct cli *cli);
int run_export(struct cli *cli);
int run_attachment(struct cli *cli);
int run_average(struct cli *cli);
int run_delete(struct cli *cli);

extern const struct column failures_columns[], stats_runs_columns[], stats_tests_columns[],
    metadata_keys_columns[], metadata_values_columns[];
int failures(struct cli *cli);
int stats_runs(struct cli *cli);
int stats_tests(struct cli *cli);
int metadata_keys(struct cli *cli);
int metadata_values(struct cli *cli);

extern const struct column test_columns[], test_history_columns[], test_flaky_columns[],
    test_failed_columns[], test_prefixes_columns[];
int test_list(struct cli *cli);
int test_show(struct cli *cli);
int test_history(struct cli *cli);
int test_flaky(struct cli *cli);
int test_failed(struct cli *cli);
int test_prefixes(struct cli *cli);

/* The number of the test that is named by number or by name. ERROR_NOT_FOUND where no run has it. */
bool test_find(struct cli *cli, const char *word, const char **id, struct error *err);

extern const struct column result_columns[], result_show_columns[];
int result_list(struct cli *cli);
int result_show(struct cli *cli);
int result_share(struct cli *cli);
int result_verify(struct cli *cli);
int result_set(struct cli *cli);
int result_delete(struct cli *cli);

extern const struct column profile_columns[];
int profile(struct cli *cli);

extern const struct column key_columns[], key_add_columns[], sign_columns[];
int key_add(struct cli *cli);
int key_list(struct cli *cli);
int key_delete(struct cli *cli);
int key_sign(struct cli *cli);

extern const struct column task_columns[], task_list_columns[];
int task_import(struct cli *cli);
int task_export(struct cli *cli);
int task_clone(struct cli *cli);
int task_list(struct cli *cli);
int task_show(struct cli *cli);
int task_wait(struct cli *cli);

extern const struct column image_columns[];
int image_list(struct cli *cli);
int image_show(struct cli *cli);

/* The completion for bash, on stdout. */
int completion_bash(struct cli *cli);

#endif
