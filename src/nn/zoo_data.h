/* The zoo's data files as they were when the library was built. */
#ifndef DCN_NN_ZOO_DATA_H
#define DCN_NN_ZOO_DATA_H

typedef struct dcn_zoo_text {
    const char *name; /* "resnet-cifar" */
    const char *text; /* YAML with ${variables} */
} dcn_zoo_text;

extern const dcn_zoo_text dcn_zoo_texts[];
extern const int dcn_zoo_text_count;

#endif
