/* Convolutions of small maps, and linear layers, as sums of matrix products: for each pixel of the result one product
 * for every tap of the kernel that meets a pixel and not the padding. On maps of 4x4, 2x2 and 1x1 pixels that leaves
 * out 31 %, 56 % and 89 % of a 3x3 convolution's taps; their gradients are exactly zero.
 *
 * All three directions read and write weights as panels of 16 output channels, [O/16][kh][kw][I][16]; the gradient at
 * the input turns them into panels of input channels first. Loops: loops/panels.c. */
#include <string.h>

#include "device/cpu/cpu.h"

#define MIN_ROWS            8  /* of a product: fewer would not fill a tile */
#define PRODUCTS_AN_ELEMENT 8  /* multiply-adds in the time that a plain loop takes for an element */
#define MAX_PIXELS          16 /* of an output map; larger ones keep the convolution kernels busy */
#define ROW_BLOCK           64 /* rows of a product in one item of a parallel loop, where they need not lie in panels */
#define COLUMNS             (2 * DCN_CPU_PANEL) /* its columns */
#define SPLIT_PANELS        4                   /* of the larger operand of a weight's gradient, packed at a time */

/* One product of the sum: a pixel of the result, or a tap of the weights' gradient. */
typedef struct place {
    int64_t c; /* where its result begins */
    int64_t first_piece, n_pieces;
} place;

typedef struct panel_kernel {
    dcn_cpu_kernel own;
    dcn_cpu_panels panels;
    int64_t rows, row_block, a_block; /* a_block: from one block of rows to the next */
    int64_t n_row_blocks;
    place *places; /* [n_places] */
    int64_t n_places;
    dcn_cpu_piece *pieces;
    int64_t n_pieces;
    bool has_bias;
    int64_t in, out, in_pixels, pixels, batch;
    bool split_rows; /* gradient of the weights: threads share the rows (input channels), not the columns */
    int64_t x_panel, shared_size; /* floats of a packed panel of x, of the operand that all threads read */
    int64_t *taps;                /* [n_taps] of the kernel that meet a pixel somewhere */
    int64_t n_taps, kernel_taps;
} panel_kernel;

/* A map to be packed. */
typedef struct packed_map {
    const float *values; /* [N, pixels, channels] */
    int64_t channels, pixels;
} packed_map;

/* A layer as panels see it, whichever direction is asked for. */
typedef struct geometry {
    dcn_cpu_map in, out;
    int64_t kernel[2], stride[2], padding[2], dilation[2];
} geometry;

static int64_t panels_of(int64_t columns)
{
    return (columns + DCN_CPU_PANEL - 1) / DCN_CPU_PANEL;
}

static void destroy_panels(dcn_kernel *base)
{
    panel_kernel *kernel = (panel_kernel *)base;
    if (!kernel) return;
    dcn_free(kernel->places);
    dcn_free(kernel->pieces);
    dcn_free(kernel->taps);
    dcn_free(kernel);
}

/* --- running --- */

static int64_t column_blocks(const panel_kernel *kernel)
{
    return (kernel->panels.columns + COLUMNS - 1) / COLUMNS;
}

/* The first `columns` columns of b and c. Items are columns, then places, then rows: a thread's share reads as few
 * weights as can be. */
static void multiply(const panel_kernel *kernel, const float *a, const float *b, const float *bias, float *c,
                     int64_t columns, int64_t begin, int64_t end)
{
    const dcn_cpu_panels *panels = &kernel->panels;
    for (int64_t item = begin; item < end; item++) {
        int64_t block = item % kernel->n_row_blocks, rest = item / kernel->n_row_blocks;
        const place *at = &kernel->places[rest % kernel->n_places];
        int64_t first = rest / kernel->n_places * COLUMNS, last = first + COLUMNS;
        int64_t row = block * kernel->row_block, rows = kernel->rows - row;
        if (rows > kernel->row_block) rows = kernel->row_block;
        if (last > columns) last = columns;
        kernel->own.loops->panels(panels, kernel->pieces + at->first_piece, at->n_pieces, a + block * kernel->a_block,
                                  b, bias, c + at->c + row * panels->c_row, rows, first, last);
    }
}

/* What one of `items` parts of the products costs, in elements that a loop would touch in that time. */
static int64_t product_cost(const panel_kernel *kernel, int64_t items)
{
    int64_t rows = kernel->rows, depth = kernel->panels.depth * kernel->n_pieces;
    return rows * kernel->panels.columns * depth / PRODUCTS_AN_ELEMENT / items + 1;
}

static void forward_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const panel_kernel *kernel = (const panel_kernel *)run->kernel;
    multiply(kernel, run->inputs[0], run->inputs[1], kernel->has_bias ? run->inputs[2] : NULL, run->outputs[0],
             kernel->panels.columns, begin, end);
}

static void run_forward(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const panel_kernel *kernel = (const panel_kernel *)base;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    int64_t items = column_blocks(kernel) * kernel->n_places * kernel->n_row_blocks;
    dcn_cpu_parallel(&run, items, product_cost(kernel, items), forward_body);
}

/* Weights [O/16][taps][I][16] of one panel of input channels become [taps that count][O up to 16][16]. */
static void turn_panel(const panel_kernel *kernel, const float *weight, int64_t panel, float *turned)
{
    int64_t out_panels = panels_of(kernel->out), block = (int64_t)DCN_CPU_PANEL * DCN_CPU_PANEL;
    int64_t first = panel * DCN_CPU_PANEL, rows = kernel->in - first;
    if (rows > DCN_CPU_PANEL) rows = DCN_CPU_PANEL;
    for (int64_t tap = 0; tap < kernel->n_taps; tap++) {
        const float *from = weight + (kernel->taps[tap] * kernel->in + first) * DCN_CPU_PANEL;
        int64_t step = kernel->kernel_taps * kernel->in * DCN_CPU_PANEL;
        for (int64_t o = 0; o < out_panels; o++, from += step, turned += block)
            kernel->own.loops->transpose_panel(from, rows, o + 1 < out_panels ? from + step : from, turned);
    }
}

/* Items are blocks of columns: their weights are turned where they stay in the thread's cache, and used at once. */
static void grad_input_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const panel_kernel *kernel = (const panel_kernel *)run->kernel;
    int64_t panel_size = kernel->panels.b_panel, per_block = kernel->n_places * kernel->n_row_blocks;
    float *turned = (float *)run->scratch + run->thread * (COLUMNS / DCN_CPU_PANEL) * panel_size;
    for (int64_t block = begin; block < end; block++) {
        int64_t first = block * (COLUMNS / DCN_CPU_PANEL), last = first + COLUMNS / DCN_CPU_PANEL;
        for (int64_t panel = first; panel < last && panel < panels_of(kernel->in); panel++)
            turn_panel(kernel, run->inputs[1], panel, turned + (panel - first) * panel_size);
        multiply(kernel, run->inputs[0], turned, NULL, (float *)run->outputs[0] + block * COLUMNS,
                 kernel->in - block * COLUMNS < COLUMNS ? kernel->in - block * COLUMNS : COLUMNS, 0, per_block);
    }
}

static void run_grad_input(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const panel_kernel *kernel = (const panel_kernel *)base;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, column_blocks(kernel), product_cost(kernel, column_blocks(kernel)), grad_input_body);
}

/* Panels [begin, end) of a map's channels: [N, pixels, channels] becomes [channels/16][pixels][N][16]. */
static void pack_panels(const panel_kernel *kernel, const packed_map *map, int64_t begin, int64_t end, float *packed,
                        float *sum)
{
    for (int64_t panel = begin; panel < end; panel++) {
        int64_t first = panel * DCN_CPU_PANEL, columns = map->channels - first;
        if (columns > DCN_CPU_PANEL) columns = DCN_CPU_PANEL;
        if (sum) memset(sum + first, 0, (size_t)columns * sizeof(float));
        for (int64_t pixel = 0; pixel < map->pixels; pixel++) {
            kernel->own.loops->pack_panel(map->values + pixel * map->channels + first, map->pixels * map->channels,
                                          kernel->batch, columns, packed, sum ? sum + first : NULL);
            packed += kernel->batch * DCN_CPU_PANEL;
        }
    }
}

static packed_map x_of(const dcn_cpu_run *run)
{
    const panel_kernel *kernel = (const panel_kernel *)run->kernel;
    return (packed_map){run->inputs[0], kernel->in, kernel->in_pixels};
}

static packed_map d_y_of(const dcn_cpu_run *run)
{
    const panel_kernel *kernel = (const panel_kernel *)run->kernel;
    return (packed_map){run->inputs[1], kernel->out, kernel->pixels};
}

/* Some panels of one of the packed operands. */
typedef struct panel_range {
    const float *packed;
    int64_t begin, end;
} panel_range;

/* Rows of some panels of x times columns of some panels of d_y, for every tap. */
static void multiply_packed(const dcn_cpu_run *run, panel_range x, panel_range d_y)
{
    const panel_kernel *kernel = (const panel_kernel *)run->kernel;
    const dcn_cpu_panels *panels = &kernel->panels;
    int64_t columns = (d_y.end - d_y.begin) * DCN_CPU_PANEL;
    for (int64_t tap = 0; tap < kernel->n_places; tap++) {
        const place *at = &kernel->places[tap];
        float *c = (float *)run->outputs[0] + at->c + d_y.begin * panels->c_panel;
        for (int64_t first = 0; first < columns; first += COLUMNS)
            for (int64_t panel = x.begin; panel < x.end; panel++) {
                int64_t row = panel * DCN_CPU_PANEL, rows = kernel->in - row;
                int64_t last = first + COLUMNS < columns ? first + COLUMNS : columns;
                kernel->own.loops->panels(panels, kernel->pieces + at->first_piece, at->n_pieces,
                                          x.packed + (panel - x.begin) * kernel->x_panel, d_y.packed, NULL,
                                          c + row * panels->c_row, rows < DCN_CPU_PANEL ? rows : DCN_CPU_PANEL, first,
                                          last);
            }
    }
}

/* The smaller operand is packed for all threads, each panel of the larger one by the thread that multiplies with it:
 * what another core has just written is slow to read. */
static void pack_shared_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const panel_kernel *kernel = (const panel_kernel *)run->kernel;
    packed_map map = kernel->split_rows ? d_y_of(run) : x_of(run);
    float *sum = kernel->split_rows && kernel->has_bias ? run->outputs[1] : NULL;
    pack_panels(kernel, &map, begin, end, (float *)run->scratch + begin * map.pixels * kernel->batch * DCN_CPU_PANEL,
                sum);
}

/* Of the split operand, packed by a thread before it multiplies with them. */
static int64_t panels_at_once(const panel_kernel *kernel)
{
    const int64_t panels = panels_of(kernel->split_rows ? kernel->in : kernel->out);
    return panels < SPLIT_PANELS ? panels : SPLIT_PANELS;
}

static void grad_weight_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const panel_kernel *kernel = (const panel_kernel *)run->kernel;
    int64_t out_panels = panels_of(kernel->out), in_panels = panels_of(kernel->in);
    packed_map map = kernel->split_rows ? x_of(run) : d_y_of(run);
    const float *shared = run->scratch;
    float *own = (float *)run->scratch + kernel->shared_size +
                 run->thread * panels_at_once(kernel) * map.pixels * kernel->batch * DCN_CPU_PANEL;
    float *d_bias = !kernel->split_rows && kernel->has_bias ? run->outputs[1] : NULL;
    for (int64_t first = begin; first < end; first += SPLIT_PANELS) {
        int64_t last = first + SPLIT_PANELS < end ? first + SPLIT_PANELS : end;
        pack_panels(kernel, &map, first, last, own, d_bias);
        panel_range mine = {own, first, last};
        if (kernel->split_rows)
            multiply_packed(run, mine, (panel_range){shared, 0, out_panels});
        else
            multiply_packed(run, (panel_range){shared, 0, in_panels}, mine);
    }
}

static void run_grad_weight(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const panel_kernel *kernel = (const panel_kernel *)base;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    int64_t in_panels = panels_of(kernel->in), out_panels = panels_of(kernel->out);
    int64_t shared = kernel->split_rows ? out_panels : in_panels, split = kernel->split_rows ? in_panels : out_panels;
    dcn_cpu_parallel(&run, shared, kernel->shared_size / shared, pack_shared_body);
    dcn_cpu_parallel(&run, split, product_cost(kernel, split), grad_weight_body);
}

/* --- which pixel meets which --- */

/* The input pixel under a tap of an output pixel; -1 in the padding. */
static int64_t pixel_under(const geometry *layer, int64_t out_pixel, int64_t tap)
{
    int64_t at[2] = {out_pixel / layer->out.width, out_pixel % layer->out.width};
    int64_t of[2] = {tap / layer->kernel[1], tap % layer->kernel[1]};
    const int64_t size[2] = {layer->in.height, layer->in.width};
    for (int i = 0; i < 2; i++) {
        at[i] = at[i] * layer->stride[i] - layer->padding[i] + of[i] * layer->dilation[i];
        if (at[i] < 0 || at[i] >= size[i]) return -1;
    }
    return at[0] * layer->in.width + at[1];
}

/* The taps that meet a pixel of any output; kernel->taps and n_taps. */
static decant_status find_taps(panel_kernel *kernel, const geometry *layer)
{
    TRY_RETURN(dcn_new_array((size_t)kernel->kernel_taps, sizeof *kernel->taps, (void **)&kernel->taps));
    for (int64_t tap = 0; tap < kernel->kernel_taps; tap++)
        for (int64_t pixel = 0; pixel < kernel->pixels; pixel++) {
            if (pixel_under(layer, pixel, tap) < 0) continue;
            kernel->taps[kernel->n_taps++] = tap;
            break;
        }
    return DECANT_OK;
}

static decant_status place_create(panel_kernel *kernel, int64_t n_places, int64_t max_pieces)
{
    TRY_RETURN(dcn_new_array((size_t)n_places, sizeof *kernel->places, (void **)&kernel->places));
    kernel->n_places = n_places;
    return dcn_new_array((size_t)max_pieces, sizeof *kernel->pieces, (void **)&kernel->pieces);
}

static place *begin_place(panel_kernel *kernel, int64_t index, int64_t c)
{
    kernel->places[index] = (place){c, kernel->n_pieces, 0};
    return &kernel->places[index];
}

static void add_piece(panel_kernel *kernel, place *at, int64_t a, int64_t b)
{
    kernel->pieces[kernel->n_pieces++] = (dcn_cpu_piece){a, b};
    at->n_pieces++;
}

/* Rows are the samples, as they lie. */
static void use_samples(panel_kernel *kernel, int64_t sample_size)
{
    kernel->rows = kernel->batch;
    kernel->row_block = ROW_BLOCK;
    kernel->a_block = ROW_BLOCK * sample_size;
    kernel->n_row_blocks = (kernel->rows + ROW_BLOCK - 1) / ROW_BLOCK;
}

/* Every pixel of the result is one place. */
static decant_status plan_forward(panel_kernel *kernel, const geometry *layer)
{
    use_samples(kernel, kernel->in_pixels * kernel->in);
    kernel->panels = (dcn_cpu_panels){.columns = kernel->out,
                                      .depth = kernel->in,
                                      .a_row = kernel->in_pixels * kernel->in,
                                      .a_step = 1,
                                      .b_step = DCN_CPU_PANEL,
                                      .b_panel = kernel->kernel_taps * kernel->in * DCN_CPU_PANEL,
                                      .c_row = kernel->pixels * kernel->out,
                                      .c_panel = DCN_CPU_PANEL};
    TRY_RETURN(place_create(kernel, kernel->pixels, kernel->pixels * kernel->n_taps + 1));
    for (int64_t pixel = 0; pixel < kernel->pixels; pixel++) {
        place *at = begin_place(kernel, pixel, pixel * kernel->out);
        for (int64_t i = 0; i < kernel->n_taps; i++) {
            int64_t under = pixel_under(layer, pixel, kernel->taps[i]);
            if (under >= 0) add_piece(kernel, at, under * kernel->in, kernel->taps[i] * kernel->in * DCN_CPU_PANEL);
        }
    }
    return DECANT_OK;
}

static decant_status plan_grad_input(panel_kernel *kernel, const geometry *layer)
{
    int64_t turned = panels_of(kernel->out) * DCN_CPU_PANEL;
    use_samples(kernel, kernel->pixels * kernel->out);
    kernel->panels = (dcn_cpu_panels){.columns = kernel->in,
                                      .depth = kernel->out,
                                      .a_row = kernel->pixels * kernel->out,
                                      .a_step = 1,
                                      .b_step = DCN_CPU_PANEL,
                                      .b_panel = kernel->n_taps * turned * DCN_CPU_PANEL,
                                      .c_row = kernel->in_pixels * kernel->in,
                                      .c_panel = DCN_CPU_PANEL};
    kernel->own.base.scratch_bytes = (size_t)(kernel->own.threads * COLUMNS * kernel->n_taps * turned) * sizeof(float);
    TRY_RETURN(place_create(kernel, kernel->in_pixels, kernel->pixels * kernel->n_taps + 1));
    for (int64_t under = 0; under < kernel->in_pixels; under++) {
        place *at = begin_place(kernel, under, under * kernel->in);
        for (int64_t i = 0; i < kernel->n_taps; i++)
            for (int64_t pixel = 0; pixel < kernel->pixels; pixel++)
                if (pixel_under(layer, pixel, kernel->taps[i]) == under)
                    add_piece(kernel, at, pixel * kernel->out, i * turned * DCN_CPU_PANEL);
    }
    return DECANT_OK;
}

/* Every tap is one place, also those that get nothing but zeros; its rows are the input channels. */
static decant_status plan_grad_weight(panel_kernel *kernel, const geometry *layer)
{
    int64_t samples = kernel->batch * DCN_CPU_PANEL;
    kernel->panels = (dcn_cpu_panels){.columns = panels_of(kernel->out) * DCN_CPU_PANEL,
                                      .depth = kernel->batch,
                                      .a_row = 1,
                                      .a_step = DCN_CPU_PANEL,
                                      .b_step = DCN_CPU_PANEL,
                                      .b_panel = kernel->pixels * samples,
                                      .c_row = DCN_CPU_PANEL,
                                      .c_panel = kernel->kernel_taps * kernel->in * DCN_CPU_PANEL};
    int64_t x_size = panels_of(kernel->in) * kernel->in_pixels * samples;
    int64_t d_y_size = panels_of(kernel->out) * kernel->pixels * samples;
    kernel->split_rows = x_size >= d_y_size;
    kernel->rows = kernel->in;
    kernel->x_panel = kernel->in_pixels * samples;
    kernel->shared_size = kernel->split_rows ? d_y_size : x_size;
    int64_t own_size = kernel->own.threads * panels_at_once(kernel) *
                       (kernel->split_rows ? kernel->in_pixels : kernel->pixels) * samples;
    kernel->own.base.scratch_bytes = (size_t)(kernel->shared_size + own_size) * sizeof(float);
    TRY_RETURN(place_create(kernel, kernel->kernel_taps, kernel->pixels * kernel->kernel_taps + 1));
    for (int64_t tap = 0; tap < kernel->kernel_taps; tap++) {
        place *at = begin_place(kernel, tap, tap * kernel->in * DCN_CPU_PANEL);
        for (int64_t pixel = 0; pixel < kernel->pixels; pixel++) {
            int64_t under = pixel_under(layer, pixel, tap);
            if (under >= 0) add_piece(kernel, at, under * samples, pixel * samples);
        }
    }
    return DECANT_OK;
}

/* --- compiling --- */

/* Where the samples' pixels lie one behind the other and each meets but itself, they are samples of one pixel. */
static void join_pixels(geometry *layer)
{
    for (int i = 0; i < 2; i++)
        if (layer->kernel[i] != 1 || layer->stride[i] != 1 || layer->padding[i] != 0) return;
    layer->in.batch *= layer->in.height * layer->in.width;
    layer->out.batch = layer->in.batch;
    layer->in.height = layer->in.width = layer->out.height = layer->out.width = 1;
}

/* Which of the call's tensors plays which part. */
static void find_parts(dcn_op_call *call, dcn_tensor_desc **ret_src, dcn_tensor_desc **ret_weight,
                       dcn_tensor_desc **ret_dst)
{
    *ret_src = &call->input[0], *ret_weight = &call->input[1], *ret_dst = &call->output[0];
    if (call->op == DECANT_OP_CONV2D_GRAD_INPUT || call->op == DECANT_OP_LINEAR_GRAD_INPUT)
        *ret_src = &call->output[0], *ret_dst = &call->input[0];
    else if (call->op == DECANT_OP_CONV2D_GRAD_WEIGHT || call->op == DECANT_OP_LINEAR_GRAD_WEIGHT)
        *ret_weight = &call->output[0], *ret_dst = &call->input[1];
}

static geometry geometry_of(const dcn_op_call *call, const dcn_tensor_desc *src, const dcn_tensor_desc *dst)
{
    geometry layer = {.in = dcn_cpu_map_of(&src->shape),
                      .out = dcn_cpu_map_of(&dst->shape),
                      .kernel = {1, 1},
                      .stride = {1, 1},
                      .dilation = {1, 1}};
    if (src->shape.rank == 4) {
        const dcn_conv_attrs *attrs = &call->attrs.conv;
        for (int i = 0; i < 2; i++) {
            layer.kernel[i] = attrs->kernel[i];
            layer.stride[i] = attrs->stride[i];
            layer.padding[i] = attrs->padding[i];
            layer.dilation[i] = attrs->dilation[i];
        }
    }
    join_pixels(&layer);
    return layer;
}

bool dcn_cpu_suits_panels(dcn_op_call *call)
{
    if (dcn_cpu_is_narrow(call)) return false;
    dcn_tensor_desc *src, *weight, *dst;
    find_parts(call, &src, &weight, &dst);
    if (src->dtype != DECANT_F32) return false;
    geometry layer = geometry_of(call, src, dst);
    if (layer.out.batch < MIN_ROWS) return false;
    return src->shape.rank == 2 ||
           (call->attrs.conv.groups == 1 && dst->shape.dim[2] * dst->shape.dim[3] <= MAX_PIXELS);
}

/* Panels of output channels, in oneDNN's terms. */
decant_status dcn_cpu_panel_layout(dcn_cpu_device *device, const decant_shape *weight, dcn_layout *ret_layout)
{
    dnnl_memory_desc_t descriptor = {.ndims = weight->rank, .data_type = dnnl_f32, .format_kind = dnnl_blocked};
    dnnl_blocking_desc_t *blocking = &descriptor.format_desc.blocking;
    int64_t taps = 1;
    for (int i = 0; i < weight->rank; i++)
        descriptor.dims[i] = descriptor.padded_dims[i] = weight->dim[i];
    descriptor.padded_dims[0] = panels_of(weight->dim[0]) * DCN_CPU_PANEL;
    blocking->inner_nblks = 1;
    blocking->inner_blks[0] = DCN_CPU_PANEL;
    blocking->strides[1] = DCN_CPU_PANEL;
    for (int i = weight->rank - 1; i > 1; i--) {
        blocking->strides[i] = taps * weight->dim[1] * DCN_CPU_PANEL;
        taps *= weight->dim[i];
    }
    blocking->strides[0] = taps * weight->dim[1] * DCN_CPU_PANEL;
    return dcn_cpu_intern(device, &descriptor, ret_layout);
}

decant_status dcn_cpu_compile_panels(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    dcn_tensor_desc *src, *weight, *dst;
    panel_kernel *kernel = NULL;
    bool forward = call->op == DECANT_OP_CONV2D || call->op == DECANT_OP_LINEAR;
    find_parts(call, &src, &weight, &dst);
    geometry layer = geometry_of(call, src, dst);
    bool to_input = src == &call->output[0];
    decant_status status = dcn_cpu_kernel_create(device, call, sizeof *kernel,
                                                 forward    ? run_forward
                                                 : to_input ? run_grad_input
                                                            : run_grad_weight,
                                                 (void **)&kernel);
    if (status != DECANT_OK) goto out;
    kernel->own.base.destroy = destroy_panels;
    kernel->in = layer.in.channels;
    kernel->out = layer.out.channels;
    kernel->batch = layer.out.batch;
    kernel->in_pixels = layer.in.height * layer.in.width;
    kernel->pixels = layer.out.height * layer.out.width;
    kernel->kernel_taps = layer.kernel[0] * layer.kernel[1];
    kernel->has_bias = forward ? call->n_inputs > 2 : call->n_outputs > 1;
    TRY(find_taps(kernel, &layer));
    TRY(forward    ? plan_forward(kernel, &layer)
        : to_input ? plan_grad_input(kernel, &layer)
                   : plan_grad_weight(kernel, &layer));
    if (forward)
        kernel->panels.relu =
            (src->shape.rank == 4 ? call->attrs.conv.activation : call->attrs.linear.activation) == DCN_ACTIVATION_RELU;

    dcn_cpu_ask_activation(call);
    TRY(dcn_cpu_panel_layout(device, &weight->shape, &weight->layout));
    *ret_kernel = &kernel->own.base;
    kernel = NULL;
out:
    destroy_panels((dcn_kernel *)kernel);
    return status;
}
