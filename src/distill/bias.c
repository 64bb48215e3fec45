/* Finds the offsets of an output-bias correction. One offset is a matter of sorting: a sample is predicted to be of the
 * moved classes exactly when the offset is above its margin. */
#include "distill/bias.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

#define LARGEST_SWEEPS 50  /* over the classes, each with its own offset */
#define BEYOND         1.0 /* how far past the last margin an offset goes that no margin bounds */

/* A sample from where one offset is sought. */
typedef struct sample_margin {
    double margin;           /* best logit of the others minus best of the moved */
    int32_t inside, outside; /* the classes that have these: moved, other */
    int64_t sample;
} sample_margin;

static int by_margin(const void *a, const void *b)
{
    const double x = ((const sample_margin *)a)->margin, y = ((const sample_margin *)b)->margin;
    return (x > y) - (x < y);
}

/* Margins of all samples under the offsets so far, rising. moved_class: the moved one, or DCN_NONE for those of the
 * problem. */
static void list_margins(const dcn_bias_problem *problem, int32_t moved_class, const float *offsets,
                         sample_margin *margins)
{
    for (int64_t i = 0; i < problem->count; i++) {
        const float *row = problem->logits + i * problem->classes; /* [classes] */
        double best[2] = {-HUGE_VAL, -HUGE_VAL};
        int32_t winner[2] = {0, 0};
        for (int32_t c = 0; c < problem->classes; c++) {
            const int side = moved_class != DCN_NONE ? c == moved_class : problem->moved[c];
            const double logit = (double)row[c] + (double)offsets[c];
            if (!(logit > best[side])) continue;
            best[side] = logit;
            winner[side] = c;
        }
        margins[i] = (sample_margin){best[0] - best[1], winner[1], winner[0], i};
    }
    qsort(margins, (size_t)problem->count, sizeof *margins, by_margin);
}

/* The middle between the margins of samples `below` - 1 and `below`: the first `below` samples are inside then. */
static double offset_between(const sample_margin *margins, int64_t count, int64_t below)
{
    if (below == 0) return margins[0].margin - BEYOND;
    if (below == count) return margins[count - 1].margin + BEYOND;
    return (margins[below - 1].margin + margins[below].margin) / 2;
}

static int64_t count_inside(const sample_margin *margins, int64_t count)
{
    int64_t inside = 0;
    while (inside < count && margins[inside].margin < 0)
        inside++;
    return inside;
}

/* How one offset is chosen from sorted margins; 0 where the offsets so far cannot be bettered. */
typedef double choose_offset(const sample_margin *margins, int64_t count, const void *goal, int32_t moved_class);

static decant_status find_offsets(const dcn_bias_problem *problem, choose_offset *choose, const void *goal,
                                  float *offsets)
{
    sample_margin *margins = NULL;
    TRY_RETURN(dcn_new_array((size_t)problem->count, sizeof *margins, (void **)&margins));
    bool changed = true;
    for (int32_t c = 0; c < problem->classes; c++)
        offsets[c] = 0;
    if (problem->moved != NULL) {
        list_margins(problem, DCN_NONE, offsets, margins);
        const double offset = choose(margins, problem->count, goal, DCN_NONE);
        for (int32_t c = 0; c < problem->classes; c++)
            offsets[c] = problem->moved[c] ? (float)offset : 0;
        changed = false;
    }
    for (int sweep = 0; sweep < LARGEST_SWEEPS && changed; sweep++) {
        changed = false;
        for (int32_t c = 0; c < problem->classes; c++) {
            list_margins(problem, c, offsets, margins);
            const float before = offsets[c];
            offsets[c] = (float)((double)before + choose(margins, problem->count, goal, c));
            changed = changed || offsets[c] < before || offsets[c] > before;
        }
    }
    dcn_free(margins);
    return DECANT_OK;
}

/* --- by frequencies --- */

typedef struct frequency_goal {
    const int64_t *wanted; /* [classes] */
    int64_t wanted_moved;  /* of the moved classes together */
} frequency_goal;

static double choose_by_frequency(const sample_margin *margins, int64_t count, const void *goal, int32_t moved_class)
{
    const frequency_goal *frequencies = goal;
    const int64_t wanted = moved_class != DCN_NONE ? frequencies->wanted[moved_class] : frequencies->wanted_moved;
    return count_inside(margins, count) == wanted ? 0 : offset_between(margins, count, wanted);
}

decant_status dcn_bias_match(const dcn_bias_problem *problem, const int64_t *wanted, float *ret_offsets)
{
    frequency_goal goal = {.wanted = wanted};
    for (int32_t c = 0; problem->moved != NULL && c < problem->classes; c++)
        goal.wanted_moved += problem->moved[c] ? wanted[c] : 0;
    return find_offsets(problem, choose_by_frequency, &goal, ret_offsets);
}

/* --- by labels --- */

/* How far an offset must go to have exactly the first `below` samples inside; 0 where it need not move. */
static double distance_to(const sample_margin *margins, int64_t count, int64_t below)
{
    const double low = below > 0 ? margins[below - 1].margin : -HUGE_VAL;
    const double high = below < count ? margins[below].margin : HUGE_VAL;
    if (low > 0) return low;
    return high < 0 ? -high : 0;
}

static double choose_by_label(const sample_margin *margins, int64_t count, const void *goal, int32_t moved_class)
{
    const int32_t *labels = goal;
    int64_t errors = 0, fewest = 0, best = 0;
    (void)moved_class; /* the margins know it */
    for (int64_t i = 0; i < count; i++)
        errors += labels[margins[i].sample] != margins[i].outside;
    fewest = errors;
    for (int64_t below = 1; below <= count; below++) { /* one sample after the other comes inside */
        const sample_margin *last = &margins[below - 1];
        errors += (labels[last->sample] != last->inside) - (labels[last->sample] != last->outside);
        if (below < count && !(margins[below].margin > last->margin)) continue; /* no offset parts the two */
        const bool nearer = distance_to(margins, count, below) < distance_to(margins, count, best);
        if (errors > fewest || (errors == fewest && !nearer)) continue;
        fewest = errors;
        best = below;
    }
    return distance_to(margins, count, best) > 0 ? offset_between(margins, count, best) : 0;
}

decant_status dcn_bias_fit(const dcn_bias_problem *problem, const int32_t *labels, float *ret_offsets)
{
    return find_offsets(problem, choose_by_label, labels, ret_offsets);
}

/* --- where they go --- */

decant_status dcn_graph_output_bias(const dcn_graph *graph, dcn_value_id *ret_bias)
{
    const dcn_node_id producer = graph->values[graph->output].producer;
    if (producer == DCN_NONE) return DCN_FAIL(INVALID_ARG, "no layer makes the logits, so none can take offsets");
    const dcn_node *node = &graph->nodes[producer];
    const char *name = node->name != NULL ? node->name : "";
    if (node->op != DECANT_OP_LINEAR)
        return DCN_FAIL(INVALID_ARG, "the last layer %s is %s; only a linear layer with a bias can take the offsets",
                        name, dcn_op_get(node->op)->name);
    if (node->n_inputs < 3)
        return DCN_FAIL(INVALID_ARG, "the last layer %s is linear without a bias, which is what takes the offsets",
                        name);
    *ret_bias = node->input[2];
    return DECANT_OK;
}
