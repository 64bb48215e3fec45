/* like: what is taken over from another run, what is replaced, and what can be removed. */
#include "recipe/recipes.h"

#define HEAD                                                                                                           \
    "decant: 1\nname: t\ndata: {source: mnist, validation: 10}\nmodels: {m: [flatten, linear: 10]}\nruns:\n"           \
    "  base: {model: m, epochs: 4, batch: 32, optimizer: {sgd: {lr: 0.1, momentum: 0.9}}, schedule: cosine, seeds: "   \
    "3,\n"                                                                                                             \
    "         loss: {ce: {weight: 1, label_smoothing: 0.1}}, augment: {shift: 2, flip: true}}\n"

static dcn_experiment *derive(const char *run)
{
    char text[4096];
    snprintf(text, sizeof text, "%s  derived: %s\n", HEAD, run);
    return parse_or_fail(text, NULL, 0);
}

/* Breaks when a key is lost on the way or the derived run's own does not win. */
static void test_keys_are_taken_over(void **state)
{
    (void)state;
    dcn_experiment *experiment = derive("{like: base, epochs: 9}");
    const dcn_run_spec *run = &experiment->runs[1];
    assert_int_equal(run->epochs, 9);
    assert_int_equal(run->batch, 32);
    assert_int_equal(run->n_seeds, 3);
    assert_true(run->optimizer.momentum == 0.9);
    assert_int_equal(run->optimizer.schedule.kind, DCN_SCHEDULE_COSINE);
    assert_true(run->terms[0].label_smoothing == 0.1);
    assert_int_equal(run->like, 0);
    assert_int_equal(experiment->runs[0].epochs, 4);
    dcn_experiment_destroy(experiment);
}

/* Breaks when {sgd: {lr}} forgets the base's momentum. */
static void test_maps_are_merged_deeply(void **state)
{
    (void)state;
    dcn_experiment *experiment = derive("{like: base, optimizer: {sgd: {lr: 0.5}}}");
    const dcn_optimizer *optimizer = &experiment->runs[1].optimizer;
    assert_true(optimizer->lr == 0.5 && optimizer->momentum == 0.9);
    assert_true(experiment->runs[0].optimizer.lr == 0.1);
    dcn_experiment_destroy(experiment);
}

/* Breaks when two optimisers end up in one map. */
static void test_another_optimizer_replaces_the_first(void **state)
{
    (void)state;
    dcn_experiment *experiment = derive("{like: base, optimizer: {adam: {lr: 0.5}}, schedule: {step: {every: 2}}}");
    assert_int_equal(experiment->runs[1].optimizer.kind, DCN_OPTIMIZER_ADAM);
    assert_int_equal(experiment->runs[1].optimizer.schedule.kind, DCN_SCHEDULE_STEP);
    dcn_experiment_destroy(experiment);
}

/* Breaks when the base's loss leaks into the derived one: the total would not be what is written. */
static void test_loss_is_replaced_as_a_whole(void **state)
{
    (void)state;
    dcn_experiment *experiment = derive("{like: base, teacher: base, loss: {ce: 0.5, kd: 0.5}}");
    const dcn_run_spec *run = &experiment->runs[1];
    assert_int_equal(run->n_terms, 2);
    assert_true(run->terms[0].weight == 0.5 && run->terms[0].label_smoothing == 0);
    dcn_experiment_destroy(experiment);
}

/* Breaks when sums that a checkpoint keeps by position meet another loss after lines of a recipe changed places. */
static void test_losses_have_one_order(void **state)
{
    (void)state;
    dcn_experiment *experiment = derive("{like: base, teacher: base, loss: {kd: 0.5, logits: 2, ce: 1}}");
    const dcn_run_spec *run = &experiment->runs[1];
    assert_int_equal(run->terms[0].kind, DCN_TERM_CE);
    assert_int_equal(run->terms[1].kind, DCN_TERM_KD);
    assert_int_equal(run->terms[2].kind, DCN_TERM_LOGITS);
    assert_true(run->terms[0].weight == 1 && run->terms[1].weight == 0.5 && run->terms[2].weight == 2);
    dcn_experiment_destroy(experiment);
}

/* Breaks when null does not remove a key, or an empty map is not the end of augmentation. */
static void test_null_removes(void **state)
{
    (void)state;
    dcn_experiment *experiment = derive("{like: base, seeds: null, augment: {}, schedule: ~}");
    const dcn_run_spec *run = &experiment->runs[1];
    assert_int_equal(run->n_seeds, 1);
    assert_int_equal(run->augment.shift, 0);
    assert_int_equal(run->optimizer.schedule.kind, DCN_SCHEDULE_CONSTANT);
    dcn_experiment_destroy(experiment);
    experiment = derive("{like: stepped, schedule: {step: {every: null, milestones: [1, 2]}}}\n"
                        "  stepped: {like: base, schedule: {step: {every: 3}}}");
    assert_int_equal(experiment->runs[1].optimizer.schedule.kind, DCN_SCHEDULE_STEP);
    assert_int_equal(experiment->runs[1].optimizer.schedule.every, 0);
    dcn_experiment_destroy(experiment);
}

/* Breaks when only the nearest base counts, or a base must stand before what derives from it. */
static void test_chains_and_later_bases(void **state)
{
    (void)state;
    dcn_experiment *experiment =
        derive("{like: middle, batch: 8}\n  middle: {like: base, epochs: 5, optimizer: {sgd: {lr: 1}}}");
    const dcn_run_spec *run = &experiment->runs[1];
    assert_int_equal(run->batch, 8);
    assert_int_equal(run->epochs, 5);
    assert_true(run->optimizer.lr == 1 && run->optimizer.momentum == 0.9);
    assert_int_equal(run->like, 2);
    dcn_experiment_destroy(experiment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_taken_over),
        cmocka_unit_test(test_maps_are_merged_deeply),
        cmocka_unit_test(test_another_optimizer_replaces_the_first),
        cmocka_unit_test(test_loss_is_replaced_as_a_whole),
        cmocka_unit_test(test_losses_have_one_order),
        cmocka_unit_test(test_null_removes),
        cmocka_unit_test(test_chains_and_later_bases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
