/* Calibration and fidelity, from logits in double precision. */
#include "train/measure.h"

#include <math.h>

#include "data/dataset.h"

int64_t dcn_logits_answer(const float *row, int64_t outputs)
{
    if (outputs == 1) return row[0] > 0;
    int64_t best = 0;
    for (int64_t c = 1; c < outputs; c++)
        if (row[c] > row[best]) best = c;
    return best;
}

double dcn_logits_log_sum(const float *row, int64_t outputs)
{
    if (outputs == 1) return fmax((double)row[0], 0) + log1p(exp(-fabs((double)row[0])));
    double top = (double)row[dcn_logits_answer(row, outputs)], sum = 0;
    for (int64_t c = 0; c < outputs; c++)
        sum += exp((double)row[c] - top);
    return top + log(sum);
}

static int bin_of(double confidence)
{
    int bin = (int)ceil(confidence * DECANT_CALIBRATION_BINS) - 1;
    if (bin < 0) return 0;
    return bin < DECANT_CALIBRATION_BINS ? bin : DECANT_CALIBRATION_BINS - 1;
}

void dcn_measure_calibration(const float *logits, const int32_t *labels, const int32_t *indices, int64_t count,
                             int64_t outputs, decant_calibration *ret_calibration)
{
    decant_calibration calibration = {.error = 0}; /* sums, until all samples are counted */
    int64_t labelled = 0;
    for (int64_t n = 0; n < count; n++) {
        const int32_t label = labels[indices != NULL ? indices[n] : n];
        const float *row = logits + n * outputs; /* [outputs] */
        if (label == DCN_NO_LABEL) continue;
        int64_t answer = dcn_logits_answer(row, outputs);
        double confidence = exp(dcn_logit(row, outputs, answer) - dcn_logits_log_sum(row, outputs));
        decant_confidence_bin *bin = &calibration.bins[bin_of(confidence)];
        labelled++;
        bin->count++;
        bin->confidence += confidence;
        bin->accuracy += answer == label;
        calibration.confidence += confidence;
    }
    for (int i = 0; i < DECANT_CALIBRATION_BINS; i++) {
        decant_confidence_bin *bin = &calibration.bins[i];
        if (bin->count == 0) continue;
        calibration.error += fabs(bin->accuracy - bin->confidence) / (double)labelled;
        bin->confidence /= (double)bin->count;
        bin->accuracy /= (double)bin->count;
    }
    if (labelled > 0) calibration.confidence /= (double)labelled;
    *ret_calibration = calibration;
}

void dcn_measure_fidelity(const float *student, const float *teacher, const int32_t *labels, const int32_t *indices,
                          int64_t count, int64_t outputs, decant_fidelity *ret_fidelity)
{
    int64_t agreed = 0, labelled = 0, errors = 0, classes = outputs == 1 ? 2 : outputs;
    double divergence = 0;
    for (int64_t n = 0; n < count; n++, student += outputs, teacher += outputs) {
        double student_sum = dcn_logits_log_sum(student, outputs), teacher_sum = dcn_logits_log_sum(teacher, outputs);
        const int64_t answer = dcn_logits_answer(teacher, outputs);
        agreed += dcn_logits_answer(student, outputs) == answer;
        const int32_t label = labels[indices != NULL ? indices[n] : n];
        labelled += label != DCN_NO_LABEL;
        errors += label != DCN_NO_LABEL && answer != label;
        for (int64_t c = 0; c < classes; c++) {
            double p = dcn_logit(teacher, outputs, c) - teacher_sum; /* logarithms */
            double q = dcn_logit(student, outputs, c) - student_sum;
            divergence += exp(p) * (p - q);
        }
    }
    *ret_fidelity =
        (decant_fidelity){.agreement = (double)agreed / (double)count,
                          .divergence = fmax(divergence / (double)count, 0), /* rounding may go below */
                          .teacher_accuracy = (double)(labelled - errors) / (double)labelled, /* 0 / 0 is NAN */
                          .teacher_errors = errors};
}
