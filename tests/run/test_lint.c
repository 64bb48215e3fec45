/* Linting: each mistake that can be known before training is found, with its severity, and a sound recipe has none. */
#include "recipe/recipes.h"

#include <stdlib.h>

#include "base/folder.h"
#include "decant/recipe.h"
#include "run/tiny.h"

#define FOLDER      TEST_BINARY_DIR "/recipe_lint"
#define DATA        FOLDER "/data"
#define OVERLAPPING FOLDER "/overlapping"

/* overrides: ended by NULL; or NULL */
static decant_finding_list *lint(const char *text, const char *const *overrides)
{
    decant_recipe *recipe = recipe_or_fail(text, overrides);
    decant_finding_list *list = NULL;
    if (decant_recipe_lint(recipe, &list) != DECANT_OK) fail_msg("%s", decant_error_message());
    decant_recipe_destroy(recipe);
    return list;
}

static void assert_clean(const char *const *overrides)
{
    decant_finding_list *list = lint(TINY_RECIPE(DATA), overrides);
    for (int32_t i = 0; i < list->count; i++)
        print_error("%s\n", list->items[i].text);
    assert_int_equal(list->count, 0);
    decant_finding_list_destroy(list);
}

/* Breaks when the linter cries wolf. */
static void test_sound_recipe_has_no_findings(void **state)
{
    (void)state;
    assert_clean(NULL);
}

/* What is changed in the sound recipe, and what must be found. */
typedef struct fault {
    const char *overrides[5]; /* ended by NULL */
    decant_severity severity;
    const char *text;
} fault;

static const fault faults[] = {
    /* data */
    {{"data.source=no-such-set"}, DECANT_SEVERITY_ERROR, "no-such-set"},
    {{"data.source.path=" FOLDER "/nowhere"}, DECANT_SEVERITY_ERROR, "nowhere"},
    {{"data.source.path=" OVERLAPPING},
     DECANT_SEVERITY_ERROR,
     "64 samples of the test part also stand in the training split"},
    {{"data.source.path=" OVERLAPPING, "data.allow_overlap=true"},
     DECANT_SEVERITY_WARNING,
     "the test accuracy is too good"},
    {{"data.validation=200"}, DECANT_SEVERITY_ERROR, "leaves nothing of the 200 training samples"},
    {{"data.validation=101"}, DECANT_SEVERITY_WARNING, "holds out 101 samples, more than the 99 that are left"},
    {{"data.augment={shift: 8}"}, DECANT_SEVERITY_ERROR, "whole pixels below the picture's side (8)"},
    {{"runs.alone.augment={crop: 8}"}, DECANT_SEVERITY_ERROR, "-o runs.alone.augment: shift and crop padding"},
    {{"data.normalize={mean: [1, 2], std: [1, 1]}"}, DECANT_SEVERITY_ERROR, "the data has 1 channels"},
    {{"data.normalize={mean: 0.9, std: 0.1}"}, DECANT_SEVERITY_NOTE, "but the training split has"},
    /* models */
    {{"models.spare=[flatten, linear: 4]"}, DECANT_SEVERITY_WARNING, "no run trains the model 'spare'"},
    {{"models.student=[flatten, linear: 8, linear: 4]"}, DECANT_SEVERITY_WARNING, "model 'student': "},
    {{"models.student=[flatten, linear: 5]"}, DECANT_SEVERITY_ERROR, "it must be [1, 4]"},
    {{"models.student=[linear: 4]"}, DECANT_SEVERITY_ERROR, "put a flatten"},
    {{"models.student={zoo: resnet21}"}, DECANT_SEVERITY_ERROR, "resnet21"},
    {{"models.student={zoo: resnet20, channels: 3}"}, DECANT_SEVERITY_NOTE, "copies the input's channels 3 times"},
    {{"budget={model: student, parameters: 555}"},
     DECANT_SEVERITY_ERROR,
     "has 556 parameters, 1 more than the budget of 555 ('1' has 520 of them)"},
    {{"budget={model: [teacher, student], parameters: 555}"},
     DECANT_SEVERITY_ERROR,
     "model 'teacher' has 596 parameters, 41 more than the budget of 555 ('4' has 516 of them)"},
    {{"budget={model: [teacher, student], parameters: 555}"}, DECANT_SEVERITY_ERROR, "model 'student' has 556"},
    {{"budget={model: student, mult_adds: 543}"},
     DECANT_SEVERITY_ERROR,
     "has 544 mult-adds, 1 more than the budget of 543"},
    {{"models.student=[flatten, linear: {features: 8, bottleneck: 70}, relu, linear: 4]",
      "budget={model: student, parameters: 555}"},
     DECANT_SEVERITY_ERROR, /* what is handed over counts, not the 5,076 that train */
     "has 556 parameters, 1 more than the budget of 555"},
    {{"models.student=[flatten, linear: {features: 8, bottleneck: 2}, relu, linear: 4]"},
     DECANT_SEVERITY_NOTE,
     "1 is handed over as one matrix of 520 parameters, its factors have 152; keep: true would hand over those"},
    {{"models.student=[flatten, linear: {features: 8, bottleneck: 200}, relu, linear: 4]"},
     DECANT_SEVERITY_NOTE,
     "1.bottleneck of 200 features between 64 and 8 is no bottleneck"},
    {{"models.student=[flatten, linear: 8, batchnorm, linear: 4]"},
     DECANT_SEVERITY_WARNING,
     "1 and 3 have nothing nonlinear between them"},
    {{"models.student=[flatten, dropout: 0.2, linear: 8, relu, linear: 4]"},
     DECANT_SEVERITY_NOTE,
     "model 'student' drops inputs, which makes them 0"},
    {{"data.augment={cutout: 8}"}, DECANT_SEVERITY_WARNING, "leaves little or nothing of pictures of 8x8"},
    /* where runs start */
    {{"runs.p={like: alone, init: teacher}"},
     DECANT_SEVERITY_ERROR,
     "which is another network than its model 'student': it has '0' (conv2d, [1, 8, 8, 8]) where the model has '0' "
     "(flatten, [1, 64])"},
    {{"models.longer=[flatten, linear: 8, relu, linear: 4, relu]", "runs.b={like: alone, model: longer}",
      "runs.p={like: alone, init: b}"},
     DECANT_SEVERITY_ERROR,
     "it has '4' (relu, [1, 4]) where the model has nothing"},
    {{"runs.p={like: alone, init: ./nothing.safetensors}"}, DECANT_SEVERITY_ERROR, "nothing.safetensors"},
    {{"runs.p={like: distilled, teacher: alone, init: alone}"},
     DECANT_SEVERITY_ERROR,
     "run 'p' starts with the weights of its teacher"},
    {{"runs.alone.seeds=[3, 4]", "runs.p={like: distilled, seeds: 2, init: alone}"},
     DECANT_SEVERITY_ERROR,
     "run 'p' has the seed 0, which its source 'alone' has not"},
    {{"runs.p={like: alone, prune: {from: alone, parameters: 70}}"},
     DECANT_SEVERITY_ERROR,
     "the limit cannot be met: with at least 0.1 of each layer's channels and one of each, 73 parameters"},
    {{"runs.p={like: alone, prune: {from: alone, parameters: 556}}"},
     DECANT_SEVERITY_ERROR,
     "within the limit already, with 556 parameters"},
    {{"runs.p={like: alone, prune: {from: alone, keep: 0.5}}", "budget={run: p, parameters: 277}"},
     DECANT_SEVERITY_ERROR,
     "run 'p' may keep 278 parameters, 1 more than the budget of 277"},
    {{"runs.p={like: alone, prune: {from: alone, mult_adds: 300}}", "budget={run: p, mult_adds: 299}"},
     DECANT_SEVERITY_ERROR,
     "run 'p' may keep 300 mult-adds, 1 more than the budget of 299"},
    {{"runs.p={like: alone, seeds: 1, teacher: teacher, loss: {kd: 1}}", "runs.p.teacher=[teacher, teacher]"},
     DECANT_SEVERITY_WARNING,
     "run 'p' has the same teacher twice in its ensemble, where it counts double: teacher + teacher"},
    {{"runs.distilled.teacher={run: teacher, seeds: all}"},
     DECANT_SEVERITY_NOTE,
     "run 'distilled' has an ensemble of one teacher"},
    {{"models.teacher=[flatten, linear: 4]"},
     DECANT_SEVERITY_NOTE,
     "the teacher has 260 parameters, fewer than the student's 556"},
    {{"runs.distilled.loss={ce: 1, dkd: {alpha: 0, beta: 0}}"},
     DECANT_SEVERITY_ERROR,
     "alpha and beta of loss term dkd"},
    {{"runs.distilled={like: alone, init: alone, teacher: {run: alone, seeds: 1}, loss: {kd: 1}}"},
     DECANT_SEVERITY_ERROR,
     "run 'distilled' starts with the weights of its teacher"},
    {{"runs.base={like: alone, init: alone}", "runs.p={like: base, init: null, epochs: 2}"},
     DECANT_SEVERITY_WARNING,
     "'base' starts from weights that were trained before, 'p' does not"},
    {{"runs.alone.transfer={leave_out: 1, labels: false}", "runs.alone.correct_bias=frequencies"},
     DECANT_SEVERITY_NOTE,
     "counts the labels of all training samples"},
    {{"runs.distilled.optimizer={sgd: {lr: 1}}"},
     DECANT_SEVERITY_NOTE,
     "'distilled' and 'alone' have other optimizers or schedules"},
    {{"runs.distilled.init=alone"},
     DECANT_SEVERITY_WARNING,
     "'distilled' starts from weights that were trained before"},
    {{"runs.p={like: distilled, prune: {from: alone, keep: 0.5, criterion: taylor}, transfer: {labels: false}, "
      "loss: {kd: 1}}"},
     DECANT_SEVERITY_ERROR,
     "run 'p' trains without labels, and the criterion taylor reads them"},
    {{"runs.p={like: alone, prune: {from: alone, keep: 0.5, criterion: taylor}, samples: 20}"},
     DECANT_SEVERITY_ERROR,
     "run 'p' trains on a part of the training split, and the criterion taylor reads labels of all of it"},
    {{"runs.p={like: alone, prune: {from: alone, keep: 0.5, criterion: taylor}, transfer: {leave_out: [1]}}"},
     DECANT_SEVERITY_ERROR,
     "run 'p' trains on a part of the training split"},
    {{"runs.p={like: distilled, prune: {from: alone, keep: 0.5}}"},
     DECANT_SEVERITY_WARNING,
     "run 'p' is distilled, but no run trains its model 'student', pruned alike, without a teacher"},
    /* losses and teachers */
    {{"runs.alone.loss={kd: 1}"}, DECANT_SEVERITY_ERROR, "run 'alone' has a distillation loss but no teacher"},
    {{"runs.distilled.loss={ce: 1}"}, DECANT_SEVERITY_ERROR, "none of its losses listens to it"},
    {{"runs.distilled.loss={ce: 1, kd: 1e-30}"},
     DECANT_SEVERITY_WARNING,
     "run 'distilled': with a weight of 1e-30 the loss kd does nothing"},
    {{"runs.distilled.loss={ce: 1e7, kd: 1}"}, DECANT_SEVERITY_WARNING, "with a weight of 1 the loss kd does nothing"},
    {{"runs.distilled.teacher=./nothing.safetensors"}, DECANT_SEVERITY_ERROR, "nothing.safetensors"},
    {{"runs.teacher.model=student"}, DECANT_SEVERITY_WARNING, "teacher and student are the same network"},
    {{"runs.teacher.seeds=[5, 6]"}, DECANT_SEVERITY_ERROR, "has the seed 0, which its teacher 'teacher' has not"},
    {{"runs.teacher.seeds=65", "runs.distilled.teacher={run: teacher, seeds: all}"},
     DECANT_SEVERITY_ERROR,
     "run 'distilled' has an ensemble of 65 teachers; at most 64 teach together"},
    /* features */
    {{"runs.distilled.loss={ce: 1, cosine: {student: 3, teacher: 33}}"},
     DECANT_SEVERITY_ERROR,
     "the teacher has no layer '33'; did you mean '3'?"},
    {{"runs.p={like: distilled, prune: {from: alone, keep: 0.5}, loss: {ce: 1, cosine: {student: 11, teacher: 3}}}"},
     DECANT_SEVERITY_ERROR,
     "the student has no layer '11'; did you mean '1'?"},
    {{"runs.distilled.loss={ce: 1, cosine: {student: 1, teacher: 2}}"},
     DECANT_SEVERITY_ERROR,
     "'1' of the student has 8 elements a sample and '2' of the teacher 128; compare equals, or set match: project (a "
     "matrix that is learnt), or match: avgpool (means of neighbours, whatever they are)"},
    {{"models.student=[flatten, linear: 9, relu, linear: 4]",
      "runs.distilled.loss={ce: 1, cosine: {student: 1, teacher: 2, match: avgpool}}"},
     DECANT_SEVERITY_ERROR,
     "'2' has 128 elements a sample and '1' 9"},
    {{"runs.distilled.loss={ce: 1, hint: {student: 1, teacher: 2}}"},
     DECANT_SEVERITY_ERROR,
     "the regressor turns '1' into [1, 8], but '2' of the teacher is [1, 8, 4, 4]"},
    {{"models.student=[conv: {channels: 8, kernel: 3, stride: 2, padding: 1}, relu, flatten, linear: 4]",
      "runs.distilled.loss={ce: 1, hint: {student: 0, teacher: 0}}"},
     DECANT_SEVERITY_ERROR,
     "the regressor turns '0' into [1, 8, 4, 4], but '0' of the teacher is [1, 8, 8, 8]; match: avgpool averages"},
    {{"models.student=[conv: {channels: 8, kernel: 3, padding: 1}, relu, flatten, linear: 4]",
      "runs.distilled.loss={ce: 1, hint: {student: 0, teacher: 2}}"},
     DECANT_SEVERITY_ERROR,
     "is [1, 8, 4, 4]; a pooling layer or a stride in the regressor"},
    {{"models.student=[conv: {channels: 8, kernel: 3, padding: 1}, relu, flatten, linear: 4]",
      "runs.distilled.loss={ce: 1, hint: {student: 0, teacher: 0, regressor: [conv: {channels: 5, kernel: 1}]}}"},
     DECANT_SEVERITY_ERROR,
     "into [1, 5, 8, 8], but '0' of the teacher is [1, 8, 8, 8]"},
    {{"runs.distilled.loss={ce: 1, hint: {student: 1, teacher: 3, regressor: [liner: 128]}}"},
     DECANT_SEVERITY_ERROR,
     "did you mean \"linear\"?"},
    {{"runs.distilled.loss={ce: 1, hint: {student: 0, teacher: 3}}"},
     DECANT_SEVERITY_ERROR,
     "nothing trains before the student's layer '0'"},
    {{"runs.distilled.loss={ce: 1, hint: {student: 1, teacher: 3, regressor: [linear: 128, batchnorm]}}",
      "runs.distilled.batch=53"},
     DECANT_SEVERITY_ERROR,
     "makes a batch of one, which layer"},
    {{"runs.distilled.loss={cosine: {student: 1, teacher: 2, match: avgpool}}"},
     DECANT_SEVERITY_WARNING,
     "no loss reaches '3.weight'"},
    {{"runs.distilled.loss={ce: 1, dkd: 1}", "runs.distilled.augment={mixup: 0.2}"},
     DECANT_SEVERITY_ERROR,
     "dkd needs one label a sample"},
    /* what runs are trained with */
    {{"device=cuda"}, DECANT_SEVERITY_ERROR, "-o device: there is no device \"cuda\"; there are: cpu, ref"},
    {{"device=cuda", "data.source=no-such-set"}, DECANT_SEVERITY_ERROR, "there is no device \"cuda\""},
    {{"runs.alone.schedule={cosine: {lr_min: 1}}"},
     DECANT_SEVERITY_ERROR,
     "run 'alone': lr_min of the cosine schedule, the rate at the end, must be in [0, 0.01]"},
    {{"runs.alone.schedule={step: {every: 2}}"},
     DECANT_SEVERITY_WARNING,
     "run 'alone': the rate never drops: it would after 2 epochs, and the run has 2"},
    {{"runs.alone.schedule={step: {milestones: [3, 4]}}"}, DECANT_SEVERITY_WARNING, "it would after 3 epochs"},
    {{"runs.alone.schedule={cosine: {warmup: 2}}"}, DECANT_SEVERITY_WARNING, "it warms up for 2 epochs"},
    {{"runs.alone.batch=161"}, DECANT_SEVERITY_WARNING, "a batch of 161 is more than the 160 samples it trains on"},
    {{"runs.alone.samples=3"}, DECANT_SEVERITY_WARNING, "run 'alone' takes 3 samples of 4 classes"},
    {{"runs.alone.batch=1", "models.student=[flatten, linear: {features: 8, bias: false}, batchnorm, linear: 4]"},
     DECANT_SEVERITY_ERROR,
     "run 'alone': layer 2 cannot normalise a batch of one sample"},
    /* selection and batches */
    {{"data.validation=0", "runs.alone.select=best"}, DECANT_SEVERITY_ERROR, "the test part may not choose"},
    {{"runs.alone.batch=170", "runs.alone.drop_last=true"},
     DECANT_SEVERITY_ERROR,
     "160 samples do not fill one batch of 170"},
    {{"runs.alone.samples=161"}, DECANT_SEVERITY_ERROR, "asks for 161 samples, but the training split has 160"},
    /* transfer sets */
    {{"runs.alone.transfer={leave_out: [4]}"}, DECANT_SEVERITY_ERROR, "has no class 4; its classes are 0 to 3"},
    {{"runs.alone.transfer={leave_out: [cat]}"}, DECANT_SEVERITY_ERROR, "only the numbers 0 to 3; 'cat' is none"},
    {{"runs.alone.transfer={keep: [1, 2, 1]}"}, DECANT_SEVERITY_ERROR, "the class 1 is listed twice"},
    {{"runs.alone.transfer={leave_out: [0, 1, 2, 3]}"}, DECANT_SEVERITY_ERROR, "all 4 classes are left out"},
    {{"runs.alone.transfer={leave_out: 3}", "runs.alone.samples=121"},
     DECANT_SEVERITY_ERROR,
     "asks for 121 samples, but what transfer leaves of the training split has 120"},
    {{"runs.distilled.transfer={labels: false}"},
     DECANT_SEVERITY_ERROR,
     "run 'distilled' trains without labels (transfer.labels: false), and the loss ce reads them; kd, logits"},
    {{"runs.distilled.transfer={unlabelled: also}", "runs.distilled.loss={kd: 1, dkd: 1}", "data.unlabelled=40"},
     DECANT_SEVERITY_ERROR,
     "trains without labels (transfer.unlabelled), and the loss dkd"},
    {{"runs.distilled.transfer={unlabelled: only}", "runs.distilled.loss={kd: 1}"},
     DECANT_SEVERITY_ERROR,
     "has none; set one aside with data.unlabelled"},
    {{"runs.distilled.transfer={unlabelled: only}", "runs.distilled.samples=20", "runs.distilled.loss={kd: 1}",
      "data.unlabelled=40"},
     DECANT_SEVERITY_ERROR,
     "trains on the unlabelled pool alone, and samples: 20 counts labelled ones"},
    {{"runs.distilled.transfer={keep: [0, 2]}"},
     DECANT_SEVERITY_NOTE,
     "run 'distilled' trains on 80 samples; 2 of 4 classes, with labels"},
    {{"runs.distilled.transfer={keep: [0, 2]}"},
     DECANT_SEVERITY_WARNING,
     "'distilled' makes 8 optimizer steps on 80 samples, 'alone' 16 on 160"},
    {{"runs.distilled.transfer={unlabelled: also}", "runs.distilled.loss={kd: 1}", "data.unlabelled=0.2"},
     DECANT_SEVERITY_WARNING,
     "'distilled' makes 16 optimizer steps on 160 samples, 'alone' 12 on 120"},
    {{"runs.distilled.transfer={keep: [0, 2]}", "runs.distilled.epochs=3"},
     DECANT_SEVERITY_WARNING,
     "'distilled' makes 12 optimizer steps on 80 samples, 'alone' 16 on 160"},
    {{"data.unlabelled=200"}, DECANT_SEVERITY_ERROR, "unlabelled: 200 leaves nothing of the 200 training samples"},
    {{"data.unlabelled=160"}, DECANT_SEVERITY_ERROR, "validation: 40 leaves nothing of the 40 training samples"},
    /* the correction of biases */
    {{"runs.alone.correct_bias=validation", "data.validation=0"},
     DECANT_SEVERITY_ERROR,
     "corrects its biases on the validation split, but data.validation is 0"},
    {{"runs.alone.correct_bias={frequencies: {classes: [5]}}"}, DECANT_SEVERITY_ERROR, "has no class 5"},
    {{"runs.alone.correct_bias={validation: {classes: [0, 1, 2, 3]}}"},
     DECANT_SEVERITY_ERROR,
     "one offset for all 4 classes changes nothing"},
    {{"runs.alone.correct_bias=frequencies", "models.student=[flatten, linear: {features: 4, bias: false}]"},
     DECANT_SEVERITY_ERROR,
     "the last layer 1 is linear without a bias"},
    {{"runs.alone.correct_bias=frequencies", "models.student=[flatten, linear: 4, relu]"},
     DECANT_SEVERITY_ERROR,
     "the last layer 2 is relu; only a linear layer"},
    /* comparisons */
    {{"runs.distilled.epochs=3"}, DECANT_SEVERITY_WARNING, "'distilled' trains 3 epochs, 'alone' 2"},
    {{"runs.distilled.batch=10"},
     DECANT_SEVERITY_WARNING,
     "'distilled' makes 32 optimizer steps on 160 samples, 'alone' 16 on 160"},
    {{"runs.distilled.seeds=3"}, DECANT_SEVERITY_WARNING, "have other seeds"},
    {{"runs.alone.seeds=1"}, DECANT_SEVERITY_NOTE, "compared on one seed"},
    {{"runs.distilled.augment={shift: 1}"}, DECANT_SEVERITY_NOTE, "augmented differently"},
    {{"runs.alone.model=teacher", "runs.distilled.model=student"}, DECANT_SEVERITY_WARNING, "the gain cannot be told"},
};

static bool finds(const decant_finding_list *list, const fault *wanted)
{
    for (int32_t i = 0; i < list->count; i++)
        if (list->items[i].severity == wanted->severity && strstr(list->items[i].text, wanted->text) != NULL)
            return true;
    return false;
}

/* Breaks when a mistake in a recipe goes unseen or is told with another severity. */
static void test_faults_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        decant_finding_list *list = lint(TINY_RECIPE(DATA), faults[i].overrides);
        if (!finds(list, &faults[i])) {
            for (int32_t f = 0; f < list->count; f++)
                print_error("found %d: %s\n", list->items[f].severity, list->items[f].text);
            fail_msg("nothing says '%s' with severity %d", faults[i].text, faults[i].severity);
        }
        int32_t errors = 0;
        for (int32_t f = 0; f < list->count; f++) {
            errors += list->items[f].severity == DECANT_SEVERITY_ERROR;
            assert_true(f == 0 || list->items[f - 1].severity >= list->items[f].severity);
        }
        assert_int_equal(errors, list->errors);
        decant_finding_list_destroy(list);
    }
}

/* Breaks when the right use of every loss is taken for a mistake. */
static void test_feature_losses_that_fit_have_no_findings(void **state)
{
    (void)state;
    static const char *const losses[] = {
        "runs.distilled.loss={ce: 1, kd: 1e-5}",
        "runs.distilled.loss={ce: 1, hint: {student: 1, teacher: 3}}",
        "runs.distilled.loss={ce: 1, hint: {student: 2, teacher: 3, regressor: [linear: 32, relu, linear: 128]}}",
        "runs.distilled.loss={ce: 1, cosine: {student: 2, teacher: 2, match: avgpool}}",
        "runs.distilled.loss={ce: 1, hint: {student: 1, teacher: 3, match: avgpool}}",
        "runs.distilled.loss={bce: 1, logits: {center: true}, kd: {standardize: true}, dkd: {alpha: 1, beta: 2}}",
    };
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        const char *const overrides[] = {losses[i], NULL};
        assert_clean(overrides);
    }
}

/* Breaks when settings just within what makes sense are warned of. */
static void test_settings_that_do_something_have_no_findings(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "runs.alone.schedule={step: {every: 1}}",
        "runs.alone.schedule={step: {milestones: [1, 7]}}",
        "runs.alone.schedule={constant: {warmup: 1.9}}",
        "runs.alone.schedule={cosine: {lr_min: 1e-2}}",
        "runs.alone.batch=160",
        "data.validation=100",
        "data.augment={shift: 7, crop: 7}",
        "device=ref",
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        const char *const overrides[] = {settings[i], NULL};
        assert_clean(overrides);
    }
    /* half of what p is: that is not known yet, and may be half of half */
    static const char *const twice[] = {"runs.p={like: alone, prune: {from: alone, keep: 0.5}}",
                                        "runs.q={like: alone, prune: {from: p, keep: 0.5}}",
                                        "budget={run: q, parameters: 140}", NULL};
    assert_clean(twice);
}

/* Breaks when what a run has from the one that it is like is told twice, or a place is lost. */
static void test_inherited_settings_are_told_once_and_in_place(void **state)
{
    (void)state;
    static const char text[] = "decant: 1\nname: t\ndata: {source: {format: idx, path: " DATA "}}\n"
                               "models: {m: [flatten, linear: 4]}\n"
                               "runs:\n"
                               "  a:\n"
                               "    model: m\n"
                               "    epochs: 2\n"
                               "    optimizer: adam\n"
                               "    schedule: {cosine: {lr_min: 1}}\n"
                               "    loss: {ce: 1}\n"
                               "    seeds: 3\n"
                               "  b: {like: a, batch: 32}\n";
    decant_finding_list *list = lint(text, NULL);
    assert_int_equal(list->errors, 1);
    const decant_finding *found = &list->items[0];
    assert_string_equal(found->file, "t.yaml");
    assert_int_equal(found->line, 10);
    assert_int_equal(found->column, 33);
    assert_int_equal(strncmp(found->message, "run 'a': lr_min", 15), 0);
    assert_int_equal(strncmp(found->text, "t.yaml:10:33: run 'a': lr_min", 29), 0);
    decant_finding_list_destroy(list);
}

/* Breaks when a wrong number of outputs is told at the model's first line. */
static void test_wrong_outputs_are_told_at_the_last_layer(void **state)
{
    (void)state;
    static const char text[] = "decant: 1\nname: t\ndata: {source: {format: idx, path: " DATA "}}\n"
                               "models:\n"
                               "  m:\n"
                               "    - flatten\n"
                               "    - linear: 8\n"
                               "    - relu\n"
                               "    - linear: 9\n"
                               "runs: {a: {model: m, epochs: 1, optimizer: adam, loss: {ce: 1}}}\n";
    decant_finding_list *list = lint(text, NULL);
    assert_int_equal(list->errors, 1);
    assert_int_equal(list->items[0].line, 9);
    decant_finding_list_destroy(list);
}

/* Breaks when a smaller transfer set that makes up for it in epochs is called another budget. */
static void test_equal_steps_are_equal_budgets(void **state)
{
    (void)state;
    static const char *const overrides[] = {"runs.distilled.transfer={keep: [0, 2]}", "runs.distilled.epochs=4", NULL};
    decant_finding_list *list = lint(TINY_RECIPE(DATA), overrides);
    for (int32_t f = 0; f < list->count; f++)
        assert_null(strstr(list->items[f].text, "unequal budgets"));
    assert_int_equal(list->errors + list->warnings, 0);
    decant_finding_list_destroy(list);
}

/* Breaks when a feature loss's fault is told without its line. */
static void test_feature_errors_name_the_losses_line(void **state)
{
    (void)state;
    static const char text[] = "decant: 1\nname: t\ndata: {source: {format: idx, path: " DATA "}}\n"
                               "models:\n"
                               "  t: [flatten, linear: 8, relu, linear: 4]\n"
                               "  s: [flatten, linear: {features: 6, name: hidden}, relu, linear: 4]\n"
                               "runs:\n"
                               "  a: {model: t, epochs: 1, optimizer: adam, loss: {ce: 1}}\n"
                               "  b: {model: s, epochs: 1, optimizer: adam, loss: {ce: 1}}\n"
                               "  c:\n"
                               "    like: b\n"
                               "    teacher: a\n"
                               "    loss:\n"
                               "      ce: 1\n"
                               "      hint: {student: hiden, teacher: 1}\n";
    decant_finding_list *list = lint(text, NULL);
    assert_int_equal(list->errors, 1);
    assert_int_equal(strncmp(list->items[0].text, "t.yaml:15:", 10), 0);
    assert_non_null(strstr(list->items[0].text, "the student has no layer 'hiden'; did you mean 'hidden'?"));
    decant_finding_list_destroy(list);
}

/* Files of so many zero bytes behind a header: every image the same, so the test part stands in the training split. */
static void write_leaking(const char *folder, const char *prefix, uint32_t count)
{
    static const uint8_t first[8] = {9, 2, 1, 1, 6, 1, 4, 6}; /* by which Fashion-MNIST is known */
    char path[512];
    for (int images = 0; images < 2; images++) {
        snprintf(path, sizeof path, "%s/%s-%s-ubyte", folder, prefix, images ? "images-idx3" : "labels-idx1");
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        tiny_put_u32(file, images ? 0x00000803 : 0x00000801);
        tiny_put_u32(file, count);
        for (int side = 0; side < 2 * images; side++)
            tiny_put_u32(file, 1);
        for (uint32_t i = 0; i < count; i++)
            fputc(images || i >= 8 ? 0 : first[i], file);
        assert_int_equal(fclose(file), 0);
    }
}

/* Breaks when a known name excuses a test part that was trained on. */
static void test_a_known_name_does_not_excuse_a_leak(void **state)
{
    (void)state;
    static const char text[] = "decant: 1\nname: t\ndata: {source: fashion-mnist}\nmodels: {m: [flatten, linear: 10]}\n"
                               "runs: {a: {model: m, epochs: 1, optimizer: adam, loss: {ce: 1}}}\n";
    assert_int_equal(system("mkdir -p '" FOLDER "/leaking'"), 0);
    write_leaking(FOLDER "/leaking", "train", 60000);
    write_leaking(FOLDER "/leaking", "t10k", 10000);
    assert_int_equal(setenv("DECANT_DATA", FOLDER "/leaking", 1), 0);
    decant_finding_list *list = lint(text, NULL);
    unsetenv("DECANT_DATA");
    assert_int_equal(list->errors, 1);
    assert_non_null(strstr(list->items[0].text, "10000 samples of the test part also stand in the training split"));
    decant_finding_list_destroy(list);
}

/* Breaks when a shape that does not fit is told without the layer's line. */
static void test_shape_errors_name_the_layers_line(void **state)
{
    (void)state;
    static const char text[] = "decant: 1\nname: t\ndata: {source: {format: idx, path: " DATA "}}\n"
                               "models:\n"
                               "  m:\n"
                               "    - conv: {channels: 4, kernel: 3}\n"
                               "    - conv: {channels: 4, kernel: 9}\n"
                               "    - flatten\n"
                               "    - linear: 4\n"
                               "runs: {a: {model: m, epochs: 1, optimizer: adam, loss: {ce: 1}}}\n";
    decant_finding_list *list = lint(text, NULL);
    assert_int_equal(list->errors, 1);
    assert_int_equal(strncmp(list->items[0].text, "t.yaml:7:", 9), 0);
    decant_finding_list_destroy(list);
}

/* Lints with each allocation failing in turn. */
static void lint_without_memory(const char *const *overrides, int32_t n_findings)
{
    decant_recipe *recipe = recipe_or_fail(TINY_RECIPE(DATA), overrides);
    decant_status status = DECANT_NO_MEMORY;
    int64_t failures = 0;
    while (status != DECANT_OK) {
        decant_finding_list *list = NULL;
        dcn_memory_fail_nth(failures + 1);
        status = decant_recipe_lint(recipe, &list);
        dcn_memory_fail_nth(0);
        if (status == DECANT_OK) {
            assert_int_equal(list->count, n_findings);
            decant_finding_list_destroy(list);
            break;
        }
        assert_int_equal(status, DECANT_NO_MEMORY);
        assert_null(list);
        failures++;
    }
    assert_true(failures > 10);
    decant_recipe_destroy(recipe);
}

/* Breaks when a failed allocation becomes a finding, a crash or a leak. */
static void test_memory_failures_are_no_findings(void **state)
{
    (void)state;
    static const char *const faulty[] = {"device=cuda", "runs.teacher.samples=3", "runs.teacher.batch=3", NULL};
    lint_without_memory(NULL, 0);
    lint_without_memory(faulty, 2);
}

static int make_data(void **state)
{
    (void)state;
    if (dcn_directory_make(DATA) != DECANT_OK || dcn_directory_make(OVERLAPPING) != DECANT_OK) return 1;
    /* The same generator with the same seed: the test images are the first of the training images. */
    bool made = tiny_write(DATA) && tiny_write_part(OVERLAPPING, "train", TINY_TRAIN, 3) &&
                tiny_write_part(OVERLAPPING, "t10k", TINY_TEST, 3);
    return made ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_recipe_has_no_findings),
        cmocka_unit_test(test_faults_are_found),
        cmocka_unit_test(test_feature_losses_that_fit_have_no_findings),
        cmocka_unit_test(test_settings_that_do_something_have_no_findings),
        cmocka_unit_test(test_inherited_settings_are_told_once_and_in_place),
        cmocka_unit_test(test_wrong_outputs_are_told_at_the_last_layer),
        cmocka_unit_test(test_equal_steps_are_equal_budgets),
        cmocka_unit_test(test_feature_errors_name_the_losses_line),
        cmocka_unit_test(test_a_known_name_does_not_excuse_a_leak),
        cmocka_unit_test(test_shape_errors_name_the_layers_line),
        cmocka_unit_test(test_memory_failures_are_no_findings),
    };
    return cmocka_run_group_tests(tests, make_data, NULL);
}
