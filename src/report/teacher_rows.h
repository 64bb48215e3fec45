/* Teachers that are no row of a comparison: a file, an ensemble, or a run that is not shown. */
#ifndef DCN_REPORT_TEACHER_ROWS_H
#define DCN_REPORT_TEACHER_ROWS_H

#include "decant/recipe.h"

/* Whether a table says how good the row's teacher is: where that is known, no row of its own, and the same as no
 * earlier row's. ret_more: how many later rows have it, too. */
bool dcn_introduces_teacher(const decant_comparison *comparison, int32_t row, int32_t *ret_more);

#endif
