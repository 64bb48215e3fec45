/* A data set small enough for tests that train: 8x8 grey images of 4 classes, told apart by which corner is bright. No
 * two are the same. */
#ifndef TESTS_RUN_TINY_H
#define TESTS_RUN_TINY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#define TINY_SIDE    8
#define TINY_CLASSES 4
#define TINY_TRAIN   200
#define TINY_TEST    80

static inline void tiny_put_u32(FILE *file, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        fputc((int)(value >> shift & 255), file);
}

static inline uint32_t tiny_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

/* Writes an images and a labels file; the labels go round. */
static inline bool tiny_write_part(const char *folder, const char *prefix, uint32_t count, uint32_t seed)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte", folder, prefix);
    FILE *images = fopen(path, "wb");
    snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte", folder, prefix);
    FILE *labels = fopen(path, "wb");
    if (images == NULL || labels == NULL) return false;
    tiny_put_u32(images, 0x00000803);
    tiny_put_u32(images, count);
    tiny_put_u32(images, TINY_SIDE);
    tiny_put_u32(images, TINY_SIDE);
    tiny_put_u32(labels, 0x00000801);
    tiny_put_u32(labels, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t label = i % TINY_CLASSES;
        fputc((int)label, labels);
        for (uint32_t pixel = 0; pixel < TINY_SIDE * TINY_SIDE; pixel++) {
            uint32_t row = pixel / TINY_SIDE >= TINY_SIDE / 2, column = pixel % TINY_SIDE >= TINY_SIDE / 2;
            uint32_t light = row * 2 + column == label ? 70 : 0;
            fputc((int)(light + tiny_random(&seed) % 160), images);
        }
    }
    return fclose(images) == 0 && fclose(labels) == 0;
}

static inline bool tiny_write(const char *folder)
{
    mkdir(folder, 0777);
    return tiny_write_part(folder, "train", TINY_TRAIN, 1) && tiny_write_part(folder, "t10k", TINY_TEST, 2);
}

#endif
