/* Loops of a batch normalisation whose result goes through a maximum of 2x2 pixels: the normalised map is never stored,
 * and the gradient goes from the winners to the map in one pass. Rows are output rows of all samples: row r is made of
 * rows 2r and 2r + 1 of all inputs. Who wins is worked out again from x wherever it is asked for. */
#include <string.h>

#include "device/cpu/loops/element.h"
#include "device/cpu/loops/loops.h"

/* Channels whose sums stay in the first-level cache. */
#define SEGMENT 256
/* Pixels summed in single precision before the sum goes to double. */
#define BLOCK_TERMS 256

/* Where the four pixels of a window lie, behind the first. */
static inline int64_t place_at(int k, int64_t line, int64_t channels)
{
    return k / 2 * line + k % 2 * channels;
}

/* n (<= VEC_WIDTH) channels of the four pixels of a window, and what normalising makes of the greatest. */
typedef struct window_pixels {
    vec x[4];
    vec best;
    ivec winner; /* 0 to 3; the first on ties; where a NaN is, the whole channel is NaN */
} window_pixels;

static ALWAYS_INLINE window_pixels window_of(const element *from, int64_t line, int64_t channels, int64_t n, vec scale,
                                             vec offset)
{
    window_pixels window = {.winner = {0}};
    for (int k = 0; k < 4; k++) {
        window.x[k] = element_load_first(from + place_at(k, line, channels), n);
        vec value = window.x[k] * scale + offset;
        ivec wins = value > window.best;
        if (k == 0) wins = ivec_all(-1);
        window.best = vec_select(wins, value, window.best);
        window.winner = ivec_select(wins, ivec_all(k), window.winner);
    }
    return window;
}

void DCN_CPU_ELEMENT_LOOP(norm_pool)(const dcn_cpu_norm *norm, const void *source, void *target, bool relu,
                                     int64_t columns, int64_t begin_row, int64_t end_row)
{
    int64_t channels = norm->channels, line = 2 * columns * channels;
    for (int64_t pixel = begin_row * columns; pixel < end_row * columns; pixel++) {
        const element *from = (const element *)source + pixel / columns * 2 * line + pixel % columns * 2 * channels;
        element *to = (element *)target + pixel * channels;
        for (int64_t c = 0; c < channels; c += VEC_WIDTH) {
            int64_t n = smaller(VEC_WIDTH, channels - c);
            vec scale = vec_load_first(norm->scale + c, n), offset = vec_load_first(norm->offset + c, n);
            vec best = window_of(from + c, line, channels, n, scale, offset).best;
            if (relu) best = vec_select(best < (vec){0}, (vec){0}, best);
            element_store_first(to + c, best, n);
        }
    }
}

/* The winners' gradient: where a relu follows, nothing where the greatest is not above 0. */
static ALWAYS_INLINE vec winner_gradient(const window_pixels *window, const element *d_y, int64_t n, bool relu)
{
    vec d = element_load_first(d_y, n);
    return relu ? vec_select(window->best > (vec){0}, d, (vec){0}) : d;
}

/* One row: n channels of all its windows. */
static ALWAYS_INLINE void sum_row(const element *d_y, const element *x, int64_t columns, int64_t channels, int64_t n,
                                  vec scale, vec offset, vec mean, bool relu, vec *sum, vec *product)
{
    vec first = *sum, second = *product;
    for (int64_t column = 0; column < columns; column++) {
        window_pixels window = window_of(x + 2 * column * channels, 2 * columns * channels, channels, n, scale, offset);
        vec d = winner_gradient(&window, d_y + column * channels, n, relu), value = window.x[0];
        for (int k = 1; k < 4; k++)
            value = vec_select(window.winner == ivec_all(k), window.x[k], value);
        first += d;
        second += d * (value - mean);
    }
    *sum = first;
    *product = second;
}

static inline void flush(vec *sums, int64_t channels, double *total)
{
    const float *values = (const float *)sums;
#pragma omp simd
    for (int64_t c = 0; c < channels; c++)
        total[c] += (double)values[c];
    memset(sums, 0, (size_t)((channels + VEC_WIDTH - 1) / VEC_WIDTH) * sizeof *sums);
}

void DCN_CPU_ELEMENT_LOOP(norm_pool_grad_sums)(const dcn_cpu_norm *norm, const void *gradient, const void *input,
                                               bool relu, int64_t columns, int64_t begin_row, int64_t end_row,
                                               double *sum, double *product)
{
    int64_t channels = norm->channels, at_once = BLOCK_TERMS / columns > 1 ? BLOCK_TERMS / columns : 1;
    for (int64_t segment = 0; segment < channels; segment += SEGMENT) {
        int64_t size = smaller(SEGMENT, channels - segment);
        vec sums[SEGMENT / VEC_WIDTH] = {{0}}, products[SEGMENT / VEC_WIDTH] = {{0}};
        for (int64_t row = begin_row; row < end_row; row++) {
            const element *d_y = (const element *)gradient + row * columns * channels;
            const element *x = (const element *)input + row * 4 * columns * channels;
            for (int64_t i = 0; i < size; i += VEC_WIDTH) {
                int64_t c = segment + i, n = smaller(VEC_WIDTH, size - i);
                vec scale = vec_load_first(norm->scale + c, n);
                vec offset = vec_load_first(norm->offset + c, n), mean = vec_load_first(norm->shift + c, n);
                vec *first = &sums[i / VEC_WIDTH], *second = &products[i / VEC_WIDTH];
                if (n < VEC_WIDTH)
                    sum_row(d_y + c, x + c, columns, channels, n, scale, offset, mean, relu, first, second);
                else
                    sum_row(d_y + c, x + c, columns, channels, VEC_WIDTH, scale, offset, mean, relu, first, second);
            }
            if ((row - begin_row + 1) % at_once != 0 && row + 1 < end_row) continue;
            flush(sums, size, sum + segment);
            flush(products, size, product + segment);
        }
    }
}

void DCN_CPU_ELEMENT_LOOP(norm_pool_grad_input)(const dcn_cpu_norm *norm, const void *gradient, const void *input,
                                                void *target, bool relu, int64_t columns, int64_t begin_row,
                                                int64_t end_row)
{
    int64_t channels = norm->channels, line = 2 * columns * channels;
    for (int64_t pixel = begin_row * columns; pixel < end_row * columns; pixel++) {
        int64_t corner = pixel / columns * 2 * line + pixel % columns * 2 * channels;
        const element *d_y = (const element *)gradient + pixel * channels, *x = (const element *)input + corner;
        element *d_x = (element *)target + corner;
        for (int64_t c = 0; c < channels; c += VEC_WIDTH) {
            int64_t n = smaller(VEC_WIDTH, channels - c);
            vec scale = vec_load_first(norm->scale + c, n), offset = vec_load_first(norm->offset + c, n);
            vec slope = vec_load_first(norm->slope + c, n), constant = vec_load_first(norm->constant + c, n);
            window_pixels window = window_of(x + c, line, channels, n, scale, offset);
            vec won = winner_gradient(&window, d_y + c, n, relu) * scale;
            for (int k = 0; k < 4; k++) {
                vec value = window.x[k] * slope + constant;
                value += vec_select(window.winner == ivec_all(k), won, (vec){0});
                element_store_first(d_x + c + place_at(k, line, channels), value, n);
            }
        }
    }
}
