/* A report page in the making: what the runs came to, prepared once, and the parts of the page, one file each. */
#ifndef DCN_REPORT_PAGE_H
#define DCN_REPORT_PAGE_H

#include <jansson.h>

#include "base/text.h"
#include "decant/report.h"
#include "format/json_text.h"
#include "report/history.h"

/* Over the seeds. The spread is NAN for one seed, both are where nobody measured. */
typedef struct dcn_spread {
    double mean, spread;
} dcn_spread;

/* A row of the comparison with all that lies in its run directories. */
typedef struct dcn_page_run {
    const decant_comparison_row *row;
    int32_t index;                  /* decides its colour */
    dcn_history *histories;         /* [row->n_seeds] */
    const dcn_history *history;     /* of the first seed that kept one, else an empty one */
    int32_t n_histories;            /* seeds that did */
    int32_t n_classes;              /* 0: what it answers is not known */
    const char *const *class_names; /* [n_classes] or NULL */
    int64_t *confusion;             /* [n_classes, n_classes] summed over the seeds */
    bool has_calibration;
    decant_calibration calibration; /* of all seeds together */
    dcn_spread accuracy, calibration_error, agreement, divergence;
} dcn_page_run;

typedef struct dcn_page {
    const decant_comparison *comparison;
    dcn_page_run *runs; /* [n_runs], in the order of the comparison */
    int32_t n_runs;
    dcn_text html;
    json_t *charts; /* what the script draws: one object a canvas */
} dcn_page;

/* page_runs.c: gathers the runs. */
decant_status dcn_page_gather(const decant_comparison *comparison, dcn_page *page);
void dcn_page_release(dcn_page *page);
/* Of values that may be NAN; those are left out. */
dcn_spread dcn_spread_of(const double *values, int64_t count);

/* page.c, for the parts: a figure with a canvas that the script draws the chart on. Takes the chart over, which may be
 * NULL (NO_MEMORY). Nothing where there is no chart library. title and note are ours, not yet escaped. */
decant_status dcn_page_add_figure(dcn_page *page, const char *title, const char *note, json_t *chart);
/* A table that scrolls by itself where it is wider than the page; end with dcn_page_end_table. */
decant_status dcn_page_begin_table(dcn_page *page, const char *class, const char *caption);
decant_status dcn_page_end_table(dcn_page *page);
/* Takes the item over; NULL is NO_MEMORY. */
decant_status dcn_page_append(json_t *array, json_t *item);
/* page_runs.c: the JSON file of that name in a run's directory; NULL where there is none that can be read, and the page
 * does without. */
decant_status dcn_page_read_json(const char *directory, const char *name, json_t **ret_json);
/* The same of the first of a row's seeds that has one. */
decant_status dcn_page_read_first(const decant_comparison_row *row, const char *name, json_t **ret_json);
/* A JSON number, null for NAN; of an array of them. */
json_t *dcn_page_number(double number);
json_t *dcn_page_numbers(const double *numbers, int64_t count);

/* The parts, from the top to the bottom. */
decant_status dcn_page_add_results(dcn_page *page);   /* verdicts, the table, each seed's accuracy */
decant_status dcn_page_add_curves(dcn_page *page);    /* loss, accuracy, learning rate, each term */
decant_status dcn_page_add_losses(dcn_page *page);    /* what each run's loss is made of */
decant_status dcn_page_add_agreement(dcn_page *page); /* with the teacher, and of each run with each */
decant_status dcn_page_add_answers(dcn_page *page);   /* run by run: confusion, classes, calibration */
decant_status dcn_page_add_recipes(dcn_page *page);   /* their texts */

#endif
