/* NumPy's arrays: one as a .npy file, several as a .npz archive or as .npy files in a folder. Nothing in them is
 * trusted: headers are parsed strictly, lengths are held against the file, pickled objects are refused. */
#ifndef DCN_FORMAT_NPY_H
#define DCN_FORMAT_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "decant/tensor.h"

typedef enum dcn_npy_kind { DCN_NPY_UNSIGNED, DCN_NPY_SIGNED, DCN_NPY_FLOAT } dcn_npy_kind;

typedef struct dcn_npy {
    dcn_npy_kind kind;
    int32_t item_bytes; /* integers 1, 2, 4, 8; floats 4, 8 */
    int32_t rank;
    int64_t dims[DECANT_MAX_RANK];
    int64_t count;          /* product of the dims */
    const uint8_t *payload; /* count items in row-major order, little-endian */
} dcn_npy;

/* Reads the header (versions 1 to 3) and finds the payload, which stays inside data. FORMAT for anything odd: another
 * element type, Fortran order, a length that is not the header's. */
decant_status dcn_npy_parse(const uint8_t *data, size_t bytes, dcn_npy *ret_array);
static inline bool dcn_npy_is_bytes(const dcn_npy *array)
{
    return array->kind == DCN_NPY_UNSIGNED && array->item_bytes == 1;
}
/* Items first ... first + count - 1 as floats, whatever their type; what f32 cannot hold becomes infinite. */
void dcn_npy_floats(const dcn_npy *array, int64_t first, int64_t count, float *ret_values);
/* One integer; false for a float, or when int64 cannot hold it. */
bool dcn_npy_integer(const dcn_npy *array, int64_t index, int64_t *ret_value);
/* "[60000, 28, 28]" for messages; returns its argument. */
const char *dcn_npy_shape_text(const dcn_npy *array, char text[DECANT_MAX_RANK * 24]);

/* Named arrays. */
typedef struct dcn_npz dcn_npz;
/* path: a .npz file, or a folder with .npy files. */
decant_status dcn_npz_open(const char *path, dcn_npz **ret_npz);
/* The same of an archive in memory, which must outlive it. */
decant_status dcn_npz_parse(const char *name, const uint8_t *data, size_t bytes, dcn_npz **ret_npz);
void dcn_npz_close(dcn_npz *npz); /* accepts NULL; arrays that were read end with it */
decant_status dcn_npz_has(const dcn_npz *npz, const char *name, bool *ret_has);
/* An array by its name, without ".npy". NOT_FOUND names the arrays that there are, FORMAT what is wrong with it. */
decant_status dcn_npz_read(dcn_npz *npz, const char *name, dcn_npy *ret_array);

#endif
