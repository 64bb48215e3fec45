/* Loops over pooling windows of NHWC maps, vectors along the channels. */
#include <string.h>

#include "device/cpu/loops/element.h"
#include "device/cpu/loops/loops.h"

typedef uint8_t bytes_of_vec __attribute__((vector_size(VEC_WIDTH)));

/* One window cut to the map: rows [begin[0], end[0]) and columns [begin[1], end[1]). */
typedef struct span {
    int64_t begin[2], end[2];
    int64_t origin[2]; /* of the uncut window, may be negative */
    int64_t count[2];  /* their product is what an average divides by */
} span;

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void set_axis(const dcn_cpu_window *window, int axis, int64_t out, span *at)
{
    if (window->adaptive) {
        at->begin[axis] = out * window->in[axis] / window->out[axis];
        at->end[axis] = ((out + 1) * window->in[axis] + window->out[axis] - 1) / window->out[axis];
        at->count[axis] = at->end[axis] - at->begin[axis];
        return;
    }
    int64_t begin = out * window->stride[axis] - window->padding[axis];
    int64_t end = smaller(begin + window->kernel[axis], window->in[axis] + window->padding[axis]);
    at->origin[axis] = begin;
    at->begin[axis] = larger(begin, 0);
    at->end[axis] = smaller(end, window->in[axis]);
    at->count[axis] = window->count_padding ? end - begin : at->end[axis] - at->begin[axis];
}

/* The number that maxpool stores for an element: its place in the window, or in the map. */
static inline int32_t place_of(const dcn_cpu_window *window, const span *at, int64_t h, int64_t w)
{
    if (window->wide_index) return (int32_t)(h * window->in[1] + w);
    return (int32_t)((h - at->origin[0]) * window->kernel[1] + (w - at->origin[1]));
}

/* --- maximum --- */

/* The common case: windows of 2x2 side by side over the whole map, whole vectors of channels. Pixels then need no
 * arithmetic of their own. */
static bool halves_map(const dcn_cpu_window *window)
{
    return !window->adaptive && dcn_cpu_window_tiles(window) && window->kernel[0] == 2 && window->kernel[1] == 2 &&
           window->channels % VEC_WIDTH == 0;
}

/* The winners of the `n` (<= VEC_WIDTH) channels from `channel` on. Ties go to the first, a NaN wins. */
static inline void max_vector(const dcn_cpu_window *window, const span *at, const element *map, int64_t n,
                              vec *ret_best, ivec *ret_place)
{
    bool part = n < VEC_WIDTH;
    vec best = {0};
    ivec place = {0};
    for (int64_t h = at->begin[0]; h < at->end[0]; h++)
        for (int64_t w = at->begin[1]; w < at->end[1]; w++) {
            const element *from = map + (h * window->in[1] + w) * window->channels;
            vec value = part ? element_load_part(from, n) : element_load(from);
            ivec wins = h == at->begin[0] && w == at->begin[1] ? ivec_all(-1) : (value > best) | (value != value);
            best = vec_select(wins, value, best);
            place = ivec_select(wins, ivec_all(place_of(window, at, h, w)), place);
        }
    *ret_best = best;
    *ret_place = place;
}

static inline void store_place(const dcn_cpu_window *window, void *index, int64_t at, ivec place, int64_t n)
{
    if (window->wide_index) {
        memcpy((int32_t *)index + at, &place, (size_t)n * sizeof(int32_t));
        return;
    }
    bytes_of_vec bytes = __builtin_convertvector(place, bytes_of_vec);
    if (n == VEC_WIDTH)
        memcpy((uint8_t *)index + at, &bytes, VEC_WIDTH);
    else
        memcpy((uint8_t *)index + at, &bytes, (size_t)n);
}

/* The same for a whole window inside the map whose size is known when compiling, a vector of channels. */
static ALWAYS_INLINE void max_whole(const element *from, int64_t line, int64_t channels, const int kernel,
                                    vec *ret_best, ivec *ret_place)
{
    vec best = element_load(from);
    ivec place = {0};
    for (int k = 1; k < kernel * kernel; k++) {
        vec value = element_load(from + k / kernel * line + k % kernel * channels);
        ivec wins = (value > best) | (value != value);
        best = vec_select(wins, value, best);
        place = ivec_select(wins, ivec_all(k), place);
    }
    *ret_best = best;
    *ret_place = place;
}

/* All channels of one output pixel whose window was not cut; `kernel` 2 or 3. */
static ALWAYS_INLINE void max_pixel(const element *from, int64_t line, int64_t channels, element *y, uint8_t *index,
                                    const int kernel)
{
    for (int64_t c = 0; c < channels; c += VEC_WIDTH) {
        vec best;
        ivec place;
        max_whole(from + c, line, channels, kernel, &best, &place);
        element_store(y + c, best);
        bytes_of_vec bytes = __builtin_convertvector(place, bytes_of_vec);
        if (index) memcpy(index + c, &bytes, VEC_WIDTH);
    }
}

/* 2 or 3 where the window is a square of that size and inside the map, else 0. */
static int whole_kernel(const dcn_cpu_window *window, const span *at)
{
    int64_t size = window->kernel[0];
    if (size != window->kernel[1] || (size != 2 && size != 3) || window->channels % VEC_WIDTH != 0) return 0;
    for (int axis = 0; axis < 2; axis++)
        if (at->begin[axis] != at->origin[axis] || at->end[axis] != at->origin[axis] + size) return 0;
    return (int)size;
}

void DCN_CPU_ELEMENT_LOOP(maxpool)(const dcn_cpu_window *window, const void *source, void *target, void *index,
                                   int64_t begin_row, int64_t end_row)
{
    const element *x = source;
    element *y = target;
    int64_t channels = window->channels, line = window->in[1] * channels;
    bool halves = halves_map(window); /* then row r of all outputs is made of rows 2r and 2r + 1 of all inputs */
    for (int64_t row = begin_row; row < end_row; row++) {
        const element *map = x + row / window->out[0] * window->in[0] * window->in[1] * channels;
        span at = {.count = {0}};
        for (int64_t column = 0; halves && column < window->out[1]; column++) {
            int64_t to = (row * window->out[1] + column) * channels;
            max_pixel(x + 2 * (row * line + column * channels), line, channels, y + to,
                      index ? (uint8_t *)index + to : NULL, 2);
        }
        if (halves) continue;
        set_axis(window, 0, row % window->out[0], &at);
        for (int64_t column = 0; column < window->out[1]; column++) {
            set_axis(window, 1, column, &at);
            int64_t to = (row * window->out[1] + column) * channels;
            const element *corner = map + (at.begin[0] * window->in[1] + at.begin[1]) * channels;
            uint8_t *place_bytes = index ? (uint8_t *)index + to : NULL;
            int whole = whole_kernel(window, &at);
            if (whole == 2) {
                max_pixel(corner, window->in[1] * channels, channels, y + to, place_bytes, 2);
                continue;
            }
            if (whole == 3) {
                max_pixel(corner, window->in[1] * channels, channels, y + to, place_bytes, 3);
                continue;
            }
            for (int64_t c = 0; c < channels; c += VEC_WIDTH) {
                int64_t n = smaller(VEC_WIDTH, channels - c);
                vec best;
                ivec place;
                max_vector(window, &at, map + c, n, &best, &place);
                if (n == VEC_WIDTH)
                    element_store(y + to + c, best);
                else
                    element_store_part(y + to + c, best, n);
                if (index) store_place(window, index, to + c, place, n);
            }
        }
    }
}

static inline ivec load_place(const dcn_cpu_window *window, const void *index, int64_t at, int64_t n)
{
    ivec place = {0};
    if (window->wide_index) {
        memcpy(&place, (const int32_t *)index + at, (size_t)n * sizeof(int32_t));
        return place;
    }
    bytes_of_vec bytes = {0};
    if (n == VEC_WIDTH)
        memcpy(&bytes, (const uint8_t *)index + at, VEC_WIDTH);
    else
        memcpy(&bytes, (const uint8_t *)index + at, (size_t)n);
    return __builtin_convertvector(bytes, ivec);
}

/* Gives d_y to the winners. `alone`: no other window reaches these elements, so they are set instead of added to. */
static inline void spread_vector(const dcn_cpu_window *window, const span *at, element *map, int64_t n, vec d,
                                 ivec place, bool alone)
{
    bool part = n < VEC_WIDTH;
    for (int64_t h = at->begin[0]; h < at->end[0]; h++)
        for (int64_t w = at->begin[1]; w < at->end[1]; w++) {
            element *to = map + (h * window->in[1] + w) * window->channels;
            vec value = vec_select(place == ivec_all(place_of(window, at, h, w)), d, (vec){0});
            if (!alone) value += part ? element_load_part(to, n) : element_load(to);
            if (part)
                element_store_part(to, value, n);
            else
                element_store(to, value);
        }
}

/* The same for a 2x2 window whose elements no other window reaches, a vector of channels at a time. */
static inline void spread_pixel(element *to, int64_t line, int64_t channels, const element *d_y, const uint8_t *index)
{
    for (int64_t c = 0; c < channels; c += VEC_WIDTH) {
        bytes_of_vec bytes;
        memcpy(&bytes, index + c, VEC_WIDTH);
        ivec place = __builtin_convertvector(bytes, ivec);
        vec d = element_load(d_y + c);
        for (int k = 0; k < 4; k++)
            element_store(to + k / 2 * line + k % 2 * channels + c, vec_select(place == ivec_all(k), d, (vec){0}));
    }
}

void DCN_CPU_ELEMENT_LOOP(maxpool_grad)(const dcn_cpu_window *window, const void *source, const void *index,
                                        void *target, int64_t begin_sample, int64_t end_sample)
{
    const element *d_y = source;
    element *d_x = target;
    int64_t channels = window->channels, map_size = window->in[0] * window->in[1] * channels;
    bool alone = dcn_cpu_window_tiles(window), halves = halves_map(window);
    for (int64_t sample = begin_sample; sample < end_sample; sample++) {
        element *map = d_x + sample * map_size;
        if (!alone) memset(map, 0, (size_t)map_size * sizeof(element));
        for (int64_t row = 0; row < window->out[0]; row++) {
            span at = {.count = {0}};
            for (int64_t column = 0; halves && column < window->out[1]; column++) {
                int64_t from = ((sample * window->out[0] + row) * window->out[1] + column) * channels;
                spread_pixel(map + 2 * (row * window->in[1] + column) * channels, window->in[1] * channels, channels,
                             d_y + from, (const uint8_t *)index + from);
            }
            if (halves) continue;
            set_axis(window, 0, row, &at);
            for (int64_t column = 0; column < window->out[1]; column++) {
                set_axis(window, 1, column, &at);
                int64_t from = ((sample * window->out[0] + row) * window->out[1] + column) * channels;
                for (int64_t c = 0; c < channels; c += VEC_WIDTH) {
                    int64_t n = smaller(VEC_WIDTH, channels - c);
                    vec d = n < VEC_WIDTH ? element_load_part(d_y + from + c, n) : element_load(d_y + from + c);
                    spread_vector(window, &at, map + c, n, d, load_place(window, index, from + c, n), alone);
                }
            }
        }
    }
}

/* --- average --- */

void DCN_CPU_ELEMENT_LOOP(avgpool)(const dcn_cpu_window *window, const void *source, void *target, int64_t begin_row,
                                   int64_t end_row)
{
    const element *x = source;
    element *y = target;
    int64_t channels = window->channels;
    for (int64_t row = begin_row; row < end_row; row++) {
        const element *map = x + row / window->out[0] * window->in[0] * window->in[1] * channels;
        span at = {.count = {0}};
        set_axis(window, 0, row % window->out[0], &at);
        for (int64_t column = 0; column < window->out[1]; column++) {
            set_axis(window, 1, column, &at);
            element *to = y + (row * window->out[1] + column) * channels;
            float share = 1.0F / (float)(at.count[0] * at.count[1]);
            for (int64_t c = 0; c < channels; c += VEC_WIDTH) {
                int64_t n = smaller(VEC_WIDTH, channels - c);
                vec sum = {0};
                for (int64_t h = at.begin[0]; h < at.end[0]; h++)
                    for (int64_t w = at.begin[1]; w < at.end[1]; w++) {
                        const element *from = map + (h * window->in[1] + w) * channels + c;
                        sum += n < VEC_WIDTH ? element_load_part(from, n) : element_load(from);
                    }
                if (n < VEC_WIDTH)
                    element_store_part(to + c, sum * share, n);
                else
                    element_store(to + c, sum * share);
            }
        }
    }
}

/* Adds a share of d_y to every element of the window; sets them where no other window reaches them. */
static inline void share_vector(const dcn_cpu_window *window, const span *at, element *map, int64_t n, vec share,
                                bool alone)
{
    for (int64_t h = at->begin[0]; h < at->end[0]; h++)
        for (int64_t w = at->begin[1]; w < at->end[1]; w++) {
            element *to = map + (h * window->in[1] + w) * window->channels;
            vec value = share;
            if (!alone) value += n < VEC_WIDTH ? element_load_part(to, n) : element_load(to);
            if (n < VEC_WIDTH)
                element_store_part(to, value, n);
            else
                element_store(to, value);
        }
}

void DCN_CPU_ELEMENT_LOOP(avgpool_grad)(const dcn_cpu_window *window, const void *source, void *target,
                                        int64_t begin_sample, int64_t end_sample)
{
    const element *d_y = source;
    element *d_x = target;
    int64_t channels = window->channels, map_size = window->in[0] * window->in[1] * channels;
    bool alone = dcn_cpu_window_tiles(window);
    for (int64_t sample = begin_sample; sample < end_sample; sample++) {
        element *map = d_x + sample * map_size;
        if (!alone) memset(map, 0, (size_t)map_size * sizeof(element));
        for (int64_t row = 0; row < window->out[0]; row++) {
            span at = {.count = {0}};
            set_axis(window, 0, row, &at);
            for (int64_t column = 0; column < window->out[1]; column++) {
                set_axis(window, 1, column, &at);
                const element *d = d_y + ((sample * window->out[0] + row) * window->out[1] + column) * channels;
                float part = 1.0F / (float)(at.count[0] * at.count[1]);
                for (int64_t c = 0; c < channels; c += VEC_WIDTH) {
                    int64_t n = smaller(VEC_WIDTH, channels - c);
                    vec share = (n < VEC_WIDTH ? element_load_part(d + c, n) : element_load(d + c)) * part;
                    share_vector(window, &at, map + c, n, share, alone);
                }
            }
        }
    }
}
