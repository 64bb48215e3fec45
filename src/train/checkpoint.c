/* Writing and reading checkpoints. Tensors are named SET/VALUE: "weights/conv1.weight", "slot0/conv1.weight", ... */
#include "train/checkpoint.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "format/safetensors.h"
#include "tensor/shape.h"

#define CHECKPOINT_VERSION "1"
#define N_SETS             5

_Static_assert(sizeof(dcn_run_counters) == (8 + DCN_MAX_TERMS) * sizeof(int64_t), "counters are int64_t only");
_Static_assert(sizeof(dcn_run_sums) == (7 + DCN_MAX_TERMS) * sizeof(double), "sums are double only");

typedef struct weight_set {
    const char *name;
    float **weights;
} weight_set;

/* Once there is no best epoch, the best weights mean nothing and are left out. */
static void list_sets(const dcn_checkpoint *checkpoint, weight_set ret_sets[N_SETS])
{
    ret_sets[0] = (weight_set){"weights", checkpoint->weights};
    ret_sets[1] = (weight_set){"slot0", checkpoint->slot[0]};
    ret_sets[2] = (weight_set){"slot1", checkpoint->slot[1]};
    ret_sets[3] = (weight_set){"ema", checkpoint->ema};
    ret_sets[4] = (weight_set){"best", checkpoint->counters.best_epoch >= 0 ? checkpoint->best : NULL};
}

static decant_status add_name(dcn_arena *arena, const char *set, const char *value, const char **ret_name)
{
    dcn_text text = {0};
    char *copy = NULL;
    decant_status status = DECANT_OK;
    TRY(dcn_text_add(&text, "%s/%s", set, value));
    TRY(dcn_arena_string(arena, text.data, &copy));
    *ret_name = copy;
out:
    dcn_text_finish(&text);
    return status;
}

static int32_t count_tensors(const dcn_graph *model, const weight_set sets[N_SETS])
{
    int32_t count = 0;
    for (int32_t s = 0; s < N_SETS; s++) {
        for (int32_t v = 0; v < model->n_values && sets[s].weights != NULL; v++) {
            count += sets[s].weights[v] != NULL;
        }
    }
    return count;
}

decant_status dcn_checkpoint_save(const char *path, const dcn_graph *model, const char *identity,
                                  const dcn_checkpoint *checkpoint)
{
    dcn_checkpoint copy = *checkpoint; /* views want memory that may be written */
    weight_set sets[N_SETS];
    list_sets(&copy, sets);
    dcn_arena *arena = NULL;
    dcn_named_tensor *tensors = NULL;
    int32_t n_tensors = 0;
    decant_status status = DECANT_OK;

    TRY(dcn_arena_create(&arena));
    TRY(dcn_new_array((size_t)count_tensors(model, sets) + 2, sizeof *tensors, (void **)&tensors));
    decant_shape counters = dcn_shape1(sizeof copy.counters / sizeof(int64_t));
    decant_shape sums = dcn_shape1(sizeof copy.sums / sizeof(double));
    tensors[n_tensors++] = (dcn_named_tensor){"counters", decant_tensor_view(DECANT_I64, &counters, &copy.counters)};
    tensors[n_tensors++] = (dcn_named_tensor){"sums", decant_tensor_view(DECANT_F64, &sums, &copy.sums)};
    for (int32_t s = 0; s < N_SETS; s++) {
        for (int32_t v = 0; v < model->n_values && sets[s].weights != NULL; v++) {
            if (sets[s].weights[v] == NULL) continue;
            dcn_named_tensor *tensor = &tensors[n_tensors];
            TRY(add_name(arena, sets[s].name, model->values[v].name, &tensor->name));
            tensor->tensor = decant_tensor_view(DECANT_F32, &model->values[v].shape, sets[s].weights[v]);
            n_tensors++;
        }
    }
    char fingerprint[DCN_HASH_HEX];
    dcn_graph_fingerprint(model, fingerprint);
    const dcn_pair metadata[] = {
        {"decant.checkpoint", CHECKPOINT_VERSION},
        {"fingerprint", fingerprint},
        {"identity", identity},
    };
    TRY(dcn_safetensors_write(path, tensors, n_tensors, metadata, DCN_COUNT(metadata)));
out:
    dcn_free(tensors);
    dcn_arena_destroy(arena);
    if (status != DECANT_OK) dcn_while("saving the checkpoint %s", path);
    return status;
}

static decant_status check_metadata(const dcn_safetensors *file, const char *path, const dcn_graph *model,
                                    const char *identity)
{
    const char *version = dcn_safetensors_metadata(file, "decant.checkpoint");
    if (version == NULL || strcmp(version, CHECKPOINT_VERSION) != 0) {
        return DCN_FAIL(FORMAT, "%s is not a checkpoint of this version of decant; delete it to start afresh", path);
    }
    char fingerprint[DCN_HASH_HEX];
    dcn_graph_fingerprint(model, fingerprint);
    const char *saved_fingerprint = dcn_safetensors_metadata(file, "fingerprint");
    if (saved_fingerprint == NULL || strcmp(saved_fingerprint, fingerprint) != 0) {
        return DCN_FAIL(STALE, "%s belongs to a model of another architecture; delete it to start afresh", path);
    }
    const char *saved_identity = dcn_safetensors_metadata(file, "identity");
    if (saved_identity == NULL || strcmp(saved_identity, identity) != 0) {
        return DCN_FAIL(STALE, "%s belongs to a run with other settings; delete it to start afresh", path);
    }
    return DECANT_OK;
}

static decant_status load_tensor(const dcn_safetensors *file, const char *name, decant_dtype dtype,
                                 const decant_shape *shape, void *ret_data)
{
    const decant_tensor *tensor = dcn_safetensors_find(file, name);
    if (tensor == NULL) return DCN_FAIL(FORMAT, "the checkpoint has no tensor %s", name);
    if (tensor->dtype != dtype || !decant_shape_equal(&tensor->shape, shape)) {
        char found[DCN_SHAPE_TEXT], wanted[DCN_SHAPE_TEXT];
        return DCN_FAIL(FORMAT, "the checkpoint's tensor %s is %s %s, not %s %s", name,
                        decant_dtype_name(tensor->dtype), dcn_shape_text(&tensor->shape, found),
                        decant_dtype_name(dtype), dcn_shape_text(shape, wanted));
    }
    memcpy(ret_data, tensor->data, (size_t)decant_shape_count(shape) * decant_dtype_size(dtype));
    return DECANT_OK;
}

static decant_status load_set(const dcn_safetensors *file, const dcn_graph *model, const weight_set *set)
{
    dcn_arena *arena = NULL;
    decant_status status = DECANT_OK;
    TRY(dcn_arena_create(&arena));
    for (int32_t v = 0; v < model->n_values && set->weights != NULL; v++) {
        if (set->weights[v] == NULL) continue;
        const char *name = NULL;
        TRY(add_name(arena, set->name, model->values[v].name, &name));
        TRY(load_tensor(file, name, DECANT_F32, &model->values[v].shape, set->weights[v]));
    }
out:
    dcn_arena_destroy(arena);
    return status;
}

decant_status dcn_checkpoint_load(const char *path, const dcn_graph *model, const char *identity,
                                  dcn_checkpoint *checkpoint)
{
    dcn_safetensors *file = NULL;
    weight_set sets[N_SETS];
    decant_status status = DECANT_OK;

    TRY(dcn_safetensors_open(path, &file));
    TRY(check_metadata(file, path, model, identity));
    decant_shape counters = dcn_shape1(sizeof checkpoint->counters / sizeof(int64_t));
    decant_shape sums = dcn_shape1(sizeof checkpoint->sums / sizeof(double));
    TRY(load_tensor(file, "counters", DECANT_I64, &counters, &checkpoint->counters));
    TRY(load_tensor(file, "sums", DECANT_F64, &sums, &checkpoint->sums));
    list_sets(checkpoint, sets);
    for (int32_t s = 0; s < N_SETS; s++)
        TRY(load_set(file, model, &sets[s]));
out:
    dcn_safetensors_close(file);
    if (status != DECANT_OK) dcn_while("resuming from the checkpoint %s", path);
    return status;
}
