/* Results of runs, as JSON and as the table. */
#ifndef CLI_RESULTS_H
#define CLI_RESULTS_H

#include "output.h"

json_t *result_json(const decant_run_result *result);
json_t *row_json(const decant_comparison *comparison, const decant_comparison_row *row);
/* The table and what its words mean, on stdout. Returns an exit status. */
int print_comparison(const decant_comparison *comparison);

#endif
