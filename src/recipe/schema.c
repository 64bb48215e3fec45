/* Strict checking of a recipe's maps against schema.def. What the maps mean is in experiment.c and the parse_*.c files.
 */
#include "recipe/schema.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define MAX_CANDIDATES 64

static const char *const section_paths[] = {
#define SECTION(id, path, introduction) path,
#define KEY(section, name, type, shape, default_text, range, doc)
#include "recipe/schema.def"
};

static const dcn_key keys[] = {
#define SECTION(id, path, introduction)
#define KEY(section, name, type, shape, default_text, range, doc)                                                      \
    {DCN_SECTION_##section, DCN_KEY_##type, #name, shape, default_text, range, doc},
#include "recipe/schema.def"
};

int32_t dcn_schema_key_count(void)
{
    return (int32_t)DCN_COUNT(keys);
}

const dcn_key *dcn_schema_key_at(int32_t index)
{
    return &keys[index];
}

const char *dcn_schema_path(dcn_section section)
{
    return section_paths[section];
}

const dcn_key *dcn_schema_find(dcn_section section, const char *name)
{
    for (size_t i = 0; i < DCN_COUNT(keys); i++)
        if (keys[i].section == section && strcmp(keys[i].name, name) == 0) return &keys[i];
    return NULL;
}

/* --- ranges --- */

typedef struct interval {
    double minimum, maximum;
    bool open_below, open_above;
} interval;

/* "[0, 1)" and the like; the table is ours, so only its form is relied on (tests/recipe/test_schema.c reads every row).
 */
static interval parse_range(const char *text)
{
    interval parsed = {-HUGE_VAL, HUGE_VAL, true, true};
    if (text[0] == '\0') return parsed;
    const size_t first = strcspn(text, ","), last = strlen(text) - 1;
    const size_t second = first + strspn(text + first, ", ");
    char word[32];
    parsed.open_below = text[0] == '(';
    snprintf(word, sizeof word, "%.*s", (int)first - 1, text + 1);
    (void)dcn_parse_double(word, &parsed.minimum); /* that of "-inf" and "inf" fails, and leaves what stands there */
    snprintf(word, sizeof word, "%.*s", (int)(last - second), text + second);
    (void)dcn_parse_double(word, &parsed.maximum);
    parsed.open_above = text[last] == ')';
    return parsed;
}

static bool in_range(const interval *range, double value)
{
    bool above = range->open_below ? value > range->minimum : value >= range->minimum;
    bool below = range->open_above ? value < range->maximum : value <= range->maximum;
    return above && below;
}

static decant_status out_of_range(const dcn_key *key, const dcn_doc *value)
{
    const interval range = parse_range(key->range);
    char wanted[96];
    if (isinf(range.maximum))
        TRY_RETURN(
            dcn_format(wanted, sizeof wanted, "%s %g", range.open_below ? "greater than" : "at least", range.minimum));
    else if (range.minimum == range.maximum)
        TRY_RETURN(dcn_format(wanted, sizeof wanted, "%g", range.minimum));
    else
        TRY_RETURN(dcn_format(wanted, sizeof wanted, "%s %.10g and %s %.10g",
                              range.open_below ? "greater than" : "at least", range.minimum,
                              range.open_above ? "less than" : "at most", range.maximum));
    return dcn_doc_fail(value, DECANT_USAGE, "%s must be %s, not %s", key->name, wanted, value->text);
}

/* --- values --- */

/* The word's place in "a|b|c", or -1. */
static int32_t find_choice(const char *choices, const char *word)
{
    const size_t length = strlen(word);
    const char *at = choices;
    for (int32_t place = 0; length > 0; place++) {
        const size_t this_length = strcspn(at, "|");
        if (this_length == length && memcmp(at, word, length) == 0) return place;
        if (at[this_length] == '\0') break;
        at += this_length + 1;
    }
    return -1;
}

static decant_status read_int(const dcn_key *key, const dcn_doc *value, int64_t *ret)
{
    int64_t number = 0;
    TRY_RETURN(dcn_doc_int(value, key->name, INT64_MIN, INT64_MAX, &number));
    const interval range = parse_range(key->range);
    if (!in_range(&range, (double)number)) return out_of_range(key, value);
    *ret = number;
    return DECANT_OK;
}

static decant_status read_number(const dcn_key *key, const dcn_doc *value, double *ret)
{
    double number = 0;
    TRY_RETURN(dcn_doc_double(value, key->name, -HUGE_VAL, HUGE_VAL, &number));
    const interval range = parse_range(key->range);
    if (!in_range(&range, number)) return out_of_range(key, value);
    *ret = number;
    return DECANT_OK;
}

static decant_status read_text(const dcn_key *key, const dcn_doc *value, const char **ret)
{
    const char *text = NULL;
    TRY_RETURN(dcn_doc_text(value, key->name, &text));
    if (text[0] == '\0') return dcn_doc_fail(value, DECANT_USAGE, "%s must not be empty", key->name);
    if (key->type == DCN_KEY_CHOICE && find_choice(key->shape, text) < 0)
        return dcn_doc_fail(value, DECANT_USAGE, "%s must be one of %s, not %s", key->name, key->shape, text);
    *ret = text;
    return DECANT_OK;
}

static decant_status check_value(const dcn_key *key, const dcn_doc *value)
{
    int64_t integer = 0;
    double number = 0;
    bool flag = false;
    const char *text = NULL;
    switch (key->type) {
    case DCN_KEY_INT:
        return read_int(key, value, &integer);
    case DCN_KEY_NUMBER:
        return read_number(key, value, &number);
    case DCN_KEY_BOOL:
        return dcn_doc_bool(value, key->name, &flag);
    case DCN_KEY_TEXT:
    case DCN_KEY_CHOICE:
        return read_text(key, value, &text);
    case DCN_KEY_NODE:
        break;
    }
    if (value->type == DCN_DOC_NULL)
        return dcn_doc_fail(value, DECANT_USAGE, "%s has nothing behind it; it wants a %s", key->name, key->shape);
    return DECANT_OK;
}

/* --- maps --- */

/* What others call it: PyTorch, Lightning, Keras, papers. */
static const char *const foreign_names[][2] = {
    /* training */
    {"learning_rate", "lr"},
    {"learningrate", "lr"},
    {"max_lr", "lr"},
    {"batch_size", "batch"},
    {"num_epochs", "epochs"},
    {"n_epochs", "epochs"},
    {"max_epochs", "epochs"},
    {"eta_min", "lr_min"},
    {"min_lr", "lr_min"},
    {"step_size", "every"},
    {"warmup_epochs", "warmup"},
    {"betas", "beta1"},
    {"grad_clip", "clip_norm"},
    {"gradient_clip_val", "clip_norm"},
    {"max_grad_norm", "clip_norm"},
    {"ema_decay", "ema"},
    {"early_stopping", "select"},
    {"monitor", "select"},
    {"num_seeds", "seeds"},
    {"n_seeds", "seeds"},
    {"scheduler", "schedule"},
    {"lr_scheduler", "schedule"},
    {"optim", "optimizer"},
    {"StepLR", "step"},
    {"MultiStepLR", "step"},
    {"CosineAnnealingLR", "cosine"},
    {"cosine_annealing", "cosine"},
    {"OneCycleLR", "one_cycle"},
    /* losses */
    {"T", "temperature"},
    {"tau", "temperature"},
    {"temp", "temperature"},
    {"alpha", "weight"},
    {"label_smooth", "label_smoothing"},
    {"smoothing", "label_smoothing"},
    {"criterion", "loss"},
    {"losses", "loss"},
    {"cross_entropy", "ce"},
    {"crossentropy", "ce"},
    {"kl", "kd"},
    {"kl_div", "kd"},
    {"kldiv", "kd"},
    {"mse", "logits"},
    {"fitnet", "hint"},
    /* data and networks */
    {"dataset", "source"},
    {"val", "validation"},
    {"valid", "validation"},
    {"normalise", "normalize"},
    {"number", "numeric"},
    {"float", "numeric"},
    {"string", "category"},
    {"categorical", "category"},
    {"horizontal_flip", "flip"},
    {"hflip", "flip"},
    {"random_crop", "crop"},
    {"in_channels", "channels"},
    {"num_classes", "classes"},
    {"hidden_size", "hidden"},
    {"init_from", "init"},
    {"params", "parameters"},
    {"flops", "mult_adds"},
    {"macs", "mult_adds"},
    /* runs */
    {"extends", "like"},
    {"inherit", "like"},
    {"<<", "like"},
    {"exclude", "leave_out"},
    {"architecture", "model"},
    {"arch", "model"},
};

const char *dcn_schema_usual_name(const char *name)
{
    for (size_t i = 0; i < DCN_COUNT(foreign_names); i++)
        if (strcasecmp(name, foreign_names[i][0]) == 0) return foreign_names[i][1];
    return name;
}

decant_status dcn_schema_unknown(const dcn_doc *doc, const char *what, const char *word, const char *const *candidates,
                                 size_t n_candidates)
{
    const char *nearest = dcn_nearest(word, candidates, n_candidates), *usual = dcn_schema_usual_name(word);
    for (size_t i = 0; i < n_candidates; i++)
        if (strcmp(usual, candidates[i]) == 0) nearest = candidates[i];
    if (nearest != NULL)
        return dcn_doc_fail(doc, DECANT_USAGE, "unknown %s '%s'; did you mean '%s'?", what, word, nearest);
    char known[256] = "";
    size_t length = 0;
    for (size_t i = 0; i < n_candidates && length < sizeof known - 1; i++) {
        int added = snprintf(known + length, sizeof known - length, "%s%s", i > 0 ? ", " : "", candidates[i]);
        length += added > 0 ? (size_t)added : 0;
    }
    return dcn_doc_fail(doc, DECANT_USAGE, "unknown %s '%s'; known: %s", what, word, known);
}

static const char *section_name(dcn_section section)
{
    return section_paths[section][0] != '\0' ? section_paths[section] : "a recipe";
}

/* The places that do have a key of this name, "a, b, c"; empty: none. */
static void list_places(const char *name, char ret_places[160])
{
    size_t length = 0;
    ret_places[0] = '\0';
    for (size_t i = 0; i < DCN_COUNT(keys); i++) {
        const char *path = section_name(keys[i].section);
        if (strcmp(keys[i].name, name) != 0 || length + strlen(path) + 3 > 160) continue;
        length += (size_t)snprintf(ret_places + length, 160 - length, "%s%s", length > 0 ? ", " : "", path);
    }
}

static decant_status unknown_key(dcn_section section, const dcn_doc *key_node)
{
    const char *candidates[MAX_CANDIDATES], *usual = dcn_schema_usual_name(key_node->text);
    char what[96], places[160];
    size_t count = 0;
    bool is_known = false;
    for (size_t i = 0; i < DCN_COUNT(keys) && count < MAX_CANDIDATES; i++) {
        if (keys[i].section != section) continue;
        is_known = is_known || strcmp(keys[i].name, usual) == 0;
        candidates[count++] = keys[i].name;
    }
    snprintf(what, sizeof what, "key of %s:", section_name(section));
    list_places(usual, places);
    const bool is_slip = usual == key_node->text && dcn_nearest(usual, candidates, count) != NULL;
    if (!is_known && places[0] != '\0' && !is_slip)
        return dcn_doc_fail(key_node, DECANT_USAGE, "unknown %s '%s'; '%s' is a key of %s", what, key_node->text, usual,
                            places);
    return dcn_schema_unknown(key_node, what, key_node->text, candidates, count);
}

decant_status dcn_schema_check(dcn_section section, const dcn_doc *map)
{
    if (map->type != DCN_DOC_MAP)
        return dcn_doc_fail(map, DECANT_USAGE, "%s must be a map of keys", section_name(section));
    for (int32_t i = 0; i < map->count; i++) {
        const dcn_key *key = dcn_schema_find(section, map->keys[i]);
        if (key == NULL) return unknown_key(section, map->key_nodes[i]);
        TRY_RETURN(check_value(key, map->items[i]));
    }
    for (size_t i = 0; i < DCN_COUNT(keys); i++) {
        const dcn_key *key = &keys[i];
        bool required = key->default_text != NULL && strcmp(key->default_text, DCN_KEY_REQUIRED) == 0;
        if (key->section == section && required && dcn_doc_get(map, key->name) == NULL)
            return dcn_doc_fail(map, DECANT_USAGE, "%s needs the key '%s'", section_name(section), key->name);
    }
    return DECANT_OK;
}

/* What to read for a key: the value in the map, or its default put into *blank. NULL when there is neither. */
static const dcn_doc *value_of(const dcn_key *key, const dcn_doc *map, dcn_doc *blank)
{
    const dcn_doc *value = map != NULL ? dcn_doc_get(map, key->name) : NULL;
    if (value != NULL || key->default_text == NULL) return value;
    *blank = (dcn_doc){.type = DCN_DOC_SCALAR, .text = key->default_text};
    return blank;
}

decant_status dcn_schema_int(dcn_section section, const dcn_doc *map, const char *name, int64_t *ret)
{
    dcn_doc blank;
    const dcn_key *key = dcn_schema_find(section, name);
    const dcn_doc *value = value_of(key, map, &blank);
    return value != NULL ? read_int(key, value, ret) : DECANT_OK;
}

decant_status dcn_schema_number(dcn_section section, const dcn_doc *map, const char *name, double *ret)
{
    dcn_doc blank;
    const dcn_key *key = dcn_schema_find(section, name);
    const dcn_doc *value = value_of(key, map, &blank);
    return value != NULL ? read_number(key, value, ret) : DECANT_OK;
}

decant_status dcn_schema_bool(dcn_section section, const dcn_doc *map, const char *name, bool *ret)
{
    dcn_doc blank;
    const dcn_key *key = dcn_schema_find(section, name);
    const dcn_doc *value = value_of(key, map, &blank);
    return value != NULL ? dcn_doc_bool(value, name, ret) : DECANT_OK;
}

decant_status dcn_schema_text(dcn_section section, const dcn_doc *map, const char *name, const char **ret)
{
    dcn_doc blank;
    const dcn_key *key = dcn_schema_find(section, name);
    const dcn_doc *value = value_of(key, map, &blank);
    return value != NULL ? read_text(key, value, ret) : DECANT_OK;
}

decant_status dcn_schema_choice(dcn_section section, const dcn_doc *map, const char *name, int32_t *ret)
{
    const char *word = NULL;
    TRY_RETURN(dcn_schema_text(section, map, name, &word));
    if (word != NULL) *ret = find_choice(dcn_schema_find(section, name)->shape, word);
    return DECANT_OK;
}

decant_status dcn_schema_bare_number(dcn_section section, const char *name, const dcn_doc *value, double *ret)
{
    return read_number(dcn_schema_find(section, name), value, ret);
}
