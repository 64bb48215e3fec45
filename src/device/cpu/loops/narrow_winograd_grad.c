/* The gradient of the weights by Winograd's F(2x2, 3x3) on maps of bf16: with dU = (B^T d B) (A dy A^T), summed over
 * all tiles, it is G^T dU G. Pairs are of tiles at the same place of two samples. The last row and column of
 * places of dy have the other sign, so that its rows are y0, y0 + y1, y0 - y1, y1; transform_back subtracts them. */
#include "device/cpu/loops/narrow_tiles.h"

#ifdef __AVX512BF16__

void DCN_CPU_ELEMENT_LOOP(narrow_winograd_twins)(const dcn_cpu_narrow_winograd *winograd, const void *x, void *v,
                                                 int64_t first_tile, int64_t count, int64_t channel, int64_t channels)
{
    run_of_tiles run;
    map_group map = {x, winograd->samples, winograd->map[0], winograd->map[1], winograd->in, 0};
    for (int64_t t = 0; t < count; t += run.count) {
        run = run_from(winograd, first_tile + t, count - t);
        for (int64_t c = 0; c < channels; c += GROUP) {
            map.channel = channel + c;
            const strip rows = strip_of(&map, 2 * run.sample, run.row - winograd->padding[0]);
            tile_target to = {(uint32_t *)v + t * channels + c, channels, winograd->v_step};
            if (is_half_group(channels, c)) {
                transform_tiles(&rows, run.column - winograd->padding[1], run.count, to, HALF_TWINS);
                break;
            }
            transform_tiles(&rows, run.column - winograd->padding[1], run.count, to, EVEN_TWINS);
            to.first += VEC_WIDTH;
            transform_tiles(&rows, run.column - winograd->padding[1], run.count, to, ODD_TWINS);
        }
    }
}

/* A dy A^T of neighbouring tiles; all of dy is added to sum. */
static ALWAYS_INLINE void transform_gradient(const strip *map, int64_t column, int64_t count, tile_target to,
                                             const pairing of, float *sum)
{
    const vec one = hidden_one();
    vec total = vec_load(sum);
    for (int64_t t = 0; t < count; t++, column += TILE, to.first += to.row) {
        vec_pair down[4][2];
        for (int j = 0; j < 2; j++) {
            down[0][j] = pixel_of(map, 0, column + j, of);
            down[3][j] = pixel_of(map, 1, column + j, of);
            down[1][j] = add(down[0][j], down[3][j], one);
            down[2][j] = subtract(down[0][j], down[3][j], one);
        }
        for (int i = 0; i < 4; i++) {
            const vec_pair across[4] = {down[i][0], add(down[i][0], down[i][1], one),
                                        subtract(down[i][0], down[i][1], one), down[i][1]};
            for (int j = 0; j < 4; j++)
                pairs_store(to.first + (4 * i + j) * to.place, pairs_of(across[j].low, across[j].high));
            if (i == 1) total += across[1].low + across[1].high;
        }
    }
    vec_store(sum, total);
}

void DCN_CPU_ELEMENT_LOOP(narrow_winograd_gradient)(const dcn_cpu_narrow_winograd *winograd, const void *d_y, void *d,
                                                    int64_t first_tile, int64_t count, int64_t channel,
                                                    int64_t channels, float *sums)
{
    run_of_tiles run;
    map_group map = {d_y, winograd->samples, winograd->result[0], winograd->result[1], winograd->out, 0};
    for (int64_t t = 0; t < count; t += run.count) {
        run = run_from(winograd, first_tile + t, count - t);
        for (int64_t c = 0; c < channels; c += GROUP) {
            const int64_t first = c / DCN_CPU_PAIR_STRIP * DCN_CPU_PAIR_STRIP;
            const int64_t width = dcn_cpu_strip_of_pairs(channels, first);
            map.channel = channel + c;
            const strip rows = strip_of(&map, 2 * run.sample, run.row);
            tile_target to = {(uint32_t *)d + first * count + t * width + c - first, width, winograd->u_step};
            if (is_half_group(channels, c)) {
                transform_gradient(&rows, run.column, run.count, to, HALF_TWINS, sums + c);
                break;
            }
            transform_gradient(&rows, run.column, run.count, to, EVEN_TWINS, sums + c);
            to.first += VEC_WIDTH;
            transform_gradient(&rows, run.column, run.count, to, ODD_TWINS, sums + c + VEC_WIDTH);
        }
    }
}

/* g = G^T u */
static inline void transform_back(const vec *u, const int u_step, vec *g, const int g_step)
{
    const vec half_sum = 0.5f * (u[u_step] + u[2 * u_step]);
    g[0] = u[0] + half_sum;
    g[g_step] = 0.5f * (u[u_step] - u[2 * u_step]);
    g[2 * g_step] = half_sum - u[3 * u_step];
}

/* The nine taps of one channel, for VEC_WIDTH columns of the sums of all parts. */
static inline void taps_of(const dcn_cpu_narrow_winograd *winograd, const float *sums, int64_t parts, int64_t part_step,
                           vec *ret_taps)
{
    vec u[PLACES], half[12];
    for (int place = 0; place < PLACES; place++) {
        u[place] = vec_load(sums + place * winograd->m_step);
        for (int64_t part = 1; part < parts; part++)
            u[place] += vec_load(sums + part * part_step + place * winograd->m_step);
    }
    for (int column = 0; column < 4; column++)
        transform_back(u + column, 4, half + column, 4);
    for (int row = 0; row < 3; row++)
        transform_back(half + 4 * row, 1, ret_taps + 3 * row, 1);
}

/* Which channel of a block has this place in its sums. */
static inline int64_t channel_at(int64_t channels, int64_t place)
{
    const int64_t first = place / GROUP * GROUP, within = place % GROUP;
    if (is_half_group(channels, first)) return place;
    return first + within % VEC_WIDTH * 2 + within / VEC_WIDTH;
}

void DCN_CPU_ELEMENT_LOOP(narrow_winograd_finish)(const dcn_cpu_narrow_winograd *winograd,
                                                  const dcn_cpu_narrow_sums *sums, int64_t begin_row, int64_t end_row,
                                                  float *d_weight)
{
    for (int64_t row = begin_row; row < end_row; row++)
        for (int64_t c = 0; c < sums->columns; c += VEC_WIDTH) {
            vec taps[9];
            taps_of(winograd, sums->first + row * sums->columns + c, sums->parts, sums->part_step, taps);
            float *to = d_weight + channel_at(sums->rows, row) * winograd->out + channel_at(sums->columns, c);
            const int64_t step = channel_at(sums->columns, c + 1) - channel_at(sums->columns, c);
            for (int tap = 0; tap < 9; tap++, to += winograd->in * winograd->out)
                for (int lane = 0; lane < VEC_WIDTH; lane++)
                    to[lane * step] = taps[tap][lane];
        }
}

void DCN_CPU_ELEMENT_LOOP(narrow_winograd_bias)(const dcn_cpu_narrow_sums *sums, float *d_bias)
{
    for (int64_t place = 0; place < sums->columns; place++) {
        float *to = d_bias + channel_at(sums->columns, place);
        *to = sums->of_d_y[place];
        for (int64_t part = 1; part < sums->parts; part++)
            *to += sums->of_d_y[part * sums->part_step + place];
    }
}

#endif
