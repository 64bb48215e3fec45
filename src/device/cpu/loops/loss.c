/* Loops over rows of logits: softmax, the losses with their gradients in one pass, and counting of right answers.
 * Everything goes through the log-softmax with the row's maximum taken out, so any finite logits give finite results.
 */
#include <math.h>

#include "device/cpu/loops/approximate.h"
#include "device/cpu/loops/loops.h"
#include "device/cpu/loops/simd.h"

/* A NaN may be passed over here: it shows in the sum of exponentials. */
static float row_maximum(const float *row, int64_t classes)
{
    float best = row[0];
    int64_t c = 1;
    if (classes >= VEC_WIDTH) {
        vec lanes = vec_load(row);
        for (c = VEC_WIDTH; c + VEC_WIDTH <= classes; c += VEC_WIDTH) {
            vec value = vec_load(row + c);
            lanes = vec_select(value > lanes, value, lanes);
        }
        for (int i = 0; i < VEC_WIDTH; i++)
            best = lanes[i] > best ? lanes[i] : best;
    }
    for (; c < classes; c++)
        best = row[c] > best ? row[c] : best;
    return best;
}

/* out[c] = exp((row[c] - maximum) / T); their sum. A NaN anywhere makes the sum NaN. */
static float exponentials(const float *row, float *out, int64_t classes, float maximum, float inverse_temperature)
{
    float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
    for (int64_t c = 0; c < classes; c++) {
        float value = approximate_exp((row[c] - maximum) * inverse_temperature);
        out[c] = value;
        sum += value;
    }
    return sum;
}

void DCN_CPU_LOOP(softmax)(const float *x, float *y, int64_t classes, int64_t begin_row, int64_t end_row)
{
    for (int64_t row = begin_row; row < end_row; row++) {
        const float *from = x + row * classes;
        float *to = y + row * classes;
        float inverse = 1.0F / exponentials(from, to, classes, row_maximum(from, classes), 1.0F);
#pragma omp simd
        for (int64_t c = 0; c < classes; c++)
            to[c] *= inverse;
    }
}

void DCN_CPU_LOOP(softmax_grad)(const float *d_y, const float *y, float *d_x, int64_t classes, int64_t begin_row,
                                int64_t end_row)
{
    for (int64_t row = begin_row; row < end_row; row++) {
        const float *d = d_y + row * classes, *p = y + row * classes;
        float *to = d_x + row * classes;
        float product = 0.0F;
#pragma omp simd reduction(+ : product)
        for (int64_t c = 0; c < classes; c++)
            product += d[c] * p[c];
#pragma omp simd
        for (int64_t c = 0; c < classes; c++)
            to[c] = p[c] * (d[c] - product);
    }
}

/* -sum_c q_c log p_c with q the (mixed, smoothed) labels, and (p - q) * scale. Labels were checked when the data was
 * read; one outside the classes still touches no memory: it weighs nothing. */
void DCN_CPU_LOOP(loss_ce)(const dcn_cpu_loss *loss, const float *logits, const int32_t *label_a,
                           const int32_t *label_b, const float *mix, double *row_loss, float *d_logits,
                           int64_t begin_row, int64_t end_row)
{
    int64_t classes = loss->classes;
    double uniform = loss->smoothing / (double)classes, sharp = 1.0 - loss->smoothing;
    for (int64_t row = begin_row; row < end_row; row++) {
        const float *from = logits + row * classes;
        float *d = d_logits + row * classes;
        float maximum = row_maximum(from, classes);
        float sum = exponentials(from, d, classes, maximum, 1.0F);
        double normalizer = (double)maximum + log((double)sum);
        float inverse = loss->scale / sum, flat = (float)uniform * loss->scale;
#pragma omp simd
        for (int64_t c = 0; c < classes; c++)
            d[c] = d[c] * inverse - flat;

        double weight_a = label_b ? (double)mix[row] : 1.0, value = 0.0;
        int64_t label[2] = {label_a[row], label_b ? label_b[row] : -1};
        double weight[2] = {sharp * weight_a, sharp * (1.0 - weight_a)};
        for (int k = 0; k < 2; k++) {
            if (label[k] < 0 || label[k] >= classes) continue;
            value += weight[k] * (normalizer - (double)from[label[k]]);
            d[label[k]] -= (float)(weight[k] * (double)loss->scale);
        }
        if (uniform > 0.0)
            for (int64_t c = 0; c < classes; c++)
                value += uniform * (normalizer - (double)from[c]);
        row_loss[row] = value;
    }
}

/* sum_c p_T(t) (log p_T(t) - log p_T(s)) and (p_T(s) - p_T(t)) * scale. The difference of logs is taken as
 * (t - s) / T + (log-normalizer of s - that of t), which stays finite where p_T(t) underflows. The value is in double:
 * it is small for large T, and multiplied by T^2. */
void DCN_CPU_LOOP(loss_kd)(const dcn_cpu_loss *loss, const float *student, const float *teacher, double *row_loss,
                           float *d_student, int64_t begin_row, int64_t end_row)
{
    int64_t classes = loss->classes;
    double inverse_temperature = 1.0 / loss->temperature;
    for (int64_t row = begin_row; row < end_row; row++) {
        const float *s = student + row * classes, *t = teacher + row * classes;
        float *d = d_student + row * classes;
        double s_maximum = (double)row_maximum(s, classes), t_maximum = (double)row_maximum(t, classes);
        double s_sum = 0.0, t_sum = 0.0, product = 0.0;
#pragma omp simd reduction(+ : s_sum, t_sum, product)
        for (int64_t c = 0; c < classes; c++) {
            double s_log = ((double)s[c] - s_maximum) * inverse_temperature;
            double t_log = ((double)t[c] - t_maximum) * inverse_temperature;
            double t_power = approximate_exp_double(t_log);
            s_sum += approximate_exp_double(s_log);
            t_sum += t_power;
            product += t_power * (t_log - s_log);
        }
        row_loss[row] = product / t_sum + log(s_sum) - log(t_sum);
        double s_scale = (double)loss->scale / s_sum, t_scale = (double)loss->scale / t_sum;
#pragma omp simd
        for (int64_t c = 0; c < classes; c++) {
            double s_power = approximate_exp_double(((double)s[c] - s_maximum) * inverse_temperature);
            double t_power = approximate_exp_double(((double)t[c] - t_maximum) * inverse_temperature);
            d[c] = (float)(s_power * s_scale - t_power * t_scale);
        }
    }
}

void DCN_CPU_LOOP(correct)(const float *logits, const int32_t *label, int64_t classes, int64_t rows, int32_t *ret_count)
{
    int32_t count = 0;
    for (int64_t row = 0; row < rows; row++, logits += classes) {
        int64_t best = classes == 1 && logits[0] > 0.0F;
        for (int64_t c = 1; c < classes; c++)
            if (logits[c] > logits[best]) best = c;
        count += best == label[row];
    }
    *ret_count = count;
}
