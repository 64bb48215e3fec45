/* Dropout: the mask is drawn from counters, a vector of them at a time, in the memory order at hand. */
#include "base/random.h"
#include "device/cpu/loops/element.h"
#include "device/cpu/loops/loops.h"
#include "device/cpu/loops/philox.h"

#define AT_ONCE (4 * PAIRS) /* elements of a vector of counters */

static inline vec drop(vec x, uvec word, const dcn_cpu_dropout *dropout)
{
    ivec kept = word >= (uvec){0} + (uint32_t)dropout->threshold; /* p < 1, so the threshold fits */
    return (vec)((ivec)(x * dropout->scale) & kept);
}

static inline void draw(const dcn_cpu_dropout *dropout, words counter, words word[4])
{
    philox_vector(dropout->seed, counter, dropout->purpose, dropout->step_low, dropout->step_high, word);
}

void DCN_CPU_ELEMENT_LOOP(dropout)(const dcn_cpu_dropout *dropout, const void *from, void *to, int64_t begin_block,
                                   int64_t end_block, int64_t count)
{
    const element *x = from;
    element *y = to;
    int64_t end = end_block * 4 < count ? end_block * 4 : count, i = begin_block * 4;
    for (; i + 2 * AT_ONCE <= end; i += 2 * AT_ONCE) {
        words word[2][4]; /* two independent draws hide each other's latency */
        uvec order[4];
        draw(dropout, counting() + (uint64_t)(i / 4), word[0]);
        draw(dropout, counting() + (uint64_t)(i / 4 + PAIRS), word[1]);
        in_order(word[0], order);
        in_order(word[1], order + 2);
        for (int k = 0; k < 4; k++)
            element_store(y + i + k * VEC_WIDTH, drop(element_load(x + i + k * VEC_WIDTH), order[k], dropout));
    }
    for (; i < end; i++) {
        const uint32_t counter[4] = {(uint32_t)(i / 4), dropout->purpose, dropout->step_low, dropout->step_high};
        uint32_t word[4];
        dcn_philox(dropout->seed, counter, word);
        y[i] = element_of(word[i % 4] >= dropout->threshold ? element_value(x[i]) * dropout->scale : 0.0F);
    }
}

static inline void drop_vector(const dcn_cpu_dropout *dropout, const element *x, element *y, uvec word, int64_t n)
{
    if (n == VEC_WIDTH)
        element_store(y, drop(element_load(x), word, dropout));
    else
        element_store_part(y, drop(element_load_part(x, n), word, dropout), n);
}

/* Channels of four neighbouring pixels whose elements share their blocks, from the logical element `first` on. */
static void drop_four_pixels(const dcn_cpu_dropout *dropout, const element *x, element *y, int64_t channels,
                             int64_t pixels, int64_t first)
{
    uint64_t block_step = (uint64_t)(pixels / 4), block = (uint64_t)(first / 4);
    for (int64_t c = 0; c < channels; c += VEC_WIDTH) {
        words low[4], high[4], counter = (counting() + (uint64_t)c) * block_step + block;
        draw(dropout, counter, low);
        draw(dropout, counter + PAIRS * block_step, high);
        int64_t n = channels - c < VEC_WIDTH ? channels - c : VEC_WIDTH;
        for (int64_t k = 0; k < 4; k++)
            drop_vector(dropout, x + k * channels + c, y + k * channels + c, low_halves(low[k], high[k]), n);
    }
}

/* Each element's own word of its own block. */
static words pick_word(const dcn_cpu_dropout *dropout, words number)
{
    words word[4], place = number & 3U;
    draw(dropout, number >> 2, word);
    words odd = -(place & 1U), upper = -(place >> 1);
    words first = (word[0] & ~odd) | (word[1] & odd), second = (word[2] & ~odd) | (word[3] & odd);
    return (first & ~upper) | (second & upper);
}

static void drop_pixel(const dcn_cpu_dropout *dropout, const element *x, element *y, int64_t channels, int64_t pixels,
                       int64_t first)
{
    for (int64_t c = 0; c < channels; c += VEC_WIDTH) {
        words number = (counting() + (uint64_t)c) * (uint64_t)pixels + (uint64_t)first;
        uvec word = low_halves(pick_word(dropout, number), pick_word(dropout, number + PAIRS * (uint64_t)pixels));
        drop_vector(dropout, x + c, y + c, word, channels - c < VEC_WIDTH ? channels - c : VEC_WIDTH);
    }
}

void DCN_CPU_ELEMENT_LOOP(dropout_nhwc)(const dcn_cpu_dropout *dropout, const void *from, void *to, int64_t channels,
                                        int64_t pixels, int64_t begin_row, int64_t end_row)
{
    const element *x = from;
    element *y = to;
    for (int64_t row = begin_row; row < end_row;) {
        int64_t sample = row / pixels, pixel = row % pixels, at = row * channels;
        int64_t first = sample * channels * pixels + pixel;
        if (pixels % 4 == 0 && pixel % 4 == 0 && row + 4 <= end_row) {
            drop_four_pixels(dropout, x + at, y + at, channels, pixels, first);
            row += 4;
        } else {
            drop_pixel(dropout, x + at, y + at, channels, pixels, first);
            row++;
        }
    }
}
