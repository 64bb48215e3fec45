/* `like:` - a run that starts from another run's keys. Maps are merged key by key; what is one choice (loss, and an
 * optimizer or schedule of another kind) is replaced as a whole; null removes an inherited key. */
#include <string.h>

#include "graph/graph.h"
#include "recipe/parse.h"

/* Keys whose value is taken whole from the derived run. */
static bool is_whole(const char *key)
{
    static const char *const whole[] = {"loss", "augment", "transfer", "correct_bias"};
    for (size_t i = 0; i < DCN_COUNT(whole); i++)
        if (strcmp(key, whole[i]) == 0) return true;
    return false;
}

/* {adam: ...} over {sgd: ...}: maps of one choice each, and not the same. */
static bool is_other_choice(const char *key, const dcn_doc *base, const dcn_doc *over)
{
    if (strcmp(key, "optimizer") != 0 && strcmp(key, "schedule") != 0) return false;
    return over->count == 1 && dcn_doc_get(base, over->keys[0]) == NULL;
}

static decant_status merge(dcn_arena *arena, const dcn_doc *base, const dcn_doc *over, bool top, dcn_doc **ret_merged);

static decant_status merge_item(dcn_arena *arena, const dcn_doc *base_item, const dcn_doc *over, int32_t index,
                                bool top, dcn_doc **ret_item)
{
    dcn_doc *item = over->items[index];
    const char *key = over->keys[index];
    bool maps = base_item != NULL && base_item->type == DCN_DOC_MAP && item->type == DCN_DOC_MAP;
    bool whole = top && (is_whole(key) || (maps && is_other_choice(key, base_item, item)));
    if (!maps || whole) return dcn_doc_clone(arena, item, ret_item);
    return merge(arena, base_item, item, false, ret_item);
}

/* A new map: the keys of base in their order, then those that only over has; at the place of over. */
static decant_status merge(dcn_arena *arena, const dcn_doc *base, const dcn_doc *over, bool top, dcn_doc **ret_merged)
{
    dcn_doc *merged = NULL;
    TRY_RETURN(dcn_arena_take(arena, sizeof *merged, (void **)&merged));
    *merged = *over;
    merged->count = 0;
    merged->keys = NULL;
    merged->key_nodes = NULL;
    merged->items = NULL;
    for (int32_t i = 0; i < base->count; i++) {
        if (dcn_doc_get(over, base->keys[i]) != NULL) continue;
        if (top && strcmp(base->keys[i], "like") == 0) continue;
        TRY_RETURN(dcn_doc_append(arena, merged, base->key_nodes[i], base->items[i]));
    }
    for (int32_t i = 0; i < over->count; i++) {
        if (over->items[i]->type == DCN_DOC_NULL) continue; /* the base's key is gone too */
        dcn_doc *item = NULL;
        TRY_RETURN(merge_item(arena, dcn_doc_get(base, over->keys[i]), over, i, top, &item));
        TRY_RETURN(dcn_doc_append(arena, merged, over->key_nodes[i], item));
    }
    *ret_merged = merged;
    return DECANT_OK;
}

static int32_t index_of(const dcn_doc *map, const char *key)
{
    for (int32_t i = 0; i < map->count; i++)
        if (strcmp(map->keys[i], key) == 0) return i;
    return DCN_NONE;
}

decant_status dcn_runs_inherit(dcn_arena *arena, dcn_doc *root, const char *run_name, const char *key)
{
    dcn_doc *runs = dcn_doc_get(root, "runs"), *run = dcn_doc_get(runs, run_name), *copy = NULL;
    if (run == NULL || run->type != DCN_DOC_MAP || !is_whole(key)) return DECANT_OK;
    const dcn_doc *holder = run;
    for (int32_t links = 0; links < runs->count && holder != NULL && dcn_doc_get(holder, key) == NULL; links++) {
        const dcn_doc *like = dcn_doc_get(holder, "like");
        holder = like != NULL && like->type == DCN_DOC_SCALAR ? dcn_doc_get(runs, like->text) : NULL;
    }
    const dcn_doc *inherited = dcn_doc_get(holder, key);
    if (strcmp(key, "augment") == 0 && (inherited == NULL || inherited->type == DCN_DOC_NULL)) {
        holder = dcn_doc_get(root, "data"); /* also where null took away what it was like */
        inherited = dcn_doc_get(holder, key);
    }
    if (holder == run || inherited == NULL || inherited->type != DCN_DOC_MAP) return DECANT_OK;
    TRY_RETURN(dcn_doc_clone(arena, inherited, &copy));
    const int32_t own = index_of(run, key);
    if (own == DCN_NONE) return dcn_doc_append(arena, run, holder->key_nodes[index_of(holder, key)], copy);
    run->items[own] = copy;
    return DECANT_OK;
}

/* Merges run `index`, its base first. `depth` counts the links so far: more than there are runs means a circle. */
static decant_status merge_run(dcn_arena *arena, const dcn_doc *runs, int32_t index, int32_t depth,
                               const dcn_doc **merged)
{
    if (merged[index] != NULL) return DECANT_OK;
    const dcn_doc *run = runs->items[index];
    const dcn_doc *like = dcn_doc_get(run, "like");
    if (like == NULL) {
        merged[index] = run;
        return DECANT_OK;
    }
    const char *base_name = NULL;
    TRY_RETURN(dcn_doc_text(like, "like", &base_name));
    int32_t base = index_of(runs, base_name);
    if (base == DCN_NONE) return dcn_schema_unknown(like, "run in like:", base_name, runs->keys, (size_t)runs->count);
    if (depth >= runs->count) return dcn_doc_fail(like, DECANT_USAGE, "like: goes in a circle through '%s'", base_name);
    TRY_RETURN(merge_run(arena, runs, base, depth + 1, merged));
    if (merged[base]->type != DCN_DOC_MAP)
        return dcn_doc_fail(merged[base], DECANT_USAGE, "the run '%s' must be a map of keys", base_name);
    dcn_doc *result = NULL;
    TRY_RETURN(merge(arena, merged[base], run, true, &result));
    merged[index] = result;
    return DECANT_OK;
}

decant_status dcn_runs_merge(dcn_arena *arena, const dcn_doc *runs, const dcn_doc ***ret_merged)
{
    const dcn_doc **merged = NULL;
    TRY_RETURN(dcn_arena_take(arena, (size_t)runs->count * sizeof *merged, (void **)&merged));
    for (int32_t i = 0; i < runs->count; i++)
        TRY_RETURN(merge_run(arena, runs, i, 0, merged));
    *ret_merged = merged;
    return DECANT_OK;
}
