/* The teachers of a run: one, or several whose answers are averaged. */
#include <string.h>

#include "base/text.h"
#include "recipe/parse.h"

/* `own`, `all` or a number. */
static decant_status parse_seeds(const dcn_doc *doc, dcn_teacher_spec *teacher)
{
    const char *word = NULL;
    int64_t seed = 0;
    TRY_RETURN(dcn_schema_text(DCN_SECTION_TEACHER, doc, "seeds", &word));
    if (strcmp(word, "own") == 0) return DECANT_OK;
    teacher->seeds = DCN_TEACHER_ALL;
    if (strcmp(word, "all") == 0) return DECANT_OK;
    TRY_RETURN(dcn_doc_int(dcn_doc_get(doc, "seeds"), "seeds (own, all or one of the run's)", 0, UINT32_MAX, &seed));
    teacher->seeds = DCN_TEACHER_ONE;
    teacher->seed = (uint64_t)seed;
    return DECANT_OK;
}

/* A word, or {run: NAME, seeds: ...}. */
static decant_status parse_one(const dcn_experiment *experiment, int32_t index, const dcn_doc *doc,
                               dcn_teacher_spec *teacher)
{
    const dcn_doc *name = doc;
    *teacher = (dcn_teacher_spec){.run = DCN_NONE};
    if (doc->type == DCN_DOC_MAP) {
        TRY_RETURN(dcn_schema_check(DCN_SECTION_TEACHER, doc));
        TRY_RETURN(parse_seeds(doc, teacher));
        name = dcn_doc_get(doc, "run");
    }
    TRY_RETURN(dcn_trained_parse(experiment, name, "teacher", &teacher->run, &teacher->file));
    if (teacher->run == index)
        return dcn_doc_fail(name, DECANT_USAGE, "the run '%s' cannot be its own teacher", experiment->runs[index].name);
    if (teacher->seeds != DCN_TEACHER_OWN && teacher->run == DCN_NONE)
        return dcn_doc_fail(name, DECANT_USAGE, "a file has no seeds: name a run, or each of its files");
    return DECANT_OK;
}

static decant_status parse_list(dcn_experiment *experiment, int32_t index, const dcn_doc *doc, dcn_run_spec *run)
{
    const int32_t count = doc->type == DCN_DOC_LIST ? doc->count : 1;
    if (count < 1 || count > DCN_MAX_ENSEMBLE)
        return dcn_doc_fail(doc, DECANT_USAGE, "teacher wants 1 to %d teachers in its list", DCN_MAX_ENSEMBLE);
    TRY_RETURN(dcn_arena_take(experiment->arena, (size_t)count * sizeof *run->teachers, (void **)&run->teachers));
    for (int32_t i = 0; i < count; i++)
        TRY_RETURN(parse_one(experiment, index, doc->type == DCN_DOC_LIST ? doc->items[i] : doc, &run->teachers[i]));
    run->n_teachers = count;
    run->is_ensemble = count > 1 || run->teachers[0].seeds == DCN_TEACHER_ALL;
    return DECANT_OK;
}

static decant_status name_teacher(const dcn_experiment *experiment, const dcn_teacher_spec *teacher, dcn_text *text)
{
    if (teacher->file != NULL) return dcn_text_add(text, "%s", teacher->file);
    TRY_RETURN(dcn_text_add(text, "%s", experiment->runs[teacher->run].name));
    if (teacher->seeds == DCN_TEACHER_ALL) return dcn_text_add(text, " (all seeds)");
    if (teacher->seeds == DCN_TEACHER_ONE) return dcn_text_add(text, " (seed %llu)", (unsigned long long)teacher->seed);
    return DECANT_OK;
}

/* "big", "big (all seeds)", "big (seed 2) + ./other.safetensors" */
static decant_status name_teachers(dcn_experiment *experiment, dcn_run_spec *run)
{
    dcn_text text = {0};
    char *copy = NULL;
    decant_status status = DECANT_OK;
    for (int32_t i = 0; i < run->n_teachers; i++) {
        if (i > 0) TRY(dcn_text_add(&text, " + "));
        TRY(name_teacher(experiment, &run->teachers[i], &text));
    }
    TRY(dcn_arena_string(experiment->arena, text.data, &copy));
    run->teacher_name = copy;
out:
    dcn_text_finish(&text);
    return status;
}

/* A feature loss names one layer of one network. */
static decant_status check_terms(const dcn_run_spec *run)
{
    for (int32_t i = 0; i < run->n_terms; i++) {
        const dcn_term_class *class = dcn_term_class_of(run->terms[i].kind);
        if (class->reads_features)
            return dcn_doc_fail(dcn_doc_get(dcn_doc_get(run->doc, "loss"), class->name), DECANT_USAGE,
                                "%s taps a layer, and an ensemble has none in common; give the run '%s' one teacher",
                                class->name, run->name);
    }
    return DECANT_OK;
}

decant_status dcn_teachers_parse(dcn_experiment *experiment, int32_t index)
{
    dcn_run_spec *run = &experiment->runs[index];
    const dcn_doc *doc = dcn_doc_get(run->doc, "teacher"), *ensemble = dcn_doc_get(run->doc, "ensemble");
    int32_t average = DCN_AVERAGE_LOGITS;
    TRY_RETURN(dcn_schema_choice(DCN_SECTION_RUN, run->doc, "ensemble", &average));
    run->average = (dcn_average)average;
    if (doc != NULL) {
        TRY_RETURN(parse_list(experiment, index, doc, run));
        TRY_RETURN(name_teachers(experiment, run));
    }
    if (ensemble != NULL && !run->is_ensemble)
        return dcn_doc_fail(ensemble, DECANT_USAGE,
                            "ensemble says how the answers of several teachers are averaged, and the run '%s' has %s",
                            run->name, doc != NULL ? "one" : "none");
    return run->is_ensemble ? check_terms(run) : DECANT_OK;
}
