/* Private to graph/: attributes as JSON, generic over the field table. */
#ifndef DCN_GRAPH_JSON_H
#define DCN_GRAPH_JSON_H

#include <jansson.h>

#include "graph/op.h"

/* A new object with the fields that are not zero, "none" or false. INVALID_ARG where a number is not finite, NO_MEMORY.
 */
decant_status dcn_attrs_to_json(decant_op op, const decant_op_attrs *attrs, json_t **ret_object);
/* The fields that the object has; the others are zero. FORMAT on an unknown key or a wrong type. */
decant_status dcn_attrs_from_json(decant_op op, const json_t *object, decant_op_attrs *ret_attrs);

#endif
