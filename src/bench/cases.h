/* The training steps that decant measures itself by. */
#ifndef DCN_BENCH_CASES_H
#define DCN_BENCH_CASES_H

#include "decant/bench.h"
#include "distill/term.h"
#include "optim/optimizer.h"

typedef struct dcn_bench_case {
    const char *name, *description;
    const char *student, *teacher; /* zoo names or YAML layer lists; teacher NULL without one */
    int64_t channels;              /* for zoo networks: 0 or what the network wants of grey images */
    decant_shape sample;           /* [C,H,W] or [features] */
    int32_t classes;
    int64_t samples, batch;
    dcn_term_kind term; /* the loss of the labels */
    dcn_optimizer_kind optimizer;
    double temperature, soft_weight; /* kd; unused without a teacher */
    bool teacher_known;              /* its logits are looked up: it is not in the step */
} dcn_bench_case;

extern const dcn_bench_case dcn_bench_cases[];
extern const int32_t dcn_bench_case_count;

/* The forward passes that it measures itself by. */
typedef struct dcn_bench_inference {
    const char *name, *description;
    const char *network; /* as above */
    int64_t channels;
    decant_shape sample;
    int32_t classes;
    int64_t batch;
} dcn_bench_inference;

extern const dcn_bench_inference dcn_bench_inferences[];
extern const int32_t dcn_bench_inference_count;

/* The index of the case with that name among the `count` that `at` gives. NOT_FOUND calls them `what`. */
decant_status dcn_bench_find(const char *what, const char *name, decant_bench_case (*at)(int32_t index), int32_t count,
                             int32_t *ret_index);

#endif
