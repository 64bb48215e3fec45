/* The tables of what is measured. Sizes are those of the data sets that the networks are known for; pixels are
 * random. */
#include "bench/cases.h"

#define AIRLINE_TEACHER "[{linear: 32}, relu, {dropout: 0.5}, {linear: 32}, relu, {dropout: 0.5}, {linear: 2}]"
#define MLP_TEACHER                                                                                                    \
    "[flatten, {dropout: 0.2}, {linear: 1200}, relu, {dropout: 0.5}, {linear: 1200}, relu, {dropout: 0.5}, {linear: "  \
    "10}]"
#define MLP_STUDENT "[flatten, {linear: 800}, relu, {linear: 800}, relu, {linear: 10}]"

#define FLAT(n)                                                                                                        \
    {                                                                                                                  \
        .rank = 1, .dim = { n }                                                                                        \
    }
#define IMAGE(c, hw)                                                                                                   \
    {                                                                                                                  \
        .rank = 3, .dim = { c, hw, hw }                                                                                \
    }

const dcn_bench_case dcn_bench_cases[] = {
    {"airline", "24-32-32-2 with dropout .5, ce, adam", AIRLINE_TEACHER, NULL, 0, FLAT(24), 2, 74811, 64,
     DCN_OPTIMIZER_ADAM, 0, 0},
    {"lightnn", "LightNN on 3x32x32, ce, adam", "lightnn", NULL, 0, IMAGE(3, 32), 10, 8192, 64, DCN_OPTIMIZER_ADAM, 0,
     0},
    {"deepnn", "DeepNN on 3x32x32, ce, adam", "deepnn", NULL, 0, IMAGE(3, 32), 10, 8192, 64, DCN_OPTIMIZER_ADAM, 0, 0},
    {"cifar-kd", "LightNN taught by DeepNN in the step, ce + kd, adam", "lightnn", "deepnn", 0, IMAGE(3, 32), 10, 8192,
     64, DCN_OPTIMIZER_ADAM, 2.0, 0.25},
    {"mlp-1200", "784-1200-1200-10 with dropout .2/.5, ce, sgd with momentum", MLP_TEACHER, NULL, 0, IMAGE(1, 28), 10,
     60000, 128, DCN_OPTIMIZER_SGD, 0, 0},
    {"mlp-kd", "784-800-800-10 taught by 784-1200-1200-10 in the step, ce + kd, sgd with momentum", MLP_STUDENT,
     MLP_TEACHER, 0, IMAGE(1, 28), 10, 60000, 128, DCN_OPTIMIZER_SGD, 20.0, 0.7},
    {"fashion-1", "fashion-1 on 3x28x28, ce, adam", "fashion-1", NULL, 3, IMAGE(1, 28), 10, 60000, 64,
     DCN_OPTIMIZER_ADAM, 0, 0},
    {"fashion-3", "fashion-3 on 3x28x28, ce, adam", "fashion-3", NULL, 3, IMAGE(1, 28), 10, 60000, 64,
     DCN_OPTIMIZER_ADAM, 0, 0},
    {"resnet50", "ResNet-50 on 3x28x28, ce, adam", "resnet50", NULL, 3, IMAGE(1, 28), 10, 60000, 64, DCN_OPTIMIZER_ADAM,
     0, 0},
};

const int32_t dcn_bench_case_count = (int32_t)(sizeof dcn_bench_cases / sizeof dcn_bench_cases[0]);

const dcn_bench_inference dcn_bench_inferences[] = {
    {"airline-1", "24-5-1, the smallest network: what a call costs", "[{linear: 5}, relu, {linear: 1}]", 0, FLAT(24), 2,
     1},
    {"airline-2", "24-5-2, the same with an output a class", "[{linear: 5}, relu, {linear: 2}]", 0, FLAT(24), 2, 1},
    {"mlp-800", "784-800-800-10: reading the weights", MLP_STUDENT, 0, IMAGE(1, 28), 10, 1},
    {"lightnn", "LightNN on 3x32x32", "lightnn", 0, IMAGE(3, 32), 10, 1},
    {"fashion-3", "fashion-3 on 3x28x28", "fashion-3", 3, IMAGE(3, 28), 10, 1},
    {"resnet50", "ResNet-50 on 3x28x28", "resnet50", 3, IMAGE(3, 28), 10, 64},
};

const int32_t dcn_bench_inference_count = (int32_t)(sizeof dcn_bench_inferences / sizeof dcn_bench_inferences[0]);
