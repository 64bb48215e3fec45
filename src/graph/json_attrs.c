/* Attributes to JSON and back, by the field table alone: no op is named here. */
#include <math.h>
#include <string.h>

#include "graph/json.h"

/* --- writing --- */

static int field_length(dcn_field_type type)
{
    if (type == DCN_FIELD_INT_PAIR) return 2;
    return type == DCN_FIELD_INT_LIST ? DECANT_MAX_RANK : 1;
}

static json_t *integers_to_json(const int64_t *integers, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++) {
        if (json_array_append_new(array, json_integer(integers[i])) != 0) {
            json_decref(array); /* accepts NULL */
            return NULL;
        }
    }
    return array;
}

/* ret_value is NULL for a field that is all zero: those are left out. */
static decant_status field_to_json(const dcn_attr_field *field, const decant_op_attrs *attrs, json_t **ret_value)
{
    const void *at = (const unsigned char *)attrs + field->offset;
    const int64_t *integers = at;
    bool zero = true;
    *ret_value = NULL;
    switch (field->type) {
    case DCN_FIELD_INT:
    case DCN_FIELD_INT_PAIR:
    case DCN_FIELD_INT_LIST:
        for (int i = 0; i < field_length(field->type); i++)
            zero = zero && integers[i] == 0;
        if (zero) return DECANT_OK;
        *ret_value = field->type == DCN_FIELD_INT ? json_integer(integers[0])
                                                  : integers_to_json(integers, field_length(field->type));
        break;
    case DCN_FIELD_BOOL:
        if (!*(const bool *)at) return DECANT_OK;
        *ret_value = json_true();
        break;
    case DCN_FIELD_DOUBLE: {
        double number = *(const double *)at;
        if (!isfinite(number)) return DCN_FAIL(INVALID_ARG, "attribute %s is not a finite number", field->name);
        if (fpclassify(number) == FP_ZERO) return DECANT_OK;
        *ret_value = json_real(number);
        break;
    }
    case DCN_FIELD_ENUM32: {
        int32_t kind = *(const int32_t *)at;
        if (kind == DCN_ACTIVATION_NONE) return DECANT_OK;
        *ret_value = json_string(dcn_activation_name((dcn_activation)kind));
        break;
    }
    }
    return *ret_value != NULL ? DECANT_OK : DCN_FAIL(NO_MEMORY, "no memory for JSON text");
}

decant_status dcn_attrs_to_json(decant_op op, const decant_op_attrs *attrs, json_t **ret_object)
{
    decant_status status = DECANT_OK;
    int32_t n_fields = 0;
    const dcn_attr_field *fields = dcn_op_fields(op, &n_fields);
    json_t *object = json_object();
    if (object == NULL) status = DCN_FAIL(NO_MEMORY, "no memory for JSON text");

    for (int32_t i = 0; status == DECANT_OK && i < n_fields; i++) {
        json_t *value = NULL;
        TRY(field_to_json(&fields[i], attrs, &value));
        if (value != NULL && json_object_set_new(object, fields[i].name, value) != 0)
            status = DCN_FAIL(NO_MEMORY, "no memory for JSON text");
    }
    if (status == DECANT_OK) {
        *ret_object = object;
        object = NULL;
    }
out:
    json_decref(object);
    return status;
}

/* --- reading --- */

static decant_status wrong_type(const dcn_attr_field *field, const char *wanted)
{
    return DCN_FAIL(FORMAT, "attribute %s should be %s", field->name, wanted);
}

static decant_status integers_from_json(const dcn_attr_field *field, const json_t *value, int64_t *ret_integers)
{
    if (field->type == DCN_FIELD_INT) {
        if (!json_is_integer(value)) return wrong_type(field, "a whole number");
        ret_integers[0] = json_integer_value(value);
        return DECANT_OK;
    }
    size_t wanted = (size_t)field_length(field->type);
    if (!json_is_array(value) || json_array_size(value) != wanted)
        return wrong_type(field, field->type == DCN_FIELD_INT_PAIR ? "two whole numbers" : "six whole numbers");
    for (size_t i = 0; i < wanted; i++) {
        const json_t *item = json_array_get(value, i);
        if (!json_is_integer(item)) return wrong_type(field, "a list of whole numbers");
        ret_integers[i] = json_integer_value(item);
    }
    return DECANT_OK;
}

static decant_status activation_from_json(const dcn_attr_field *field, const json_t *value, int32_t *ret_kind)
{
    for (int32_t kind = DCN_ACTIVATION_NONE; json_is_string(value) && kind <= DCN_ACTIVATION_GELU; kind++) {
        if (strcmp(json_string_value(value), dcn_activation_name((dcn_activation)kind)) != 0) continue;
        *ret_kind = kind;
        return DECANT_OK;
    }
    return wrong_type(field, "the name of an activation");
}

static decant_status field_from_json(const dcn_attr_field *field, const json_t *value, decant_op_attrs *attrs)
{
    void *at = (unsigned char *)attrs + field->offset;
    switch (field->type) {
    case DCN_FIELD_INT:
    case DCN_FIELD_INT_PAIR:
    case DCN_FIELD_INT_LIST:
        return integers_from_json(field, value, at);
    case DCN_FIELD_BOOL:
        if (!json_is_boolean(value)) return wrong_type(field, "true or false");
        *(bool *)at = json_is_true(value);
        return DECANT_OK;
    case DCN_FIELD_DOUBLE:
        if (!json_is_number(value)) return wrong_type(field, "a number");
        *(double *)at = json_number_value(value);
        return DECANT_OK;
    case DCN_FIELD_ENUM32:
        return activation_from_json(field, value, at);
    }
    return DCN_FAIL(INTERNAL, "attribute %s has a type without a reader", field->name);
}

decant_status dcn_attrs_from_json(decant_op op, const json_t *object, decant_op_attrs *ret_attrs)
{
    if (!json_is_object(object)) return DCN_FAIL(FORMAT, "attributes should be an object");

    decant_op_attrs attrs;
    memset(&attrs, 0, sizeof attrs); /* every byte, whichever member is meant */
    int32_t n_fields = 0;
    const dcn_attr_field *fields = dcn_op_fields(op, &n_fields);
    size_t n_known = 0;
    for (int32_t i = 0; i < n_fields; i++) {
        const json_t *value = json_object_get(object, fields[i].name);
        if (value == NULL) continue;
        TRY_RETURN(field_from_json(&fields[i], value, &attrs));
        n_known++;
    }
    if (n_known != json_object_size(object))
        return DCN_FAIL(FORMAT, "%s has an attribute that is not known", dcn_op_get(op)->name);
    *ret_attrs = attrs;
    return DECANT_OK;
}
