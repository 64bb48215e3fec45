/* Six steps of each optimiser on a linear layer whose output gradients are given, through program and plan, against
 * torch.optim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "engine/plan.h"
#include "golden/golden.h"
#include "optim/optimizer.h"
#include "tensor/shape.h"

enum { BATCH = 8, INPUTS = 8, OUTPUTS = 5, STEPS = 6 };

static const struct optimizer_case {
    const char *name;
    dcn_optimizer_kind kind;
    double momentum, weight_decay, max_norm;
    bool nesterov;
} cases[] = {
    {"sgd", DCN_OPTIMIZER_SGD, 0, 0, 0, false},
    {"sgd_decay", DCN_OPTIMIZER_SGD, 0, 0.01, 0, false},
    {"sgd_momentum", DCN_OPTIMIZER_SGD, 0.9, 0, 0, false},
    {"sgd_momentum_decay", DCN_OPTIMIZER_SGD, 0.9, 0.01, 0, false},
    {"sgd_nesterov", DCN_OPTIMIZER_SGD, 0.9, 0.01, 0, true},
    {"sgd_clipped", DCN_OPTIMIZER_SGD, 0.9, 0, 4, false},
    {"adam", DCN_OPTIMIZER_ADAM, 0, 0, 0, false},
    {"adam_decay", DCN_OPTIMIZER_ADAM, 0, 0.01, 0, false},
    {"adam_clipped", DCN_OPTIMIZER_ADAM, 0, 0, 4, false},
    {"adamw", DCN_OPTIMIZER_ADAMW, 0, 0.01, 0, false},
};

static dcn_safetensors *file;

/* A training program of one linear layer; its loss is sum(y * dy). */
typedef struct trainer {
    dcn_device *device;
    dcn_program *program;
    dcn_plan *plan;
    dcn_value_id x, dy, weight, bias;
    double x_data[BATCH * INPUTS], dy_data[BATCH * OUTPUTS]; /* f64, or f32 in the first half of the bytes */
    float hyper[DCN_HYPER_COUNT];
} trainer;

/* Converts to the program's type, in the caller's memory. */
static void convert(decant_dtype dtype, const double *from, int64_t count, void *to)
{
    for (int64_t i = 0; i < count; i++)
        if (dtype == DECANT_F64)
            ((double *)to)[i] = from[i];
        else
            ((float *)to)[i] = (float)from[i];
}

static dcn_optimizer make_optimizer(const struct optimizer_case *test)
{
    dcn_optimizer optimizer = dcn_optimizer_default(test->kind);
    optimizer.lr = 0.05;
    optimizer.momentum = test->momentum;
    optimizer.weight_decay = test->weight_decay;
    optimizer.nesterov = test->nesterov;
    optimizer.max_norm = test->max_norm;
    return optimizer;
}

static void trainer_program(trainer *train, decant_dtype dtype, const dcn_optimizer *optimizer)
{
    const decant_shape in = dcn_shape1(INPUTS), out = dcn_shape1(OUTPUTS);
    dcn_graph *model = NULL;
    dcn_value_id y = DCN_NONE;
    require(dcn_graph_create(&model), "model");
    require(dcn_build_input(model, &in, &y), "model");
    require(dcn_build_linear(model, "layer", y, OUTPUTS, true, &y), "model");
    model->output = y;

    require(dcn_program_create(BATCH, dtype, &train->program), "program");
    require(dcn_program_input(train->program, "x", dtype, &in, &train->x), "program");
    require(dcn_program_input(train->program, "dy", dtype, &out, &train->dy), "program");
    require(dcn_program_add_model(train->program, model, 0, DCN_MODE_TRAIN, train->x, NULL, 0, NULL, &y), "lowering");
    require(dcn_graph_backward(train->program->graph, &(dcn_seed){y, train->dy}, 1), "backward");
    require(dcn_optimizer_emit(optimizer, train->program), "optimizer");
    train->weight = dcn_graph_find(train->program->graph, "layer.weight");
    train->bias = dcn_graph_find(train->program->graph, "layer.bias");
    dcn_graph_destroy(model);
}

static void trainer_init(trainer *train, const golden_setting *setting, const dcn_optimizer *optimizer)
{
    const dcn_device_options options = {.threads = 1, .precision = DECANT_PRECISION_F32};
    double initial[OUTPUTS * INPUTS];
    memset(train, 0, sizeof *train);
    trainer_program(train, setting->dtype, optimizer);
    require(dcn_device_open(setting->device, &options, &train->device), setting->device);
    require(dcn_plan_create(train->device, train->program, NULL, &train->plan), "plan");

    convert(setting->dtype, golden_need(file, "", "x")->data, BATCH * INPUTS, train->x_data);
    require(dcn_plan_bind(train->plan, train->x, train->x_data), "x");
    require(dcn_plan_bind(train->plan, train->dy, train->dy_data), "dy");
    require(dcn_plan_bind(train->plan, train->program->hyper, train->hyper), "hyper");
    convert(setting->dtype, golden_need(file, "", "weight")->data, OUTPUTS * INPUTS, initial);
    require(dcn_plan_write(train->plan, train->weight, initial), "weight");
    convert(setting->dtype, golden_need(file, "", "bias")->data, OUTPUTS, initial);
    require(dcn_plan_write(train->plan, train->bias, initial), "bias");
}

static void trainer_finish(trainer *train)
{
    dcn_plan_destroy(train->plan);
    dcn_program_destroy(train->program);
    dcn_device_close(train->device);
}

static void compare_parameter(trainer *train, const golden_setting *setting, const char *name, const char *what,
                              dcn_value_id value, int64_t count, int64_t step)
{
    double actual[OUTPUTS * INPUTS];
    const double *expected = golden_need(file, name, what)->data;
    require(dcn_plan_read(train->plan, value, actual), what);
    for (int64_t i = 0; i < count; i++) {
        double element = setting->dtype == DECANT_F64 ? actual[i] : (double)((float *)actual)[i];
        golden_compare(name, what, setting, step * count + i, expected[step * count + i], element);
    }
}

static void check_optimizer(const golden_setting *setting, const struct optimizer_case *test)
{
    dcn_optimizer optimizer = make_optimizer(test);
    const double *dy = golden_need(file, "", "dy")->data; /* [STEPS, BATCH, OUTPUTS] */
    trainer train;
    trainer_init(&train, setting, &optimizer);
    for (int64_t step = 0; step < STEPS; step++) {
        convert(setting->dtype, dy + step * BATCH * OUTPUTS, BATCH * OUTPUTS, train.dy_data);
        dcn_optimizer_hyper(&optimizer, step, STEPS, STEPS, train.hyper);
        assert_int_equal(dcn_plan_run(train.plan), DECANT_OK);
        compare_parameter(&train, setting, test->name, "weight", train.weight, OUTPUTS * INPUTS, step);
        compare_parameter(&train, setting, test->name, "bias", train.bias, OUTPUTS, step);
    }
    trainer_finish(&train);
}

static void test_optimizers(void **state)
{
    (void)state;
    file = golden_open("optimizers");
    for (int s = 0; s < GOLDEN_SETTINGS; s++)
        for (size_t i = 0; i < DCN_COUNT(cases); i++)
            check_optimizer(&golden_settings[s], &cases[i]);
    golden_check_all_used();
    dcn_safetensors_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_optimizers)};
    return cmocka_run_group_tests_name("golden optimizers", tests, NULL, NULL);
}
