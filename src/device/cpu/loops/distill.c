/* Loops over rows for the losses beyond cross-entropy and plain distillation: binary cross-entropy, decoupled
 * distillation, squared and angular distances of features, standardised logits. Sums are in double: a feature has
 * thousands of elements, and these losses are small beside what they are made of. */
#include <math.h>

#include "device/cpu/loops/approximate.h"
#include "device/cpu/loops/loops.h"
#include "graph/op.h"

/* max(z, 0) - z y + log(1 + exp(-|z|)) and (sigmoid(z) - y) * scale, of one logit and its target. */
static inline double bce_of(float logit, double y, float scale, float *ret_gradient)
{
    double z = (double)logit, magnitude = z < 0.0 ? -z : z;
    double tail = approximate_exp_double(-magnitude), sigmoid = (z > 0.0 ? 1.0 : tail) / (1.0 + tail);
    *ret_gradient = (float)(sigmoid - y) * scale;
    return (z > 0.0 ? z : 0.0) - z * y + approximate_log1p_double(tail);
}

void DCN_CPU_LOOP(loss_bce)(const dcn_cpu_loss *loss, const float *logits, const int32_t *label, double *row_loss,
                            float *d_logits, int64_t begin_row, int64_t end_row)
{
    int64_t classes = loss->classes;
    if (classes == 1) {
#pragma omp simd
        for (int64_t row = begin_row; row < end_row; row++)
            row_loss[row] = bce_of(logits[row], (double)label[row], loss->scale, d_logits + row);
        return;
    }
    for (int64_t row = begin_row; row < end_row; row++) {
        const float *from = logits + row * classes;
        float *d = d_logits + row * classes;
        double sum = 0.0;
#pragma omp simd reduction(+ : sum)
        for (int64_t c = 0; c < classes; c++)
            sum += bce_of(from[c], label[row] == c ? 1.0 : 0.0, loss->scale, d + c);
        row_loss[row] = sum;
    }
}

/* Log-sum-exp of a row over T: of the classes other than the label, and of all. */
typedef struct row_logs {
    double rest, all;
} row_logs;

static row_logs logs_of(const float *row, int64_t classes, int64_t label, double inverse_temperature)
{
    double largest = -HUGE_VAL, sum = 0.0;
    for (int64_t c = 0; c < classes; c++)
        if (c != label && (double)row[c] > largest) largest = (double)row[c];
    for (int64_t c = 0; c < classes; c++)
        if (c != label) sum += exp(((double)row[c] - largest) * inverse_temperature);
    double rest = largest * inverse_temperature + log(sum), own = (double)row[label] * inverse_temperature;
    double top = rest > own ? rest : own;
    return (row_logs){rest, top + log1p(exp(-fabs(rest - own)))};
}

/* A label outside the classes touches no memory and counts as the first class: labels were checked when the data was
 * read. */
void DCN_CPU_LOOP(loss_dkd)(const dcn_cpu_loss *loss, const float *student, const float *teacher, const int32_t *label,
                            double *row_loss, float *d_student, int64_t begin_row, int64_t end_row)
{
    int64_t classes = loss->classes;
    double inverse = 1.0 / loss->temperature;
    for (int64_t row = begin_row; row < end_row; row++) {
        const float *s = student + row * classes, *t = teacher + row * classes;
        float *d = d_student + row * classes;
        int64_t own = label[row] >= 0 && label[row] < classes ? label[row] : 0;
        row_logs s_logs = logs_of(s, classes, own, inverse), t_logs = logs_of(t, classes, own, inverse);
        double log_s = (double)s[own] * inverse - s_logs.all, log_p = s_logs.rest - s_logs.all;
        double log_t = (double)t[own] * inverse - t_logs.all, log_q = t_logs.rest - t_logs.all;
        double p = exp(log_p), q = exp(log_q), among_rest = 0.0;
        for (int64_t c = 0; c < classes; c++) {
            if (c == own) continue;
            double log_r = (double)s[c] * inverse - s_logs.rest, log_u = (double)t[c] * inverse - t_logs.rest;
            double r = exp(log_r), u = exp(log_u);
            among_rest += u * (log_u - log_r);
            d[c] = (float)(loss->alpha * (p - q) * r + loss->beta * (r - u)) * loss->scale;
        }
        d[own] = (float)(loss->alpha * (q - p)) * loss->scale;
        row_loss[row] = loss->alpha * (exp(log_t) * (log_t - log_s) + q * (log_q - log_p)) + loss->beta * among_rest;
    }
}

void DCN_CPU_LOOP(loss_mse)(const dcn_cpu_loss *loss, const float *a, const float *b, double *row_loss, float *d_a,
                            int64_t begin_row, int64_t end_row)
{
    int64_t elements = loss->classes;
    for (int64_t row = begin_row; row < end_row; row++) {
        const float *x = a + row * elements, *y = b + row * elements;
        float *d = d_a + row * elements;
        double mean = 0.0, squares = 0.0, scale = (double)loss->scale;
        if (loss->center) {
#pragma omp simd reduction(+ : mean)
            for (int64_t i = 0; i < elements; i++)
                mean += (double)x[i] - (double)y[i];
            mean /= (double)elements;
        }
#pragma omp simd reduction(+ : squares)
        for (int64_t i = 0; i < elements; i++) {
            double difference = (double)x[i] - (double)y[i] - mean;
            squares += difference * difference;
            d[i] = (float)(difference * scale);
        }
        row_loss[row] = squares;
    }
}

/* Equal vectors give exactly 0: the root of a square is exact, and so is a number over itself. */
void DCN_CPU_LOOP(loss_cosine)(const dcn_cpu_loss *loss, const float *a, const float *b, double *row_loss, float *d_a,
                               int64_t begin_row, int64_t end_row)
{
    int64_t elements = loss->classes;
    for (int64_t row = begin_row; row < end_row; row++) {
        const float *x = a + row * elements, *y = b + row * elements;
        float *d = d_a + row * elements;
        double dot = 0.0, x_square = 0.0, y_square = 0.0;
#pragma omp simd reduction(+ : dot, x_square, y_square)
        for (int64_t i = 0; i < elements; i++) {
            dot += (double)x[i] * (double)y[i];
            x_square += (double)x[i] * (double)x[i];
            y_square += (double)y[i] * (double)y[i];
        }
        double norms = sqrt(x_square * y_square), cosine = 0.0, along = 0.0, across = 0.0;
        if (!(norms < DCN_COSINE_NORMS)) { /* a NaN goes on and shows */
            cosine = dot / norms;
            along = (double)loss->scale * cosine / x_square;
            across = (double)loss->scale / norms;
        }
#pragma omp simd
        for (int64_t i = 0; i < elements; i++)
            d[i] = (float)((double)x[i] * along - (double)y[i] * across);
        row_loss[row] = 1.0 - cosine;
    }
}

/* The mean of a row; its deviation with count - 1. */
static double moments_of(const float *x, int64_t count, double *ret_deviation)
{
    double mean = 0.0, squares = 0.0;
    for (int64_t i = 0; i < count; i++)
        mean += (double)x[i];
    mean /= (double)count;
    for (int64_t i = 0; i < count; i++)
        squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    *ret_deviation = sqrt(squares / (double)(count - 1));
    return mean;
}

void DCN_CPU_LOOP(standardize)(const float *x, float *y, int64_t classes, int64_t begin_row, int64_t end_row)
{
    for (int64_t row = begin_row; row < end_row; row++) {
        const float *from = x + row * classes;
        double deviation, mean = moments_of(from, classes, &deviation);
        for (int64_t c = 0; c < classes; c++)
            y[row * classes + c] = (float)(((double)from[c] - mean) / (deviation + DCN_STANDARDIZE_EPS));
    }
}

void DCN_CPU_LOOP(standardize_grad)(const float *d_y, const float *x, float *d_x, int64_t classes, int64_t begin_row,
                                    int64_t end_row)
{
    for (int64_t row = begin_row; row < end_row; row++) {
        const float *from = x + row * classes, *d = d_y + row * classes;
        double deviation, mean = moments_of(from, classes, &deviation), d_mean = 0.0, product = 0.0;
        double divisor = deviation + DCN_STANDARDIZE_EPS;
        for (int64_t c = 0; c < classes; c++) {
            d_mean += (double)d[c];
            product += (double)d[c] * ((double)from[c] - mean);
        }
        d_mean /= (double)classes;
        double slope = product / ((double)(classes - 1) * deviation * divisor * divisor);
        for (int64_t c = 0; c < classes; c++) {
            double value = ((double)d[c] - d_mean) / divisor - ((double)from[c] - mean) * slope;
            d_x[row * classes + c] = deviation > 0.0 ? (float)value : 0.0F;
        }
    }
}
