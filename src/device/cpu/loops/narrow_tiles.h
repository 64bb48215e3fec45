/* Tiles of bf16 maps on their way to Winograd's F(2x2, 3x3) (Lavin, Gray 2016): where they lie, and t = B^T d B of
 * their 4x4 inputs, rounded to bf16 again and paired for dot products. */
#ifndef DCN_DEVICE_CPU_LOOPS_NARROW_TILES_H
#define DCN_DEVICE_CPU_LOOPS_NARROW_TILES_H

#include "device/cpu/loops/loops.h"
#include "device/cpu/loops/narrow.h"

#define TILE   DCN_CPU_NARROW_TILE
#define PLACES DCN_CPU_NARROW_PLACES
#define GROUP  (2 * VEC_WIDTH) /* channels of a vector of pairs */

#ifdef __AVX512BF16__

/* What a vector of pairs is made of. */
typedef struct vec_pair {
    vec low, high;
} vec_pair;

/* Which two values make a pair: channels that are summed over, or tiles, at the same place of two samples. In twins the
 * even channels of a group come first, then the odd ones; half a group, behind the last whole one, is left in order. */
typedef enum pairing { CHANNELS, EVEN_TWINS, ODD_TWINS, HALF_TWINS } pairing;

/* Does only half a group begin at this one of `channels`? */
static inline bool is_half_group(int64_t channels, int64_t first)
{
    return channels - first < GROUP;
}

/* 1, but the compiler does not know: what is added to a product with it is added by the multiply-add units. Where these
 * lie beside the adders (Zen), transforms would otherwise wait for those, which convert too. The sums are the same. */
static inline vec hidden_one(void)
{
    vec one = vec_all(1);
    __asm__("" : "+x"(one));
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

/* --- where tiles lie --- */

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

static const uint16_t zeros[GROUP];

/* Rows of a map, a group of its channels; around the map there are zeros. */
typedef struct strip {
    const uint16_t *row[4], *twin[4];  /* twin: the same row of the next sample, zeros behind the last one */
    int64_t row_step[4], twin_step[4]; /* from pixel to pixel; 0 in rows that are all zeros */
    int64_t width;
} strip;

/* A map with its group of channels. */
typedef struct map_group {
    const uint16_t *values;
    int64_t samples, height, width, channels, channel;
} map_group;

static inline strip strip_of(const map_group *map, int64_t sample, int64_t first_row)
{
    const int64_t line = map->width * map->channels;
    strip made = {.width = map->width};
    for (int i = 0; i < 4; i++) {
        int64_t h = first_row + i;
        bool inside = h >= 0 && h < map->height, has_twin = inside && sample + 1 < map->samples;
        const uint16_t *row = map->values + (sample * map->height + h) * line + map->channel;
        made.row[i] = inside ? row : zeros;
        made.row_step[i] = inside ? map->channels : 0;
        made.twin[i] = has_twin ? row + map->height * line : zeros;
        made.twin_step[i] = has_twin ? map->channels : 0;
    }
    return made;
}

static ALWAYS_INLINE vec_pair pixel_of(const strip *map, int row, int64_t w, const pairing of)
{
    if (w < 0 || w >= map->width) return (vec_pair){{0}, {0}};
    const uint16_t *from = map->row[row] + w * map->row_step[row], *twin = map->twin[row] + w * map->twin_step[row];
    if (of == HALF_TWINS) return (vec_pair){element_load(from), element_load(twin)};
    const pairs here = pairs_load(from);
    if (of == CHANNELS) return (vec_pair){pairs_low(here), pairs_high(here)};
    const pairs there = pairs_load(twin);
    return of == EVEN_TWINS ? (vec_pair){pairs_low(here), pairs_low(there)}
                            : (vec_pair){pairs_high(here), pairs_high(there)};
}

/* --- the transform --- */

/* What one or two rows of places are made of, down a column: d0 - d2; d1 + d2 and d2 - d1; d1 - d3. */
typedef enum place_rows { FIRST_ROW, MIDDLE_ROWS, LAST_ROW } place_rows;

static ALWAYS_INLINE void column_of(const strip *map, int64_t w, const pairing of, const place_rows which, vec one,
                                    vec_pair *t)
{
    const vec_pair a = pixel_of(map, which == FIRST_ROW ? 0 : 1, w, of);
    const vec_pair b = pixel_of(map, which == LAST_ROW ? 3 : 2, w, of);
    t[0] = which == MIDDLE_ROWS ? add(a, b, one) : subtract(a, b, one);
    if (which == MIDDLE_ROWS) t[1] = subtract(b, a, one);
}

/* Where transformed tiles go, in pairs. */
typedef struct tile_target {
    uint32_t *first;
    int64_t row, place; /* from a tile to the next, from a place to the next */
} tile_target;

/* Some places of neighbouring tiles, which share two of their four columns. A row of places at a time needs few
 * registers and writes to few places at once. */
static ALWAYS_INLINE void transform_rows(const strip *map, int64_t column, int64_t count, tile_target to,
                                         const pairing of, const place_rows which)
{
    const vec one = hidden_one();
    uint32_t *v = to.first + (which == FIRST_ROW ? 0 : which == MIDDLE_ROWS ? 4 : 12) * to.place;
    vec_pair t[4][2];
    column_of(map, column, of, which, one, t[0]);
    column_of(map, column + 1, of, which, one, t[1]);
    for (column += 2; count > 0; count--, column += TILE, v += to.row) {
        column_of(map, column, of, which, one, t[2]);
        column_of(map, column + 1, of, which, one, t[3]);
        for (int i = 0; i < (which == MIDDLE_ROWS ? 2 : 1); i++) {
            const vec_pair across[4] = {subtract(t[0][i], t[2][i], one), add(t[1][i], t[2][i], one),
                                        subtract(t[2][i], t[1][i], one), subtract(t[1][i], t[3][i], one)};
            for (int j = 0; j < 4; j++)
                pairs_store(v + (4 * i + j) * to.place, pairs_of(across[j].low, across[j].high));
            t[0][i] = t[2][i];
            t[1][i] = t[3][i];
        }
    }
}

static ALWAYS_INLINE void transform_tiles(const strip *map, int64_t column, int64_t count, tile_target to,
                                          const pairing of)
{
    transform_rows(map, column, count, to, of, FIRST_ROW);
    transform_rows(map, column, count, to, of, MIDDLE_ROWS);
    transform_rows(map, column, count, to, of, LAST_ROW);
}

#endif
#endif
