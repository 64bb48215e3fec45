/* The transforms of Winograd's F(2x2, 3x3) (Lavin, Gray 2016) on maps of bf16: two by two outputs from four by four
 * inputs, 16 products a channel pair instead of 36. Arithmetic is in f32, what is multiplied is rounded to bf16 again.
 */
#include "device/cpu/loops.h"
#include "device/cpu/narrow.h"

#define TILE   DCN_CPU_NARROW_TILE
#define PLACES DCN_CPU_NARROW_PLACES

/* Both halves of a vector of pairs. */
typedef struct vec_pair {
    vec low, high;
} vec_pair;

static inline vec_pair load_pair(const uint16_t *from)
{
    pairs both = pairs_load(from);
    return (vec_pair){pairs_low(both), pairs_high(both)};
}

/* 1, but the compiler does not know: what is added to a product with it is added by the multiply-add units. Where these
 * lie beside the adders (Zen), transforms would otherwise wait for those, which convert too. The sums are the same. */
static inline vec hidden_one(void)
{
    vec one = vec_all(1);
#if defined(__x86_64__)
    __asm__("" : "+x"(one));
#endif
    return one;
}

static inline vec_pair add(vec_pair a, vec_pair b, vec one)
{
    return (vec_pair){a.low * one + b.low, a.high * one + b.high};
}

static inline vec_pair subtract(vec_pair a, vec_pair b, vec one)
{
    return (vec_pair){a.low * one - b.low, a.high * one - b.high};
}

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
static inline void transform_output(const vec *m, const int m_step, vec one, vec *o, const int o_step)
{
    o[0] = m[0] * one + (m[2 * m_step] * one + m[m_step]);
    o[o_step] = (m[m_step] * one - m[2 * m_step]) - m[3 * m_step] * one;
}

/* --- weights --- */

/* The transformed weights of one channel that is summed over, for some of those that are made. */
static inline void weights_of(const dcn_cpu_narrow_winograd *winograd, const uint16_t *weights, int64_t i, int64_t o,
                              vec *ret_full)
{
    vec g[9], half[12];
    for (int tap = 0; tap < 9; tap++) {
        const int from = winograd->turned ? 8 - tap : tap;
        g[tap] = narrow_load(weights + (from * winograd->in + i) * winograd->out + o);
    }
    for (int column = 0; column < 3; column++)
        transform_weight(g + column, 3, half + column, 3);
    for (int row = 0; row < 4; row++)
        transform_weight(half + 3 * row, 1, ret_full + 4 * row, 1);
}

void DCN_CPU_LOOP(narrow_winograd_weights)(const dcn_cpu_narrow_winograd *winograd, const void *weights, void *u,
                                           int64_t begin_pair, int64_t end_pair)
{
    const int64_t out = winograd->out, depth = winograd->in / 2;
    for (int64_t first = 0, width; first < out; first += width) {
        width = dcn_cpu_strip_of_pairs(out, first);
        for (int64_t pair = begin_pair; pair < end_pair; pair++)
            for (int64_t o = 0; o < width; o += VEC_WIDTH) {
                vec low[PLACES], high[PLACES];
                weights_of(winograd, weights, 2 * pair, first + o, low);
                weights_of(winograd, weights, 2 * pair + 1, first + o, high);
                int32_t *to = (int32_t *)u + first * depth + pair * width + o;
                for (int place = 0; place < PLACES; place++)
                    pairs_store(to + place * winograd->u_step, pairs_of(low[place], high[place]));
            }
    }
}

/* --- tiles --- */

static const uint16_t zeros[2 * VEC_WIDTH];

/* Tiles side by side: in one sample, with the same rows of outputs. */
typedef struct run_of_tiles {
    int64_t sample, row, column; /* of the first one: its sample, its first output */
    int64_t count;
} run_of_tiles;

/* The first of `count` tiles from `first` on that lie side by side. */
static inline run_of_tiles run_from(const dcn_cpu_narrow_winograd *winograd, int64_t first, int64_t count)
{
    int64_t across = winograd->tiles[1], of_sample = winograd->tiles[0] * across, within = first % of_sample;
    int64_t left = across - within % across;
    return (run_of_tiles){first / of_sample, within / across * TILE, within % across * TILE,
                          left < count ? left : count};
}

/* Four rows of a map, 2 VEC_WIDTH of its channels; around the map there are zeros. */
typedef struct strip {
    const uint16_t *row[4];
    int64_t step[4]; /* from pixel to pixel; 0 where the row is all zeros */
    int64_t width;
} strip;

static inline strip strip_of(const dcn_cpu_narrow_winograd *winograd, const uint16_t *x, const run_of_tiles *run,
                             int64_t channel)
{
    const int64_t in = winograd->in, height = winograd->map[0], width = winograd->map[1];
    strip made = {.width = width};
    for (int i = 0; i < 4; i++) {
        int64_t h = run->row - winograd->padding[0] + i;
        bool inside = h >= 0 && h < height;
        made.row[i] = inside ? x + (run->sample * height + h) * width * in + channel : zeros;
        made.step[i] = inside ? in : 0;
    }
    return made;
}

/* What one or two rows of places are made of, down a column: d0 - d2; d1 + d2 and d2 - d1; d1 - d3. */
typedef enum place_rows { FIRST_ROW, MIDDLE_ROWS, LAST_ROW } place_rows;

static ALWAYS_INLINE void column_of(const strip *map, int64_t w, const place_rows which, vec one, vec_pair *t)
{
    const int upper = which == FIRST_ROW ? 0 : 1, lower = which == LAST_ROW ? 3 : 2;
    if (w < 0 || w >= map->width) {
        t[0] = t[1] = (vec_pair){{0}, {0}};
        return;
    }
    vec_pair a = load_pair(map->row[upper] + w * map->step[upper]);
    vec_pair b = load_pair(map->row[lower] + w * map->step[lower]);
    t[0] = which == MIDDLE_ROWS ? add(a, b, one) : subtract(a, b, one);
    if (which == MIDDLE_ROWS) t[1] = subtract(b, a, one);
}

/* Some places of neighbouring tiles, which share two of their four columns. A row of places at a time needs few
 * registers and writes to few places at once. */
static ALWAYS_INLINE void transform_run(const dcn_cpu_narrow_winograd *winograd, const strip *map, int64_t first_column,
                                        int64_t count, int32_t *v, const place_rows which)
{
    const int64_t depth = winograd->in / 2, v_step = winograd->v_step;
    const vec one = hidden_one();
    vec_pair column[4][2];
    column_of(map, first_column, which, one, column[0]);
    column_of(map, first_column + 1, which, one, column[1]);
    for (int64_t t = 0; t < count; t++) {
        column_of(map, first_column + TILE * t + 2, which, one, column[2]);
        column_of(map, first_column + TILE * t + 3, which, one, column[3]);
        for (int i = 0; i < (which == MIDDLE_ROWS ? 2 : 1); i++) {
            const vec_pair across[4] = {subtract(column[0][i], column[2][i], one), add(column[1][i], column[2][i], one),
                                        subtract(column[2][i], column[1][i], one),
                                        subtract(column[1][i], column[3][i], one)};
            for (int j = 0; j < 4; j++)
                pairs_store(v + t * depth + (4 * i + j) * v_step, pairs_of(across[j].low, across[j].high));
            column[0][i] = column[2][i];
            column[1][i] = column[3][i];
        }
    }
}

void DCN_CPU_LOOP(narrow_winograd_input)(const dcn_cpu_narrow_winograd *winograd, const void *x, void *v,
                                         int64_t first_tile, int64_t count)
{
    run_of_tiles run;
    for (int64_t t = 0; t < count; t += run.count) {
        run = run_from(winograd, first_tile + t, count - t);
        for (int64_t c = 0; c < winograd->in; c += 2 * VEC_WIDTH) {
            const strip map = strip_of(winograd, x, &run, c);
            const int64_t column = run.column - winograd->padding[1];
            int32_t *to = (int32_t *)v + (t * winograd->in + c) / 2;
            transform_run(winograd, &map, column, run.count, to, FIRST_ROW);
            transform_run(winograd, &map, column, run.count, to + 4 * winograd->v_step, MIDDLE_ROWS);
            transform_run(winograd, &map, column, run.count, to + 12 * winograd->v_step, LAST_ROW);
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
        transform_output(tile + column, 4, hidden_one(), half + column, 4);
    for (int row = 0; row < TILE; row++)
        transform_output(half + 4 * row, 1, vec_all(1), result + 2 * row, 1);
    for (int i = 0; i < 4; i++) {
        result[i] += shift;
        if (winograd->relu) result[i] = vec_select(result[i] < (vec){0}, (vec){0}, result[i]);
    }
    narrow_store(y, result[0]);
    if (columns > 1) narrow_store(y + winograd->out, result[1]);
    if (rows > 1) narrow_store(y + line, result[2]);
    if (rows > 1 && columns > 1) narrow_store(y + line + winograd->out, result[3]);
}

void DCN_CPU_LOOP(narrow_winograd_output)(const dcn_cpu_narrow_winograd *winograd, const float *m, const float *bias,
                                          void *y, int64_t first_tile, int64_t count)
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
