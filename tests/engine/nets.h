/* Small networks, the programs of one step over them, and numbers to fill them with. All failures fail the test. */
#ifndef TESTS_ENGINE_NETS_H
#define TESTS_ENGINE_NETS_H

#include "engine/plan.h"

typedef enum net_kind {
    NET_MLP,      /* flatten, dropout, linear and every smooth activation */
    NET_LIGHT,    /* conv relu pool, twice, then two linear layers with dropout: LightNN in small */
    NET_RESIDUAL, /* batchnorm, a residual block, a strided one with a shortcut, global pooling */
    NET_BRANCHES, /* concat of two branches, average pooling, added channels */
    NET_VIEWS,    /* values read through a view, as themselves, and twice by one layer */
    NET_COUNT
} net_kind;

#define NET_CLASSES 5

dcn_graph *net_build(net_kind kind);

typedef struct step_options {
    int64_t batch;
    decant_dtype dtype; /* 0 is f32 */
    bool inference;     /* logits only */
    bool teacher;       /* a second copy of the net in inference mode, with loss_kd */
    bool sgd;           /* update by SGD with momentum */
    bool ema;           /* and averaged weights */
    bool keep_convs;    /* tap every convolution and linear output, which keeps it from being fused */
} step_options;

/* A program and the values that tests ask for. */
typedef struct test_step {
    dcn_program *program;
    dcn_value_id x, labels, logits, teacher_logits, ce, kd, dlogits;
    dcn_value_id keep[8]; /* every result above */
    int32_t n_keep;
} test_step;

test_step step_create(net_kind kind, const step_options *options);
void step_destroy(test_step *step);
dcn_plan *plan_create(dcn_device *device, const test_step *step,
                      const dcn_plan_options *options); /* keep is filled in */

/* Elements of a value, and its bytes. */
int64_t value_count(const dcn_program *program, dcn_value_id value);
size_t value_bytes(const dcn_program *program, dcn_value_id value);

/* Deterministic contents of an input, parameter or state, by its name; freed with dcn_free_aligned. Labels are classes.
 */
void *value_fill(const dcn_program *program, dcn_value_id value, uint64_t seed);
/* The same for all inputs of a program, bound to a plan. */
typedef struct test_inputs {
    void *data[8];
    dcn_value_id id[8];
    int32_t count;
} test_inputs;
test_inputs inputs_bind(dcn_plan *plan, const dcn_program *program, uint64_t seed);
void inputs_destroy(test_inputs *inputs);
/* Sets the number of the update and of the dropout counter. */
void inputs_set_step(test_inputs *inputs, const dcn_program *program, int64_t number);
/* Writes value_fill into all parameters and states. */
void weights_write(dcn_plan *plan, const dcn_program *program, uint64_t seed);

/* Largest |a - b| / (1 + |b|) of two arrays of a dtype. */
double difference(decant_dtype dtype, const void *a, const void *b, int64_t count);
double element(decant_dtype dtype, const void *data, int64_t index);
dcn_value_id value_named(const dcn_program *program, const char *name);
/* Reads a kept result or weight into fresh memory (dcn_free_aligned). */
void *read_value(dcn_plan *plan, const dcn_program *program, dcn_value_id value);
float read_scalar(dcn_plan *plan, dcn_value_id value);

#endif
