/* Which channels of a network stand and fall together. A residual sum ties a channel of its branch to the same channel
 * of its shortcut, a depthwise convolution its output to its input, a flatten every pixel to its channel. What is tied
 * is one unit: it is removed as a whole or not at all. */
#ifndef DCN_COMPRESS_CHANNELS_H
#define DCN_COMPRESS_CHANNELS_H

#include "graph/graph.h"

/* Channels are entries of dimension 1 of the input and of every result: channels of maps, features of rows. */
typedef struct dcn_channels {
    const dcn_graph *graph;
    int64_t *first; /* [n_values + 1] channel c of value v is number first[v] + c; parameters have none */
    int32_t *unit;  /* [first[n_values]] */
    int32_t n_units;
    bool *fixed; /* [n_units] holds a channel of the input, of the output, or of what a softmax compares */
    /* Where a unit lies: parts[part_first[u]] up to parts[part_first[u + 1]], by rising value. */
    struct dcn_channel_part {
        dcn_value_id value;
        int64_t count; /* channels of the value that are the unit's */
    } * parts;
    int64_t *part_first; /* [n_units + 1] */
} dcn_channels;

/* The graph must outlive what is made of it. UNSUPPORTED for a graph in which two layers share a parameter. */
decant_status dcn_channels_create(const dcn_graph *graph, dcn_channels **ret_channels);
void dcn_channels_destroy(dcn_channels *channels); /* accepts NULL */

/* Channels of a value; 0 for a parameter. */
int64_t dcn_channels_count(const dcn_channels *channels, dcn_value_id value);
/* The units of a value's channels, [dcn_channels_count]. */
const int32_t *dcn_channels_units(const dcn_channels *channels, dcn_value_id value);

/* The values whose channels are dimensions 0 and 1 of the parameter or state in a node's input slot; DCN_NONE for a
 * dimension that stays as it is. */
void dcn_channels_axes(const dcn_graph *graph, const dcn_node *node, int32_t slot, dcn_value_id ret_axes[2]);

/* The size of the network when value v keeps kept[v] channels. */
int64_t dcn_channels_parameters(const dcn_graph *graph, const int64_t *kept);
int64_t dcn_channels_mult_adds(const dcn_graph *graph, const int64_t *kept);

#endif
