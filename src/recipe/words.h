/* What recipes call the choices of an enum, by its numbers: for the parser, for a run's identity and for results. */
#ifndef DCN_RECIPE_WORDS_H
#define DCN_RECIPE_WORDS_H

extern const char *const dcn_optimizer_words[3];
extern const char *const dcn_schedule_words[4];
extern const char *const dcn_match_words[3];
extern const char *const dcn_average_words[2];
extern const char *const dcn_pool_words[3];
extern const char *const dcn_correction_words[3]; /* the first, for none, is empty */

#endif
