/* The tables of what is measured. Sizes are those of the data sets that the networks are known for; pixels are
 * random. */
#include "bench/cases.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define AIRLINE_TEACHER "[{linear: 32}, relu, {dropout: 0.5}, {linear: 32}, relu, {dropout: 0.5}, {linear: 1}]"
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
/* What the networks of one data set have in common. */
#define CIFAR .sample = IMAGE(3, 32), .classes = 10, .samples = 8192, .batch = 64, .optimizer = DCN_OPTIMIZER_ADAM
#define MNIST .sample = IMAGE(1, 28), .classes = 10, .samples = 60000, .batch = 128, .optimizer = DCN_OPTIMIZER_SGD
#define FASHION                                                                                                        \
    .channels = 3, .sample = IMAGE(1, 28), .classes = 10, .samples = 60000, .batch = 64, .optimizer = DCN_OPTIMIZER_ADAM
#define TAUGHT_BY_RESNET50 .teacher = "resnet50", .teacher_known = true, .temperature = 4.0, .soft_weight = 0.5

const dcn_bench_case dcn_bench_cases[] = {
    {"airline", "24-32-32-1 with dropout .5, bce, adam", AIRLINE_TEACHER, .term = DCN_TERM_BCE, .sample = FLAT(24),
     .classes = 2, .samples = 74811, .batch = 64, .optimizer = DCN_OPTIMIZER_ADAM},
    {"lightnn", "LightNN on 3x32x32, ce, adam", "lightnn", CIFAR},
    {"deepnn", "DeepNN on 3x32x32, ce, adam", "deepnn", CIFAR},
    {"cifar-kd", "LightNN taught by DeepNN in the step, ce + kd, adam", "lightnn", .teacher = "deepnn",
     .temperature = 2.0, .soft_weight = 0.25, CIFAR},
    {"mlp-1200", "784-1200-1200-10 with dropout .2/.5, ce, sgd with momentum", MLP_TEACHER, MNIST},
    {"mlp-kd", "784-800-800-10 taught by 784-1200-1200-10 in the step, ce + kd, sgd with momentum", MLP_STUDENT,
     .teacher = MLP_TEACHER, .temperature = 20.0, .soft_weight = 0.7, MNIST},
    {"fashion-1", "fashion-1 on 3x28x28 taught by a ResNet-50 whose logits are known, ce + kd, adam", "fashion-1",
     TAUGHT_BY_RESNET50, FASHION},
    {"fashion-2", "fashion-2 on 3x28x28 taught by a ResNet-50 whose logits are known, ce + kd, adam", "fashion-2",
     TAUGHT_BY_RESNET50, FASHION},
    {"fashion-3", "fashion-3 on 3x28x28 taught by a ResNet-50 whose logits are known, ce + kd, adam", "fashion-3",
     TAUGHT_BY_RESNET50, FASHION},
    {"resnet50", "ResNet-50 on 3x28x28, ce, adam", "resnet50", FASHION},
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

decant_status dcn_bench_find(const char *what, const char *name, decant_bench_case (*at)(int32_t index), int32_t count,
                             int32_t *ret_index)
{
    const char *names[DCN_COUNT(dcn_bench_cases) + DCN_COUNT(dcn_bench_inferences)]; /* enough for either */
    for (int32_t i = 0; i < count; i++) {
        names[i] = at(i).name;
        if (strcmp(names[i], name) != 0) continue;
        *ret_index = i;
        return DECANT_OK;
    }
    const char *nearest = dcn_nearest(name, names, (size_t)count);
    if (nearest != NULL) return DCN_FAIL(NOT_FOUND, "there is no %s \"%s\"; did you mean \"%s\"?", what, name, nearest);
    return DCN_FAIL(NOT_FOUND, "there is no %s \"%s\"; \"decant bench list\" shows them", what, name);
}
