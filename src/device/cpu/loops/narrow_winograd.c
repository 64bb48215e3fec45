/* The transforms of Winograd's F(2x2, 3x3) (Lavin, Gray 2016) on maps of bf16: two by two outputs from four by four
 * inputs, 16 products a channel pair instead of 36. Arithmetic is in f32, what is multiplied is rounded to bf16 again.
 */
#include "device/cpu/loops/narrow_tiles.h"

#ifdef __AVX512BF16__

/* u = G g */
static inline void transform_weight(const vec *g, const int g_step, vec *u, const int u_step)
{
    vec sum = 0.5f * (g[0] + g[2 * g_step]), middle = 0.5f * g[g_step];
    u[0] = g[0];
    u[u_step] = sum + middle;
    u[2 * u_step] = sum - middle;
    u[3 * u_step] = g[2 * g_step];
}

/* o = A^T m */
static inline void transform_output(const vec *m, const int m_step, vec *o, const int o_step)
{
    o[0] = m[0] + (m[m_step] + m[2 * m_step]);
    o[o_step] = (m[m_step] - m[2 * m_step]) - m[3 * m_step];
}

/* --- weights --- */

/* The transformed weights of one channel that is summed over, for some of those that are made. */
static inline void weights_of(const dcn_cpu_narrow_winograd *winograd, const uint16_t *weights, int64_t i, int64_t o,
                              vec *ret_full)
{
    vec g[9], half[12];
    for (int tap = 0; tap < 9; tap++) {
        const int from = winograd->turned ? 8 - tap : tap;
        g[tap] = element_load(weights + (from * winograd->in + i) * winograd->out + o);
    }
    for (int column = 0; column < 3; column++)
        transform_weight(g + column, 3, half + column, 3);
    for (int row = 0; row < 4; row++)
        transform_weight(half + 3 * row, 1, ret_full + 4 * row, 1);
}

void DCN_CPU_ELEMENT_LOOP(narrow_winograd_weights)(const dcn_cpu_narrow_winograd *winograd, const void *weights,
                                                   void *u, int64_t begin_pair, int64_t end_pair)
{
    const int64_t out = winograd->out, depth = winograd->in / 2;
    for (int64_t first = 0, width; first < out; first += width) {
        width = dcn_cpu_strip_of_pairs(out, first);
        for (int64_t pair = begin_pair; pair < end_pair; pair++)
            for (int64_t o = 0; o < width; o += VEC_WIDTH) {
                vec low[PLACES], high[PLACES];
                weights_of(winograd, weights, 2 * pair, first + o, low);
                weights_of(winograd, weights, 2 * pair + 1, first + o, high);
                uint32_t *to = (uint32_t *)u + first * depth + pair * width + o;
                for (int place = 0; place < PLACES; place++)
                    pairs_store(to + place * winograd->u_step, pairs_of(low[place], high[place]));
            }
    }
}

/* --- tiles --- */

void DCN_CPU_ELEMENT_LOOP(narrow_winograd_input)(const dcn_cpu_narrow_winograd *winograd, const void *x, void *v,
                                                 int64_t first_tile, int64_t count)
{
    run_of_tiles run;
    map_group map = {x, 0, winograd->map[0], winograd->map[1], winograd->in, 0};
    for (int64_t t = 0; t < count; t += run.count) {
        run = run_from(winograd, first_tile + t, count - t);
        for (map.channel = 0; map.channel < winograd->in; map.channel += GROUP) {
            const strip rows = strip_of(&map, run.sample, run.row - winograd->padding[0]);
            const tile_target to = {(uint32_t *)v + (t * winograd->in + map.channel) / 2, winograd->in / 2,
                                    winograd->v_step};
            transform_tiles(&rows, run.column - winograd->padding[1], run.count, to, CHANNELS);
        }
    }
}

/* One tile's outputs, for VEC_WIDTH channels; `rows` and `columns` of them lie in the map. */
static ALWAYS_INLINE void finish_tile(const dcn_cpu_narrow_winograd *winograd, const float *m, const float *bias,
                                      uint16_t *y, int64_t rows, int64_t columns)
{
    const int64_t line = winograd->result[1] * winograd->out;
    vec tile[PLACES], half[8], result[4], shift = bias ? vec_load(bias) : (vec){0};
    for (int p = 0; p < PLACES; p++)
        tile[p] = vec_load(m + p * winograd->m_step);
    for (int column = 0; column < 4; column++)
        transform_output(tile + column, 4, half + column, 4);
    for (int row = 0; row < TILE; row++)
        transform_output(half + 4 * row, 1, result + 2 * row, 1);
    for (int i = 0; i < 4; i++) {
        result[i] += shift;
        if (winograd->relu) result[i] = vec_select(result[i] < (vec){0}, (vec){0}, result[i]);
    }
    element_store(y, result[0]);
    if (columns > 1) element_store(y + winograd->out, result[1]);
    if (rows > 1) element_store(y + line, result[2]);
    if (rows > 1 && columns > 1) element_store(y + line + winograd->out, result[3]);
}

void DCN_CPU_ELEMENT_LOOP(narrow_winograd_output)(const dcn_cpu_narrow_winograd *winograd, const float *m,
                                                  const float *bias, void *y, int64_t first_tile, int64_t count)
{
    const int64_t out = winograd->out, height = winograd->result[0], width = winograd->result[1];
    run_of_tiles run;
    for (int64_t t = 0; t < count; t += run.count) {
        run = run_from(winograd, first_tile + t, count - t);
        uint16_t *to = (uint16_t *)y + ((run.sample * height + run.row) * width + run.column) * out;
        for (int64_t i = 0; i < run.count; i++, to += TILE * out)
            for (int64_t c = 0; c < out; c += VEC_WIDTH)
                finish_tile(winograd, m + (t + i) * out + c, bias ? bias + c : NULL, to + c, height - run.row,
                            width - run.column - TILE * i);
    }
}

#endif
