/* A run's teacher in memory: one model file, or an ensemble of several. */
#ifndef DCN_RUN_TEACHERS_H
#define DCN_RUN_TEACHERS_H

#include "run/materials.h"

/* The last teacher that was needed; seeds of a run often share it. */
typedef struct dcn_teachers {
    char *paths; /* of its files, a line each, behind how they are averaged; NULL: none was needed */
    decant_model *model;
    char *identity; /* the hash of its file; of an ensemble "logits HASH HASH..." or "probabilities HASH HASH..." */
} dcn_teachers;

void dcn_teachers_finish(dcn_teachers *teachers); /* accepts a zeroed one */

/* Whether the model that `source`, the teacher's run, makes for `seed` teaches the student of the seed `student`. */
bool dcn_teacher_has(const dcn_teacher_spec *teacher, const dcn_run_spec *source, uint64_t student, uint64_t seed);

/* Makes the teacher of a run's seed the one in memory, its runs' models being in `directory`. *ret_changed: it was not
 * before. Not to be called for a run without a teacher. */
decant_status dcn_teachers_need(dcn_teachers *teachers, const char *directory, const dcn_experiment *experiment,
                                const dcn_run_spec *run, uint64_t seed, bool *ret_changed);

/* The teacher's network with weights that mean nothing, where its runs have not been made yet. */
decant_status dcn_teachers_sketch(const dcn_materials *materials, const dcn_run_spec *run, decant_model **ret_model);

#endif
