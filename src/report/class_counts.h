/* What a confusion matrix says of one class. */
#ifndef DCN_REPORT_CLASS_COUNTS_H
#define DCN_REPORT_CLASS_COUNTS_H

#include <stdint.h>

typedef struct dcn_class_counts {
    int64_t samples, answers, right; /* of the class; that were given as it; both */
    int64_t mistaken;                /* samples of it that were taken for mistaken_for, the commonest mistake */
    int32_t mistaken_for;            /* -1: every one was right */
    double recall, precision, f1;    /* NAN where nothing can be said */
} dcn_class_counts;

/* confusion [n_classes, n_classes]: row is the truth, column the prediction. */
dcn_class_counts dcn_count_class(const int64_t *confusion, int32_t n_classes, int32_t class);

/* One kind of mistake. */
typedef struct dcn_mistake {
    int32_t truth, answer;
    int64_t count;
} dcn_mistake;

/* The commonest mistakes, the largest first and ties in the order of the matrix. Returns how many, at most `limit`. */
int32_t dcn_largest_mistakes(const int64_t *confusion, int32_t n_classes, int32_t limit, dcn_mistake *ret_mistakes);

#endif
