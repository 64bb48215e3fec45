/* Layer lists: the recipe's way of writing a network, turned into a graph. The zoo's data files use the same language.
 */
#ifndef DCN_NN_LAYERS_H
#define DCN_NN_LAYERS_H

#include "format/document.h"
#include "graph/graph.h"

/* list is a YAML list: `relu`, `maxpool: 2`, `conv: {channels: 32, kernel: 3, padding: 1, name: conv1}`, `residual:
 * {branch: [...], shortcut: [...]}`, `repeat: {times: 3, layers: [...]}`. sample is [C,H,W] or [features]. Unnamed
 * layers are numbered as nn.Sequential does. Every error carries the node's place. */
decant_status dcn_layers_build(const dcn_doc *list, const decant_shape *sample, dcn_graph **ret_graph);

/* The same list behind a value of a graph that exists; layers are named with the prefix in front. After a failure the
 * graph may hold some of them. */
decant_status dcn_layers_append(const dcn_doc *list, const char *prefix, dcn_value_id x, dcn_graph *graph,
                                dcn_value_id *ret_y);

/* The layer kinds, for documentation and help. Keys are a NULL-terminated list (besides "name"); *ret_bare is the key
 * that a bare value stands for, or NULL. */
int32_t dcn_layers_count(void);
const char *dcn_layers_name(int32_t index);
const char *dcn_layers_doc(int32_t index);
const char *const *dcn_layers_keys(int32_t index, const char **ret_bare);

#endif
