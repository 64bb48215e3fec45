/* The transforms of Winograd's F(4x4, 3x3) (Lavin, Gray 2016): four by four outputs from six by six inputs, 36 products
 * a channel pair instead of 144. Maps are NHWC, so every step is on vectors of channels. */
#include "device/cpu/loops/loops.h"
#include "device/cpu/loops/simd.h"

/* t = B^T d, for values that lie `step` apart in both */
static inline void transform_input(const vec *d, vec *t, const int step)
{
    vec even = d[4 * step] - 4 * d[2 * step], odd = d[3 * step] - 4 * d[1 * step];
    vec even_pair = d[4 * step] - d[2 * step], odd_pair = 2 * (d[3 * step] - d[1 * step]);
    t[0] = 4 * d[0] - 5 * d[2 * step] + d[4 * step];
    t[1 * step] = even + odd;
    t[2 * step] = even - odd;
    t[3 * step] = even_pair + odd_pair;
    t[4 * step] = even_pair - odd_pair;
    t[5 * step] = 4 * d[1 * step] - 5 * d[3 * step] + d[5 * step];
}

/* u = G g */
static inline void transform_weight(const vec *g, const int g_step, vec *u, const int u_step)
{
    const float sixth = 1.0f / 6;
    vec g0 = g[0], g1 = g[g_step], g2 = g[2 * g_step];
    vec sum = -sixth * (g0 + g2), middle = sixth * g1;
    vec far_sum = 0.25f * sixth * g0 + sixth * g2, far_middle = 0.5f * sixth * g1;
    u[0] = 0.25f * g0;
    u[1 * u_step] = sum - middle;
    u[2 * u_step] = sum + middle;
    u[3 * u_step] = far_sum + far_middle;
    u[4 * u_step] = far_sum - far_middle;
    u[5 * u_step] = g2;
}

/* o = A^T m */
static inline void transform_output(const vec *m, const int m_step, vec *o, const int o_step)
{
    vec near_sum = m[m_step] + m[2 * m_step], near_difference = m[m_step] - m[2 * m_step];
    vec far_sum = m[3 * m_step] + m[4 * m_step], far_difference = m[3 * m_step] - m[4 * m_step];
    o[0] = m[0] + near_sum + far_sum;
    o[o_step] = near_difference + 2 * far_difference;
    o[2 * o_step] = near_sum + 4 * far_sum;
    o[3 * o_step] = near_difference + 8 * far_difference + m[5 * m_step];
}

void DCN_CPU_LOOP(winograd_weights)(const dcn_cpu_winograd *winograd, const float *weights, float *u, int64_t begin_in,
                                    int64_t end_in)
{
    const int64_t in = winograd->in, out = winograd->out;
    for (int64_t i = begin_in; i < end_in; i++)
        for (int64_t o = 0; o < out; o += VEC_WIDTH) {
            vec g[9], half[18], full[36];
            for (int tap = 0; tap < 9; tap++)
                g[tap] = vec_load(weights + (tap * in + i) * out + o);
            for (int column = 0; column < 3; column++)
                transform_weight(g + column, 3, half + column, 3);
            for (int row = 0; row < 6; row++)
                transform_weight(half + 3 * row, 1, full + 6 * row, 1);
            float *to = u + o / DCN_CPU_STRIP * in * DCN_CPU_STRIP + i * DCN_CPU_STRIP + o % DCN_CPU_STRIP;
            for (int place = 0; place < DCN_CPU_WINOGRAD_PLACES; place++)
                vec_store(to + place * DCN_CPU_WINOGRAD_STEP(in, out), full[place]);
        }
}

static const float zeros[VEC_WIDTH];

/* Where a tile lies: its sample and its first output. */
typedef struct tile_place {
    int64_t sample, row, column;
} tile_place;

static inline tile_place place_of(const dcn_cpu_winograd *winograd, int64_t tile)
{
    int64_t across = winograd->tiles[1], of_sample = winograd->tiles[0] * across, within = tile % of_sample;
    return (tile_place){tile / of_sample, within / across * DCN_CPU_WINOGRAD_TILE,
                        within % across * DCN_CPU_WINOGRAD_TILE};
}

void DCN_CPU_LOOP(winograd_input)(const dcn_cpu_winograd *winograd, const float *x, float *v, int64_t first_tile,
                                  int64_t count)
{
    const int64_t in = winograd->in, height = winograd->map[0], width = winograd->map[1];
    for (int64_t t = 0; t < count; t++) {
        const tile_place place = place_of(winograd, first_tile + t);
        const float *sample = x + place.sample * height * width * in;
        const float *pixel[36]; /* of the tile; around the map there are zeros */
        int64_t step[36];
        for (int i = 0; i < 36; i++) {
            int64_t h = place.row - winograd->padding[0] + i / 6, w = place.column - winograd->padding[1] + i % 6;
            bool inside = h >= 0 && h < height && w >= 0 && w < width;
            pixel[i] = inside ? sample + (h * width + w) * in : zeros;
            step[i] = inside;
        }
        for (int64_t c = 0; c < in; c += VEC_WIDTH) {
            vec d[36], half[36];
            for (int i = 0; i < 36; i++)
                d[i] = vec_load(pixel[i] + c * step[i]);
            for (int column = 0; column < 6; column++)
                transform_input(d + column, half + column, 6);
            for (int row = 0; row < 6; row++)
                transform_input(half + 6 * row, d + 6 * row, 1);
            for (int p = 0; p < DCN_CPU_WINOGRAD_PLACES; p++)
                vec_store(v + p * DCN_CPU_WINOGRAD_STEP(DCN_CPU_WINOGRAD_CHUNK, in) + t * in + c, d[p]);
        }
    }
}

void DCN_CPU_LOOP(winograd_output)(const dcn_cpu_winograd *winograd, const float *m, const float *bias, float *y,
                                   int64_t first_tile, int64_t count)
{
    const int64_t out = winograd->out, height = winograd->result[0], width = winograd->result[1];
    for (int64_t t = 0; t < count; t++) {
        const tile_place place = place_of(winograd, first_tile + t);
        const int64_t rows = height - place.row, columns = width - place.column;
        float *corner = y + ((place.sample * height + place.row) * width + place.column) * out;
        for (int64_t c = 0; c < out; c += VEC_WIDTH) {
            vec tile[36], half[24], result[16], shift = bias ? vec_load(bias + c) : (vec){0};
            for (int p = 0; p < DCN_CPU_WINOGRAD_PLACES; p++)
                tile[p] = vec_load(m + p * DCN_CPU_WINOGRAD_STEP(DCN_CPU_WINOGRAD_CHUNK, out) + t * out + c);
            for (int column = 0; column < 6; column++)
                transform_output(tile + column, 6, half + column, 6);
            for (int row = 0; row < 4; row++)
                transform_output(half + 6 * row, 1, result + 4 * row, 1);
            for (int row = 0; row < 4 && row < rows; row++)
                for (int column = 0; column < 4 && column < columns; column++) {
                    vec value = result[4 * row + column] + shift;
                    if (winograd->relu) value = vec_select(value < (vec){0}, (vec){0}, value);
                    vec_store(corner + (row * width + column) * out + c, value);
                }
        }
    }
}
