/* Several models as one: side by side behind one input, their answers averaged. What comes out is a model as any other
 * - it is asked, cached, hashed and compared - so nothing that uses a teacher needs to know how many there are. */
#ifndef DCN_NN_ENSEMBLE_H
#define DCN_NN_ENSEMBLE_H

#include "nn/model.h"

#define DCN_MAX_ENSEMBLE 64

typedef enum dcn_average {
    DCN_AVERAGE_LOGITS,
    DCN_AVERAGE_PROBABILITIES /* the logits are log(mean of softmax): a softmax gives the mean back */
} dcn_average;

/* Members are copied. A layer L of the k-th is called "k.L". Class names and normalisation are the first one's.
 * SHAPE when they take other inputs or tell other classes apart, INVALID_ARG when they are normalised in different
 * ways, there are too many, or probabilities are wanted of a single logit. */
decant_status dcn_model_ensemble(const decant_model *const *members, int32_t count, dcn_average average,
                                 decant_model **ret_model);

#endif
