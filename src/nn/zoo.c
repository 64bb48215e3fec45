/* The zoo: names -> data files (the YAML files in zoo/) with their variables filled in. What a network is stands in its
 * file; here is only the table. */
#include "nn/zoo.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "nn/layers.h"
#include "nn/zoo_data.h"
#include "tensor/shape.h"

#define MAX_VARIABLES   8
#define VALUE_TEXT      32
#define DEFAULT_CLASSES 10

typedef struct variable {
    const char *name;
    char value[VALUE_TEXT];
} variable;

typedef struct variable_list {
    variable item[MAX_VARIABLES];
    int32_t count;
} variable_list;

/* A row of the zoo. A family's name has numbers in it and is read by `match`. */
typedef struct zoo_entry {
    const char *name; /* "resnet18", or how a family is written: "wrn-DEPTH-WIDTH" */
    const char *file; /* data file */
    int64_t more[4];  /* ResNets: blocks of each stage beyond its first */
    bool (*match)(const char *name, variable_list *variables); /* families only */
    const char *doc;
} zoo_entry;

static void set_int(variable_list *variables, const char *name, int64_t value)
{
    variable *slot = &variables->item[variables->count++];
    slot->name = name;
    (void)dcn_format(slot->value, VALUE_TEXT, "%lld", (long long)value);
}

static void set_double(variable_list *variables, const char *name, double value)
{
    variable *slot = &variables->item[variables->count++];
    slot->name = name;
    (void)dcn_format(slot->value, VALUE_TEXT, "%.9g", value);
}

/* Reads a number of one to four digits at *text and moves past it; 0 when there is none. */
static int64_t take_number(const char **text)
{
    int64_t number = 0;
    for (int digits = 0; digits < 4 && **text >= '0' && **text <= '9'; digits++)
        number = number * 10 + (*(*text)++ - '0');
    return number;
}

/* resnet20, 32, 44, 56, 110, ...: 6n + 2 layers. */
static bool match_cifar_resnet(const char *name, variable_list *variables)
{
    if (strncmp(name, "resnet", 6) != 0) return false;
    name += 6;
    int64_t depth = take_number(&name);
    if (*name || depth < 8 || (depth - 2) % 6 != 0) return false;
    set_int(variables, "more", (depth - 2) / 6 - 1);
    return true;
}

/* wrn-16-2, wrn-28-10, ...: 6n + 4 layers, width factor of at least 2. */
static bool match_wrn(const char *name, variable_list *variables)
{
    static const char *const width_names[] = {"width1", "width2", "width3"};
    if (strncmp(name, "wrn-", 4) != 0) return false;
    name += 4;
    int64_t depth = take_number(&name);
    if (*name++ != '-') return false;
    int64_t width = take_number(&name);
    if (*name || depth < 10 || (depth - 4) % 6 != 0 || width < 2) return false;
    set_int(variables, "more", (depth - 4) / 6 - 1);
    for (int i = 0; i < 3; i++)
        set_int(variables, width_names[i], (INT64_C(16) << i) * width);
    return true;
}

static const zoo_entry entries[] = {
    {"deepnn", "deepnn", {0}, NULL, "the teacher of the PyTorch distillation tutorial"},
    {"lightnn", "lightnn", {0}, NULL, "the student of the PyTorch distillation tutorial"},
    {"mlp",
     "mlp",
     {0},
     NULL,
     "perceptron with `hidden_layers` layers of `hidden` units, ReLU, and dropout if asked for"},
    {"fashion-1", "fashion-1", {0}, NULL, "one convolution of 48 channels, 95,530 parameters on 3x28x28"},
    {"fashion-2",
     "fashion-2",
     {0},
     NULL,
     "three convolutions of 32 channels, dropout before both linear layers, 95,386 parameters on 3x28x28"},
    {"fashion-3", "fashion-3", {0}, NULL, "the same with dropout before the first linear layer only"},
    {"resnet18", "resnet-basic", {1, 1, 1, 1}, NULL, "torchvision's ResNet-18"},
    {"resnet34", "resnet-basic", {2, 3, 5, 2}, NULL, "torchvision's ResNet-34"},
    {"resnet50", "resnet-bottleneck", {2, 3, 5, 2}, NULL, "torchvision's ResNet-50"},
    {"resnet20",
     "resnet-cifar",
     {0},
     match_cifar_resnet,
     "He et al.'s ResNet for CIFAR, 269,722 parameters; any depth of 6n + 2 is known (`resnet110`)"},
    {"resnet32", "resnet-cifar", {0}, match_cifar_resnet, "the same, 464,154 parameters"},
    {"resnet44", "resnet-cifar", {0}, match_cifar_resnet, "the same, 658,586 parameters"},
    {"resnet56", "resnet-cifar", {0}, match_cifar_resnet, "the same, 853,018 parameters"},
    {"wrn-16-2",
     "wrn",
     {0},
     match_wrn,
     "wide ResNet of Zagoruyko and Komodakis, 691,674 parameters; any `wrn-DEPTH-WIDTH` with a depth of 6n + 4 and a "
     "width of at least 2 is known"},
    {"wrn-28-2", "wrn", {0}, match_wrn, "the same, deeper"},
    {"wrn-40-2", "wrn", {0}, match_wrn, "the same, 2,243,546 parameters"},
};

int32_t dcn_zoo_count(void)
{
    return (int32_t)DCN_COUNT(entries);
}

const char *dcn_zoo_doc(int32_t index)
{
    return entries[index].doc;
}

const char *dcn_zoo_name(int32_t index)
{
    return entries[index].name;
}

/* Exact names first, so that resnet50 is torchvision's; then any member of a family (resnet110, wrn-22-4). */
static decant_status find_entry(const char *name, variable_list *variables, const zoo_entry **ret_entry)
{
    const char *names[DCN_COUNT(entries)];
    for (size_t i = 0; i < DCN_COUNT(entries); i++) {
        names[i] = entries[i].name;
        if (strcmp(entries[i].name, name) != 0) continue;
        if (entries[i].match) entries[i].match(name, variables);
        *ret_entry = &entries[i];
        return DECANT_OK;
    }
    for (size_t i = 0; i < DCN_COUNT(entries); i++) {
        if (!entries[i].match || !entries[i].match(name, variables)) continue;
        *ret_entry = &entries[i];
        return DECANT_OK;
    }
    const char *nearest = dcn_nearest(name, names, DCN_COUNT(names));
    if (nearest) return DCN_FAIL(NOT_FOUND, "the zoo has no \"%s\"; did you mean \"%s\"?", name, nearest);
    return DCN_FAIL(NOT_FOUND,
                    "the zoo has no \"%s\"; it has deepnn, lightnn, mlp, fashion-1..3, resnet18/34/50, "
                    "resnet20/32/44/56 and wrn-DEPTH-WIDTH",
                    name);
}

static void set_variables(const zoo_entry *entry, const dcn_zoo_options *options, variable_list *variables)
{
    set_int(variables, "classes", options->classes > 0 ? options->classes : DEFAULT_CLASSES);
    if (strcmp(entry->file, "mlp") == 0) {
        set_int(variables, "hidden", options->hidden > 0 ? options->hidden : 1200);
        set_int(variables, "hidden_layers", options->hidden_layers > 0 ? options->hidden_layers : 2);
        set_int(variables, "has_dropout", options->dropout > 0.0);
        set_double(variables, "dropout", options->dropout);
        set_int(variables, "has_input_dropout", options->input_dropout > 0.0);
        set_double(variables, "input_dropout", options->input_dropout);
    } else if (strncmp(entry->file, "resnet-b", 8) == 0) {
        static const char *const more_names[] = {"more1", "more2", "more3", "more4"};
        for (int i = 0; i < 4; i++)
            set_int(variables, more_names[i], entry->more[i]);
    }
}

/* Writes the data file's text with each ${name} replaced. */
static decant_status fill_in(const char *text, const variable_list *variables, dcn_text *filled)
{
    for (const char *start; (start = strstr(text, "${")); text = strchr(start, '}') + 1) {
        const size_t length = strcspn(start + 2, "}");
        int32_t i = 0;
        while (i < variables->count &&
               (strlen(variables->item[i].name) != length || strncmp(variables->item[i].name, start + 2, length) != 0))
            i++;
        if (i == variables->count)
            return DCN_FAIL(INTERNAL, "a zoo file uses the unknown variable %.*s", (int)length, start + 2);
        TRY_RETURN(dcn_text_add_bytes(filled, text, (size_t)(start - text)));
        TRY_RETURN(dcn_text_add(filled, "%s", variables->item[i].value));
    }
    return dcn_text_add(filled, "%s", text);
}

static const char *find_text(const char *file)
{
    for (int i = 0; i < dcn_zoo_text_count; i++)
        if (strcmp(dcn_zoo_texts[i].name, file) == 0) return dcn_zoo_texts[i].text;
    return NULL;
}

/* The input of the network: the sample's size, but the wanted number of channels. */
static decant_status choose_input(const dcn_doc *doc, const dcn_zoo_options *options, decant_shape *ret_own,
                                  decant_shape *ret_sample)
{
    const dcn_doc *input = dcn_doc_get(doc, "input");
    decant_shape own = {.rank = input->count};
    for (int32_t i = 0; i < input->count; i++)
        TRY_RETURN(dcn_doc_int(input->items[i], "input", 1, 1 << 20, &own.dim[i]));
    if (options->channels > 0) own.dim[0] = options->channels;
    if (!options->sample) {
        *ret_own = *ret_sample = own;
        return DECANT_OK;
    }
    *ret_sample = *ret_own = *options->sample;
    if (options->channels == 0) return DECANT_OK;
    if (ret_own->rank != 3)
        return DCN_FAIL(SHAPE, "channels: %lld makes no sense for data without channels", (long long)options->channels);
    ret_own->dim[0] = options->channels;
    if (ret_sample->dim[0] != ret_own->dim[0] && ret_sample->dim[0] != 1)
        return DCN_FAIL(SHAPE, "the data has %lld channels, which cannot be given to a network of %lld",
                        (long long)ret_sample->dim[0], (long long)ret_own->dim[0]);
    return DECANT_OK;
}

/* Puts `repeat_channels: N` in front of the layers when a grey image goes into a colour network. */
static decant_status prepend_repeat(dcn_arena *arena, dcn_doc *layers, int64_t times)
{
    char text[64];
    dcn_doc *repeat, **items;
    TRY_RETURN(dcn_format(text, sizeof text, "repeat_channels: {times: %lld, name: colour}", (long long)times));
    TRY_RETURN(dcn_doc_parse(arena, "zoo", text, strlen(text), &repeat));
    TRY_RETURN(dcn_arena_take(arena, (size_t)(layers->count + 1) * sizeof *items, (void **)&items));
    items[0] = repeat;
    memcpy(items + 1, layers->items, (size_t)layers->count * sizeof *items);
    layers->items = items;
    layers->count++;
    return DECANT_OK;
}

static dcn_init init_of(const dcn_doc *doc)
{
    const dcn_doc *init = dcn_doc_get(doc, "init");
    if (!init) return DCN_INIT_DEFAULT;
    return strcmp(init->text, "kaiming_fan_out") == 0 ? DCN_INIT_KAIMING_FAN_OUT : DCN_INIT_KAIMING_FAN_IN;
}

decant_status dcn_zoo_build(const char *name, const dcn_zoo_options *options, dcn_graph **ret_graph)
{
    dcn_arena *arena = NULL;
    dcn_text filled = {0};
    variable_list variables = {0};
    const zoo_entry *entry;
    decant_shape own, sample;
    dcn_doc *doc;
    decant_status status = find_entry(name, &variables, &entry);
    if (status != DECANT_OK) return status;
    set_variables(entry, options, &variables);

    TRY(dcn_arena_create(&arena));
    TRY(fill_in(find_text(entry->file), &variables, &filled));
    TRY(dcn_doc_parse(arena, name, filled.data, filled.length, &doc));
    TRY(choose_input(doc, options, &own, &sample));
    dcn_doc *layers = dcn_doc_get(doc, "layers");
    if (own.rank == 3 && own.dim[0] != sample.dim[0]) TRY(prepend_repeat(arena, layers, own.dim[0]));
    TRY(dcn_layers_build(layers, &sample, ret_graph));
    (*ret_graph)->init = (int32_t)init_of(doc);
out:
    dcn_text_finish(&filled);
    dcn_arena_destroy(arena);
    if (status != DECANT_OK) dcn_while("building zoo model %s", name);
    return status;
}
