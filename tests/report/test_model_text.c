/* What is said about one model, to the last character: summary, plan and loss sheet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "decant/report.h"

#define assert_ok(call) assert_int_equal((call), DECANT_OK)

static decant_shape shape(int32_t rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    const int64_t dims[4] = {a, b, c, d};
    return decant_shape_make(rank, dims);
}

static void test_summary(void **state)
{
    (void)state;
    decant_layer_info layers[] = {
        {.name = "conv1", .op = "conv2d", .output = shape(4, 1, 48, 28, 28), .parameters = 480, .mult_adds = 338688},
        {.name = "flatten", .op = "flatten", .output = shape(2, 1, 37632, 0, 0)},
        {.name = "fc", .op = "linear", .output = shape(2, 1, 10, 0, 0), .parameters = 376330, .mult_adds = 376320},
    };
    const decant_model_summary summary = {
        .layers = layers,
        .n_layers = 3,
        .parameters = 376810,
        .trainable = 376810,
        .mult_adds = 715008,
        .deployed_parameters = 376810,
        .deployed_mult_adds = 715008,
        .input_bytes = 3136,
        .activation_bytes = 301096,
        .weight_bytes = 1507240,
    };
    char *text = NULL;
    assert_ok(decant_summary_text(&summary, 100000, &text));
    assert_string_equal(text, "layer    type     output shape      parameters  mult-adds\n"
                              "---------------------------------------------------------\n"
                              "conv1    conv2d   [-1, 48, 28, 28]         480    338,688\n"
                              "flatten  flatten  [-1, 37632]                0          0\n"
                              "fc       linear   [-1, 10]             376,330    376,320\n"
                              "---------------------------------------------------------\n"
                              "Total parameters: 376,810\n"
                              "Trainable parameters: 376,810\n"
                              "Mult-adds: 715,008\n"
                              "Budget: 100,000 parameters, 276,810 too many\n"
                              "Input size (MB): 0.00\n"
                              "Forward pass size (MB): 0.29\n"
                              "Weights size (MB): 1.44\n"
                              "Estimated total size (MB): 1.73\n");
    decant_text_free(text);
    assert_ok(decant_summary_text(&summary, 400000, &text));
    assert_non_null(strstr(text, "Budget: 400,000 parameters, 23,190 left\n"));
    decant_text_free(text);
    assert_ok(decant_summary_text(&summary, 0, &text));
    assert_null(strstr(text, "Budget"));
    decant_text_free(text);
}

static void test_plan(void **state)
{
    (void)state;
    decant_plan_step steps[] = {
        {.op = "conv2d",
         .layer = "conv1",
         .kernel = "jit:avx512_core",
         .precision = "bf16",
         .layout = "nChw16c",
         .bytes = 2048,
         .flops = 2e9,
         .shape = shape(4, 64, 48, 28, 28)},
        {.op = "reorder",
         .layer = NULL,
         .kernel = "jit:uni",
         .precision = "f32",
         .layout = "plain",
         .bytes = 100,
         .shape = shape(2, 64, 10, 0, 0)},
    };
    const decant_plan_listing plan = {
        .steps = steps,
        .n_steps = 2,
        .batch = 64,
        .training = true,
        .flops = 2e9,
        .parameter_bytes = 1024,
        .activation_bytes = 3 << 20,
        .total_bytes = (3 << 20) + 1024,
    };
    char *text = NULL;
    assert_ok(decant_plan_text(&plan, &text));
    assert_string_equal(text, "step  layer  op       kernel           type  layout   output shape      memory   GFLOP\n"
                              "--------------------------------------------------------------------------------------\n"
                              "   1  conv1  conv2d   jit:avx512_core  bf16  nChw16c  [64, 48, 28, 28]  2.0 KB  2.0000\n"
                              "   2         reorder  jit:uni          f32   plain    [64, 10]           100 B\n"
                              "--------------------------------------------------------------------------------------\n"
                              "Training of 64 samples: 2 steps, 2.0000 GFLOP, 3.0 MB of memory at its peak "
                              "(parameters 1.0 KB, activations 3.0 MB)\n");
    decant_text_free(text);
}

/* Breaks when a reader cannot tell whose step is listed, or where its teacher is. */
static void test_plan_names_its_run(void **state)
{
    (void)state;
    decant_plan_listing plan = {.batch = 64, .training = true, .run = "alone"};
    static const char *const titles[] = {"A training step of the run 'alone':\n",
                                         "A training step of the run 'alone', its teacher in it:\n",
                                         "A training step of the run 'alone', which looks its teacher's answers up"};
    for (int i = 0; i < 3; i++) {
        char *text = NULL;
        plan.has_teacher = i > 0;
        plan.teacher_cached = i > 1;
        assert_ok(decant_plan_text(&plan, &text));
        assert_int_equal(strncmp(text, titles[i], strlen(titles[i])), 0);
        decant_text_free(text);
    }
}

static void test_losses(void **state)
{
    (void)state;
    const decant_run_loss losses[] = {
        {.name = "ce",
         .formula = "f",
         .reduction = "mean",
         .weight = 0.25,
         .value = 2,
         .contribution = 0.5,
         .gradient_norm = 0.01},
        {.name = "kd",
         .formula = "T^2 g",
         .reduction = "sum",
         .temperature = 4,
         .weight = 0.75,
         .value = 4,
         .contribution = 3,
         .gradient_norm = 0.125},
    };
    char *text = NULL;
    assert_ok(decant_losses_text(losses, 2, &text));
    assert_string_equal(text, "term  formula  reduction  T  weight     value  contributes  |gradient|\n"
                              "----------------------------------------------------------------------\n"
                              "ce    f        mean       -    0.25  2.000000     0.500000   1.000e-02\n"
                              "kd    T^2 g    sum        4    0.75  4.000000     3.000000   1.250e-01\n"
                              "Loss at step 0: 3.500000\n");
    decant_text_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_plan_names_its_run),
        cmocka_unit_test(test_losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
