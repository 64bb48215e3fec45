/* What a run is recognised by: each setting that bears on its result belongs to it, whatever it is said beside, and
 * what bears on nothing does not. A setting that is read and not described would show old numbers as a changed
 * recipe's; one that is described and not read would be a setting that does nothing. */
#include "recipe/recipes.h"

#include <stdlib.h>

#include "base/folder.h"
#include "run/identity.h"
#include "run/materials.h"
#include "run/tiny.h"

#define FOLDER TEST_BINARY_DIR "/run_identity"
#define DATA   FOLDER "/data"

/* The hash of the run `distilled`, with up to three overrides ended by NULL. */
static void identify(const char *const *overrides, char ret_hex[DCN_HASH_HEX])
{
    decant_recipe *recipe = recipe_or_fail(TINY_RECIPE(DATA), overrides);
    dcn_materials *materials = NULL;
    dcn_identity identity = {0};
    if (dcn_materials_create(recipe, &materials) != DECANT_OK) fail_msg("%s", decant_error_message());
    const int32_t run = dcn_experiment_find_run(recipe, "distilled");
    if (dcn_identity_make(materials, run, 1, "its teacher", "its start", &identity) != DECANT_OK)
        fail_msg("%s", decant_error_message());
    snprintf(ret_hex, DCN_HASH_HEX, "%s", identity.hex);
    dcn_identity_finish(&identity);
    dcn_materials_destroy(materials);
    decant_recipe_destroy(recipe);
}

/* What is set up before and stays (NULL: nothing), and what is changed then. */
typedef struct change {
    const char *before, *changed;
} change;

#define RUN       "runs.distilled."
#define SGD       RUN "optimizer={sgd: {lr: 0.1, momentum: 0.5}}"
#define ADAMW     RUN "optimizer={adamw: {lr: 0.01}}"
#define STEP      RUN "schedule={step: {every: 2}}"
#define STONES    RUN "schedule={step: {milestones: [1, 2]}}"
#define COSINE    RUN "schedule={cosine: {lr_min: 0}}"
#define ONE_CYCLE RUN "schedule={one_cycle: {pct_start: 0.3}}"
#define DKD       RUN "loss={ce: 1, dkd: 1}"
#define LOGITS    RUN "loss={ce: 1, logits: 1}"
#define FEATURES  RUN "loss={ce: 1, cosine: {student: \"1\", teacher: \"3\", match: project}}"
#define HINT      RUN "loss={ce: 1, hint: {student: \"1\", teacher: \"3\", regressor: [{linear: 128}]}}"
#define PRUNED    RUN "prune={from: alone, keep: 0.5}"

static const change changes[] = {
    /* the optimiser */
    {NULL, SGD},
    {NULL, ADAMW},
    {NULL, RUN "optimizer.adam.lr=0.02"},
    {NULL, RUN "optimizer.adam.beta1=0.8"},
    {NULL, RUN "optimizer.adam.beta2=0.99"},
    {NULL, RUN "optimizer.adam.eps=1e-6"},
    {NULL, RUN "optimizer.adam.weight_decay=0.1"},
    {ADAMW, RUN "optimizer.adamw.lr=0.02"},
    {ADAMW, RUN "optimizer.adamw.beta1=0.8"},
    {ADAMW, RUN "optimizer.adamw.beta2=0.99"},
    {ADAMW, RUN "optimizer.adamw.eps=1e-6"},
    {ADAMW, RUN "optimizer.adamw.weight_decay=0.1"},
    {SGD, RUN "optimizer.sgd.lr=0.2"},
    {SGD, RUN "optimizer.sgd.momentum=0.9"},
    {SGD, RUN "optimizer.sgd.nesterov=true"},
    {SGD, RUN "optimizer.sgd.weight_decay=0.1"},
    {NULL, RUN "clip_norm=1"},
    {NULL, RUN "ema=0.9"},
    /* the schedule */
    {NULL, STEP},
    {NULL, STONES},
    {NULL, COSINE},
    {NULL, ONE_CYCLE},
    {NULL, RUN "schedule={constant: {warmup: 1}}"},
    {STEP, RUN "schedule.step.every=3"},
    {STEP, RUN "schedule.step.gamma=0.5"},
    {STEP, RUN "schedule.step.warmup=1"},
    {STONES, RUN "schedule.step.milestones=[1, 3]"},
    {COSINE, RUN "schedule.cosine.lr_min=1e-4"},
    {COSINE, RUN "schedule.cosine.warmup=1"},
    {ONE_CYCLE, RUN "schedule.one_cycle.pct_start=0.4"},
    /* the losses */
    {NULL, RUN "loss.ce=0.25"},
    {NULL, RUN "loss.ce={weight: 0.5, label_smoothing: 0.1}"},
    {NULL, RUN "loss.kd={weight: 0.5, temperature: 7}"},
    {NULL, RUN "loss.kd={weight: 0.5, standardize: true}"},
    {NULL, DKD},
    {DKD, RUN "loss.dkd={alpha: 2}"},
    {DKD, RUN "loss.dkd={beta: 2}"},
    {DKD, RUN "loss.dkd={temperature: 7}"},
    {LOGITS, RUN "loss.logits={center: true}"},
    {LOGITS, RUN "loss.logits={standardize: true}"},
    {FEATURES, RUN "loss.cosine={student: \"2\", teacher: \"3\", match: project}"},
    {FEATURES, RUN "loss.cosine={student: \"1\", teacher: \"2\", match: project}"},
    {FEATURES, RUN "loss.cosine={student: \"1\", teacher: \"3\", match: avgpool}"},
    {HINT, RUN "loss.hint={student: \"1\", teacher: \"3\", regressor: [{linear: 64}, relu, {linear: 128}]}"},
    {HINT, RUN "loss.hint={student: \"1\", teacher: \"3\", match: avgpool, regressor: [{linear: 128}]}"},
    /* the samples */
    {NULL, "data.augment={shift: 1}"},
    {NULL, "data.augment={crop: 1}"},
    {NULL, "data.augment={flip: true}"},
    {NULL, "data.augment={cutout: 2}"},
    {NULL, "data.augment={mixup: 0.2}"},
    {NULL, "data.validation=44"},
    {NULL, "data.seed=1"},
    {NULL, "data.unlabelled=20"},
    {NULL, "data.normalize={mean: 0.4, std: 0.25}"},
    {"data.normalize={mean: 0.4, std: 0.25}", "data.normalize={mean: 0.4, std: 0.5}"},
    {NULL, RUN "transfer={keep: [0, 1]}"},
    {NULL, RUN "transfer={leave_out: [0]}"},
    {RUN "loss={kd: 1}", RUN "transfer={labels: false}"},
    {NULL, RUN "samples=80"},
    /* how it is trained, and what comes out */
    {NULL, RUN "epochs=3"},
    {NULL, RUN "batch=30"},
    {NULL, RUN "drop_last=true"},
    {NULL, RUN "select=last"},
    {NULL, RUN "precision=bf16"},
    {NULL, RUN "correct_bias=frequencies"},
    {RUN "correct_bias=frequencies", RUN "correct_bias=validation"},
    {RUN "correct_bias=frequencies", RUN "correct_bias={frequencies: {classes: [1]}}"},
    /* the network and where it starts */
    {NULL, "models.student=[flatten, linear: 9, relu, linear: 4]"},
    {NULL, "models.student=[flatten, linear: {features: 8, name: first}, relu, linear: 4]"},
    {NULL, RUN "init=alone"},
    {NULL, PRUNED},
    {PRUNED, RUN "prune={from: alone, keep: 0.4}"},
    {PRUNED, RUN "prune={from: alone, parameters: 300}"},
    {PRUNED, RUN "prune={from: alone, mult_adds: 300}"},
    {PRUNED, RUN "prune={from: alone, keep: 0.5, minimum: 0.2}"},
    {PRUNED, RUN "prune={from: alone, keep: 0.5, criterion: l1}"},
    {PRUNED, RUN "prune={from: alone, keep: 0.5, weights: fresh}"},
    {RUN "prune={from: alone, keep: 0.5, criterion: taylor}",
     RUN "prune={from: alone, keep: 0.5, criterion: taylor, samples: 50}"},
};

/* Breaks when a setting can be changed and the run is taken for done. */
static void test_what_bears_on_a_run_belongs_to_its_identity(void **state)
{
    (void)state;
    char base[DCN_HASH_HEX], other[DCN_HASH_HEX];
    for (size_t i = 0; i < DCN_COUNT(changes); i++) {
        const char *before[] = {changes[i].before, NULL};
        const char *after[] = {changes[i].before != NULL ? changes[i].before : changes[i].changed,
                               changes[i].before != NULL ? changes[i].changed : NULL, NULL};
        identify(before, base);
        identify(after, other);
        if (strcmp(base, other) == 0) fail_msg("%s changes nothing", changes[i].changed);
    }
}

/* Breaks when a run is made again for nothing. */
static void test_what_bears_on_nothing_does_not(void **state)
{
    (void)state;
    static const char *const same[] = {"threads=2",
                                       "name=other",
                                       "runs.alone.epochs=3",
                                       RUN "seeds=[1]",
                                       RUN "optimizer.adam.beta1=0.9",
                                       RUN "schedule=constant",
                                       "data.augment={shift: 0}",
                                       "budget={model: student, parameters: 5000}"};
    char base[DCN_HASH_HEX], other[DCN_HASH_HEX];
    const char *none[] = {RUN "epochs=2", NULL}; /* else it has those of `alone` */
    identify(none, base);
    for (size_t i = 0; i < DCN_COUNT(same); i++) {
        const char *overrides[] = {RUN "epochs=2", same[i], NULL};
        identify(overrides, other);
        if (strcmp(base, other) != 0) fail_msg("%s changes the run", same[i]);
    }
}

static int make_data(void **state)
{
    (void)state;
    return dcn_directory_make(FOLDER) == DECANT_OK && tiny_write(DATA) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_bears_on_a_run_belongs_to_its_identity),
        cmocka_unit_test(test_what_bears_on_nothing_does_not),
    };
    return cmocka_run_group_tests(tests, make_data, NULL);
}
