/* Batch normalisation over NHWC: a pass for the sums, a pass for the elements, relu fused into the second.
 *
 * A channel count that does not fill vectors makes a row of several pixels ("width" columns, the channels repeated), so
 * the loops always run along whole vectors; the few pixels left over are one short row. Rows are summed in chunks that
 * depend on the shape alone, in double from chunk to chunk, about a shift near the mean, so the variance does not
 * cancel away. */
#include <math.h>
#include <string.h>

#include "device/cpu/cpu.h"

#define MIN_WIDTH      64  /* columns worth having in a row */
#define MAX_REPEATED   256 /* channels from which on an odd count is left as it is */
#define TASK_COLUMNS   64  /* columns that one task of the summing pass takes */
#define MIN_CHUNK_ROWS 256
#define MAX_CHUNKS     64
#define SHIFT_SAMPLES  16 /* pixels that the shift is the mean of */

typedef struct norm_kernel {
    dcn_cpu_kernel own;
    dcn_norm_attrs attrs;
    bool relu;
    int64_t channels, pixels; /* pixels of all samples */
    int64_t repeat, width;    /* pixels in a row; channels * repeat */
    int64_t rows, rest;       /* whole rows, and pixels behind them */
    int64_t chunk_rows, n_chunks, n_strips;
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

static int64_t greatest_common_divisor(int64_t a, int64_t b)
{
    return b == 0 ? a : greatest_common_divisor(b, a % b);
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
    kernel->repeat = 1;
    if (map.channels < MAX_REPEATED) {
        kernel->repeat = 16 / greatest_common_divisor(map.channels, 16);
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
    kernel->own.base.scratch_bytes = vectors_bytes(kernel) + (size_t)kernel->n_chunks * partial_bytes(kernel);
    *ret_kernel = kernel;
    return DECANT_OK;
}

/* Copies the first `channels` numbers of a vector over its whole width. */
static void repeat_channels(const norm_kernel *kernel, float *vector)
{
    for (int64_t i = 1; i < kernel->repeat; i++)
        memcpy(vector + i * kernel->channels, vector, (size_t)kernel->channels * sizeof(float));
}

/* Adds up what the chunks and the repeated channels found: ret_sums[2] of one channel. */
static void gather_sums(const norm_kernel *kernel, void *scratch, int64_t channel, double ret_sums[2])
{
    ret_sums[0] = ret_sums[1] = 0.0;
    for (int64_t chunk = 0; chunk < kernel->n_chunks; chunk++) {
        const double *partial = partial_at(kernel, scratch, chunk);
        for (int64_t c = channel; c < kernel->width; c += kernel->channels) {
            ret_sums[0] += partial[c];
            ret_sums[1] += partial[kernel->width + c];
        }
    }
}

static void clear_sums(const norm_kernel *kernel, void *scratch)
{
    memset(partial_at(kernel, scratch, 0), 0, (size_t)kernel->n_chunks * partial_bytes(kernel));
}

/* Where a task of the summing pass works. */
typedef struct task_range {
    int64_t first_row, rows, begin, end; /* rows from first_row on, columns [begin, end) */
    double *partial;
} task_range;

static task_range range_of(const norm_kernel *kernel, void *scratch, int64_t task)
{
    int64_t chunk = task / kernel->n_strips, begin = task % kernel->n_strips * TASK_COLUMNS;
    int64_t first_row = chunk * kernel->chunk_rows, rows = kernel->rows - first_row;
    if (rows > kernel->chunk_rows) rows = kernel->chunk_rows;
    int64_t end = begin + TASK_COLUMNS < kernel->width ? begin + TASK_COLUMNS : kernel->width;
    return (task_range){first_row, rows, begin, end, partial_at(kernel, scratch, chunk)};
}

static int64_t task_cost(const norm_kernel *kernel)
{
    int64_t rows = kernel->rows < kernel->chunk_rows ? kernel->rows : kernel->chunk_rows;
    return rows * TASK_COLUMNS;
}

/* --- forward --- */

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
    kernel->own.loops->scale_offset(run->inputs[0], run->outputs[0], kernel->width,
                                    vector_at(kernel, run->scratch, SCALE), vector_at(kernel, run->scratch, OFFSET),
                                    kernel->relu, begin, end);
}

static void normalize(const norm_kernel *kernel, const dcn_cpu_run *run)
{
    dcn_cpu_parallel(run, kernel->rows, kernel->width, scale_offset_body);
    if (kernel->rest == 0) return;
    int64_t done = kernel->rows * kernel->width;
    kernel->own.loops->scale_offset(dcn_cpu_element(kernel->own.loops, run->inputs[0], done),
                                    dcn_cpu_element(kernel->own.loops, run->outputs[0], done),
                                    kernel->rest * kernel->channels, vector_at(kernel, run->scratch, SCALE),
                                    vector_at(kernel, run->scratch, OFFSET), kernel->relu, 0, 1);
}

static void run_batchnorm(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const norm_kernel *kernel = (const norm_kernel *)base;
    const float *variance = inputs[4];
    float *invstd = vector_at(kernel, scratch, SHIFT);
    dcn_cpu_run run = {base, inputs, outputs, scratch};
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
static void set_shift(const norm_kernel *kernel, void *scratch, const void *x)
{
    float *shift = vector_at(kernel, scratch, SHIFT);
    int64_t samples = kernel->pixels < SHIFT_SAMPLES ? kernel->pixels : SHIFT_SAMPLES;
    memset(shift, 0, (size_t)kernel->channels * sizeof(float));
    for (int64_t i = 0; i < samples; i++)
        kernel->own.loops->add_weighed(x, i * (kernel->pixels / samples) * kernel->channels, kernel->channels,
                                       1.0F / (float)samples, shift);
    repeat_channels(kernel, shift);
}

static void moments_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    for (int64_t task = begin; task < end; task++) {
        task_range range = range_of(kernel, run->scratch, task);
        kernel->own.loops->moments(dcn_cpu_element(kernel->own.loops, run->inputs[0], range.first_row * kernel->width),
                                   kernel->width, range.rows, vector_at(kernel, run->scratch, SHIFT), range.begin,
                                   range.end, range.partial, range.partial + kernel->width);
    }
}

/* Mean and invstd of the batch into outputs 1 and 2, and the running averages in inputs 3 and 4. */
static void finish_statistics(const norm_kernel *kernel, const dcn_cpu_run *run)
{
    float *running_mean = run->inputs[3], *running_variance = run->inputs[4];
    float *mean = run->outputs[1], *invstd = run->outputs[2];
    const float *shift = vector_at(kernel, run->scratch, SHIFT);
    double count = (double)kernel->pixels, momentum = kernel->attrs.momentum;
    for (int64_t c = 0; c < kernel->channels; c++) {
        double sums[2];
        gather_sums(kernel, run->scratch, c, sums);
        double from_shift = sums[0] / count;
        double batch_mean = (double)shift[c] + from_shift;
        double squares = sums[1] - sums[0] * from_shift; /* about the mean */
        if (squares < 0.0) squares = 0.0;
        mean[c] = (float)batch_mean;
        invstd[c] = (float)(1.0 / sqrt(squares / count + kernel->attrs.eps));
        running_mean[c] = (float)((1.0 - momentum) * (double)running_mean[c] + momentum * batch_mean);
        running_variance[c] =
            (float)((1.0 - momentum) * (double)running_variance[c] + momentum * squares / (count - 1.0));
    }
}

static void run_batchnorm_train(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const norm_kernel *kernel = (const norm_kernel *)base;
    dcn_cpu_run run = {base, inputs, outputs, scratch};
    set_shift(kernel, scratch, inputs[0]);
    clear_sums(kernel, scratch);
    dcn_cpu_parallel(&run, kernel->n_chunks * kernel->n_strips, task_cost(kernel), moments_body);
    if (kernel->rest > 0) {
        double *partial = partial_at(kernel, scratch, 0);
        kernel->own.loops->moments(dcn_cpu_element(kernel->own.loops, inputs[0], kernel->rows * kernel->width),
                                   kernel->width, 1, vector_at(kernel, scratch, SHIFT), 0,
                                   kernel->rest * kernel->channels, partial, partial + kernel->width);
    }
    finish_statistics(kernel, &run);
    set_scale(kernel, scratch, inputs[1], inputs[2], outputs[1], outputs[2]);
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

static void grad_sums_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    for (int64_t task = begin; task < end; task++) {
        task_range range = range_of(kernel, run->scratch, task);
        int64_t at = range.first_row * kernel->width;
        kernel->own.loops->norm_grad_sums(dcn_cpu_element(kernel->own.loops, run->inputs[0], at),
                                          dcn_cpu_element(kernel->own.loops, run->inputs[1], at), kernel->width,
                                          range.rows, vector_at(kernel, run->scratch, SHIFT),
                                          vector_at(kernel, run->scratch, SCALE),
                                          vector_at(kernel, run->scratch, OFFSET), kernel->relu, range.begin, range.end,
                                          range.partial, range.partial + kernel->width);
    }
}

/* dx = weight * invstd * (g - sum(g) / m - (x - mean) * invstd^2 * sum(g (x - mean)) / m), as g * scale + x * slope +
 * constant. */
static void finish_sums(const norm_kernel *kernel, const dcn_cpu_run *run)
{
    const float *mean = run->inputs[3], *invstd = run->inputs[4], *scale = vector_at(kernel, run->scratch, SCALE);
    float *d_weight = run->outputs[1], *d_bias = run->outputs[2];
    float *slope = vector_at(kernel, run->scratch, SLOPE), *constant = vector_at(kernel, run->scratch, CONSTANT);
    double count = (double)kernel->pixels;
    for (int64_t c = 0; c < kernel->channels; c++) {
        double sums[2], inverse = (double)invstd[c];
        gather_sums(kernel, run->scratch, c, sums);
        d_bias[c] = (float)sums[0];
        d_weight[c] = (float)(sums[1] * inverse);
        double steepness = -(double)scale[c] * inverse * inverse * sums[1] / count;
        slope[c] = (float)steepness;
        constant[c] = (float)(-(double)scale[c] * sums[0] / count - steepness * (double)mean[c]);
    }
    repeat_channels(kernel, slope);
    repeat_channels(kernel, constant);
}

static void grad_input_rows(const norm_kernel *kernel, const dcn_cpu_run *run, int64_t at, int64_t width, int64_t begin,
                            int64_t end)
{
    const dcn_cpu_loops *loops = kernel->own.loops;
    loops->norm_grad_input(dcn_cpu_element(loops, run->inputs[0], at), dcn_cpu_element(loops, run->inputs[1], at),
                           dcn_cpu_element(loops, run->outputs[0], at), width, vector_at(kernel, run->scratch, SCALE),
                           vector_at(kernel, run->scratch, OFFSET), vector_at(kernel, run->scratch, SLOPE),
                           vector_at(kernel, run->scratch, CONSTANT), kernel->relu, begin, end);
}

static void grad_input_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const norm_kernel *kernel = (const norm_kernel *)run->kernel;
    grad_input_rows(kernel, run, 0, kernel->width, begin, end);
}

static void run_batchnorm_grad(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const norm_kernel *kernel = (const norm_kernel *)base;
    dcn_cpu_run run = {base, inputs, outputs, scratch};
    int64_t done = kernel->rows * kernel->width, rest = kernel->rest * kernel->channels;
    float *mean = vector_at(kernel, scratch, SHIFT);
    memcpy(mean, inputs[3], (size_t)kernel->channels * sizeof(float));
    repeat_channels(kernel, mean);
    set_scale(kernel, scratch, inputs[2], inputs[5], inputs[3], inputs[4]);
    clear_sums(kernel, scratch);
    dcn_cpu_parallel(&run, kernel->n_chunks * kernel->n_strips, 2 * task_cost(kernel), grad_sums_body);
    if (rest > 0) {
        double *partial = partial_at(kernel, scratch, 0);
        kernel->own.loops->norm_grad_sums(dcn_cpu_element(kernel->own.loops, inputs[0], done),
                                          dcn_cpu_element(kernel->own.loops, inputs[1], done), kernel->width, 1, mean,
                                          vector_at(kernel, scratch, SCALE), vector_at(kernel, scratch, OFFSET),
                                          kernel->relu, 0, rest, partial, partial + kernel->width);
    }
    finish_sums(kernel, &run);
    dcn_cpu_parallel(&run, kernel->rows, 2 * kernel->width, grad_input_body);
    if (rest > 0) grad_input_rows(kernel, &run, done, rest, 0, 1);
}

decant_status dcn_cpu_compile_batchnorm_grad(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    norm_kernel *kernel = NULL;
    TRY_RETURN(norm_create(device, call, &call->input[1].shape, run_batchnorm_grad, &kernel));
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}
