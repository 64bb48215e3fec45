/* The word that was probably meant. */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

/* Edit distance between two words: insertions, deletions, substitutions and swaps of neighbours. Long words are cut. */
int edit_distance(const char *a, const char *b);

/* Whether a word at that distance is likely a slip for a word of that length. */
int is_likely_slip(int distance, const char *word);

#endif
