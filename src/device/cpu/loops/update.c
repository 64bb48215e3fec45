/* Loops over the flat parameter block: the optimisers, each in one pass, and the norm of the gradient. */
#include <math.h>

#include "device/cpu/loops/loops.h"
#include "device/cpu/loops/simd.h"

static double square_sum(const float *x, int64_t count)
{
    vec sum[4] = {{0}};
    int64_t i = 0;
    for (; i + 4 * VEC_WIDTH <= count; i += 4 * VEC_WIDTH)
        for (int k = 0; k < 4; k++) {
            vec value = vec_load(x + i + k * VEC_WIDTH);
            sum[k] += value * value;
        }
    double total = 0.0;
    for (int k = 0; k < 4; k++)
        for (int lane = 0; lane < VEC_WIDTH; lane++)
            total += (double)sum[k][lane];
    for (; i < count; i++)
        total += (double)x[i] * (double)x[i];
    return total;
}

void DCN_CPU_LOOP(square_sums)(const float *x, int64_t count, double *chunk_sums, int64_t begin_chunk,
                               int64_t end_chunk)
{
    for (int64_t chunk = begin_chunk; chunk < end_chunk; chunk++) {
        int64_t begin = chunk * DCN_CPU_SQUARE_CHUNK;
        int64_t end = begin + DCN_CPU_SQUARE_CHUNK < count ? begin + DCN_CPU_SQUARE_CHUNK : count;
        chunk_sums[chunk] = square_sum(x + begin, end - begin);
    }
}

void DCN_CPU_LOOP(sgd)(const dcn_cpu_update *update, float *param, const float *grad, float *momentum, int64_t begin,
                       int64_t end)
{
    const dcn_cpu_update u = *update;
    if (!u.has_momentum) {
#pragma omp simd
        for (int64_t i = begin; i < end; i++)
            param[i] -= u.lr * (u.grad_scale * grad[i] + u.weight_decay * param[i]);
        return;
    }
    float keep = u.first ? 0.0F : u.momentum; /* the first step fills the momentum, whatever was there */
    float direct = u.nesterov ? 1.0F : 0.0F, through = u.nesterov ? u.momentum : 1.0F;
#pragma omp simd
    for (int64_t i = begin; i < end; i++) {
        float g = u.grad_scale * grad[i] + u.weight_decay * param[i];
        float old = u.first ? 0.0F : momentum[i];
        float speed = keep * old + g;
        momentum[i] = speed;
        param[i] -= u.lr * (direct * g + through * speed);
    }
}

void DCN_CPU_LOOP(adam)(const dcn_cpu_update *update, float *param, const float *grad, float *m, float *v,
                        int64_t begin, int64_t end)
{
    const dcn_cpu_update u = *update;
    float shrink = u.decoupled ? 1.0F - u.lr * u.weight_decay : 1.0F;
    float decay = u.decoupled ? 0.0F : u.weight_decay;
    float rest1 = 1.0F - u.beta1, rest2 = 1.0F - u.beta2, inverse_root = 1.0F / u.root_bias;
#pragma omp simd
    for (int64_t i = begin; i < end; i++) {
        float p = param[i] * shrink;
        float g = u.grad_scale * grad[i] + decay * p;
        float first = u.beta1 * m[i] + rest1 * g;
        float second = u.beta2 * v[i] + rest2 * g * g;
        m[i] = first;
        v[i] = second;
        param[i] = p - u.step_size * first / (sqrtf(second) * inverse_root + u.eps);
    }
}

void DCN_CPU_LOOP(ema)(float decay, float *ema, const float *param, int64_t begin, int64_t end)
{
    float rest = 1.0F - decay;
#pragma omp simd
    for (int64_t i = begin; i < end; i++)
        ema[i] = decay * ema[i] + rest * param[i];
}
