/* Batch normalisation over NHWC: a pass for the sums, a pass for the elements, relu fused into the second, and a
 * maximum of 2x2 pixels where one follows.
 *
 * A channel count that does not fill vectors makes a row of several pixels ("width" columns, the channels repeated), so
 * the loops always run along whole vectors; the few pixels left over are one short row. Rows are summed in chunks that
 * depend on the shape alone, in double from chunk to chunk, about a shift near the mean, so the variance does not
 * cancel away.
 *
 * On maps of few pixels with channels enough for all threads, each takes some of them through all passes: it reads what
 * it has in its own cache, and nobody waits in between. Otherwise threads share the rows of each pass. The sums are the
 * same. */
#include <math.h>
#include <string.h>

#include "device/cpu/cpu.h"

#define MIN_WIDTH      64  /* columns worth having in a row */
#define MAX_REPEATED   256 /* channels from which on an odd count is left as it is */
#define TASK_COLUMNS   64  /* columns that one task of the summing pass takes */
#define MIN_CHUNK_ROWS 256
#define MAX_CHUNKS     64
#define SHIFT_SAMPLES  16          /* pixels that the shift is the mean of */
#define CACHE_FLOATS   (96 * 1024) /* of a tensor that a thread goes over again while they are near */

typedef struct norm_kernel {
    dcn_cpu_kernel own;
    dcn_norm_attrs attrs;
    bool relu, pools;
    int64_t channels, pixels; /* pixels of all samples */
    int64_t repeat, width;    /* pixels in a row; channels * repeat */
    int64_t rows, rest;       /* whole rows, and pixels behind them */
    int64_t chunk_rows, n_chunks, n_strips;
    bool by_columns;
    int64_t pooled_rows, pooled_columns; /* of the maxima; rows of all samples */
    int64_t strips_at_once;              /* by columns: as many as stay in the second-level cache from pass to pass */
} norm_kernel;

/* Scratch memory: vectors of `width` floats, then the partial sums. */
enum { SHIFT, SCALE, OFFSET, SLOPE, CONSTANT, N_VECTORS };

static float *vector_at(const norm_kernel *kernel, void *scratch, int which)
{
    return (float *)scratch + which * kernel->width;
}

static size_t vectors_bytes(const norm_kernel *kernel)
{
    size_t bytes = (size_t)(N_VECTORS * kernel->width) * sizeof(float);
    return (bytes + DCN_ALIGNMENT - 1) / DCN_ALIGNMENT * DCN_ALIGNMENT;
}

/* Two sums a column: [width] and [width]. */
static size_t partial_bytes(const norm_kernel *kernel)
{
    return (size_t)(2 * kernel->width) * sizeof(double);
}

static double *partial_at(const norm_kernel *kernel, void *scratch, int64_t chunk)
{
    return (double *)((char *)scratch + vectors_bytes(kernel) + (size_t)chunk * partial_bytes(kernel));
}

int64_t dcn_cpu_common_divisor(int64_t a, int64_t b)
{
    return b == 0 ? a : dcn_cpu_common_divisor(b, a % b);
}

static decant_status norm_create(dcn_cpu_device *device, dcn_op_call *call, const decant_shape *shape,
                                 void (*run)(const dcn_kernel *, void *const *, void *const *, void *),
                                 norm_kernel **ret_kernel)
{
    norm_kernel *kernel = NULL;
    dcn_cpu_ask_activation(call);
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run, (void **)&kernel));
    dcn_cpu_map map = dcn_cpu_map_of(shape);
    kernel->attrs = call->attrs.norm;
    kernel->relu = call->attrs.norm.activation == DCN_ACTIVATION_RELU;
    kernel->channels = map.channels;
    kernel->pixels = map.batch * map.height * map.width;
    kernel->pools = call->attrs.norm.pools;
    kernel->pooled_rows = map.batch * map.height / 2;
    kernel->pooled_columns = map.width / 2;
    kernel->repeat = 1;
    if (map.channels < MAX_REPEATED) {
        kernel->repeat = 16 / dcn_cpu_common_divisor(map.channels, 16);
        while (kernel->repeat * map.channels < MIN_WIDTH)
            kernel->repeat *= 2;
    }
    kernel->width = kernel->repeat * map.channels;
    kernel->rows = kernel->pixels / kernel->repeat;
    kernel->rest = kernel->pixels % kernel->repeat;
    int64_t chunk_rows = (kernel->rows + MAX_CHUNKS - 1) / MAX_CHUNKS;
    kernel->chunk_rows = chunk_rows > MIN_CHUNK_ROWS ? chunk_rows : MIN_CHUNK_ROWS;
    kernel->n_chunks = (kernel->rows + kernel->chunk_rows - 1) / kernel->chunk_rows;
    if (kernel->n_chunks == 0) kernel->n_chunks = 1; /* there may be nothing but the rest */
    kernel->n_strips = (kernel->width + TASK_COLUMNS - 1) / TASK_COLUMNS;
    kernel->by_columns = !kernel->pools && kernel->repeat == 1 && kernel->n_chunks == 1 &&
                         map.channels >= kernel->own.threads * TASK_COLUMNS;
    kernel->strips_at_once = CACHE_FLOATS / ((kernel->rows + 1) * TASK_COLUMNS) + 1;
    kernel->own.base.scratch_bytes = vectors_bytes(kernel) + (size_t)kernel->n_chunks * partial_bytes(kernel);
    *ret_kernel = kernel;
    return DECANT_OK;
}

/* What the loops need to know; the pixels left over have the same vectors. */
static dcn_cpu_norm norm_of(const norm_kernel *kernel, void *scratch)
{
    return (dcn_cpu_norm){
        .channels = kernel->channels,
        .repeat = kernel->repeat,
        .width = kernel->width,
        .n_chunks = kernel->n_chunks,
        .count = (double)kernel->pixels,
        .eps = kernel->attrs.eps,
        .momentum = kernel->attrs.momentum,
        .partial = partial_at(kernel, scratch, 0),
        .shift = vector_at(kernel, scratch, SHIFT),
        .scale = vector_at(kernel, scratch, SCALE),
        .offset = vector_at(kernel, scratch, OFFSET),
        .slope = vector_at(kernel, scratch, SLOPE),
        .constant = vector_at(kernel, scratch, CONSTANT),
    };
}

/* Where the summing pass works at a time: some rows and columns. */
typedef struct task_range {
    int64_t first_row, rows, begin, end; /* rows from first_row on, columns [begin, end) */
    double *partial;
} task_range;

/* Columns [begin, end) of a chunk, with their sums at zero. */
static task_range range_in_chunk(const norm_kernel *kernel, void *scratch, int64_t chunk, int64_t begin, int64_t end)
{
    int64_t first_row = chunk * kernel->chunk_rows, rows = kernel->rows - first_row;
    if (rows > kernel->chunk_rows) rows = kernel->chunk_rows;
    double *partial = partial_at(kernel, scratch, chunk);
    memset(partial + begin, 0, (size_t)(end - begin) * sizeof *partial);
    memset(partial + kernel->width + begin, 0, (size_t)(end - begin) * sizeof *partial);
    return (task_range){first_row, rows, begin, end, partial};
}

/* Of a loop over tasks: every chunk has n_strips of them. */
static task_range range_of_task(const norm_kernel *kernel, void *scratch, int64_t task)
{
    int64_t begin = task % kernel->n_strips * TASK_COLUMNS, end = begin + TASK_COLUMNS;
    return range_in_chunk(kernel, scratch, task / kernel->n_strips, begin, end < kernel->width ? end : kernel->width);
}

static int64_t task_cost(const norm_kernel *kernel)
{
    int64_t rows = kernel->rows < kernel->chunk_rows ? kernel->rows : kernel->chunk_rows;
    return rows * TASK_COLUMNS;
}

/* Columns that a thread takes through all passes, [begin, end) of its strips. */
typedef struct column_range {
    int64_t begin, end;
} column_range;

static column_range columns_from(const norm_kernel *kernel, int64_t strip, int64_t end_strip)
{
    int64_t last = strip + kernel->strips_at_once < end_strip ? strip + kernel->strips_at_once : end_strip;
    int64_t end = last * TASK_COLUMNS < kernel->width ? last * TASK_COLUMNS : kernel->width;
    return (column_range){strip * TASK_COLUMNS, end};
}

/* --- forward --- */

/* Copies the first `channels` numbers of a vector over its whole width. */
static void repeat_channels(const norm_kernel *kernel, float *vector)
{
    for (int64_t i = 1; i < kernel->repeat; i++)
        memcpy(vector + i * kernel->channels, vector, (size_t)kernel->channels * sizeof(float));
}

/* y = (x - mean) * invstd * weight + bias as x * scale + offset. The forward pass, and the mask of its derivative, use
 * these very numbers. */
static void set_scale(const norm_kernel *kernel, void *scratch, const float *weight, const float *bias,
                      const float *mean, const float *invstd)
{
    float *scale = vector_at(kernel, scratch, SCALE), *offset = vector_at(kernel, scratch, OFFSET);
    for (int64_t c = 0; c < kernel->channels; c++) {
        scale[c] = weight[c] * invstd[c];
        offset[c] = (float)((double)bias[c] - (double)mean[c] * (double)scale[c]);
    }
    repeat_channels(kernel, scale);
    repeat_channels(kernel, offset);
}

static void scale_offset_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    dcn_cpu_norm norm = norm_of(kernel, run->scratch);
    kernel->own.loops->scale_offset(&norm, run->inputs[0], run->outputs[0], kernel->relu, begin, end, 0, kernel->width);
}

static void pool_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    dcn_cpu_norm norm = norm_of(kernel, run->scratch);
    kernel->own.loops->norm_pool(&norm, run->inputs[0], run->outputs[0], kernel->relu, kernel->pooled_columns, begin,
                                 end);
}

/* What one row of maxima is made of, in elements. */
static int64_t pooled_row_cost(const norm_kernel *kernel)
{
    return 4 * kernel->pooled_columns * kernel->channels;
}

static void normalize(const norm_kernel *kernel, const dcn_cpu_run *run)
{
    if (kernel->pools) {
        dcn_cpu_parallel(run, kernel->pooled_rows, pooled_row_cost(kernel), pool_body);
        return;
    }
    dcn_cpu_parallel(run, kernel->rows, kernel->width, scale_offset_body);
    if (kernel->rest == 0) return;
    int64_t done = kernel->rows * kernel->width;
    dcn_cpu_norm norm = norm_of(kernel, run->scratch);
    const dcn_cpu_loops *loops = kernel->own.loops;
    loops->scale_offset(&norm, dcn_cpu_element(loops, run->inputs[0], done),
                        dcn_cpu_element(loops, run->outputs[0], done), kernel->relu, 0, 1, 0,
                        kernel->rest * kernel->channels);
}

static void run_batchnorm(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const norm_kernel *kernel = (const norm_kernel *)base;
    const float *variance = inputs[4];
    float *invstd = vector_at(kernel, scratch, SHIFT);
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    for (int64_t c = 0; c < kernel->channels; c++)
        invstd[c] = (float)(1.0 / sqrt((double)variance[c] + kernel->attrs.eps));
    set_scale(kernel, scratch, inputs[1], inputs[2], inputs[3], invstd);
    normalize(kernel, &run);
}

decant_status dcn_cpu_compile_batchnorm(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    norm_kernel *kernel = NULL;
    TRY_RETURN(norm_create(device, call, &call->input[0].shape, run_batchnorm, &kernel));
    kernel->own.base.in_place = true;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

/* A value near each channel's mean: the mean of some pixels spread over the batch. */
static void set_shift(const norm_kernel *kernel, void *scratch, const void *x, int64_t begin, int64_t end)
{
    float *shift = vector_at(kernel, scratch, SHIFT);
    int64_t samples = kernel->pixels < SHIFT_SAMPLES ? kernel->pixels : SHIFT_SAMPLES;
    memset(shift + begin, 0, (size_t)(end - begin) * sizeof(float));
    for (int64_t i = 0; i < samples; i++)
        kernel->own.loops->add_weighed(x, i * (kernel->pixels / samples) * kernel->channels + begin, end - begin,
                                       1.0F / (float)samples, shift + begin);
}

static void add_moments(const dcn_cpu_run *run, const task_range *range)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    kernel->own.loops->moments(dcn_cpu_element(kernel->own.loops, run->inputs[0], range->first_row * kernel->width),
                               kernel->width, range->rows, vector_at(kernel, run->scratch, SHIFT), range->begin,
                               range->end, range->partial, range->partial + kernel->width);
}

static void moments_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    for (int64_t task = begin; task < end; task++) {
        task_range range = range_of_task(kernel, run->scratch, task);
        add_moments(run, &range);
    }
}

/* Mean and invstd of the batch, the running averages, scale and offset of channels [begin, end). */
static void finish_statistics(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    dcn_cpu_norm norm = norm_of(kernel, run->scratch);
    kernel->own.loops->norm_statistics(&norm, run->inputs[1], run->inputs[2], run->inputs[3], run->inputs[4],
                                       run->outputs[1], run->outputs[2], begin, end);
}

static void train_columns_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    dcn_cpu_norm norm = norm_of(kernel, run->scratch);
    for (int64_t strip = begin; strip < end; strip += kernel->strips_at_once) {
        column_range columns = columns_from(kernel, strip, end);
        set_shift(kernel, run->scratch, run->inputs[0], columns.begin, columns.end);
        for (int64_t chunk = 0; chunk < kernel->n_chunks; chunk++) {
            task_range range = range_in_chunk(kernel, run->scratch, chunk, columns.begin, columns.end);
            add_moments(run, &range);
        }
        finish_statistics(run, columns.begin, columns.end);
        kernel->own.loops->scale_offset(&norm, run->inputs[0], run->outputs[0], kernel->relu, 0, kernel->rows,
                                        columns.begin, columns.end);
    }
}

static void run_batchnorm_train(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const norm_kernel *kernel = (const norm_kernel *)base;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    if (kernel->by_columns) {
        dcn_cpu_parallel(&run, kernel->n_strips, 2 * kernel->rows * TASK_COLUMNS, train_columns_body);
        return;
    }
    set_shift(kernel, scratch, inputs[0], 0, kernel->channels);
    repeat_channels(kernel, vector_at(kernel, scratch, SHIFT));
    dcn_cpu_parallel(&run, kernel->n_chunks * kernel->n_strips, task_cost(kernel), moments_body);
    if (kernel->rest > 0) {
        double *partial = partial_at(kernel, scratch, 0);
        kernel->own.loops->moments(dcn_cpu_element(kernel->own.loops, inputs[0], kernel->rows * kernel->width),
                                   kernel->width, 1, vector_at(kernel, scratch, SHIFT), 0,
                                   kernel->rest * kernel->channels, partial, partial + kernel->width);
    }
    finish_statistics(&run, 0, kernel->channels);
    normalize(kernel, &run);
}

decant_status dcn_cpu_compile_batchnorm_train(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    norm_kernel *kernel = NULL;
    TRY_RETURN(norm_create(device, call, &call->input[0].shape, run_batchnorm_train, &kernel));
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

/* --- backward --- */

/* Scale, offset and mean as the forward pass had them. */
static void prepare_backward(const dcn_cpu_run *run)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    float *mean = vector_at(kernel, run->scratch, SHIFT);
    memcpy(mean, run->inputs[3], (size_t)kernel->channels * sizeof(float));
    repeat_channels(kernel, mean);
    set_scale(kernel, run->scratch, run->inputs[2], run->inputs[5], run->inputs[3], run->inputs[4]);
}

static void add_grad_sums(const dcn_cpu_run *run, const task_range *range)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    int64_t at = range->first_row * kernel->width;
    kernel->own.loops->norm_grad_sums(
        dcn_cpu_element(kernel->own.loops, run->inputs[0], at), dcn_cpu_element(kernel->own.loops, run->inputs[1], at),
        kernel->width, range->rows, vector_at(kernel, run->scratch, SHIFT), vector_at(kernel, run->scratch, SCALE),
        vector_at(kernel, run->scratch, OFFSET), kernel->relu, range->begin, range->end, range->partial,
        range->partial + kernel->width);
}

static void grad_sums_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    for (int64_t task = begin; task < end; task++) {
        task_range range = range_of_task(kernel, run->scratch, task);
        add_grad_sums(run, &range);
    }
}

static void finish_sums(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    dcn_cpu_norm norm = norm_of(kernel, run->scratch);
    kernel->own.loops->norm_grad_finish(&norm, run->inputs[3], run->inputs[4], run->outputs[1], run->outputs[2], begin,
                                        end);
}

static void grad_input_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    dcn_cpu_norm norm = norm_of(kernel, run->scratch);
    kernel->own.loops->norm_grad_input(&norm, run->inputs[0], run->inputs[1], run->outputs[0], kernel->relu, begin, end,
                                       0, kernel->width);
}

static void grad_columns_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    dcn_cpu_norm norm = norm_of(kernel, run->scratch);
    for (int64_t strip = begin; strip < end; strip += kernel->strips_at_once) {
        column_range columns = columns_from(kernel, strip, end);
        for (int64_t chunk = 0; chunk < kernel->n_chunks; chunk++) {
            task_range range = range_in_chunk(kernel, run->scratch, chunk, columns.begin, columns.end);
            add_grad_sums(run, &range);
        }
        finish_sums(run, columns.begin, columns.end);
        kernel->own.loops->norm_grad_input(&norm, run->inputs[0], run->inputs[1], run->outputs[0], kernel->relu, 0,
                                           kernel->rows, columns.begin, columns.end);
    }
}

/* The rows of maxima are cut into as many chunks as those of x. */
static void pool_sums_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    dcn_cpu_norm norm = norm_of(kernel, run->scratch);
    int64_t share = (kernel->pooled_rows + kernel->n_chunks - 1) / kernel->n_chunks;
    for (int64_t chunk = begin; chunk < end; chunk++) {
        double *partial = partial_at(kernel, run->scratch, chunk);
        int64_t first = chunk * share, last = first + share < kernel->pooled_rows ? first + share : kernel->pooled_rows;
        memset(partial, 0, partial_bytes(kernel));
        kernel->own.loops->norm_pool_grad_sums(&norm, run->inputs[0], run->inputs[1], kernel->relu,
                                               kernel->pooled_columns, first, last, partial, partial + kernel->width);
    }
}

static void pool_grad_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    dcn_cpu_norm norm = norm_of(kernel, run->scratch);
    kernel->own.loops->norm_pool_grad_input(&norm, run->inputs[0], run->inputs[1], run->outputs[0], kernel->relu,
                                            kernel->pooled_columns, begin, end);
}

static void run_pooled_grad(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const norm_kernel *kernel = (const norm_kernel *)base;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    prepare_backward(&run);
    dcn_cpu_parallel(&run, kernel->n_chunks, kernel->pooled_rows * pooled_row_cost(kernel) / kernel->n_chunks,
                     pool_sums_body);
    finish_sums(&run, 0, kernel->channels);
    dcn_cpu_parallel(&run, kernel->pooled_rows, 2 * pooled_row_cost(kernel), pool_grad_body);
}

static void run_batchnorm_grad(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const norm_kernel *kernel = (const norm_kernel *)base;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    int64_t done = kernel->rows * kernel->width, rest = kernel->rest * kernel->channels;
    const dcn_cpu_loops *loops = kernel->own.loops;
    const void *d_y = dcn_cpu_element(loops, inputs[0], done), *x = dcn_cpu_element(loops, inputs[1], done);
    prepare_backward(&run);
    if (kernel->by_columns) {
        dcn_cpu_parallel(&run, kernel->n_strips, 4 * kernel->rows * TASK_COLUMNS, grad_columns_body);
        return;
    }
    dcn_cpu_norm norm = norm_of(kernel, scratch);
    dcn_cpu_parallel(&run, kernel->n_chunks * kernel->n_strips, 2 * task_cost(kernel), grad_sums_body);
    if (rest > 0) {
        double *partial = partial_at(kernel, scratch, 0);
        loops->norm_grad_sums(d_y, x, kernel->width, 1, norm.shift, norm.scale, norm.offset, kernel->relu, 0, rest,
                              partial, partial + kernel->width);
    }
    finish_sums(&run, 0, kernel->channels);
    dcn_cpu_parallel(&run, kernel->rows, 2 * kernel->width, grad_input_body);
    if (rest > 0)
        loops->norm_grad_input(&norm, d_y, x, dcn_cpu_element(loops, outputs[0], done), kernel->relu, 0, 1, 0, rest);
}

decant_status dcn_cpu_compile_batchnorm_grad(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    norm_kernel *kernel = NULL;
    TRY_RETURN(norm_create(device, call, &call->input[1].shape,
                           call->attrs.norm.pools ? run_pooled_grad : run_batchnorm_grad, &kernel));
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}
