/* One sample from stored bytes or floats to a normalised f32 row of a batch, with its random changes made on the way.
 */
#ifndef DCN_DATA_AUGMENT_H
#define DCN_DATA_AUGMENT_H

#include "data/bytes.h"
#include "decant/tensor.h"

/* Augmentations, applied in this order; all off when zeroed. Random decisions: Philox(seed, AUGMENT, epoch, sample
 * index). */
typedef struct dcn_augment {
    int32_t shift;        /* whole pixels, uniform in [-shift, shift] each way, zeros (raw 0) enter */
    int32_t crop_padding; /* pad by this much with raw 0 and crop back at random (He et al.) */
    bool flip;            /* left-right, probability 1/2 */
    int32_t cutout; /* side of a square set to the mean (0 after normalisation), centre uniform, clipped at the border;
                       0 off */
    double mixup;   /* alpha of Beta(alpha, alpha) a batch; 0 off */
} dcn_augment;

/* What was drawn for one sample in one epoch. */
typedef struct dcn_augment_choice {
    int32_t shift_y, shift_x; /* the picture moves down and right by this much */
    int32_t crop_y, crop_x; /* the crop's corner within the padded picture, less the padding: in [-padding, padding] */
    bool flip;
    int32_t cutout_y, cutout_x; /* centre of the square */
} dcn_augment_choice;

/* A pure function of its arguments: Philox(seed, AUGMENT, epoch, index). */
dcn_augment_choice dcn_augment_choose(const dcn_augment *augment, const decant_shape *sample, uint64_t seed,
                                      int64_t epoch, int32_t index);
/* INVALID_ARG when a value is out of range or the samples are not pictures ([C,H,W]). */
decant_status dcn_augment_check(const dcn_augment *augment, const decant_shape *sample);

/* In how many ways a sample can come out: 1 without augmentation, 0 where there is no counting them (mixup) or no use
 * in it (cutout). */
int64_t dcn_augment_variants(const dcn_augment *augment);
/* Which of them a choice is, from 0. */
int64_t dcn_augment_variant(const dcn_augment *augment, const dcn_augment_choice *choice);

/* How values of one data set become normalised floats. */
typedef struct dcn_converter {
    decant_shape sample;
    decant_dtype dtype;
    int32_t channels;        /* dim[0] of the sample */
    int64_t plane;           /* values of one channel */
    int32_t n_tables;        /* 1 or channels */
    float *mean, *std;       /* [n_tables]; 0 and 1 without normalisation */
    dcn_byte_floats *tables; /* [n_tables] u8; NULL where planes are too short to need them */
} dcn_converter;

/* norm_channels, mean, std as in dcn_loader_options. */
decant_status dcn_converter_create(const decant_shape *sample, decant_dtype dtype, int32_t norm_channels,
                                   const float *mean, const float *std, dcn_converter *ret_converter);
void dcn_converter_finish(dcn_converter *converter);

/* src: one stored sample; dst: [sample...] f32. */
void dcn_convert(const dcn_converter *converter, const uint8_t *src, float *dst);
/* The same of a picture, changed by `choice`. */
void dcn_convert_augmented(const dcn_converter *converter, const dcn_augment *augment, const dcn_augment_choice *choice,
                           const uint8_t *src, float *dst);

#endif
