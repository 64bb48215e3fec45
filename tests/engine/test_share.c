/* Plans that share: the last, smaller batch trains the same weights, evaluation sees them, averaged weights are read in
 * their place, and what does not change is not reordered again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "engine/nets.h"
#include "engine/odd_device.h"

#define ODD_SEEDS 8

static const step_options training = {.batch = 4, .sgd = true, .teacher = true, .ema = true};

static void bind_and_run(dcn_plan *plan, const dcn_program *program, uint64_t seed, int64_t number)
{
    test_inputs inputs = inputs_bind(plan, program, seed);
    inputs_set_step(&inputs, program, number);
    assert_int_equal(dcn_plan_run(plan), DECANT_OK);
    inputs_destroy(&inputs); /* the next run binds others */
}

/* Copies weights (from the block, for trainable parameters) and states by name into a plan with memory of its own. */
static void copy_weights(dcn_plan *from, const dcn_program *from_program, dcn_block block, dcn_plan *to,
                         const dcn_program *to_program)
{
    const dcn_graph *graph = to_program->graph;
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        if (graph->values[v].kind != DCN_VALUE_PARAMETER && graph->values[v].kind != DCN_VALUE_STATE) continue;
        dcn_value_id source = value_named(from_program, graph->values[v].name);
        void *data = NULL;
        assert_int_equal(dcn_new_aligned(value_bytes(to_program, v), &data), DECANT_OK);
        if (from_program->graph->values[source].trainable)
            assert_int_equal(dcn_plan_block_read(from, block, source, data), DECANT_OK);
        else
            assert_int_equal(dcn_plan_read(from, source, data), DECANT_OK);
        assert_int_equal(dcn_plan_write(to, v, data), DECANT_OK);
        dcn_free_aligned(data);
    }
}

static void same_logits(dcn_plan *a, dcn_plan *b, const test_step *step)
{
    void *left = read_value(a, step->program, step->logits), *right = read_value(b, step->program, step->logits);
    assert_memory_equal(left, right, value_bytes(step->program, step->logits));
    dcn_free_aligned(left);
    dcn_free_aligned(right);
}

/* Averages begin as the parameters. */
static void start_average(dcn_plan *plan, const dcn_program *program)
{
    const dcn_graph *graph = program->graph;
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        if (!graph->values[v].trainable) continue;
        void *data = read_value(plan, program, v);
        assert_int_equal(dcn_plan_block_write(plan, DCN_BLOCK_EMA, v, data), DECANT_OK);
        dcn_free_aligned(data);
    }
}

/* An evaluation plan over a training plan gives what a plan of its own gives with a copy of the weights, before,
 * between and after updates; twice in a row too, when nothing is reordered again. */
static void check_evaluation(dcn_device *device, net_kind kind, bool use_ema)
{
    test_step train = step_create(kind, &training);
    test_step eval = step_create(kind, &(step_options){.batch = 3, .inference = true});
    dcn_plan *trainer = plan_create(device, &train, NULL);
    dcn_plan *between = plan_create(device, &train, &(dcn_plan_options){.share = trainer});
    dcn_plan *shared = plan_create(device, &eval, &(dcn_plan_options){.share = between, .use_ema = use_ema});
    dcn_plan *own = plan_create(device, &eval, NULL);
    for (int64_t number = 0; number < 4; number++) {
        if (number % 3 == 0) { /* also when evaluation was the last to run */
            weights_write(trainer, train.program, 1 + (uint64_t)number);
            start_average(trainer, train.program);
        }
        for (uint64_t again = 0; again < 2; again++) {
            copy_weights(trainer, train.program, use_ema ? DCN_BLOCK_EMA : DCN_BLOCK_PARAMETER, own, eval.program);
            bind_and_run(shared, eval.program, 70 + again, 0);
            bind_and_run(own, eval.program, 70 + again, 0);
            same_logits(shared, own, &eval);
        }
        if (number != 2) bind_and_run(trainer, train.program, 20, number);
    }
    dcn_plan_destroy(own);
    dcn_plan_destroy(shared);
    dcn_plan_destroy(between);
    dcn_plan_destroy(trainer);
    step_destroy(&eval);
    step_destroy(&train);
}

static void evaluation_sees_every_update(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < ODD_SEEDS; seed++) {
        odd_device odd;
        odd_device_open(&odd, seed);
        for (int kind = 0; kind < NET_COUNT; kind++)
            for (int ema = 0; ema < 2; ema++)
                check_evaluation(&odd.base, (net_kind)kind, ema == 1);
        odd_device_close(&odd);
    }
}

/* ema = decay * ema + (1 - decay) * parameter, from the parameter after the update. */
static void averages_follow_the_parameters(void **state)
{
    (void)state;
    odd_device odd;
    odd_device_open(&odd, 3);
    test_step train = step_create(NET_LIGHT, &training);
    dcn_plan *plan = plan_create(&odd.base, &train, NULL);
    weights_write(plan, train.program, 1);
    start_average(plan, train.program);
    dcn_value_id v = value_named(train.program, "conv2.weight");
    int64_t count = value_count(train.program, v);
    float *before = read_value(plan, train.program, v);
    bind_and_run(plan, train.program, 2, 0);
    float *after = read_value(plan, train.program, v), *average = read_value(plan, train.program, v);
    assert_int_equal(dcn_plan_block_read(plan, DCN_BLOCK_EMA, v, average), DECANT_OK);
    for (int64_t i = 0; i < count; i++)
        before[i] = 0.75f * before[i] + 0.25f * after[i];
    assert_true(difference(DECANT_F32, average, before, count) < 1e-6);
    assert_true(difference(DECANT_F32, average, after, count) > 1e-6);
    dcn_free_aligned(before);
    dcn_free_aligned(after);
    dcn_free_aligned(average);
    dcn_plan_destroy(plan);
    step_destroy(&train);
    odd_device_close(&odd);
}

/* Steps with batch 4, 2, 4 through two plans that share end in the weights of the same steps through plans of their
 * own, with weights, momentum and averages carried over by hand. */
static void carry(dcn_plan *from, const dcn_program *from_program, dcn_plan *to, const dcn_program *to_program)
{
    copy_weights(from, from_program, DCN_BLOCK_PARAMETER, to, to_program);
    for (dcn_value_id v = 0; v < to_program->graph->n_values; v++) {
        if (!to_program->graph->values[v].trainable) continue;
        dcn_value_id source = value_named(from_program, to_program->graph->values[v].name);
        void *data = NULL;
        assert_int_equal(dcn_new_aligned(value_bytes(to_program, v), &data), DECANT_OK);
        for (int block = DCN_BLOCK_SLOT0; block <= DCN_BLOCK_EMA; block++) {
            if (block == DCN_BLOCK_SLOT1) continue;
            assert_int_equal(dcn_plan_block_read(from, (dcn_block)block, source, data), DECANT_OK);
            assert_int_equal(dcn_plan_block_write(to, (dcn_block)block, v, data), DECANT_OK);
        }
        dcn_free_aligned(data);
    }
}

static void check_partial_batches(dcn_device *device, net_kind kind)
{
    step_options small = training;
    small.batch = 2;
    test_step whole = step_create(kind, &training), part = step_create(kind, &small);
    dcn_plan *first = plan_create(device, &whole, NULL);
    dcn_plan *last = plan_create(device, &part, &(dcn_plan_options){.share = first});
    dcn_plan *other_first = plan_create(device, &whole, NULL), *other_last = plan_create(device, &part, NULL);
    weights_write(first, whole.program, 1);
    weights_write(other_first, whole.program, 1);
    for (int64_t number = 0; number < 3; number++) {
        bool is_part = number == 1;
        const dcn_program *program = is_part ? part.program : whole.program;
        bind_and_run(is_part ? last : first, program, 30, number);
        if (is_part) carry(other_first, whole.program, other_last, part.program);
        bind_and_run(is_part ? other_last : other_first, program, 30, number);
        if (is_part) carry(other_last, part.program, other_first, whole.program);
    }
    const dcn_graph *graph = whole.program->graph;
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        if (graph->values[v].kind != DCN_VALUE_PARAMETER && graph->values[v].kind != DCN_VALUE_STATE) continue;
        void *left = read_value(first, whole.program, v), *right = read_value(other_first, whole.program, v);
        assert_memory_equal(left, right, value_bytes(whole.program, v));
        dcn_free_aligned(left);
        dcn_free_aligned(right);
    }
    same_logits(first, other_first, &whole);
    dcn_plan_destroy(other_last);
    dcn_plan_destroy(other_first);
    dcn_plan_destroy(last);
    dcn_plan_destroy(first);
    step_destroy(&part);
    step_destroy(&whole);
}

static void partial_batches_train_the_same_weights(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < ODD_SEEDS; seed++) {
        odd_device odd;
        odd_device_open(&odd, seed);
        for (int kind = 0; kind < NET_COUNT; kind++)
            check_partial_batches(&odd.base, (net_kind)kind);
        odd_device_close(&odd);
    }
}

/* A plan that shares takes memory for little more than what is kept. */
static void sharing_takes_little_memory(void **state)
{
    (void)state;
    odd_device odd;
    odd_device_open(&odd, 0);
    step_options small = training;
    small.batch = 2;
    test_step whole = step_create(NET_LIGHT, &training), part = step_create(NET_LIGHT, &small);
    dcn_plan *first = plan_create(&odd.base, &whole, NULL);
    size_t taken = odd.memory_bytes;
    dcn_plan *last = plan_create(&odd.base, &part, &(dcn_plan_options){.share = first});
    dcn_plan_memory use = dcn_plan_memory_use(last);
    assert_int_equal(use.total, odd.memory_bytes - taken);
    assert_int_equal(use.parameters + use.gradients + use.optimizer + use.states + use.scratch, 0);
    assert_true(use.activations < 1024);
    dcn_plan_destroy(last);
    assert_int_equal(odd.memory_bytes, taken);
    dcn_plan_destroy(first);
    step_destroy(&part);
    step_destroy(&whole);
    odd_device_close(&odd);
}

static int32_t listed_reorders(const dcn_plan *plan)
{
    int32_t count = 0;
    for (int32_t s = 0; s < dcn_plan_steps(plan); s++)
        count += strcmp(dcn_plan_step(plan, s).op, "reorder") == 0;
    return count;
}

/* Reorders that one run of the plan does. */
static int64_t reorders_of(odd_device *odd, dcn_plan *plan, const dcn_program *program)
{
    int64_t before = odd->reorders_run;
    bind_and_run(plan, program, 2, 0);
    return odd->reorders_run - before;
}

/* Two readers of one weight in different layouts: a frozen one is reordered when it was written, not in every run. */
static void frozen_weights_are_reordered_once(void **state)
{
    (void)state;
    int32_t copied = 0;
    for (uint64_t seed = 1; seed < 20; seed++) {
        odd_device odd;
        odd_device_open(&odd, seed);
        test_step small = step_create(NET_LIGHT, &(step_options){.batch = 2, .inference = true});
        dcn_plan *first = plan_create(&odd.base, &small, NULL);
        /* the same weights, read by kernels that want other layouts */
        odd.seed = seed + 100;
        dcn_plan *plan = plan_create(&odd.base, &small, &(dcn_plan_options){.share = first});
        weights_write(first, small.program, 1);
        int64_t once = reorders_of(&odd, plan, small.program), twice = reorders_of(&odd, plan, small.program);
        assert_int_equal(twice, listed_reorders(plan));
        copied += (int32_t)(once - twice);

        dcn_plan *own = plan_create(&odd.base, &small, NULL);
        weights_write(first, small.program, 9); /* through the plan shared from */
        weights_write(own, small.program, 9);
        assert_int_equal(reorders_of(&odd, plan, small.program), once);
        bind_and_run(own, small.program, 2, 0);
        same_logits(plan, own, &small);
        dcn_plan_destroy(own);
        dcn_plan_destroy(plan);
        dcn_plan_destroy(first);
        step_destroy(&small);
        odd_device_close(&odd);
    }
    assert_true(copied > 0);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    dcn_device *ref = NULL;
    assert_int_equal(dcn_device_open("ref", NULL, &ref), DECANT_OK);
    test_step train = step_create(NET_LIGHT, &(step_options){.batch = 2, .sgd = true});
    test_step eval = step_create(NET_LIGHT, &(step_options){.batch = 2, .inference = true});
    test_step doubles = step_create(NET_LIGHT, &(step_options){.batch = 2, .dtype = DECANT_F64});
    test_step other = step_create(NET_RESIDUAL, &(step_options){.batch = 2, .sgd = true});
    test_step unlike = step_create(NET_MLP, &(step_options){.batch = 2, .inference = true});
    dcn_plan *trainer = plan_create(ref, &train, NULL), *evaluator = plan_create(ref, &eval, NULL), *plan = NULL;

    dcn_plan_options share = {.share = trainer}, averaged = {.share = trainer, .use_ema = true},
                     alone = {.use_ema = true};
    dcn_plan_options over_eval = {.share = evaluator};
    assert_int_equal(dcn_plan_create(ref, doubles.program, &share, &plan), DECANT_INVALID_ARG);
    assert_int_equal(dcn_plan_create(ref, eval.program, &averaged, &plan), DECANT_NOT_FOUND);
    assert_int_equal(dcn_plan_create(ref, eval.program, &alone, &plan), DECANT_INVALID_ARG);
    assert_int_equal(dcn_plan_create(ref, train.program, &over_eval, &plan), DECANT_INVALID_ARG);
    assert_int_equal(dcn_plan_create(ref, other.program, &share, &plan), DECANT_SHAPE);  /* conv1.weight */
    assert_int_equal(dcn_plan_create(ref, unlike.program, &share, &plan), DECANT_SHAPE); /* fc1.weight */
    assert_null(plan);
    dcn_plan_destroy(evaluator);
    dcn_plan_destroy(trainer);
    step_destroy(&unlike);
    step_destroy(&other);
    step_destroy(&doubles);
    step_destroy(&eval);
    step_destroy(&train);
    dcn_device_close(ref);
}

/* Updating all of the shared blocks with gradients of only some parameters would repeat old gradients. */
static void an_update_needs_every_shared_parameter(void **state)
{
    (void)state;
    dcn_device *ref = NULL;
    assert_int_equal(dcn_device_open("ref", NULL, &ref), DECANT_OK);
    test_step train = step_create(NET_LIGHT, &(step_options){.batch = 2, .sgd = true});
    test_step more = step_create(NET_LIGHT, &(step_options){.batch = 2, .sgd = true});
    decant_shape shape = {.rank = 1, .dim = {3}};
    dcn_value_id idle;
    assert_int_equal(dcn_graph_add_value(more.program->graph, DCN_VALUE_PARAMETER, "idle", DECANT_F32, &shape, &idle),
                     DECANT_OK);
    more.program->graph->values[idle].trainable = true;
    dcn_plan *trainer = plan_create(ref, &more, NULL), *plan = NULL;
    assert_int_equal(dcn_plan_create(ref, train.program, &(dcn_plan_options){.share = trainer}, &plan),
                     DECANT_INVALID_ARG);
    dcn_plan_destroy(trainer);
    step_destroy(&more);
    step_destroy(&train);
    dcn_device_close(ref);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluation_sees_every_update),           cmocka_unit_test(averages_follow_the_parameters),
        cmocka_unit_test(partial_batches_train_the_same_weights), cmocka_unit_test(sharing_takes_little_memory),
        cmocka_unit_test(frozen_weights_are_reordered_once),      cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(an_update_needs_every_shared_parameter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
