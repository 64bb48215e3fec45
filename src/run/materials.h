/* What an experiment needs from outside before it can train: its data set, the split, the statistics, and its networks.
 */
#ifndef DCN_RUN_MATERIALS_H
#define DCN_RUN_MATERIALS_H

#include "data/dataset.h"
#include "data/overlap.h"
#include "data/split.h"
#include "nn/model.h"
#include "recipe/experiment.h"

typedef struct dcn_materials {
    const dcn_experiment *experiment;
    decant_dataset *dataset;
    dcn_split split;
    dcn_overlap overlap;
    int32_t norm_channels; /* 0: no normalisation */
    float *mean, *std;     /* [norm_channels] */
    int32_t majority_class;
    double majority_accuracy; /* of always answering it, on the test part */
} dcn_materials;

/* Opens the recipe's data set, nothing more. */
decant_status dcn_data_spec_open(const dcn_data_spec *data, decant_dataset **ret_dataset);
/* The data set as the runs see it: both parts there and labelled, the unlabelled pool set aside, enough for validation.
 */
decant_status dcn_materials_open_data(const dcn_experiment *experiment, decant_dataset **ret_dataset);
/* Data set, split, overlap counts and statistics. Overlaps are counted, not judged. */
decant_status dcn_materials_create(const dcn_experiment *experiment, dcn_materials **ret_materials);
void dcn_materials_destroy(dcn_materials *materials); /* accepts NULL */

/* A network of the recipe for a data set; SHAPE or USAGE with the model's place when they do not fit. */
decant_status dcn_materials_graph(const dcn_experiment *experiment, int32_t model, const decant_dataset *dataset,
                                  dcn_graph **ret_graph);
/* A network (taken over, also on failure) as a model with the data's normalisation and class names; weights are still
 * to come. */
decant_status dcn_materials_dress(const dcn_materials *materials, dcn_graph *graph, decant_model **ret_model);
/* The network as a model, with the data's normalisation and class names; weights are fresh from the seed. */
decant_status dcn_materials_model(const dcn_materials *materials, int32_t model, uint64_t seed,
                                  decant_model **ret_model);

#endif
