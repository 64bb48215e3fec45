/* What a run is trained with: its optimizer, schedule and loss maps. */
#include <string.h>

#include "recipe/parse.h"
#include "recipe/words.h"

static int32_t find_word(const dcn_choice *choice, const char *word)
{
    for (int32_t i = 0; i < choice->n_words; i++)
        if (strcmp(word, choice->words[i]) == 0) return i;
    return DCN_NONE;
}

/* Settings where their owner's name should stand, as in {lr: 1e-3}: the first of them, or NULL. */
static const dcn_doc *find_bare_setting(const dcn_choice *choice, const dcn_doc *map)
{
    for (int32_t i = 0; i < map->count; i++) {
        const char *name = dcn_schema_usual_name(map->keys[i]);
        if (find_word(choice, map->keys[i]) != DCN_NONE) return NULL;
        for (int32_t w = 0; w < choice->n_words; w++)
            if (dcn_schema_find(choice->sections[w], name) != NULL) return map->key_nodes[i];
    }
    return NULL;
}

static decant_status fail_choice(const dcn_choice *choice, const dcn_doc *doc)
{
    const dcn_doc *bare = doc->type == DCN_DOC_MAP ? find_bare_setting(choice, doc) : NULL;
    if (bare != NULL)
        return dcn_doc_fail(bare, DECANT_USAGE, "'%s' is a setting and stands under the name of %s: %s", bare->text,
                            choice->owner, choice->example);
    if (doc->type == DCN_DOC_MAP && doc->count == 1)
        return dcn_schema_unknown(doc->key_nodes[0], choice->key, doc->keys[0], choice->words, (size_t)choice->n_words);
    if (doc->type == DCN_DOC_SCALAR)
        return dcn_schema_unknown(doc, choice->key, doc->text, choice->words, (size_t)choice->n_words);
    if (doc->type == DCN_DOC_MAP && doc->count > 1)
        return dcn_doc_fail(doc, DECANT_USAGE,
                            "%s must be one word, or a map with one key such as %s; here are both '%s' "
                            "and '%s'",
                            choice->key, choice->example, doc->keys[0], doc->keys[1]);
    return dcn_doc_fail(doc, DECANT_USAGE, "%s must be one word, or a map with one key such as %s", choice->key,
                        choice->example);
}

decant_status dcn_choice_parse(const dcn_choice *choice, const dcn_doc *doc, int32_t *ret_index,
                               const dcn_doc **ret_settings)
{
    const bool is_map = doc->type == DCN_DOC_MAP && doc->count == 1;
    const char *word = is_map ? doc->keys[0] : doc->type == DCN_DOC_SCALAR ? doc->text : "";
    const dcn_doc *settings = is_map && doc->items[0]->type != DCN_DOC_NULL ? doc->items[0] : NULL;
    const int32_t index = find_word(choice, word);
    if (index == DCN_NONE) return fail_choice(choice, doc);
    if (settings != NULL) TRY_RETURN(dcn_schema_check(choice->sections[index], settings));
    *ret_index = index;
    *ret_settings = settings;
    return DECANT_OK;
}

/* --- optimizer --- */

static decant_status parse_sgd(const dcn_doc *settings, dcn_optimizer *optimizer)
{
    const dcn_section section = DCN_SECTION_SGD;
    TRY_RETURN(dcn_schema_number(section, settings, "lr", &optimizer->lr));
    TRY_RETURN(dcn_schema_number(section, settings, "momentum", &optimizer->momentum));
    TRY_RETURN(dcn_schema_bool(section, settings, "nesterov", &optimizer->nesterov));
    TRY_RETURN(dcn_schema_number(section, settings, "weight_decay", &optimizer->weight_decay));
    if (optimizer->nesterov && !(optimizer->momentum > 0))
        return dcn_doc_fail(settings, DECANT_USAGE, "nesterov needs a momentum greater than 0");
    return DECANT_OK;
}

static decant_status parse_adam(dcn_section section, const dcn_doc *settings, dcn_optimizer *optimizer)
{
    TRY_RETURN(dcn_schema_number(section, settings, "lr", &optimizer->lr));
    TRY_RETURN(dcn_schema_number(section, settings, "beta1", &optimizer->beta1));
    TRY_RETURN(dcn_schema_number(section, settings, "beta2", &optimizer->beta2));
    TRY_RETURN(dcn_schema_number(section, settings, "eps", &optimizer->eps));
    return dcn_schema_number(section, settings, "weight_decay", &optimizer->weight_decay);
}

decant_status dcn_optimizer_parse(const dcn_doc *doc, dcn_optimizer *ret_optimizer)
{
    static const dcn_choice optimizers = {.key = "optimizer",
                                          .owner = "the optimiser",
                                          .example = "{adam: {lr: 1e-3}}",
                                          .n_words = 3,
                                          .words = dcn_optimizer_words,
                                          .sections = {DCN_SECTION_SGD, DCN_SECTION_ADAM, DCN_SECTION_ADAMW}};
    int32_t choice = 0;
    const dcn_doc *settings = NULL;
    TRY_RETURN(dcn_choice_parse(&optimizers, doc, &choice, &settings));
    dcn_optimizer optimizer = {.kind = (dcn_optimizer_kind)choice};
    if (optimizer.kind == DCN_OPTIMIZER_SGD)
        TRY_RETURN(parse_sgd(settings, &optimizer));
    else
        TRY_RETURN(parse_adam(optimizers.sections[choice], settings, &optimizer));
    *ret_optimizer = optimizer;
    return DECANT_OK;
}

/* --- schedule --- */

static decant_status parse_milestones(const dcn_doc *doc, dcn_schedule *schedule)
{
    if (doc->type != DCN_DOC_LIST || doc->count < 1 || doc->count > DCN_MAX_MILESTONES)
        return dcn_doc_fail(doc, DECANT_USAGE, "milestones wants a list of 1 to %d epochs", DCN_MAX_MILESTONES);
    for (int32_t i = 0; i < doc->count; i++) {
        int64_t lowest = i > 0 ? schedule->milestones[i - 1] + 1 : 1;
        TRY_RETURN(
            dcn_doc_int(doc->items[i], "each of the rising milestones", lowest, 1000000, &schedule->milestones[i]));
    }
    schedule->n_milestones = doc->count;
    return DECANT_OK;
}

static decant_status parse_step(const dcn_doc *doc, const dcn_doc *settings, dcn_schedule *schedule)
{
    const dcn_doc *milestones = dcn_doc_get(settings, "milestones");
    bool has_every = dcn_doc_get(settings, "every") != NULL;
    if (has_every == (milestones != NULL))
        return dcn_doc_fail(doc, DECANT_USAGE, "the schedule 'step' needs either every or milestones");
    if (milestones != NULL) TRY_RETURN(parse_milestones(milestones, schedule));
    TRY_RETURN(dcn_schema_int(DCN_SECTION_STEP, settings, "every", &schedule->every));
    TRY_RETURN(dcn_schema_number(DCN_SECTION_STEP, settings, "gamma", &schedule->gamma));
    return dcn_schema_number(DCN_SECTION_STEP, settings, "warmup", &schedule->warmup_epochs);
}

decant_status dcn_schedule_parse(const dcn_doc *doc, dcn_schedule *ret_schedule)
{
    static const dcn_choice schedules = {
        .key = "schedule",
        .owner = "the schedule",
        .example = "{step: {every: 30}}",
        .n_words = 4,
        .words = dcn_schedule_words,
        .sections = {DCN_SECTION_CONSTANT, DCN_SECTION_STEP, DCN_SECTION_COSINE, DCN_SECTION_ONE_CYCLE}};
    int32_t choice = 0;
    const dcn_doc *settings = NULL;
    TRY_RETURN(dcn_choice_parse(&schedules, doc, &choice, &settings));
    dcn_schedule schedule = {.kind = (dcn_schedule_kind)choice, .gamma = 0.1, .pct_start = 0.3};
    switch (schedule.kind) {
    case DCN_SCHEDULE_CONSTANT:
        TRY_RETURN(dcn_schema_number(DCN_SECTION_CONSTANT, settings, "warmup", &schedule.warmup_epochs));
        break;
    case DCN_SCHEDULE_STEP:
        TRY_RETURN(parse_step(doc, settings, &schedule));
        break;
    case DCN_SCHEDULE_COSINE:
        TRY_RETURN(dcn_schema_number(DCN_SECTION_COSINE, settings, "lr_min", &schedule.lr_min));
        TRY_RETURN(dcn_schema_number(DCN_SECTION_COSINE, settings, "warmup", &schedule.warmup_epochs));
        break;
    case DCN_SCHEDULE_ONE_CYCLE:
        TRY_RETURN(dcn_schema_number(DCN_SECTION_ONE_CYCLE, settings, "pct_start", &schedule.pct_start));
        break;
    }
    *ret_schedule = schedule;
    return DECANT_OK;
}

/* --- loss --- */

static const dcn_section term_sections[DCN_TERM_COUNT] = {
    [DCN_TERM_CE] = DCN_SECTION_CE,     [DCN_TERM_KD] = DCN_SECTION_KD,
    [DCN_TERM_BCE] = DCN_SECTION_BCE,   [DCN_TERM_LOGITS] = DCN_SECTION_LOGITS,
    [DCN_TERM_DKD] = DCN_SECTION_DKD,   [DCN_TERM_COSINE] = DCN_SECTION_COSINE_LOSS,
    [DCN_TERM_HINT] = DCN_SECTION_HINT,
};

/* The layers that a feature loss compares, and how. */
static decant_status parse_feature(dcn_section section, const dcn_doc *value, const dcn_doc *settings, dcn_term *term)
{
    int32_t match = DCN_MATCH_NONE;
    if (settings == NULL)
        return dcn_doc_fail(value, DECANT_USAGE,
                            "%s compares layers: write {weight: W, student: LAYER, teacher: LAYER}",
                            dcn_term_class_of(term->kind)->name);
    TRY_RETURN(dcn_schema_text(section, settings, "student", &term->student));
    TRY_RETURN(dcn_schema_text(section, settings, "teacher", &term->teacher));
    if (term->kind == DCN_TERM_HINT) {
        term->regressor = dcn_doc_get(settings, "regressor");
        if (term->regressor != NULL && term->regressor->type != DCN_DOC_LIST)
            return dcn_doc_fail(term->regressor, DECANT_USAGE, "regressor must be a list of layers");
    }
    TRY_RETURN(dcn_schema_choice(section, settings, "match", &match));
    term->match = (dcn_match)match;
    return DECANT_OK;
}

/* Which of a term's keys goes where. */
static decant_status parse_term(dcn_term_kind kind, const dcn_doc *value, dcn_term *term)
{
    const dcn_section section = term_sections[kind];
    const dcn_doc *settings = value->type == DCN_DOC_MAP ? value : NULL;
    term->kind = kind;
    if (dcn_term_class_of(kind)->reads_features && settings == NULL)
        return parse_feature(section, value, settings, term);
    if (settings != NULL) TRY_RETURN(dcn_schema_check(section, settings));
    TRY_RETURN(dcn_schema_number(section, settings, "weight", &term->weight));
    if (settings == NULL) TRY_RETURN(dcn_schema_bare_number(section, "weight", value, &term->weight));
    if (dcn_term_class_of(kind)->has_temperature)
        TRY_RETURN(dcn_schema_number(section, settings, "temperature", &term->temperature));
    switch (kind) {
    case DCN_TERM_CE:
        return dcn_schema_number(section, settings, "label_smoothing", &term->label_smoothing);
    case DCN_TERM_KD:
        return dcn_schema_bool(section, settings, "standardize", &term->standardize);
    case DCN_TERM_LOGITS:
        TRY_RETURN(dcn_schema_bool(section, settings, "standardize", &term->standardize));
        return dcn_schema_bool(section, settings, "center", &term->center);
    case DCN_TERM_DKD:
        TRY_RETURN(dcn_schema_number(section, settings, "alpha", &term->alpha));
        return dcn_schema_number(section, settings, "beta", &term->beta);
    case DCN_TERM_COSINE:
    case DCN_TERM_HINT:
        return parse_feature(section, value, settings, term);
    case DCN_TERM_BCE:
    case DCN_TERM_COUNT:
        break;
    }
    return DECANT_OK;
}

static decant_status unknown_term(const dcn_doc *key)
{
    const char *known[DCN_TERM_COUNT];
    for (int32_t i = 0; i < DCN_TERM_COUNT; i++)
        known[i] = dcn_term_class_of((dcn_term_kind)i)->name;
    return dcn_schema_unknown(key, "loss", key->text, known, DCN_COUNT(known));
}

decant_status dcn_loss_parse(const dcn_doc *doc, dcn_term ret_terms[DCN_MAX_TERMS], int32_t *ret_count)
{
    if (doc->type != DCN_DOC_MAP || doc->count < 1 || doc->count > DCN_MAX_TERMS)
        return dcn_doc_fail(doc, DECANT_USAGE, "loss must be a map of 1 to %d losses, such as {ce: 1}", DCN_MAX_TERMS);
    dcn_term terms[DCN_MAX_TERMS] = {0};
    for (int32_t i = 0; i < doc->count; i++) {
        dcn_term_kind kind = DCN_TERM_CE;
        if (!dcn_term_find(doc->keys[i], &kind)) return unknown_term(doc->key_nodes[i]);
        dcn_term term = {0};
        TRY_RETURN(parse_term(kind, doc->items[i], &term));
        int32_t at = i; /* by kind: the order in which they are written means nothing, to a checkpoint neither */
        for (; at > 0 && terms[at - 1].kind > kind; at--)
            terms[at] = terms[at - 1];
        terms[at] = term;
    }
    memcpy(ret_terms, terms, sizeof terms);
    *ret_count = doc->count;
    return DECANT_OK;
}
