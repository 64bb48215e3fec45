/* Writes docs/recipes.md from the schema, the layer kinds and the zoo, so that the page cannot say what the program
 * does not do. */
#include <string.h>

#include "nn/layers.h"
#include "nn/zoo.h"
#include "recipe/schema.h"

static const char *const introductions[] = {
#define SECTION(id, path, introduction) introduction,
#define KEY(section, name, type, shape, default_text, range, doc)
#include "recipe/schema.def"
};

static const char opening[] =
    "# Recipes\n"
    "\n"
    "<!-- Made by `decant lint --schema-docs` from src/recipe/schema.def; a test holds this page to it. -->\n"
    "\n"
    "A recipe is a YAML file that says what to train. Unknown keys are errors, and `decant lint RECIPE` finds what can "
    "be\n"
    "known to be wrong before anything is trained. `-o runs.alone.epochs=1` overrides any key from the command line.\n"
    "\n"
    "```yaml\n";

/* Parts of the page, which tests/recipe/test_schema.c reads back. */
#define EXAMPLE                                                                                                        \
    "decant: 1\n"                                                                                                      \
    "name: fashion-students\n"                                                                                         \
    "data:\n"                                                                                                          \
    "  source: fashion-mnist\n"                                                                                        \
    "  validation: 5000          # from the training part; the test part is read once, at the end\n"                   \
    "  augment: {shift: 2, flip: true}\n"                                                                              \
    "models:\n"                                                                                                        \
    "  teacher: {zoo: resnet20}\n"                                                                                     \
    "  student:\n"                                                                                                     \
    "    - conv: {channels: 16, kernel: 3, padding: 1, bias: false}\n"                                                 \
    "    - batchnorm\n"                                                                                                \
    "    - relu\n"                                                                                                     \
    "    - maxpool: 2\n"                                                                                               \
    "    - flatten\n"                                                                                                  \
    "    - dropout: 0.5\n"                                                                                             \
    "    - linear: 10\n"                                                                                               \
    "runs:\n"                                                                                                          \
    "  teacher:\n"                                                                                                     \
    "    model: teacher\n"                                                                                             \
    "    epochs: 10\n"                                                                                                 \
    "    optimizer: {sgd: {lr: 0.1, momentum: 0.9}}\n"                                                                 \
    "    schedule: cosine\n"                                                                                           \
    "    loss: {ce: 1}\n"                                                                                              \
    "  alone:\n"                                                                                                       \
    "    model: student\n"                                                                                             \
    "    epochs: 10\n"                                                                                                 \
    "    optimizer: adam\n"                                                                                            \
    "    loss: {ce: 1}\n"                                                                                              \
    "    seeds: 3\n"                                                                                                   \
    "  distilled:\n"                                                                                                   \
    "    like: alone             # the same but for what follows\n"                                                    \
    "    teacher: teacher\n"                                                                                           \
    "    loss:\n"                                                                                                      \
    "      ce: 0.25\n"                                                                                                 \
    "      kd: {weight: 0.75, temperature: 4}\n"
#define EXAMPLE_END "budget: {model: student, parameters: 100000}\n"

static const char more_runs[] =
    "  hinted:                   # a layer's output beside the logits; `decant summary` tells what layers are called\n"
    "    like: alone\n"
    "    teacher: teacher\n"
    "    loss: {ce: 0.5, hint: {weight: 0.5, student: '3', teacher: layer2}}\n"
    "  from-two:                 # an ensemble: its answers are averaged; {run: teacher, seeds: all} is one, too\n"
    "    like: distilled\n"
    "    teacher: [teacher, ./another/model.safetensors]\n"
    "  no-sandals:               # a class is left out of the transfer set, and its bias set right afterwards\n"
    "    like: distilled\n"
    "    transfer: {leave_out: [5]}\n"
    "    correct_bias: {validation: {classes: [5]}}\n"
    "  thinner:                  # half of the trained teacher, trained on under its eyes\n"
    "    like: distilled\n"
    "    model: teacher\n"
    "    prune: {from: teacher, keep: 0.5}\n"
    "  longer:                   # goes on from the weights of another run\n"
    "    like: distilled\n"
    "    init: distilled\n"
    "    epochs: 20\n";

static const char *const sources[] = {
    "{format: images, path: photos, size: 64, test: 0.2}",
    "{format: csv, path: customers.csv, target: satisfied, test: 0.2, drop: [id]}",
    "{format: npz, path: arrays.npz, test: 0.2}",
    NULL,
};

const char *dcn_schema_example(void)
{
    return EXAMPLE EXAMPLE_END;
}

const char *dcn_schema_runs(void)
{
    return more_runs;
}

const char *const *dcn_schema_sources(void)
{
    return sources;
}

static const char again[] =
    "\n## Running again\n"
    "\n"
    "A run that is finished and unchanged is not made again. One that was interrupted goes on from its\n"
    "checkpoint, which is written every epoch and every minute, and ends in the same bits. What counts is what\n"
    "decides the result or stands in the model's file: the data with the names of classes and columns, the\n"
    "network, the teacher's file, every setting of training, the seed. Comments, the order of keys, names of\n"
    "models and `threads` do not count. A finished run of which something has changed is refused, with what it\n"
    "is; `--force` makes it anew (and then its students, which had another teacher). So 20 epochs instead of 10\n"
    "begin at the first: the learning rate would have taken another course. `init: RUN` in a run of its own\n"
    "trains on from what was learnt. Another `--dir` keeps both.\n";

static const char *type_text(const dcn_key *key)
{
    switch (key->type) {
    case DCN_KEY_INT:
        return "whole number";
    case DCN_KEY_NUMBER:
        return "number";
    case DCN_KEY_BOOL:
        return "true or false";
    case DCN_KEY_TEXT:
        return key->shape[0] != '\0' ? key->shape : "text";
    case DCN_KEY_CHOICE:
    case DCN_KEY_NODE:
        break;
    }
    return key->shape;
}

static decant_status add_type(const dcn_key *key, dcn_text *text)
{
    const char *type = type_text(key);
    if (key->type != DCN_KEY_CHOICE) return dcn_text_add(text, "%s", type);
    for (; *type != '\0'; type++) {
        if (*type == '|')
            TRY_RETURN(dcn_text_add(text, " or "));
        else
            TRY_RETURN(dcn_text_add(text, "%c", *type));
    }
    return DECANT_OK;
}

static decant_status add_key(const dcn_key *key, dcn_text *text)
{
    TRY_RETURN(dcn_text_add(text, "| `%s` | ", key->name));
    TRY_RETURN(add_type(key, text));
    if (key->range[0] != '\0') TRY_RETURN(dcn_text_add(text, " in %s", key->range));
    if (key->default_text == NULL)
        TRY_RETURN(dcn_text_add(text, " | - | "));
    else if (strcmp(key->default_text, DCN_KEY_REQUIRED) == 0)
        TRY_RETURN(dcn_text_add(text, " | required | "));
    else
        TRY_RETURN(dcn_text_add(text, " | `%s` | ", key->default_text));
    return dcn_text_add(text, "%s |\n", key->doc);
}

static decant_status add_section(dcn_section section, dcn_text *text)
{
    const char *path = dcn_schema_path(section);
    if (path[0] == '\0')
        TRY_RETURN(dcn_text_add(text, "\n## The file\n"));
    else
        TRY_RETURN(dcn_text_add(text, "\n## `%s`\n", path));
    TRY_RETURN(
        dcn_text_add(text, "\n%s\n\n| key | value | default | meaning |\n|---|---|---|---|\n", introductions[section]));
    for (int32_t i = 0; i < dcn_schema_key_count(); i++) {
        const dcn_key *key = dcn_schema_key_at(i);
        if (key->section == section) TRY_RETURN(add_key(key, text));
    }
    return DECANT_OK;
}

static decant_status add_layers(dcn_text *text)
{
    TRY_RETURN(dcn_text_add(text, "\n## Layers\n\n"
                                  "A model may be a list of layers, each a word (`relu`), a word with its main value "
                                  "(`maxpool: 2`) or a word with a\n"
                                  "map (`conv: {channels: 16, kernel: 3}`). Every layer may have a `name`; without one "
                                  "it gets its position, as in\n"
                                  "PyTorch's `nn.Sequential`. Sizes are one number or `[height, width]`.\n\n"
                                  "| layer | keys | bare value | meaning |\n|---|---|---|---|\n"));
    for (int32_t i = 0; i < dcn_layers_count(); i++) {
        const char *bare = NULL;
        const char *const *names = dcn_layers_keys(i, &bare);
        TRY_RETURN(dcn_text_add(text, "| `%s` | ", dcn_layers_name(i)));
        for (int32_t k = 0; names[k] != NULL; k++)
            TRY_RETURN(dcn_text_add(text, "%s`%s`", k > 0 ? ", " : "", names[k]));
        if (bare != NULL)
            TRY_RETURN(dcn_text_add(text, " | `%s`", bare));
        else
            TRY_RETURN(dcn_text_add(text, " | -"));
        TRY_RETURN(dcn_text_add(text, " | %s |\n", dcn_layers_doc(i)));
    }
    return DECANT_OK;
}

static decant_status add_zoo(dcn_text *text)
{
    TRY_RETURN(dcn_text_add(text, "\n## Networks by name\n\n`decant summary zoo:NAME` shows each of them.\n\n"));
    for (int32_t i = 0; i < dcn_zoo_count(); i++)
        TRY_RETURN(dcn_text_add(text, "- `%s`: %s\n", dcn_zoo_name(i), dcn_zoo_doc(i)));
    return DECANT_OK;
}

decant_status dcn_schema_docs(dcn_text *text)
{
    TRY_RETURN(dcn_text_add(text, "%s%s%s```\n\nMore runs of this recipe:\n\n```yaml\n%s```\n\n", opening, EXAMPLE,
                            EXAMPLE_END, more_runs));
    TRY_RETURN(dcn_text_add(text, "And data of your own, as its `source`:\n\n```yaml\n"));
    for (int32_t i = 0; sources[i] != NULL; i++)
        TRY_RETURN(dcn_text_add(text, "source: %s\n", sources[i]));
    TRY_RETURN(dcn_text_add(text, "```\n%s", again));
    for (dcn_section section = 0; section < DCN_SECTION_COUNT; section++)
        TRY_RETURN(add_section(section, text));
    TRY_RETURN(add_layers(text));
    return add_zoo(text);
}
