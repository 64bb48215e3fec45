/* Findings: what a check of a model or a recipe has to say. */
#ifndef DECANT_FINDING_H
#define DECANT_FINDING_H

#ifdef __cplusplus
extern "C" {
#endif

/** How bad a finding is: an error stops `decant run`, a warning is probably a mistake, a note is good to know. */
typedef enum { DECANT_SEVERITY_NOTE, DECANT_SEVERITY_WARNING, DECANT_SEVERITY_ERROR } decant_severity;

/** One thing found, in words. */
typedef struct {
    decant_severity severity;
    const char *text;    /**< with its place in front, "recipe.yaml:12:3: ...", where it has one */
    const char *message; /**< without it */
    const char *file;    /**< of its place, or what stands for one ("-o runs.alone.epochs"); NULL: it has none */
    int line, column;    /**< from 1; 0: not known */
} decant_finding;

#ifdef __cplusplus
}
#endif
#endif
