/* Results of runs, as JSON and as the table. */
#ifndef CLI_RESULTS_H
#define CLI_RESULTS_H

#include "output.h"

/* null where nobody looked; the reliability table only where asked for */
json_t *calibration_json(const decant_measures *measures, bool with_bins);
json_t *fidelity_json(const decant_measures *measures);
json_t *result_json(const decant_run_result *result);
json_t *row_json(const decant_comparison *comparison, const decant_comparison_row *row);
/* The table and what its words mean, on stdout. Returns an exit status. */
int print_comparison(const decant_comparison *comparison, bool quiet);
/* On stderr, where rows were tested on other samples than the first and, unless quiet, where results are of several
 * builds or processors. */
void remark(const decant_comparison *comparison, bool quiet);

#endif
