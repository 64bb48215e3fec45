/* Reading recipes: what a good one means, and that each kind of mistake is told with its place and a way out. */
#include "recipe/recipes.h"

#include "base/folder.h"
#include "graph/graph.h"

/* A recipe in pieces, so that a test can replace one. */
typedef struct pieces {
    const char *top, *data, *models, *runs, *rest;
} pieces;

static const pieces good = {
    "decant: 1\nname: t\n",
    "data: {source: mnist, validation: 100}\n",
    "models: {m: [flatten, linear: 10], n: {zoo: mlp, hidden: 30}}\n",
    "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {ce: 1}}}\n",
    "",
};

static void assemble(const pieces *with, char *text, size_t bytes)
{
    snprintf(text, bytes, "%s%s%s%s%s", with->top ? with->top : good.top, with->data ? with->data : good.data,
             with->models ? with->models : good.models, with->runs ? with->runs : good.runs,
             with->rest ? with->rest : good.rest);
}

static dcn_experiment *parse_pieces(const pieces *with)
{
    char text[4096];
    assemble(with, text, sizeof text);
    return parse_or_fail(text, NULL, 0);
}

#define RUN(keys) "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {ce: 1}, " keys "}}\n"

/* A mistake, the words that must tell it, and the line that it must be told of (0: not looked at). */
typedef struct mistake {
    pieces with;
    const char *message;
    int line;
} mistake;

static const mistake mistakes[] = {
    /* what others call it, and what stands elsewhere */
    {{.runs = RUN("lr: 3")}, "unknown key of runs.RUN: 'lr'; 'lr' is a key of runs.RUN.optimizer.sgd, ", 5},
    {{.runs = RUN("temp: 3")}, "'temperature' is a key of runs.RUN.loss.kd", 5},
    {{.rest = "seed: 42\n"}, "'seed' is a key of data, runs.RUN", 0},
    {{.runs = RUN("gradient_clip_val: 3")}, "did you mean 'clip_norm'?", 5},
    {{.runs = RUN("schedule: CosineAnnealingLR")}, "did you mean 'cosine'?", 5},
    {{.runs = RUN("transfer: {exclude: [1]}")}, "did you mean 'leave_out'?", 5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {cross_entropy: 1}}}\n"}, "mean 'ce'?", 5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {kd: {alpha: 1}}}}\n"}, "mean 'weight'?", 5},
    {{.data = "data: {source: mnist, validation: 10, augment: {cutmix: 1}}\n"}, "known: shift, crop, flip, cutout", 3},
    {{.data = "data: {source: mnist, validation: 10, augment: {flip: maybe}}\n"}, "true or false", 3},
    {{.models = "models: {m: {flatten: , linear: 10}}\n"}, "a network of your own is a list of layers", 4},
    {{.runs = RUN("teacher: n")}, "'n' is a model, and teacher wants a run that trains it", 5},
    {{.runs = "runs: {a: {model: a, epochs: 2, optimizer: adam, loss: {ce: 1}}}\n"}, "'a' is a run, and a model is", 5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: {adam: {}, sgd: {}}, loss: {ce: 1}}}\n"},
     "here are both 'adam' and 'sgd'",
     5},
    {{.runs =
          "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {ce: 1}, seeds: 2}, a-seed1: {like: a, seeds: 1}}\n"},
     "the run 'a-seed1' has the folder of a seed of 'a'",
     5},
    {{.runs = "runs:\n  a:\n    epochs:5\n    model: m\n"}, "or a space missing behind a colon?)", 0},
    {{.runs = "runs:\n  a:\n    epochs: 5\n      model: m\n"}, "(is this line indented too far", 0},
    /* the file */
    {{.top = "decant: 2\nname: t\n"}, "decant must be 1, not 2", 1},
    {{.top = "decant: one\nname: t\n"}, "decant must be a whole number", 1},
    {{.top = "name: t\n"}, "needs the key 'decant'", 0},
    {{.top = "decant: 1\n"}, "needs the key 'name'", 0},
    {{.top = "decant: 1\nname: a/b\n"}, "'a/b' is no good name for a recipe", 2},
    {{.top = "decant: 1\nname: ..\n"}, "no good name", 2},
    {{.top = "decant: 1\nname: ''\n"}, "name must not be empty", 2},
    {{.top = "decant: 1\nname: t\nthread: 2\n"}, "did you mean 'threads'?", 3},
    {{.top = "decant: 1\nname: t\nthreads: -1\n"}, "threads must be at least 0", 3},
    {{.top = "decant: 1\nname: t\nteacher_cache: lots\n"}, "teacher_cache wants a size such as 512 MiB, or off", 3},
    {{.top = "decant: 1\nname: t\nteacher_cache: 0\n"}, "not '0'", 3},
    {{.rest = "wibble: 1\n"}, "unknown key of a recipe: 'wibble'; known: decant, name, data", 0},
    {{.rest = "name: u\n"}, "name", 0},
    /* data */
    {{.data = "data: {}\n"}, "data needs the key 'source'", 0},
    {{.data = "data: mnist\n"}, "data must be a map", 3},
    {{.data = "data: {sorce: mnist}\n"}, "did you mean 'source'?", 3},
    {{.data = "data: {source: {format: tsv, path: x}}\n"},
     "format must be one of idx|cifar|csv|images|npz, not tsv",
     3},
    {{.data = "data: {source: {format: csv, path: x, test: 0.5}}\n"}, "format csv needs the key 'target'", 3},
    {{.data = "data: {source: {format: csv, path: x, target: y}}\n"}, "format csv needs the key 'test'", 3},
    {{.data = "data: {source: {format: csv, path: x, target: y, test: 0}}\n"}, "a share of the rows between", 3},
    {{.data = "data: {source: {format: csv, path: x, target: y, test: 1}}\n"}, "a share of the rows between", 3},
    {{.data = "data: {source: {format: csv, path: x, target: y, test: .5, unlabelled: 1}}\n"}, "less than 1", 3},
    {{.data = "data: {source: {format: csv, path: x, target: y, test: .5, drop: a}}\n"}, "wants a list of columns", 3},
    {{.data = "data: {source: {format: csv, path: x, target: y, test: .5, columns: [a]}}\n"}, "wants a map", 3},
    {{.data = "data: {source: {format: csv, path: x, target: y, test: .5, columns: {a: number}}}\n"},
     "unknown type of column 'number'; did you mean 'numeric'?",
     3},
    {{.data = "data: {source: {format: csv, path: x, target: y, test: .5, drop: [a], columns: {a: drop}}}\n"},
     "dropped here and declared in columns",
     3},
    {{.data = "data: {source: {format: idx}}\n"}, "data.source needs the key 'path'", 3},
    {{.data = "data: {source: [mnist]}\n"}, "data.source must be a map", 3},
    {{.data = "data: {source: mnist, validation: -5}\n"}, "validation must be at least 0, not -5", 3},
    {{.data = "data: {source: mnist, validation: 0.1}\n"}, "a count of samples, not a share", 3},
    {{.data = "data: {source: mnist, validation: many}\n"}, "validation must be a whole number", 3},
    {{.data = "data: {source: mnist, normalize: trian}\n"}, "did you mean 'train'?", 3},
    {{.data = "data: {source: mnist, normalize: {mean: 0.5}}\n"}, "needs the key 'std'", 3},
    {{.data = "data: {source: mnist, normalize: {mean: 0.5, std: 0}}\n"}, "std must be greater than 0", 3},
    {{.data = "data: {source: mnist, normalize: {mean: [1, 2], std: 1}}\n"}, "mean has 2 values but std has 1", 3},
    {{.data = "data: {source: mnist, normalize: {mean: [], std: []}}\n"}, "wants a number or a list", 3},
    {{.data = "data: {source: mnist, augment: {shift: 99}}\n"}, "shift must be at least 0 and at most 64", 3},
    {{.data = "data: {source: mnist, augment: {flip: maybe}}\n"}, "flip must be true or false", 3},
    {{.data = "data: {source: mnist, augment: {rotate: 3}}\n"}, "unknown key of data.augment: 'rotate'", 3},
    {{.data = "data: {source: mnist, augment: }\n"}, "augment has nothing behind it", 3},
    /* models */
    {{.models = "models: {}\n"}, "models must be a map of 1 to", 4},
    {{.models = "models: {m: 3}\n"}, "must be a list of layers or a map like {zoo: NAME}", 4},
    {{.models = "models: {m: []}\n"}, "must be a list of layers", 4},
    {{.models = "models: {m: {zo: mlp}}\n"}, "did you mean 'zoo'?", 4},
    {{.models = "models: {m: {zoo: lightnn, hidden: 3}}\n"}, "hidden is a key of the mlp only", 4},
    {{.models = "models: {m: {zoo: mlp, dropout: 1}}\n"}, "dropout must be at least 0 and less than 1", 4},
    {{.models = "models: {'a b': [flatten]}\n"}, "no good name for a model", 4},
    /* runs */
    {{.runs = "runs: {}\n"}, "runs must be a map of 1 to", 5},
    {{.runs = "runs: {a: 3}\n"}, "must be a map of keys", 5},
    {{.runs = "runs: {a: {}}\n"}, "runs.RUN needs the key 'epochs'", 5},
    {{.runs = "runs: {a: {epochs: 2, optimizer: adam, loss: {ce: 1}}}\n"}, "runs.RUN needs the key 'model'", 5},
    {{.runs = "runs: {a: {model: m, optimizer: adam, loss: {ce: 1}}}\n"}, "needs the key 'epochs'", 5},
    {{.runs = "runs: {a: {model: m, epochs: 2, loss: {ce: 1}}}\n"}, "needs the key 'optimizer'", 5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam}}\n"}, "needs the key 'loss'", 5},
    {{.runs = "runs: {a: {model: mm, epochs: 2, optimizer: adam, loss: {ce: 1}}}\n"}, "unknown model 'mm'", 5},
    {{.runs = RUN("epoch: 3")}, "unknown key of runs.RUN: 'epoch'; did you mean 'epochs'?", 5},
    {{.runs = "runs: {a: {model: m, epochs: 0, optimizer: adam, loss: {ce: 1}}}\n"}, "epochs must be at least 1", 5},
    {{.runs = RUN("batch: 0")}, "batch must be at least 1", 5},
    {{.runs = RUN("select: worst")}, "select must be one of best|last, not worst", 5},
    {{.runs = RUN("ema: 1")}, "ema must be at least 0 and less than 1", 5},
    {{.runs = RUN("clip_norm: -1")}, "clip_norm must be at least 0", 5},
    {{.runs = RUN("drop_last: 2")}, "drop_last must be true or false", 5},
    {{.runs = RUN("seeds: 0")}, "seeds must be a whole number from 1 to 100", 5},
    {{.runs = RUN("seeds: []")}, "1 to 100 seeds", 5},
    {{.runs = RUN("seeds: [1, 1]")}, "the seed 1 is listed twice", 5},
    {{.runs = RUN("seeds: [1], seed: 4")}, "leaves nothing for 'seed' to say", 5},
    {{.runs = RUN("seeds: [-1]")}, "a seed must be a whole number", 5},
    {{.runs = RUN("seed: 4294967295, seeds: 2")}, "the last at most 4294967295", 5},
    {{.runs = "runs: {.a: {model: m}}\n"}, "no good name for a run", 5},
    /* transfer sets and the correction of biases */
    {{.runs = RUN("transfer: all")}, "runs.RUN.transfer must be a map", 5},
    {{.runs = RUN("transfer: {leaveout: [3]}")}, "did you mean 'leave_out'?", 5},
    {{.runs = RUN("transfer: {leave_out: []}")}, "leave_out wants a list of classes, such as [3]", 5},
    {{.runs = RUN("transfer: {leave_out: [3], keep: [4]}")}, "cannot both say which classes", 5},
    {{.runs = RUN("transfer: {unlabelled: yes}")}, "unlabelled must be one of none|also|only, not yes", 5},
    {{.runs = RUN("transfer: {unlabelled: only, keep: [4]}")}, "no sample whose class is known", 5},
    {{.runs = RUN("transfer: {unlabelled: also, labels: true}")}, "labels: true cannot be", 5},
    {{.runs = RUN("correct_bias: frequency")}, "did you mean 'frequencies'?", 5},
    {{.runs = RUN("correct_bias: {classes: [3]}")},
     "'classes' is a setting and stands under the name of a correction: {frequencies: {classes: [3]}}",
     5},
    {{.runs = RUN("correct_bias: {validation: {class: 3}}")}, "did you mean 'classes'?", 5},
    {{.runs = RUN("correct_bias: {validation: {classes: {3: 4}}}")}, "classes wants a list of classes", 5},
    {{.data = "data: {source: mnist, unlabelled: 2.5}\n"}, "a whole number of samples, or a share below 1", 3},
    {{.data = "data: {source: {format: csv, path: x, target: y, test: .5}, unlabelled: 5}\n"},
     "set aside by data.source.unlabelled",
     3},
    /* optimizer */
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adm, loss: {ce: 1}}}\n"}, "did you mean 'adam'?", 5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: {adam: {}, sgd: {}}, loss: {ce: 1}}}\n"},
     "one word, or a map",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: {adam: {lr: 0}}, loss: {ce: 1}}}\n"},
     "lr must be greater than 0, not 0",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: {adam: {lr: fast}}, loss: {ce: 1}}}\n"},
     "lr must be a number",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: {adam: {momentum: 1}}, loss: {ce: 1}}}\n"},
     "unknown key of runs.RUN.optimizer.adam: 'momentum'",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: {sgd: {nesterov: true}}, loss: {ce: 1}}}\n"},
     "nesterov needs a momentum",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: {sgd: 0.1}, loss: {ce: 1}}}\n"}, "must be a map of keys", 5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: {lr: 1e-3}, loss: {ce: 1}}}\n"},
     "'lr' is a setting and stands under the name of the optimiser: {adam: {lr: 1e-3}}",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: {name: sgd, learning_rate: 1e-3}, loss: {ce: 1}}}\n"},
     "'learning_rate' is a setting",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: {adam: {learning_rate: 1e-3}}, loss: {ce: 1}}}\n"},
     "unknown key of runs.RUN.optimizer.adam: 'learning_rate'; did you mean 'lr'?",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: {sdg: {lr: 1}}, loss: {ce: 1}}}\n"},
     "unknown optimizer 'sdg'; did you mean 'sgd'?",
     5},
    {{.runs = RUN("batch_size: 8")}, "did you mean 'batch'?", 5},
    /* schedule */
    {{.runs = RUN("schedule: {every: 3, gamma: 0.5}")},
     "'every' is a setting and stands under the name of the schedule: {step: {every: 30}}",
     5},
    {{.runs = RUN("schedule: cosin")}, "did you mean 'cosine'?", 5},
    {{.runs = RUN("schedule: step")}, "needs either every or milestones", 5},
    {{.runs = RUN("schedule: {step: {every: 2, milestones: [1]}}")}, "needs either every or milestones", 5},
    {{.runs = RUN("schedule: {step: {milestones: [3, 2]}}")}, "rising milestones must be a whole number", 5},
    {{.runs = RUN("schedule: {step: {milestones: []}}")}, "milestones wants a list", 5},
    {{.runs = RUN("schedule: {step: {every: 1, gamma: 2}}")}, "gamma must be greater than 0 and at most 1", 5},
    {{.runs = RUN("schedule: {one_cycle: {pct_start: 1}}")}, "pct_start must be greater than 0 and less than 1", 5},
    {{.runs = RUN("schedule: {one_cycle: {warmup: 1}}")}, "unknown key of runs.RUN.schedule.one_cycle: 'warmup'", 5},
    /* loss */
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {}}}\n"},
     "loss must be a map of 1 to 8 losses",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: ce}}\n"}, "loss must be a map", 5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {hinge: 1}}}\n"},
     "unknown loss 'hinge'; did you mean 'hint'?",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {quadratic: 1}}}\n"},
     "unknown loss 'quadratic'; known: ce, kd, bce, logits, dkd, cosine, hint",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {cosine: 1}}}\n"},
     "cosine compares layers: write {weight: W, student: LAYER, teacher: LAYER}",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {hint: {student: x}}}}\n"},
     "runs.RUN.loss.hint needs the key 'teacher'",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {hint: {student: x, teacher: y, regressor: "
              "conv}}}}\n"},
     "regressor must be a list of layers",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {cosine: {student: x, teacher: y, match: "
              "pool}}}}\n"},
     "match must be one of none|avgpool|project",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {ce: 0}}}\n"},
     "weight must be greater than 0",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {ce: much}}}\n"}, "weight must be a number", 5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {kd: {weight: 1, temperature: 0}}}}\n"},
     "temperature must be greater than 0",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {ce: {temperature: 1}}}}\n"},
     "unknown key of runs.RUN.loss.ce: 'temperature'",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {ce: {label_smoothing: 1}}}}\n"},
     "label_smoothing must be at least 0 and less than 1",
     5},
    /* like and teacher */
    {{.runs = RUN("ensemble: logits")},
     "how the answers of several teachers are averaged, and the run 'a' has none",
     5},
    {{.runs = RUN("teacher: ./t.st, ensemble: logits")}, "averaged, and the run 'a' has one", 5},
    {{.runs = RUN("teacher: [./t.st, ./u.st], ensemble: votes")}, "ensemble must be one of logits|probabilities", 5},
    {{.runs = RUN("teacher: [./t.st, b]")}, "unknown teacher (a run, or a file such as ./model.safetensors) 'b'", 5},
    {{.runs = RUN("teacher: [./t.st, a]")}, "the run 'a' cannot be its own teacher", 5},
    {{.runs = RUN("teacher: []")}, "teacher wants 1 to 64 teachers in its list", 5},
    {{.runs = RUN("teacher: {run: ./t.st, seeds: all}")}, "a file has no seeds: name a run, or each of its files", 5},
    {{.runs = RUN("teacher: {run: ./t.st, seeds: 1}")}, "a file has no seeds: name a run, or each of its files", 5},
    {{.runs = RUN("teacher: {run: b, seeds: most}")}, "seeds (own, all or one of the run's) must be a whole number", 5},
    {{.runs = RUN("teacher: {run: ./t.st, seed: all}")}, "unknown key of runs.RUN.teacher: 'seed'", 5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, teacher: [./t.st, ./u.st], loss: {hint: {student: x, "
              "teacher: y}}}}\n"},
     "hint taps a layer, and an ensemble has none in common",
     5},
    {{.runs = RUN("like: b")}, "unknown run in like: 'b'", 5},
    {{.runs = RUN("like: a")}, "like: goes in a circle", 5},
    {{.runs = "runs: {a: {like: b}, b: {like: c}, c: {like: a}}\n"}, "like: goes in a circle", 5},
    {{.runs = RUN("teacher: b")}, "unknown teacher (a run, or a file such as ./model.safetensors) 'b'", 5},
    {{.runs = RUN("teacher: a")}, "cannot be its own teacher", 5},
    {{.runs =
          "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {kd: 1}, teacher: b}, b: {like: a, teacher: a}}\n"},
     "teacher: goes in a circle",
     5},
    /* init and prune */
    {{.runs = RUN("init: a")}, "the run 'a' cannot start from itself", 5},
    {{.runs = RUN("init: b")}, "unknown init (a run, or a file such as ./model.safetensors) 'b'", 5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {ce: 1}, init: b}, b: {like: a, init: a}}\n"},
     "init: goes in a circle",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {ce: 1}, prune: {from: b, keep: 0.5}}, "
              "b: {like: a, prune: {from: a}}}\n"},
     "prune: goes in a circle",
     5},
    {{.runs = RUN("prune: a")}, "runs.RUN.prune must be a map of keys", 5},
    {{.runs = RUN("prune: {keep: 0.5}")}, "runs.RUN.prune needs the key 'from'", 5},
    {{.runs = RUN("prune: {from: ./m.st}")}, "prune needs a limit: keep, parameters or mult_adds", 5},
    {{.runs = RUN("prune: {from: c, keep: 0.5}")}, "unknown from (a run, or a file", 5},
    {{.runs = RUN("prune: {from: ./m.st, keep: 1}")}, "keep must be greater than 0 and less than 1", 5},
    {{.runs = RUN("prune: {from: ./m.st, keep: 0.5, minimum: 2}")}, "minimum must be at least 0 and at most 1", 5},
    {{.runs = RUN("prune: {from: ./m.st, parameter: 5}")}, "did you mean 'parameters'?", 5},
    {{.runs = RUN("prune: {from: ./m.st, keep: 0.5, criterion: l11}")},
     "there is no criterion 'l11'; did you mean 'l1'?",
     5},
    {{.runs = RUN("prune: {from: ./m.st, keep: 0.5, criterion: fisher}")}, "known: l1, l2, bn, random, taylor", 5},
    {{.runs = RUN("prune: {from: ./m.st, keep: 0.5, weights: new}")}, "weights must be one of kept|fresh", 5},
    {{.runs = RUN("prune: {from: ./m.st, keep: 0.5}, init: ./m.st")}, "remove init or prune", 5},
    {{.runs = "runs: {a: {epochs: 2, optimizer: adam, loss: {ce: 1}, prune: {from: ./m.st, keep: 0.5}}}\n"},
     "needs the key 'model' here: which of the recipe's networks is the one in ./m.st?",
     5},
    {{.runs = "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {ce: 1}}, "
              "b: {like: a, model: n, prune: {from: a, keep: 0.5}}}\n"},
     "'b' prunes the run 'a', whose model is 'm'; write `model: null`",
     5},
    /* budget */
    {{.rest = "budget: 3\n"}, "budget must be a map", 0},
    {{.rest = "budget: {parameters: 3}\n"}, "budget needs either model or run", 6},
    {{.rest = "budget: {model: m, run: a, parameters: 3}\n"}, "budget needs either model or run", 6},
    {{.rest = "budget: {run: c, parameters: 3}\n"}, "unknown run 'c'", 6},
    {{.rest = "budget: {model: m}\n"}, "budget needs a limit: parameters, mult_adds or both", 6},
    {{.rest = "budget: {model: m, mult_adds: 0}\n"}, "mult_adds must be at least 1", 6},
    {{.rest = "budget: {model: o, parameters: 3}\n"}, "unknown model 'o'", 6},
    {{.rest = "budget: {model: a, parameters: 3}\n"}, "'a' is a run, whose limit is said by `budget: {run: a", 6},
    {{.rest = "budget: {model: m, parameters: 0}\n"}, "parameters must be at least 1", 6},
};

/* Breaks when a mistake is accepted, told in other words, or without its place. */
static void test_mistakes_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        char text[4096], line[32];
        dcn_experiment *experiment = NULL;
        assemble(&mistakes[i].with, text, sizeof text);
        decant_status status = dcn_experiment_parse("t.yaml", text, strlen(text), NULL, 0, &experiment);
        if (status == DECANT_OK) fail_msg("accepted:\n%s", text);
        assert_null(experiment);
        if (decant_status_exit(status) != 2) fail_msg("exit status %d for:\n%s", decant_status_exit(status), text);
        if (strstr(decant_error_message(), mistakes[i].message) == NULL)
            fail_msg("'%s' does not say '%s' of:\n%s", decant_error_message(), mistakes[i].message, text);
        snprintf(line, sizeof line, "t.yaml:%d:", mistakes[i].line);
        if (mistakes[i].line > 0 && strncmp(decant_error_place(), line, strlen(line)) != 0)
            fail_msg("'%s' is placed at '%s', not in line %d of:\n%s", decant_error_message(), decant_error_place(),
                     mistakes[i].line, text);
    }
}

/* Breaks when a key of a loss goes nowhere, or into another term. */
static void test_every_key_of_the_losses_is_read(void **state)
{
    (void)state;
    static const char text[] =
        "decant: 1\nname: t\ndata: {source: mnist}\nmodels: {m: {zoo: mlp}}\n"
        "runs: {a: {model: m, epochs: 2, optimizer: adam, loss: {kd: {standardize: true}, bce: 3, logits: {center: "
        "true},\n"
        "  dkd: {alpha: 0.5, beta: 2, temperature: 3}, cosine: {student: s, teacher: t, match: avgpool},\n"
        "  hint: {weight: 7, student: u, teacher: v, regressor: [linear: 3]}}}}\n";
    dcn_experiment *experiment = parse_or_fail(text, NULL, 0);
    const dcn_term *terms = experiment->runs[0].terms;
    assert_true(terms[0].kind == DCN_TERM_KD && terms[0].standardize && terms[0].temperature == 4);
    assert_true(terms[1].kind == DCN_TERM_BCE && terms[1].weight == 3);
    assert_true(terms[2].kind == DCN_TERM_LOGITS && terms[2].center && terms[2].weight == 1);
    assert_true(terms[3].kind == DCN_TERM_DKD && terms[3].alpha == 0.5 && terms[3].beta == 2);
    assert_true(terms[3].temperature == 3);
    assert_true(terms[4].kind == DCN_TERM_COSINE && terms[4].match == DCN_MATCH_AVGPOOL);
    assert_string_equal(terms[4].student, "s");
    assert_string_equal(terms[4].teacher, "t");
    assert_true(terms[5].kind == DCN_TERM_HINT && terms[5].weight == 7 && terms[5].regressor != NULL);
    assert_string_equal(terms[5].student, "u");
    assert_true(experiment->runs[0].has_teacher_term);
    dcn_experiment_destroy(experiment);
}

/* Breaks when a default changes. */
static void test_defaults(void **state)
{
    (void)state;
    dcn_experiment *experiment = parse_pieces(&(pieces){0});
    const dcn_run_spec *run = &experiment->runs[0];
    assert_string_equal(experiment->name, "t");
    assert_string_equal(experiment->device, "cpu");
    assert_int_equal(experiment->threads, 0);
    assert_int_equal(experiment->data.source_kind, DCN_SOURCE_NAMED);
    assert_int_equal(experiment->data.normalize, DCN_NORMALIZE_TRAIN);
    assert_false(experiment->data.allow_overlap);
    assert_false(experiment->budget.of_model[0]);
    assert_int_equal(experiment->budget.run, DCN_NONE);
    assert_int_equal(run->batch, 64);
    assert_int_equal(run->n_seeds, 1);
    assert_int_equal(run->seeds[0], 0);
    assert_true(run->select_best);
    assert_false(run->drop_last);
    assert_int_equal(run->n_teachers, 0);
    assert_int_equal(run->optimizer.schedule.kind, DCN_SCHEDULE_CONSTANT);
    assert_true(run->optimizer.ema_decay == 0 && run->optimizer.max_norm == 0);
    assert_true(run->terms[0].weight == 1 && run->terms[0].label_smoothing == 0);
    assert_int_equal(experiment->models[1].hidden, 30);
    assert_int_equal(experiment->models[1].hidden_layers, 2);
    dcn_experiment_destroy(experiment);
}

/* Breaks when the last epoch is not what is kept without validation samples. */
static void test_selection_without_validation_is_the_last_epoch(void **state)
{
    (void)state;
    dcn_experiment *experiment = parse_pieces(&(pieces){.data = "data: {source: mnist}\n"});
    assert_false(experiment->runs[0].select_best);
    dcn_experiment_destroy(experiment);
}

/* Breaks when a setting is read into another one, or not at all. */
static void test_settings_arrive(void **state)
{
    (void)state;
    dcn_experiment *experiment = parse_pieces(&(pieces){
        .data = "data: {source: {format: cifar, path: d}, seed: 7, allow_overlap: true, "
                "normalize: {mean: [0.1, 0.2, 0.3], std: [1, 2, 3]}, "
                "augment: {shift: 2, crop: 4, flip: true, cutout: 8, mixup: 0.2}}\n",
        .runs =
            "runs: {a: {model: m, epochs: 3, batch: 128, drop_last: true, seed: 5, seeds: 3, select: last, ema: 0.99, "
            "clip_norm: 2, optimizer: {sgd: {lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 5e-4}}, "
            "schedule: {step: {milestones: [1, 2], gamma: 0.2, warmup: 0.5}}, augment: {}, teacher: ./t.safetensors, "
            "loss: {ce: {weight: 0.25, label_smoothing: 0.1}, kd: {weight: 0.75, temperature: 20}}}}\n",
        .rest = "budget: {model: n, parameters: 1000}\n"});
    const dcn_data_spec *data = &experiment->data;
    const dcn_run_spec *run = &experiment->runs[0];
    assert_int_equal(data->source_kind, DCN_SOURCE_CIFAR);
    assert_string_equal(data->source, "d");
    assert_int_equal(data->seed, 7);
    assert_true(data->allow_overlap);
    assert_int_equal(data->n_channels, 3);
    assert_true(data->mean[1] == 0.2f && data->std[2] == 3.0f);
    assert_int_equal(data->augment.shift, 2);
    assert_int_equal(data->augment.crop_padding, 4);
    assert_true(data->augment.flip);
    assert_int_equal(data->augment.cutout, 8);
    assert_true(data->augment.mixup == 0.2);
    assert_int_equal(run->augment.shift, 0);
    assert_int_equal(run->epochs, 3);
    assert_int_equal(run->batch, 128);
    assert_true(run->drop_last);
    assert_int_equal(run->n_seeds, 3);
    assert_int_equal(run->seeds[2], 7);
    assert_false(run->select_best);
    assert_true(run->optimizer.ema_decay == 0.99 && run->optimizer.max_norm == 2);
    assert_int_equal(run->optimizer.kind, DCN_OPTIMIZER_SGD);
    assert_true(run->optimizer.lr == 0.1 && run->optimizer.momentum == 0.9 && run->optimizer.weight_decay == 5e-4);
    assert_true(run->optimizer.nesterov);
    assert_int_equal(run->optimizer.schedule.n_milestones, 2);
    assert_int_equal(run->optimizer.schedule.milestones[1], 2);
    assert_true(run->optimizer.schedule.gamma == 0.2 && run->optimizer.schedule.warmup_epochs == 0.5);
    assert_string_equal(run->teachers[0].file, "./t.safetensors");
    assert_int_equal(run->n_terms, 2);
    assert_true(run->terms[0].weight == 0.25 && run->terms[0].label_smoothing == 0.1);
    assert_true(run->terms[1].weight == 0.75 && run->terms[1].temperature == 20);
    assert_true(run->has_teacher_term);
    assert_false(experiment->budget.of_model[0]);
    assert_true(experiment->budget.of_model[1]);
    assert_int_equal(experiment->budget.parameters, 1000);
    dcn_experiment_destroy(experiment);
}

/* The same of what a run can have only one of, and of the keys that only one format of data has. */
static void test_settings_of_every_kind_arrive(void **state)
{
    (void)state;
    dcn_experiment *experiment = parse_pieces(&(pieces){
        .top = "decant: 1\nname: t\ndevice: ref\nprecision: bf16\nteacher_cache: 3 MiB\nthreads: 2\n",
        .data = "data: {source: {format: csv, path: a.csv, target: y, test: 0.25, unlabelled: pool.csv, drop: [id], "
                "columns: {zip: category}}, validation: 12, seed: 6, normalize: none}\n",
        .models = "models: {m: {zoo: mlp, classes: 3, hidden: 9, hidden_layers: 1, dropout: 0.5, input_dropout: 0.2}, "
                  "r: {zoo: resnet18, channels: 1}}\n",
        .runs = "runs: {a: {model: m, epochs: 4, samples: 30, optimizer: {adam: {lr: 0.2, beta1: 0.7, beta2: 0.8, eps: "
                "1e-3, weight_decay: 0.1}}, schedule: {one_cycle: {pct_start: 0.4}}, loss: {ce: 1}, seeds: 2, "
                "precision: f32},\n"
                "b: {like: a, schedule: {cosine: {lr_min: 0.01, warmup: 2}}, teacher: {run: a, seeds: all}, "
                "ensemble: probabilities, loss: {kd: 1}, "
                "transfer: {leave_out: [2], labels: false}, correct_bias: {validation: {classes: [2]}}},\n"
                "c: {like: a, optimizer: {adamw: {lr: 0.3, beta1: 0.6, beta2: 0.5, eps: 1e-2, weight_decay: 0.2}}, "
                "schedule: {step: {every: 3}}, teacher: {run: a, seeds: 1}, loss: {kd: 1}, samples: 0, "
                "transfer: {unlabelled: only}},\n"
                "d: {like: a, init: b, transfer: {keep: 0, unlabelled: also}, teacher: a, loss: {kd: 1}},\n"
                "e: {like: a, prune: {from: ./m.safetensors, keep: 0.5, parameters: 70, mult_adds: 60, "
                "criterion: taylor, samples: 128, minimum: 0.3, weights: fresh}}}\n",
        .rest = "budget: {run: e, parameters: 80, mult_adds: 70}\n"});
    assert_string_equal(experiment->device, "ref");
    assert_int_equal(experiment->precision, DECANT_PRECISION_BF16);
    assert_true(experiment->teacher_cache == 3 << 20);
    assert_int_equal(experiment->threads, 2);

    const dcn_csv_options *csv = &experiment->data.csv;
    assert_string_equal(csv->path, "a.csv");
    assert_string_equal(csv->target, "y");
    assert_true(csv->test == 0.25 && csv->test_path == NULL);
    assert_string_equal(csv->unlabelled_path, "pool.csv");
    assert_int_equal(csv->n_choices, 2);
    assert_int_equal(csv->validation, 12);
    assert_int_equal(csv->seed, 6);
    for (int i = 0; i < 2; i++) {
        const bool dropped = strcmp(csv->choices[i].column, "id") == 0;
        assert_true(dropped || strcmp(csv->choices[i].column, "zip") == 0);
        assert_int_equal(csv->choices[i].kind, dropped ? DCN_COLUMN_DROPPED : DCN_COLUMN_CATEGORY);
    }
    assert_int_equal(experiment->data.validation, 12);
    assert_int_equal(experiment->data.normalize, DCN_NORMALIZE_NONE);

    const dcn_model_spec *models = experiment->models;
    assert_string_equal(models[0].zoo, "mlp");
    assert_int_equal(models[0].classes, 3);
    assert_int_equal(models[0].hidden, 9);
    assert_int_equal(models[0].hidden_layers, 1);
    assert_true(models[0].dropout == 0.5 && models[0].input_dropout == 0.2);
    assert_int_equal(models[1].channels, 1);

    const dcn_run_spec *a = &experiment->runs[0], *b = a + 1, *c = a + 2, *d = a + 3, *e = a + 4;
    assert_int_equal(a->samples, 30);
    assert_int_equal(a->precision, DECANT_PRECISION_F32);
    assert_int_equal(a->optimizer.kind, DCN_OPTIMIZER_ADAM);
    assert_true(a->optimizer.lr == 0.2 && a->optimizer.eps == 1e-3 && a->optimizer.weight_decay == 0.1);
    assert_true(a->optimizer.beta1 == 0.7 && a->optimizer.beta2 == 0.8);
    assert_int_equal(a->optimizer.schedule.kind, DCN_SCHEDULE_ONE_CYCLE);
    assert_true(a->optimizer.schedule.pct_start == 0.4);

    assert_int_equal(b->optimizer.schedule.kind, DCN_SCHEDULE_COSINE);
    assert_true(b->optimizer.schedule.lr_min == 0.01 && b->optimizer.schedule.warmup_epochs == 2);
    assert_int_equal(b->teachers[0].run, 0);
    assert_int_equal(b->teachers[0].seeds, DCN_TEACHER_ALL);
    assert_true(b->is_ensemble);
    assert_int_equal(b->average, DCN_AVERAGE_PROBABILITIES);
    assert_true(b->transfer.leave_out != NULL && b->transfer.keep == NULL && !b->transfer.labels);
    assert_int_equal(b->transfer.pool, DCN_POOL_NONE);
    assert_int_equal(b->correction.kind, DCN_CORRECT_VALIDATION);
    assert_true(b->correction.classes != NULL && !b->correction.each);

    assert_int_equal(c->optimizer.kind, DCN_OPTIMIZER_ADAMW);
    assert_true(c->optimizer.lr == 0.3 && c->optimizer.eps == 1e-2 && c->optimizer.weight_decay == 0.2);
    assert_true(c->optimizer.beta1 == 0.6 && c->optimizer.beta2 == 0.5);
    assert_int_equal(c->optimizer.schedule.every, 3);
    assert_int_equal(c->teachers[0].seeds, DCN_TEACHER_ONE);
    assert_int_equal(c->teachers[0].seed, 1);
    assert_false(c->is_ensemble);
    assert_int_equal(c->transfer.pool, DCN_POOL_ONLY);

    assert_int_equal(d->start.kind, DCN_START_INIT);
    assert_int_equal(d->start.run, 1);
    assert_true(d->transfer.keep != NULL && d->transfer.leave_out == NULL);
    assert_int_equal(d->transfer.pool, DCN_POOL_ALSO);
    assert_int_equal(e->start.kind, DCN_START_PRUNE);
    assert_string_equal(e->start.file, "./m.safetensors");
    assert_int_equal(e->start.prune.criterion, DECANT_CRITERION_TAYLOR);
    assert_int_equal(e->start.prune.parameters, 70);
    assert_int_equal(e->start.prune.mult_adds, 60);
    assert_int_equal(e->start.prune.samples, 128);
    assert_true(e->start.prune.keep == 0.5 && e->start.prune.minimum == 0.3 && e->start.fresh_weights);
    assert_int_equal(experiment->budget.run, 4);
    assert_int_equal(experiment->budget.parameters, 80);
    assert_int_equal(experiment->budget.mult_adds, 70);
    dcn_experiment_destroy(experiment);
}

static void test_settings_of_files_arrive(void **state)
{
    (void)state;
    dcn_experiment *experiment =
        parse_pieces(&(pieces){.data = "data: {source: {format: images, path: p, channels: 3, size: [20, 30], test: "
                                       "0.2}, seed: 8, unlabelled: 40}\n"});
    const dcn_files_options *files = &experiment->data.files;
    assert_int_equal(files->format, DCN_FILES_IMAGES);
    assert_string_equal(files->path, "p");
    assert_int_equal(files->channels, 3);
    assert_int_equal(files->height, 20);
    assert_int_equal(files->width, 30);
    assert_true(files->test == 0.2);
    assert_int_equal(files->seed, 8);
    assert_true(experiment->data.unlabelled == 40);
    dcn_experiment_destroy(experiment);

    static const char *const names[DCN_N_ARRAYS] = {"a", "b", "c", "d", "e"};
    experiment = parse_pieces(
        &(pieces){.data = "data: {source: {format: npz, path: n, layout: nhwc, arrays: {x_train: a, y_train: b, "
                          "x_test: c, y_test: d, x_unlabelled: e}}}\n"});
    files = &experiment->data.files;
    assert_int_equal(files->format, DCN_FILES_ARRAYS);
    assert_int_equal(files->axes, DCN_AXES_NHWC);
    for (int i = 0; i < DCN_N_ARRAYS; i++)
        assert_string_equal(files->names[i], names[i]);
    dcn_experiment_destroy(experiment);
}

/* Breaks when a run stands before its teacher, or the file's order is given up without need. */
static void test_runs_stand_after_their_teachers(void **state)
{
    (void)state;
    dcn_experiment *experiment =
        parse_pieces(&(pieces){.runs = "runs: {c: {like: a, teacher: b}, b: {like: a, teacher: a}, "
                                       "a: {model: m, epochs: 2, optimizer: adam, loss: {ce: 1}}, d: {like: a}}\n"});
    const char *const expected[] = {"a", "d", "b", "c"};
    for (int32_t i = 0; i < 4; i++)
        assert_string_equal(experiment->runs[experiment->order[i]].name, expected[i]);
    dcn_experiment_destroy(experiment);
}

/* Breaks when a run is measured against the wrong one. */
static void test_baselines(void **state)
{
    (void)state;
    dcn_experiment *experiment = parse_pieces(&(pieces){
        .runs = "runs: {t: {model: n, epochs: 2, optimizer: adam, loss: {ce: 1}}, "
                "a: {model: m, epochs: 2, optimizer: adam, loss: {ce: 1}}, "
                "like_it: {like: a, epochs: 3}, "
                "taught: {like: t, model: m, teacher: t, loss: {kd: 1}}, "
                "lonely: {model: n, teacher: ./x.safetensors, epochs: 2, optimizer: adam, loss: {kd: 1}}}\n"});
    const dcn_run_spec *runs = experiment->runs;
    assert_int_equal(dcn_experiment_baseline(experiment, 0), DCN_NONE);
    assert_int_equal(dcn_experiment_baseline(experiment, 1), DCN_NONE);
    assert_string_equal(runs[dcn_experiment_baseline(experiment, 2)].name, "a");
    assert_string_equal(runs[dcn_experiment_baseline(experiment, 3)].name, "a");
    assert_string_equal(runs[dcn_experiment_baseline(experiment, 4)].name, "t");
    dcn_experiment_destroy(experiment);
}

/* Breaks when a setting of what a run has from another is set alone, and the rest of it is lost. */
static void test_overrides_reach_what_is_inherited(void **state)
{
    (void)state;
    char text[4096];
    assemble(&(pieces){.data = "data: {source: mnist, validation: 10, augment: {shift: 2, flip: true}}\n",
                       .runs = "runs: {t: {model: n, epochs: 2, optimizer: adam, loss: {ce: 1}},\n"
                               "a.5: {model: m, epochs: 2, optimizer: adam, teacher: t, "
                               "loss: {ce: 0.25, kd: {weight: 0.75, temperature: 2}}, transfer: {leave_out: [1]}}, "
                               "b: {like: a.5}, c: {like: b}}\n"},
             text, sizeof text);
    const char *const overrides[] = {"runs.c.loss.kd.temperature=8", "runs.c.augment.flip=false",
                                     "runs.b.transfer.labels=false", "runs.a.5.epochs=7"};
    dcn_experiment *experiment = parse_or_fail(text, overrides, 4);
    const dcn_run_spec *a = &experiment->runs[1], *b = a + 1, *c = a + 2;
    assert_int_equal(a->epochs, 7);
    assert_int_equal(c->epochs, 7);
    assert_int_equal(c->n_terms, 2);
    assert_true(c->terms[0].weight == 0.25 && c->terms[1].weight == 0.75 && c->terms[1].temperature == 8);
    assert_true(a->terms[1].temperature == 2 && b->terms[1].temperature == 2);
    assert_true(c->augment.shift == 2 && !c->augment.flip && b->augment.flip);
    assert_true(b->transfer.leave_out != NULL && !b->transfer.labels && a->transfer.labels);
    dcn_experiment_destroy(experiment);
}

/* Breaks when -o is applied after the checks, or to a copy. */
static void test_overrides_come_before_the_checks(void **state)
{
    (void)state;
    char text[4096];
    assemble(&(pieces){.runs = "runs: {a: {model: m, epochs: 0, optimizer: adam, loss: {ce: 1}}, b: {like: a}}\n"},
             text, sizeof text);
    const char *const fixes[] = {"runs.a.epochs=7", "threads=3", "data.augment={shift: 1}", "models.m.1.linear=5"};
    dcn_experiment *experiment = parse_or_fail(text, fixes, 4);
    assert_int_equal(experiment->runs[0].epochs, 7);
    assert_int_equal(experiment->runs[1].epochs, 7); /* through like */
    assert_int_equal(experiment->threads, 3);
    assert_int_equal(experiment->data.augment.shift, 1);
    dcn_experiment_destroy(experiment);
}

/* Breaks when a malformed or unknown override is let pass. */
static void test_bad_overrides_are_told(void **state)
{
    (void)state;
    char text[4096];
    assemble(&(pieces){0}, text, sizeof text);
    static const struct {
        const char *override, *message, *place;
    } bad[] = {{"runs.a.epochs", "PATH=VALUE", ""},
               {"=3", "PATH=VALUE", ""},
               {"runs.a.epoch=3", "did you mean 'epochs'?", "-o runs.a.epoch"},
               {"runs.b.epochs=3", "unknown run 'b'", "-o"},
               {"runs.a.epochs=-3", "epochs must be at least 1", "-o runs.a.epochs"},
               {"name.x=3", "neither a map nor a list", "-o name.x"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        dcn_experiment *experiment = NULL;
        assert_int_equal(dcn_experiment_parse("t.yaml", text, strlen(text), &bad[i].override, 1, &experiment),
                         DECANT_USAGE);
        if (strstr(decant_error_message(), bad[i].message) == NULL) fail_msg("'%s'", decant_error_message());
        if (bad[i].place[0] != '\0') assert_string_equal(decant_error_place(), bad[i].place);
    }
}

/* Breaks when a recipe's defaults of an optimiser are others than the library's. */
static void test_defaults_of_optimizers_are_one(void **state)
{
    (void)state;
    static const char *const names[] = {"sgd", "adam", "adamw"};
    for (int kind = DCN_OPTIMIZER_SGD; kind <= DCN_OPTIMIZER_ADAMW; kind++) {
        char runs[128];
        snprintf(runs, sizeof runs, "runs: {a: {model: m, epochs: 2, optimizer: %s, loss: {ce: 1}}}\n", names[kind]);
        dcn_experiment *experiment = parse_pieces(&(pieces){.runs = runs});
        const dcn_optimizer *read = &experiment->runs[0].optimizer;
        const dcn_optimizer meant = dcn_optimizer_default((dcn_optimizer_kind)kind);
        assert_true(read->kind == meant.kind && read->lr == meant.lr && read->weight_decay == meant.weight_decay);
        assert_true(read->momentum == meant.momentum && read->nesterov == meant.nesterov);
        if (kind != DCN_OPTIMIZER_SGD)
            assert_true(read->beta1 == meant.beta1 && read->beta2 == meant.beta2 && read->eps == meant.eps);
        assert_true(read->max_norm == meant.max_norm && read->ema_decay == meant.ema_decay);
        assert_true(read->schedule.kind == meant.schedule.kind);
        dcn_experiment_destroy(experiment);
    }
}

/* Breaks when a recipe that comes with decant cannot be read, or is not in the list of them. */
static void test_our_own_recipes_are_good(void **state)
{
    (void)state;
    char **names = NULL, *list = NULL;
    uint8_t *text = NULL;
    size_t bytes = 0;
    int32_t count = 0, n_recipes = 0;
    assert_int_equal(dcn_directory_list(TEST_SOURCE_DIR "/../recipes", &names, &count), DECANT_OK);
    assert_int_equal(dcn_file_read(TEST_SOURCE_DIR "/../recipes/README.md", 1 << 20, &text, &bytes), DECANT_OK);
    assert_int_equal(dcn_new(bytes + 1, (void **)&list), DECANT_OK);
    memcpy(list, text, bytes);
    for (int32_t i = 0; i < count; i++) {
        char path[512];
        dcn_experiment *experiment = NULL;
        if (strstr(names[i], ".yaml") == NULL) continue;
        n_recipes++;
        snprintf(path, sizeof path, TEST_SOURCE_DIR "/../recipes/%s", names[i]);
        if (dcn_experiment_read(path, NULL, 0, &experiment) != DECANT_OK)
            fail_msg("%s: %s", decant_error_place(), decant_error_message());
        dcn_experiment_destroy(experiment);
        snprintf(path, sizeof path, "](%s)", names[i]);
        if (strstr(list, path) == NULL) fail_msg("recipes/README.md does not name %s", names[i]);
    }
    assert_true(n_recipes >= 1);
    dcn_names_free(names, count);
    dcn_free(text);
    dcn_free(list);
}

/* Breaks when a failed allocation leaks, crashes or is swallowed. */
static void test_memory_failures_are_told(void **state)
{
    (void)state;
    char text[4096];
    assemble(&(pieces){0}, text, sizeof text);
    for (int64_t nth = 1;; nth++) {
        dcn_experiment *experiment = NULL;
        dcn_memory_fail_nth(nth);
        decant_status status = dcn_experiment_parse("t.yaml", text, strlen(text), NULL, 0, &experiment);
        dcn_memory_fail_nth(0);
        if (status == DECANT_OK) {
            dcn_experiment_destroy(experiment);
            assert_true(nth > 3);
            break;
        }
        assert_int_equal(status, DECANT_NO_MEMORY);
        assert_null(experiment);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes_are_told),
        cmocka_unit_test(test_every_key_of_the_losses_is_read),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_selection_without_validation_is_the_last_epoch),
        cmocka_unit_test(test_settings_arrive),
        cmocka_unit_test(test_settings_of_every_kind_arrive),
        cmocka_unit_test(test_settings_of_files_arrive),
        cmocka_unit_test(test_runs_stand_after_their_teachers),
        cmocka_unit_test(test_baselines),
        cmocka_unit_test(test_overrides_reach_what_is_inherited),
        cmocka_unit_test(test_overrides_come_before_the_checks),
        cmocka_unit_test(test_bad_overrides_are_told),
        cmocka_unit_test(test_defaults_of_optimizers_are_one),
        cmocka_unit_test(test_our_own_recipes_are_good),
        cmocka_unit_test(test_memory_failures_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
