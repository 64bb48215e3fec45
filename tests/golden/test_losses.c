/* The losses and their gradients against PyTorch's cross_entropy, kl_div, binary_cross_entropy_with_logits, mse_loss
 * and cosine_similarity, and decoupled distillation as its authors write it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "golden/golden.h"

typedef struct loss_case {
    const char *name;
    decant_op op;
    double temperature, smoothing;
    bool mixed, center;
    bool standardized; /* both sides of kd, as the term does it */
    double alpha, beta;
    const char *others[2]; /* what stands beside the logits, instead of ce's labels */
} loss_case;

static const loss_case cases[] = {
    {.name = "ce", .op = DECANT_OP_LOSS_CE},
    {.name = "ce_smoothed", .op = DECANT_OP_LOSS_CE, .smoothing = 0.1},
    {.name = "ce_mixed", .op = DECANT_OP_LOSS_CE, .mixed = true},
    {.name = "ce_mixed_smoothed", .op = DECANT_OP_LOSS_CE, .smoothing = 0.1, .mixed = true},
    {.name = "kd_1", .op = DECANT_OP_LOSS_KD, .temperature = 1, .others = {"teacher"}},
    {.name = "kd_2", .op = DECANT_OP_LOSS_KD, .temperature = 2, .others = {"teacher"}},
    {.name = "kd_4", .op = DECANT_OP_LOSS_KD, .temperature = 4, .others = {"teacher"}},
    {.name = "kd_20", .op = DECANT_OP_LOSS_KD, .temperature = 20, .others = {"teacher"}},
    {.name = "kd_standardized", .op = DECANT_OP_LOSS_KD, .temperature = 2, .standardized = true, .others = {"teacher"}},
    {.name = "bce", .op = DECANT_OP_LOSS_BCE, .others = {"label_a"}},
    {.name = "bce_one", .op = DECANT_OP_LOSS_BCE, .others = {"label_bit"}},
    {.name = "logits", .op = DECANT_OP_LOSS_MSE, .others = {"teacher"}},
    {.name = "logits_centered", .op = DECANT_OP_LOSS_MSE, .center = true, .others = {"teacher"}},
    {.name = "dkd",
     .op = DECANT_OP_LOSS_DKD,
     .temperature = 4,
     .alpha = 1,
     .beta = 8,
     .others = {"teacher", "label_a"}},
    {.name = "dkd_other",
     .op = DECANT_OP_LOSS_DKD,
     .temperature = 1,
     .alpha = 0.5,
     .beta = 2,
     .others = {"teacher", "label_a"}},
    {.name = "cosine", .op = DECANT_OP_LOSS_COSINE, .others = {"teacher"}},
};

static dcn_safetensors *file;

static dcn_value_id add_input(runner *run, const char *prefix, const char *name)
{
    const decant_tensor *vector = golden_need(file, prefix, name);
    decant_dtype dtype = vector->dtype == DECANT_F64 ? run->dtype : vector->dtype;
    dcn_value_id id = runner_value(run, DCN_VALUE_INPUT, name, dtype, vector->shape);
    if (vector->dtype == DECANT_F64)
        runner_set(run, id, vector->data);
    else
        memcpy(run->data[id], vector->data, (size_t)runner_count(run, id) * decant_dtype_size(dtype));
    return id;
}

/* The weight must scale the gradient and leave the value alone. */
static void check_loss(const golden_setting *setting, const loss_case *test, double weight)
{
    runner run;
    runner_init(&run, setting->device, setting->dtype);
    decant_op_attrs attrs = {.loss = {.weight = weight,
                                      .temperature = test->temperature,
                                      .label_smoothing = test->smoothing,
                                      .alpha = test->alpha,
                                      .beta = test->beta,
                                      .center = test->center}};
    dcn_value_id inputs[4], outputs[2];
    int32_t n_inputs = 0;
    inputs[n_inputs++] = add_input(&run, test->name, "logits");
    for (size_t i = 0; i < DCN_COUNT(test->others) && test->others[i] != NULL; i++)
        inputs[n_inputs++] = add_input(&run, "", test->others[i]);
    if (test->op == DECANT_OP_LOSS_CE) {
        inputs[n_inputs++] = add_input(&run, "", "label_a");
        if (test->mixed) inputs[n_inputs++] = add_input(&run, "", "label_b");
        if (test->mixed) inputs[n_inputs++] = add_input(&run, "", "mix");
    }
    dcn_value_id logits = inputs[0];
    for (int i = 0; i < 2 && test->standardized; i++)
        runner_node(&run, DECANT_OP_STANDARDIZE, NULL, &inputs[i], 1, 1, &inputs[i]);
    runner_node(&run, test->op, &attrs, inputs, n_inputs, 2, outputs);
    const dcn_value_id back[2] = {outputs[1], logits};
    if (test->standardized) runner_node(&run, DECANT_OP_STANDARDIZE_GRAD, NULL, back, 2, 1, &outputs[1]);
    runner_run(&run, run.graph->n_nodes);
    golden_compare_value(test->name, "loss", setting, golden_need(file, test->name, "loss"), &run, outputs[0]);
    const double *gradient = golden_need(file, test->name, "dlogits")->data;
    for (int64_t i = 0; i < runner_count(&run, outputs[1]); i++)
        golden_compare(test->name, "dlogits", setting, i, weight * gradient[i], runner_get(&run, outputs[1], i));
    runner_finish(&run);
}

static void test_losses(void **state)
{
    (void)state;
    file = golden_open("losses");
    for (int s = 0; s < GOLDEN_SETTINGS; s++)
        for (size_t i = 0; i < DCN_COUNT(cases); i++) {
            check_loss(&golden_settings[s], &cases[i], 1);
            check_loss(&golden_settings[s], &cases[i], 0.25);
        }
    golden_check_all_used();
    dcn_safetensors_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_losses)};
    return cmocka_run_group_tests_name("golden losses", tests, NULL, NULL);
}
