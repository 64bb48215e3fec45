/* decant/recipe.h: what callers outside see of a recipe. Running it is in run.c, its plan in plan.c, results are in
 * results.c and compare.c. */
#include "run/public.h"
#include "decant/recipe.h"
#include "run/lint.h"

/* --- reading --- */

decant_status decant_recipe_load(const char *path, const char *const *overrides, int32_t n_overrides,
                                 decant_recipe **ret_recipe)
{
    DCN_REQUIRE(path, ret_recipe);
    if (n_overrides > 0) DCN_REQUIRE(overrides);
    return dcn_experiment_read(path, overrides, n_overrides, ret_recipe);
}

decant_status decant_recipe_parse(const char *name, const char *text, size_t bytes, const char *const *overrides,
                                  int32_t n_overrides, decant_recipe **ret_recipe)
{
    DCN_REQUIRE(name, text, ret_recipe);
    if (n_overrides > 0) DCN_REQUIRE(overrides);
    return dcn_experiment_parse(name, text, bytes, overrides, n_overrides, ret_recipe);
}

void decant_recipe_destroy(decant_recipe *recipe)
{
    dcn_experiment_destroy(recipe);
}

const char *decant_recipe_name(const decant_recipe *recipe)
{
    return recipe->name;
}

const char *decant_recipe_source(const decant_recipe *recipe)
{
    return recipe->data.source;
}

decant_compute decant_recipe_compute(const decant_recipe *recipe)
{
    return (decant_compute){.device = recipe->device, .threads = recipe->threads, .precision = recipe->precision};
}

/* --- models --- */

int32_t decant_recipe_model_count(const decant_recipe *recipe)
{
    return recipe->n_models;
}

const char *decant_recipe_model_name(const decant_recipe *recipe, int32_t index)
{
    return index >= 0 && index < recipe->n_models ? recipe->models[index].name : NULL;
}

static bool is_limited(const decant_recipe *recipe, const char *model)
{
    const int32_t index = dcn_experiment_find_model(recipe, model);
    return index != DCN_NONE && recipe->budget.of_model[index];
}

int64_t decant_recipe_budget(const decant_recipe *recipe, const char *model)
{
    return is_limited(recipe, model) ? recipe->budget.parameters : 0;
}

int64_t decant_recipe_budget_mult_adds(const decant_recipe *recipe, const char *model)
{
    return is_limited(recipe, model) ? recipe->budget.mult_adds : 0;
}

decant_status decant_recipe_build_model(const decant_recipe *recipe, const char *name, decant_model **ret_model)
{
    DCN_REQUIRE(recipe, name, ret_model);
    decant_dataset *dataset = NULL;
    dcn_graph *graph = NULL;
    int32_t model = DCN_NONE;
    decant_status status = dcn_experiment_need_model(recipe, name, &model);
    if (status != DECANT_OK) goto out;
    TRY(dcn_data_spec_open(&recipe->data, &dataset));
    TRY(dcn_materials_graph(recipe, model, dataset, &graph));
    TRY(dcn_model_create(graph, ret_model));
out:
    dcn_dataset_destroy(dataset);
    return status;
}

decant_status decant_recipe_check_data(const decant_recipe *recipe, decant_dataset **ret_dataset,
                                       decant_dataset_report *ret_report)
{
    DCN_REQUIRE(recipe, ret_dataset, ret_report);
    decant_dataset *dataset = NULL;
    TRY_RETURN(dcn_materials_open_data(recipe, &dataset));
    decant_status status = decant_dataset_check(dataset, recipe->data.validation, recipe->data.seed, ret_report);
    if (status == DECANT_OK)
        *ret_dataset = dataset;
    else
        dcn_dataset_destroy(dataset);
    return status;
}

/* --- runs --- */

int32_t decant_recipe_run_count(const decant_recipe *recipe)
{
    return recipe->n_runs;
}

decant_run_info dcn_run_info(const dcn_experiment *experiment, int32_t index)
{
    const dcn_run_spec *run = &experiment->runs[index];
    int32_t baseline = dcn_experiment_baseline(experiment, index);
    return (decant_run_info){.name = run->name,
                             .model = experiment->models[run->model].name,
                             .teacher = run->teacher_name,
                             .baseline = baseline != DCN_NONE ? experiment->runs[baseline].name : NULL,
                             .epochs = run->epochs,
                             .batch = run->batch,
                             .n_seeds = run->n_seeds,
                             .seeds = run->seeds,
                             .precision = run->precision};
}

decant_run_info decant_recipe_run_at(const decant_recipe *recipe, int32_t index)
{
    if (index < 0 || index >= recipe->n_runs) return (decant_run_info){0};
    return dcn_run_info(recipe, recipe->order[index]);
}

/* --- findings --- */

decant_status dcn_finding_list_make(dcn_findings *findings, decant_finding_list **ret_list)
{
    decant_finding_list *list = NULL;
    decant_status status = dcn_new(sizeof *list, (void **)&list);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array((size_t)findings->count, sizeof *list->items, (void **)&list->items));
    for (int level = DECANT_SEVERITY_ERROR; level >= DECANT_SEVERITY_NOTE; level--)
        for (int32_t i = 0; i < findings->count; i++) {
            decant_finding *found = &findings->items[i];
            if ((int)found->severity != level) continue;
            list->items[list->count++] = *found;
            list->errors += found->severity == DECANT_SEVERITY_ERROR;
            list->warnings += found->severity == DECANT_SEVERITY_WARNING;
            found->text = found->file = NULL; /* the list's from here on */
        }
    *ret_list = list;
    list = NULL;
out:
    decant_finding_list_destroy(list);
    return status;
}

void decant_finding_list_destroy(decant_finding_list *list)
{
    if (list == NULL) return;
    for (int32_t i = 0; i < list->count; i++) {
        dcn_free((void *)list->items[i].text);
        dcn_free((void *)list->items[i].file);
    }
    dcn_free(list->items);
    dcn_free(list);
}

decant_status decant_recipe_lint(const decant_recipe *recipe, decant_finding_list **ret_list)
{
    DCN_REQUIRE(recipe, ret_list);
    dcn_findings findings = {0};
    decant_status status = dcn_lint(recipe, &findings);
    if (status != DECANT_OK) goto out;
    TRY(dcn_finding_list_make(&findings, ret_list));
out:
    dcn_findings_finish(&findings);
    return status;
}

decant_status decant_recipe_docs(char **ret_text)
{
    DCN_REQUIRE(ret_text);
    dcn_text text = {0};
    decant_status status = dcn_schema_docs(&text);
    if (status != DECANT_OK) goto out;
    TRY(dcn_text_take(&text, ret_text));
out:
    dcn_text_finish(&text);
    return status;
}
