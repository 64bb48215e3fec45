/* Turns samples into batches on a background thread: gather, augment, normalise, some batches ahead of their use. */
#ifndef DCN_DATA_LOADER_H
#define DCN_DATA_LOADER_H

#include "data/augment.h"
#include "data/dataset.h"

typedef struct dcn_loader_options {
    const decant_dataset *dataset;
    const dcn_samples *part; /* &dataset->train or &dataset->test */
    const int32_t *indices;  /* which samples; NULL: all of the part */
    int64_t count;           /* of indices (or of the part) */
    int64_t batch;
    bool shuffle; /* a new order each epoch: Philox(seed, SHUFFLE, epoch) */
    bool drop_last;
    uint64_t seed;
    dcn_augment augment;
    int32_t norm_channels; /* 0: bytes are only scaled to [0,1]; else as in dcn_normalization */
    const float *mean, *std;
    bool threaded; /* false: made in the caller's thread (tests, tiny data) */
} dcn_loader_options;

/* A batch. Memory is the loader's and stays valid until the loader has handed out two more. x is 64-byte aligned. */
typedef struct dcn_batch {
    int64_t index;     /* within the epoch */
    int64_t size;      /* samples in it; smaller only for the last one */
    float *x;          /* [size, sample...] plain */
    int32_t *labels;   /* [size]; -1: unlabelled */
    int32_t *labels_b; /* mixup partner's labels; equal to labels without mixup */
    float *mix;        /* [size] weight of labels; 1 without mixup */
    int32_t *samples;  /* [size] indices into the part */
} dcn_batch;

typedef struct dcn_loader dcn_loader;
decant_status dcn_loader_create(const dcn_loader_options *options, dcn_loader **ret_loader);
void dcn_loader_destroy(dcn_loader *loader);          /* joins the thread */
int64_t dcn_loader_batches(const dcn_loader *loader); /* an epoch */
/* Begins an epoch at a given batch (0, or where a resumed run goes on). */
decant_status dcn_loader_start(dcn_loader *loader, int64_t epoch, int64_t first_batch);
/* The next batch, or NULL in *ret_batch at the end of the epoch. */
decant_status dcn_loader_next(dcn_loader *loader, const dcn_batch **ret_batch);

#endif
