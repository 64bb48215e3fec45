/* Layer lists -> graphs. One row a layer kind: its keys, the key that a bare value stands for, and the function that
 * builds it. Names: an unnamed layer gets its position in its list, as in nn.Sequential; containers put "NAME." in
 * front of what they hold. */
#include "nn/layers.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tensor/shape.h"

#define MAX_KEYS     10
#define MAX_NAME     256
#define MAX_SIZE     (1 << 20) /* channels, features, kernel sides: beyond this is a typing error */
#define MAX_REPEAT   1024
#define MAX_NODES    4096            /* nested repeats multiply, and every new name is compared with all before it */
#define MAX_LAYERS   (4 * MAX_NODES) /* built or looked into: a `repeat` of 0 times adds no node, but takes its time */
#define MAX_BRANCHES DCN_MAX_INPUTS

typedef struct layer_kind layer_kind;

/* A network being built. */
typedef struct network_builder {
    dcn_graph *graph;
    int32_t n_layers; /* begun so far */
} network_builder;

/* What stands in front of a layer's name: of one that the list gives, and of its number. */
typedef struct name_prefix {
    const char *named, *numbered;
} name_prefix;

/* One layer being built. */
typedef struct layer_spec {
    network_builder *network;
    dcn_graph *graph; /* the network's */
    const layer_kind *kind;
    const dcn_doc *doc;   /* the item of the list, for places */
    const dcn_doc *value; /* what stands behind the kind: NULL, a scalar or list (the bare key), or a map */
    char name[MAX_NAME];  /* full path */
} layer_spec;

struct layer_kind {
    const char *name;
    decant_op op;               /* for build_plain */
    const char *bare;           /* key that a bare value stands for; NULL: none allowed */
    const char *keys[MAX_KEYS]; /* besides "name" */
    decant_status (*build)(const layer_spec *layer, dcn_value_id x, dcn_value_id *ret_y);
    const char *doc; /* a sentence or two for docs/recipes.md */
};

static decant_status build_list(network_builder *network, const dcn_doc *list, name_prefix prefix, dcn_value_id x,
                                dcn_value_id *ret_y);

/* --- reading keys --- */

static const dcn_doc *key_of(const layer_spec *layer, const char *key)
{
    if (!layer->value) return NULL;
    if (layer->value->type == DCN_DOC_MAP) return dcn_doc_get(layer->value, key);
    return layer->kind->bare && strcmp(layer->kind->bare, key) == 0 ? layer->value : NULL;
}

static decant_status missing(const layer_spec *layer, const char *key)
{
    return dcn_doc_fail(layer->doc, DECANT_USAGE, "%s needs \"%s\"", layer->kind->name, key);
}

/* Leaves *value alone (its default) when the key is absent. */
static decant_status get_int(const layer_spec *layer, const char *key, int64_t minimum, int64_t *value)
{
    const dcn_doc *doc = key_of(layer, key);
    return doc ? dcn_doc_int(doc, key, minimum, MAX_SIZE, value) : DECANT_OK;
}

static decant_status need_int(const layer_spec *layer, const char *key, int64_t minimum, int64_t *value)
{
    return key_of(layer, key) ? get_int(layer, key, minimum, value) : missing(layer, key);
}

static decant_status get_bool(const layer_spec *layer, const char *key, bool *value)
{
    const dcn_doc *doc = key_of(layer, key);
    return doc ? dcn_doc_bool(doc, key, value) : DECANT_OK;
}

/* A number for both, or [height, width]. */
static decant_status get_pair(const layer_spec *layer, const char *key, int64_t minimum, int64_t pair[2])
{
    const dcn_doc *doc = key_of(layer, key);
    if (!doc) return DECANT_OK;
    if (doc->type != DCN_DOC_LIST) {
        TRY_RETURN(dcn_doc_int(doc, key, minimum, MAX_SIZE, &pair[0]));
        pair[1] = pair[0];
        return DECANT_OK;
    }
    if (doc->count != 2) return dcn_doc_fail(doc, DECANT_USAGE, "\"%s\" wants one number or [height, width]", key);
    for (int32_t i = 0; i < 2; i++)
        TRY_RETURN(dcn_doc_int(doc->items[i], key, minimum, MAX_SIZE, &pair[i]));
    return DECANT_OK;
}

/* Gives a failure of the graph the place of the layer that caused it. */
static decant_status at(const layer_spec *layer, decant_status status)
{
    if (status != DECANT_OK && layer->doc->line > 0)
        dcn_place("%s:%d:%d", layer->doc->file, layer->doc->line, layer->doc->column);
    return status;
}

/* --- plain layers --- */

static decant_status build_plain(const layer_spec *layer, dcn_value_id x, dcn_value_id *ret_y)
{
    return at(layer, dcn_build_simple(layer->graph, layer->kind->op, layer->name, NULL, &x, 1, ret_y));
}

static decant_status build_conv(const layer_spec *layer, dcn_value_id x, dcn_value_id *ret_y)
{
    dcn_conv_attrs conv = dcn_conv_default(1, 1);
    TRY_RETURN(need_int(layer, "channels", 1, &conv.channels));
    if (!key_of(layer, "kernel")) return missing(layer, "kernel");
    TRY_RETURN(get_pair(layer, "kernel", 1, conv.kernel));
    TRY_RETURN(get_pair(layer, "stride", 1, conv.stride));
    TRY_RETURN(get_pair(layer, "padding", 0, conv.padding));
    TRY_RETURN(get_pair(layer, "dilation", 1, conv.dilation));
    TRY_RETURN(get_int(layer, "groups", 1, &conv.groups));
    TRY_RETURN(get_bool(layer, "bias", &conv.bias));
    return at(layer, dcn_build_conv2d(layer->graph, layer->name, x, &conv, ret_y));
}

/* A convolution that sees each channel alone. */
static decant_status build_depthwise(const layer_spec *layer, dcn_value_id x, dcn_value_id *ret_y)
{
    const decant_shape *shape = &layer->graph->values[x].shape;
    if (shape->rank != 4) return dcn_doc_fail(layer->doc, DECANT_SHAPE, "depthwise wants an image, not flat features");
    dcn_conv_attrs conv = dcn_conv_default(shape->dim[1], 1);
    conv.groups = shape->dim[1];
    if (!key_of(layer, "kernel")) return missing(layer, "kernel");
    TRY_RETURN(get_pair(layer, "kernel", 1, conv.kernel));
    TRY_RETURN(get_pair(layer, "stride", 1, conv.stride));
    TRY_RETURN(get_pair(layer, "padding", 0, conv.padding));
    TRY_RETURN(get_pair(layer, "dilation", 1, conv.dilation));
    TRY_RETURN(get_bool(layer, "bias", &conv.bias));
    return at(layer, dcn_build_conv2d(layer->graph, layer->name, x, &conv, ret_y));
}

/* The first factor of a weight matrix that is trained as the product of two (Ba & Caruana 2014), "NAME.bottleneck":
 * without a bias, which the second has, and marked to be multiplied into it for deployment unless the factors stay. */
static decant_status build_bottleneck(const layer_spec *layer, dcn_value_id x, dcn_value_id *ret_y)
{
    int64_t rank = 0;
    bool keep = false;
    char name[MAX_NAME];
    TRY_RETURN(get_int(layer, "bottleneck", 1, &rank));
    TRY_RETURN(get_bool(layer, "keep", &keep));
    if (rank == 0 && key_of(layer, "keep"))
        return dcn_doc_fail(key_of(layer, "keep"), DECANT_USAGE, "keep says what becomes of a bottleneck; add one");
    if (rank == 0) return DECANT_OK;
    TRY_RETURN(dcn_format(name, sizeof name, "%s.bottleneck", layer->name));
    TRY_RETURN(at(layer, dcn_build_linear(layer->graph, name, x, rank, false, ret_y)));
    layer->graph->nodes[layer->graph->n_nodes - 1].attrs.linear.folds = !keep;
    return DECANT_OK;
}

static decant_status build_linear(const layer_spec *layer, dcn_value_id x, dcn_value_id *ret_y)
{
    int64_t features;
    bool bias = true;
    TRY_RETURN(need_int(layer, "features", 1, &features));
    TRY_RETURN(get_bool(layer, "bias", &bias));
    TRY_RETURN(build_bottleneck(layer, x, &x));
    return at(layer, dcn_build_linear(layer->graph, layer->name, x, features, bias, ret_y));
}

static decant_status build_batchnorm(const layer_spec *layer, dcn_value_id x, dcn_value_id *ret_y)
{
    double eps = 1e-5, momentum = 0.1;
    const dcn_doc *doc = key_of(layer, "eps");
    if (doc) TRY_RETURN(dcn_doc_double(doc, "eps", 1e-12, 1.0, &eps));
    doc = key_of(layer, "momentum");
    if (doc) TRY_RETURN(dcn_doc_double(doc, "momentum", 0.0, 1.0, &momentum));
    return at(layer, dcn_build_batchnorm(layer->graph, layer->name, x, eps, momentum, ret_y));
}

static decant_status build_pool(const layer_spec *layer, dcn_value_id x, dcn_value_id *ret_y)
{
    decant_op_attrs attrs = {.pool = dcn_pool_default(2)};
    if (!key_of(layer, "kernel")) return missing(layer, "kernel");
    TRY_RETURN(get_pair(layer, "kernel", 1, attrs.pool.kernel));
    memcpy(attrs.pool.stride, attrs.pool.kernel, sizeof attrs.pool.stride);
    TRY_RETURN(get_pair(layer, "stride", 1, attrs.pool.stride));
    TRY_RETURN(get_pair(layer, "padding", 0, attrs.pool.padding));
    TRY_RETURN(get_bool(layer, "ceil_mode", &attrs.pool.ceil_mode));
    TRY_RETURN(get_bool(layer, "count_include_pad", &attrs.pool.count_include_pad));
    return at(layer, dcn_build_simple(layer->graph, layer->kind->op, layer->name, &attrs, &x, 1, ret_y));
}

/* adaptive_avgpool: SIZE, and global_avgpool, which is size 1. */
static decant_status build_adaptive(const layer_spec *layer, dcn_value_id x, dcn_value_id *ret_y)
{
    decant_op_attrs attrs = {.adaptive = {.out_hw = {1, 1}}};
    if (strcmp(layer->kind->name, "adaptive_avgpool") == 0 && !key_of(layer, "size")) return missing(layer, "size");
    TRY_RETURN(get_pair(layer, "size", 1, attrs.adaptive.out_hw));
    return at(layer, dcn_build_simple(layer->graph, layer->kind->op, layer->name, &attrs, &x, 1, ret_y));
}

static decant_status build_dropout(const layer_spec *layer, dcn_value_id x, dcn_value_id *ret_y)
{
    decant_op_attrs attrs = {.dropout = {.p = 0.5}};
    const dcn_doc *doc = key_of(layer, "p");
    if (doc) TRY_RETURN(dcn_doc_double(doc, "p", 0.0, 1.0, &attrs.dropout.p));
    if (attrs.dropout.p >= 1.0)
        return dcn_doc_fail(doc, DECANT_USAGE, "dropout of 1 would drop everything; p must be below 1");
    return at(layer, dcn_build_simple(layer->graph, layer->kind->op, layer->name, &attrs, &x, 1, ret_y));
}

static decant_status build_pad_channels(const layer_spec *layer, dcn_value_id x, dcn_value_id *ret_y)
{
    decant_op_attrs attrs = {.pad_channels = {.stride = 1}};
    TRY_RETURN(get_int(layer, "stride", 1, &attrs.pad_channels.stride));
    TRY_RETURN(get_int(layer, "before", 0, &attrs.pad_channels.before));
    TRY_RETURN(get_int(layer, "after", 0, &attrs.pad_channels.after));
    return at(layer, dcn_build_simple(layer->graph, layer->kind->op, layer->name, &attrs, &x, 1, ret_y));
}

static decant_status build_repeat_channels(const layer_spec *layer, dcn_value_id x, dcn_value_id *ret_y)
{
    decant_op_attrs attrs = {.repeat = {.times = 1}};
    TRY_RETURN(need_int(layer, "times", 1, &attrs.repeat.times));
    return at(layer, dcn_build_simple(layer->graph, layer->kind->op, layer->name, &attrs, &x, 1, ret_y));
}

/* --- containers --- */

static decant_status need_list(const layer_spec *layer, const char *key, const dcn_doc **ret_list)
{
    const dcn_doc *list = key_of(layer, key);
    if (!list) return missing(layer, key);
    if (list->type != DCN_DOC_LIST || list->count == 0)
        return dcn_doc_fail(list, DECANT_USAGE, "\"%s\" wants a list of layers", key);
    *ret_list = list;
    return DECANT_OK;
}

static decant_status child_name(const layer_spec *layer, const char *child, char ret_name[MAX_NAME])
{
    return dcn_format(ret_name, MAX_NAME, "%s.%s", layer->name, child);
}

/* The layers of a list that belongs to a layer: "NAME." and what `child` says in front of them all. */
static decant_status build_children(const layer_spec *layer, const dcn_doc *list, const char *child, dcn_value_id x,
                                    dcn_value_id *ret_y)
{
    char prefix[MAX_NAME];
    TRY_RETURN(child_name(layer, child, prefix));
    return build_list(layer->network, list, (name_prefix){prefix, prefix}, x, ret_y);
}

/* A named part of a shortcut belongs to the block itself: torchvision's "layer1.0.downsample.0". */
static decant_status build_shortcut(const layer_spec *layer, const dcn_doc *list, dcn_value_id x, dcn_value_id *ret_y)
{
    char block[MAX_NAME], shortcut[MAX_NAME];
    TRY_RETURN(child_name(layer, "", block));
    TRY_RETURN(child_name(layer, "shortcut.", shortcut));
    return build_list(layer->network, list, (name_prefix){.named = block, .numbered = shortcut}, x, ret_y);
}

/* activation(branch(x) + shortcut(x)); without a shortcut x itself is added. The result carries the block's name. */
static decant_status build_residual(const layer_spec *layer, dcn_value_id x, dcn_value_id *ret_y)
{
    static const char *const activations[] = {"none", "relu"};
    char add_name[MAX_NAME];
    const dcn_doc *branch = NULL, *shortcut = key_of(layer, "shortcut"), *activation = key_of(layer, "activation");
    const char *kind = "none";
    dcn_value_id sum[2] = {x, x}, y;

    TRY_RETURN(need_list(layer, "branch", &branch));
    if (activation) TRY_RETURN(dcn_doc_text(activation, "activation", &kind));
    const bool relu = strcmp(kind, "relu") == 0;
    if (!relu && strcmp(kind, "none") != 0)
        return dcn_doc_fail(activation, DECANT_USAGE, "activation is \"%s\"; a residual knows %s and %s", kind,
                            activations[0], activations[1]);

    TRY_RETURN(build_children(layer, branch, "", x, &sum[0]));
    if (shortcut) {
        TRY_RETURN(need_list(layer, "shortcut", &shortcut));
        TRY_RETURN(build_shortcut(layer, shortcut, x, &sum[1]));
    }
    TRY_RETURN(child_name(layer, "add", add_name));
    TRY_RETURN(
        at(layer, dcn_build_simple(layer->graph, DECANT_OP_ADD, relu ? add_name : layer->name, NULL, sum, 2, &y)));
    if (relu) TRY_RETURN(at(layer, dcn_build_simple(layer->graph, DECANT_OP_RELU, layer->name, NULL, &y, 1, &y)));
    *ret_y = y;
    return DECANT_OK;
}

/* Branches side by side, joined along the channels (or features). */
static decant_status build_concat(const layer_spec *layer, dcn_value_id x, dcn_value_id *ret_y)
{
    decant_op_attrs attrs = {.axis = {.axis = 1}};
    dcn_value_id parts[MAX_BRANCHES];
    const dcn_doc *branches = NULL;
    TRY_RETURN(need_list(layer, "branches", &branches));
    if (branches->count > MAX_BRANCHES)
        return dcn_doc_fail(branches, DECANT_USAGE, "concat joins at most %d branches", MAX_BRANCHES);
    for (int32_t i = 0; i < branches->count; i++) {
        char child[32];
        TRY_RETURN(dcn_format(child, sizeof child, "%d.", i));
        TRY_RETURN(build_children(layer, branches->items[i], child, x, &parts[i]));
    }
    return at(layer,
              dcn_build_simple(layer->graph, DECANT_OP_CONCAT, layer->name, &attrs, parts, branches->count, ret_y));
}

static decant_status build_layer(network_builder *network, const dcn_doc *item, name_prefix prefix, const char *number,
                                 dcn_value_id x, dcn_value_id *ret_y);

/* The same layers several times over. A single unnamed layer takes the repetition's number as its own name: layer1.0,
 * layer1.1, ... */
static decant_status build_repeat(const layer_spec *layer, dcn_value_id x, dcn_value_id *ret_y)
{
    int64_t times, first = 0;
    const dcn_doc *layers = NULL;
    TRY_RETURN(need_int(layer, "times", 0, &times));
    TRY_RETURN(get_int(layer, "first", 0, &first));
    TRY_RETURN(need_list(layer, "layers", &layers));
    if (times > MAX_REPEAT) return dcn_doc_fail(layer->doc, DECANT_USAGE, "repeat: at most %d times", MAX_REPEAT);
    for (int64_t k = first; k < first + times; k++) {
        char child[32], prefix[MAX_NAME];
        if (layers->count == 1) {
            TRY_RETURN(dcn_format(child, sizeof child, "%lld", (long long)k));
            TRY_RETURN(child_name(layer, "", prefix));
            TRY_RETURN(build_layer(layer->network, layers->items[0], (name_prefix){prefix, prefix}, child, x, &x));
        } else {
            TRY_RETURN(dcn_format(child, sizeof child, "%lld.", (long long)k));
            TRY_RETURN(build_children(layer, layers, child, x, &x));
        }
    }
    *ret_y = x;
    return DECANT_OK;
}

/* Layers under one name, like a named nn.Sequential: "features.0", "features.1", ... */
static decant_status build_sequence(const layer_spec *layer, dcn_value_id x, dcn_value_id *ret_y)
{
    const dcn_doc *layers = NULL;
    TRY_RETURN(need_list(layer, "layers", &layers));
    return build_children(layer, layers, "", x, ret_y);
}

static const layer_kind kinds[] = {
    {"conv",
     0,
     NULL,
     {"channels", "kernel", "stride", "padding", "dilation", "groups", "bias"},
     build_conv,
     "Convolution: `conv: {channels: 32, kernel: 3, padding: 1}`. Defaults: stride 1, padding 0, dilation 1, groups 1, "
     "bias true."},
    {"depthwise",
     0,
     "kernel",
     {"kernel", "stride", "padding", "dilation", "bias"},
     build_depthwise,
     "Convolution of each channel by itself (groups = channels)."},
    {"linear",
     0,
     "features",
     {"features", "bias", "bottleneck", "keep"},
     build_linear,
     "Fully connected; wants flat features. `linear: 10`; bias true by default. `bottleneck: R` trains the weights as "
     "a "
     "product of two factors with R features between them (`NAME.bottleneck` and `NAME`), which learns faster where "
     "there are many (Ba & Caruana 2014). The model file of the finished run has their product: one matrix, and the "
     "same "
     "outputs to rounding; budgets and counts are of that. `keep: true` deploys the two factors, which is smaller "
     "where R "
     "is."},
    {"batchnorm",
     0,
     NULL,
     {"eps", "momentum"},
     build_batchnorm,
     "Batch normalisation with weight and bias; eps 1e-5, momentum 0.1."},
    {"relu", DECANT_OP_RELU, NULL, {0}, build_plain, "max(x, 0)."},
    {"relu6", DECANT_OP_RELU6, NULL, {0}, build_plain, "min(max(x, 0), 6)."},
    {"hardswish", DECANT_OP_HARDSWISH, NULL, {0}, build_plain, "x * relu6(x + 3) / 6."},
    {"sigmoid", DECANT_OP_SIGMOID, NULL, {0}, build_plain, "1 / (1 + exp(-x))."},
    {"gelu", DECANT_OP_GELU, NULL, {0}, build_plain, "x * Phi(x), the exact form."},
    {"softmax",
     DECANT_OP_SOFTMAX,
     NULL,
     {0},
     build_plain,
     "Probabilities over classes. The losses want logits: do not end a network with it."},
    {"flatten", DECANT_OP_FLATTEN, NULL, {0}, build_plain, "[C, H, W] to C*H*W features, in PyTorch's order."},
    {"maxpool",
     DECANT_OP_MAXPOOL,
     "kernel",
     {"kernel", "stride", "padding", "ceil_mode"},
     build_pool,
     "Largest of each window; stride = kernel by default."},
    {"avgpool",
     DECANT_OP_AVGPOOL,
     "kernel",
     {"kernel", "stride", "padding", "ceil_mode", "count_include_pad"},
     build_pool,
     "Mean of each window; stride = kernel, count_include_pad true by default."},
    {"adaptive_avgpool",
     DECANT_OP_ADAPTIVE_AVGPOOL,
     "size",
     {"size"},
     build_adaptive,
     "Mean over windows cut so that the map becomes `size`."},
    {"global_avgpool", DECANT_OP_ADAPTIVE_AVGPOOL, NULL, {0}, build_adaptive, "Mean of each channel: a 1x1 map."},
    {"dropout",
     DECANT_OP_DROPOUT,
     "p",
     {"p"},
     build_dropout,
     "Drops with probability p in training and scales the rest by 1 / (1 - p); nothing otherwise. p 0.5 by default."},
    {"pad_channels",
     DECANT_OP_PAD_CHANNELS,
     NULL,
     {"stride", "before", "after"},
     build_pad_channels,
     "Every stride-th pixel, with zero channels `before` and `after`: the parameter-free shortcut of CIFAR ResNets."},
    {"repeat_channels",
     DECANT_OP_REPEAT_CHANNELS,
     "times",
     {"times"},
     build_repeat_channels,
     "The channels several times over: grey to colour with `repeat_channels: 3`."},
    {"residual",
     0,
     NULL,
     {"branch", "shortcut", "activation"},
     build_residual,
     "branch(x) + shortcut(x), each a list of layers; without a shortcut, x itself. `activation: relu` is applied to "
     "the sum."},
    {"concat",
     0,
     NULL,
     {"branches"},
     build_concat,
     "A list of branches, each a list of layers, joined along the channels (or features)."},
    {"repeat",
     0,
     NULL,
     {"times", "layers", "first"},
     build_repeat,
     "`layers` `times` times, numbered from `first` (0)."},
    {"sequence",
     0,
     NULL,
     {"layers"},
     build_sequence,
     "A list of layers under one name: `{name: features, layers: [...]}` gives features.0, features.1, ..."},
};

/* --- finding the kind and checking its keys --- */

static decant_status find_kind(const dcn_doc *item, const char *word, const layer_kind **ret_kind)
{
    const char *names[DCN_COUNT(kinds)];
    for (size_t i = 0; i < DCN_COUNT(kinds); i++) {
        if (strcmp(kinds[i].name, word) == 0) {
            *ret_kind = &kinds[i];
            return DECANT_OK;
        }
        names[i] = kinds[i].name;
    }
    const char *nearest = dcn_nearest(word, names, DCN_COUNT(names));
    if (nearest)
        return dcn_doc_fail(item, DECANT_USAGE, "there is no layer \"%s\"; did you mean \"%s\"?", word, nearest);
    return dcn_doc_fail(item, DECANT_USAGE, "there is no layer \"%s\"; `decant lint --schema-docs` lists them", word);
}

static decant_status check_keys(const layer_kind *kind, const dcn_doc *value)
{
    const char *known[MAX_KEYS + 1] = {"name"};
    size_t n_known = 1;
    for (size_t i = 0; i < MAX_KEYS && kind->keys[i]; i++)
        known[n_known++] = kind->keys[i];
    for (int32_t k = 0; k < value->count; k++) {
        size_t i = 0;
        while (i < n_known && strcmp(known[i], value->keys[k]) != 0)
            i++;
        if (i < n_known) continue;
        const char *nearest = dcn_nearest(value->keys[k], known, n_known);
        if (nearest)
            return dcn_doc_fail(value->items[k], DECANT_USAGE, "%s does not know the key \"%s\"; did you mean \"%s\"?",
                                kind->name, value->keys[k], nearest);
        char list[MAX_NAME] = "";
        size_t used = 0;
        for (i = 0; i < n_known && used < sizeof list - 1; i++)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", known[i]);
        return dcn_doc_fail(value->items[k], DECANT_USAGE, "%s does not know the key \"%s\"; known: %s", kind->name,
                            value->keys[k], list);
    }
    return DECANT_OK;
}

/* Reads one list item (`relu`, `maxpool: 2` or `conv: {...}`) and builds it. number: its name when the item gives
 * none. */
static decant_status build_layer(network_builder *network, const dcn_doc *item, name_prefix prefix, const char *number,
                                 dcn_value_id x, dcn_value_id *ret_y)
{
    layer_spec layer = {.network = network, .graph = network->graph, .doc = item};
    const char *word, *name = NULL;
    if (item->type == DCN_DOC_SCALAR) {
        word = item->text;
    } else if (item->type == DCN_DOC_MAP && item->count == 1) {
        word = item->keys[0];
        layer.value = item->items[0]->type == DCN_DOC_NULL ? NULL : item->items[0];
    } else {
        return dcn_doc_fail(item, DECANT_USAGE,
                            "a layer is written `kind`, `kind: value` or `kind: {key: value, ...}`");
    }
    if (network->graph->n_nodes >= MAX_NODES || network->n_layers++ >= MAX_LAYERS)
        return dcn_doc_fail(item, DECANT_USAGE, "the network has more than %d layers",
                            network->n_layers > MAX_LAYERS ? MAX_LAYERS : MAX_NODES);
    TRY_RETURN(find_kind(item, word, &layer.kind));
    if (layer.value && layer.value->type == DCN_DOC_MAP) {
        TRY_RETURN(check_keys(layer.kind, layer.value));
        const dcn_doc *given = dcn_doc_get(layer.value, "name");
        if (given) TRY_RETURN(dcn_doc_text(given, "name", &name));
    } else if (layer.value && !layer.kind->bare) {
        if (!layer.kind->keys[0])
            return dcn_doc_fail(item, DECANT_USAGE, "%s takes no value; write it alone: `- %s`", word, word);
        return dcn_doc_fail(item, DECANT_USAGE, "%s takes no bare value; write `%s: {%s: ...}`", word, word,
                            layer.kind->keys[0]);
    }
    TRY_RETURN(
        dcn_format(layer.name, sizeof layer.name, "%s%s", name ? prefix.named : prefix.numbered, name ? name : number));
    return layer.kind->build(&layer, x, ret_y);
}

static decant_status build_list(network_builder *network, const dcn_doc *list, name_prefix prefix, dcn_value_id x,
                                dcn_value_id *ret_y)
{
    if (list->type != DCN_DOC_LIST || list->count == 0)
        return dcn_doc_fail(list, DECANT_USAGE, "a network is a list of layers");
    for (int32_t i = 0; i < list->count; i++) {
        char number[16];
        TRY_RETURN(dcn_format(number, sizeof number, "%d", i));
        TRY_RETURN(build_layer(network, list->items[i], prefix, number, x, &x));
    }
    *ret_y = x;
    return DECANT_OK;
}

decant_status dcn_layers_build(const dcn_doc *list, const decant_shape *sample, dcn_graph **ret_graph)
{
    dcn_graph *graph = NULL;
    decant_status status = dcn_graph_create(&graph);
    if (status != DECANT_OK) return status;
    dcn_value_id x;
    TRY(dcn_build_input(graph, sample, &x));
    TRY(dcn_layers_append(list, "", x, graph, &graph->output));
    *ret_graph = graph;
    graph = NULL;
out:
    dcn_graph_destroy(graph);
    return status;
}

decant_status dcn_layers_append(const dcn_doc *list, const char *prefix, dcn_value_id x, dcn_graph *graph,
                                dcn_value_id *ret_y)
{
    network_builder network = {.graph = graph};
    return build_list(&network, list, (name_prefix){prefix, prefix}, x, ret_y);
}

int32_t dcn_layers_count(void)
{
    return (int32_t)DCN_COUNT(kinds);
}

const char *dcn_layers_name(int32_t index)
{
    return kinds[index].name;
}

const char *dcn_layers_doc(int32_t index)
{
    return kinds[index].doc;
}

const char *const *dcn_layers_keys(int32_t index, const char **ret_bare)
{
    *ret_bare = kinds[index].bare;
    return kinds[index].keys;
}
