/* Fresh weights: bounds, mean, deviation and quantiles against those of PyTorch's layers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "golden/golden.h"
#include "nn/model.h"
#include "tensor/shape.h"

/* mean, deviation, then quantiles 0, 1/8, ... 1, as the script records them. */
enum { MEAN, DEVIATION, QUANTILE, N_QUANTILES = 9 };

static dcn_safetensors *file;

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void statistics(const float *data, int64_t count, double ret[QUANTILE + N_QUANTILES])
{
    float *sorted = test_malloc((size_t)count * sizeof *sorted);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) {
        sorted[i] = data[i];
        sum += (double)data[i];
    }
    for (int64_t i = 0; i < count; i++)
        squares += ((double)data[i] - sum / (double)count) * ((double)data[i] - sum / (double)count);
    qsort(sorted, (size_t)count, sizeof *sorted, ascending);
    ret[MEAN] = sum / (double)count;
    ret[DEVIATION] = sqrt(squares / (double)(count - 1));
    for (int64_t q = 0; q < N_QUANTILES; q++)
        ret[QUANTILE + q] = (double)sorted[q * (count - 1) / (N_QUANTILES - 1)];
    test_free(sorted);
}

/* Two samples of `count` from one distribution: an estimate is off by about deviation / sqrt(count), and an inner
 * quantile by at most three times that. Five such errors are allowed. A uniform distribution's ends are nearer still, a
 * normal's are not compared. */
static void compare(const decant_model *model, const char *value_name, const char *vector, bool has_ends)
{
    dcn_value_id id = dcn_graph_find(model->graph, value_name);
    assert_true(id != DCN_NONE);
    int64_t count = decant_shape_count(&model->graph->values[id].shape);
    const double *expected = golden_need(file, "", vector)->data;
    double actual[QUANTILE + N_QUANTILES], error = 5 * expected[DEVIATION] / sqrt((double)count);
    statistics(model->data[id], count, actual);
    for (int i = 0; i < QUANTILE + N_QUANTILES; i++) {
        bool end = i == QUANTILE || i == QUANTILE + N_QUANTILES - 1;
        if (end && !has_ends) continue;
        if (!(fabs(actual[i] - expected[i]) <= (i >= QUANTILE ? 3 : 1) * error))
            fail_msg("%s: statistic %d is %g, PyTorch's is %g, allowed %g", value_name, i, actual[i], expected[i],
                     error);
    }
}

static void check_bound(const decant_model *model, const char *value_name, int64_t fan_in)
{
    dcn_value_id id = dcn_graph_find(model->graph, value_name);
    float bound = (float)(1 / sqrt((double)fan_in)) * 1.000001f;
    for (int64_t i = 0; i < decant_shape_count(&model->graph->values[id].shape); i++)
        if (!(fabsf(model->data[id][i]) <= bound))
            fail_msg("%s[%lld] = %g is outside +-%g", value_name, (long long)i, (double)model->data[id][i],
                     (double)bound);
}

static dcn_value_id add_conv(dcn_graph *graph, const char *name, dcn_value_id x, int64_t channels, int64_t rows,
                             int64_t columns, int64_t groups)
{
    dcn_conv_attrs attrs = dcn_conv_default(channels, rows);
    attrs.kernel[1] = columns;
    attrs.groups = groups;
    require(dcn_build_conv2d(graph, name, x, &attrs, &x), name);
    return x;
}

static decant_model *make_model(dcn_graph *graph, dcn_value_id output, dcn_init init)
{
    decant_model *model = NULL;
    graph->output = output;
    graph->init = (int32_t)init;
    require(dcn_model_create(graph, &model), "model");
    dcn_model_init(model, 42);
    return model;
}

/* nn.Linear(300, 400), nn.Conv2d(24, 64, (5, 3)) and nn.Conv2d(64, 256, 3, groups=4). */
static void test_defaults(void **state)
{
    (void)state;
    const decant_shape rows = dcn_shape1(300), maps = {3, {24, 9, 9}};
    dcn_graph *dense = NULL, *convolutional = NULL;
    dcn_value_id x = DCN_NONE;
    require(dcn_graph_create(&dense), "graph");
    require(dcn_build_input(dense, &rows, &x), "input");
    require(dcn_build_linear(dense, "linear", x, 400, true, &x), "linear");
    decant_model *model = make_model(dense, x, DCN_INIT_DEFAULT);
    compare(model, "linear.weight", "linear.weight", true);
    compare(model, "linear.bias", "linear.bias", true);
    check_bound(model, "linear.weight", 300);
    check_bound(model, "linear.bias", 300);
    dcn_model_destroy(model);

    require(dcn_graph_create(&convolutional), "graph");
    require(dcn_build_input(convolutional, &maps, &x), "input");
    x = add_conv(convolutional, "conv", x, 64, 5, 3, 1);
    x = add_conv(convolutional, "grouped", x, 256, 3, 3, 4);
    model = make_model(convolutional, x, DCN_INIT_DEFAULT);
    compare(model, "conv.weight", "conv.weight", true);
    compare(model, "conv.bias", "conv.bias", true);
    compare(model, "grouped.weight", "grouped.weight", true);
    compare(model, "grouped.bias", "grouped.bias", true);
    check_bound(model, "conv.weight", 24 * 5 * 3);
    check_bound(model, "conv.bias", 24 * 5 * 3);
    check_bound(model, "grouped.weight", 16 * 3 * 3);
    check_bound(model, "grouped.bias", 16 * 3 * 3);
    dcn_model_destroy(model);
}

/* nn.init.kaiming_normal_ on a [64, 24, 5, 3] weight, both modes. */
static void test_kaiming(void **state)
{
    (void)state;
    static const struct {
        dcn_init init;
        const char *vector;
    } modes[] = {{DCN_INIT_KAIMING_FAN_IN, "kaiming_fan_in"}, {DCN_INIT_KAIMING_FAN_OUT, "kaiming_fan_out"}};
    const decant_shape maps = {3, {24, 9, 9}};
    for (int i = 0; i < 2; i++) {
        dcn_graph *graph = NULL;
        dcn_value_id x = DCN_NONE;
        require(dcn_graph_create(&graph), "graph");
        require(dcn_build_input(graph, &maps, &x), "input");
        x = add_conv(graph, "conv", x, 64, 5, 3, 1);
        decant_model *model = make_model(graph, x, modes[i].init);
        compare(model, "conv.weight", modes[i].vector, false);
        dcn_model_destroy(model);
    }
}

static int open_file(void **state)
{
    (void)state;
    file = golden_open("initialization");
    return 0;
}

static int close_file(void **state)
{
    (void)state;
    golden_check_all_used();
    dcn_safetensors_close(file);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults), cmocka_unit_test(test_kaiming)};
    return cmocka_run_group_tests_name("golden initialization", tests, open_file, close_file);
}
