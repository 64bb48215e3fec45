/* What `decant predict` is given: pictures, samples in .npy arrays, in raw IDX files, of a data set, or rows of a
 * table.
 */
#ifndef CLI_INPUTS_H
#define CLI_INPUTS_H

#include "decant/decant.h"

/* Samples of one argument, ready for decant_model_predict(). */
typedef struct cli_inputs {
    decant_tensor samples; /* [count, sample...] u8 or f32 */
    int64_t first;         /* index of the first one where it came from */
    int32_t *labels; /* [count], -1 where nobody says, inside `label_memory`; NULL where they are no classes of the
                        model */
    decant_tensor label_memory;
    bool is_single; /* the file holds one sample, and no index was asked for */
} cli_inputs;

/* word: PICTURE.png or .jpg, FILE.npy[:A-B], FILE.csv[:A-B], FILE[:A-B] (IDX, gzipped or plain) or
 * SOURCE:train|test:A-B, where A-B may be one number. The samples are what the model takes; a missing channel of one is
 * put in. Returns 0, or an exit status after a message. */
int inputs_open(const char *word, const decant_model *model, cli_inputs *ret_inputs);
void inputs_finish(cli_inputs *inputs);

#endif
