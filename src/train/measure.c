/* Calibration and fidelity, from logits in double precision. */
#include "train/measure.h"

#include <math.h>

int64_t dcn_logits_answer(const float *row, int64_t classes)
{
    int64_t best = 0;
    for (int64_t c = 1; c < classes; c++)
        if (row[c] > row[best]) best = c;
    return best;
}

double dcn_logits_log_sum(const float *row, int64_t classes)
{
    double top = (double)row[dcn_logits_answer(row, classes)], sum = 0;
    for (int64_t c = 0; c < classes; c++)
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
                             int64_t classes, decant_calibration *ret_calibration)
{
    decant_calibration calibration = {.error = 0}; /* sums, until all samples are counted */
    for (int64_t n = 0; n < count; n++) {
        const float *row = logits + n * classes; /* [classes] */
        int64_t answer = dcn_logits_answer(row, classes);
        double confidence = exp((double)row[answer] - dcn_logits_log_sum(row, classes));
        decant_confidence_bin *bin = &calibration.bins[bin_of(confidence)];
        bin->count++;
        bin->confidence += confidence;
        bin->accuracy += answer == labels[indices != NULL ? indices[n] : n];
        calibration.confidence += confidence / (double)count;
    }
    for (int i = 0; i < DECANT_CALIBRATION_BINS; i++) {
        decant_confidence_bin *bin = &calibration.bins[i];
        calibration.error += fabs(bin->accuracy - bin->confidence) / (double)count;
        if (bin->count == 0) continue;
        bin->confidence /= (double)bin->count;
        bin->accuracy /= (double)bin->count;
    }
    *ret_calibration = calibration;
}

void dcn_measure_fidelity(const float *student, const float *teacher, int64_t count, int64_t classes,
                          decant_fidelity *ret_fidelity)
{
    int64_t agreed = 0;
    double divergence = 0;
    for (int64_t n = 0; n < count; n++, student += classes, teacher += classes) {
        double student_sum = dcn_logits_log_sum(student, classes), teacher_sum = dcn_logits_log_sum(teacher, classes);
        agreed += dcn_logits_answer(student, classes) == dcn_logits_answer(teacher, classes);
        for (int64_t c = 0; c < classes; c++) {
            double p = (double)teacher[c] - teacher_sum, q = (double)student[c] - student_sum; /* logarithms */
            divergence += exp(p) * (p - q);
        }
    }
    *ret_fidelity = (decant_fidelity){.agreement = (double)agreed / (double)count,
                                      .divergence = fmax(divergence / (double)count, 0)}; /* rounding may go below */
}
