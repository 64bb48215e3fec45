/* What every fallible call returns, and the record of the last failure.
 * Nothing here prints: the caller decides what to show.
 *
 * There is one record a thread. It describes the last call on this thread that failed and stays until the next failure;
 * ask for it only after a call returned something other than DECANT_OK. The texts belong to the library and are good
 * until the next failure on the same thread.
 *
 * Pointers, in all of decant's headers: what a comment does not allow to be NULL must not be. A function that returns a
 * decant_status answers with DECANT_INVALID_ARG and names the argument; what frees something accepts NULL; all others
 * (which count, name or copy what an object holds) want an object that was made. */
#ifndef DECANT_STATUS_H
#define DECANT_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DECANT_MUST_USE __attribute__((warn_unused_result))
#else
#define DECANT_MUST_USE
#endif

/** How a call ended. DECANT_OK is 0; every other value is a failure described by decant_error_message().
 *  The list is held against src/base/status.def when the library is built. */
typedef enum {
    DECANT_OK,
    DECANT_INVALID_ARG,
    DECANT_SHAPE,
    DECANT_NO_MEMORY,
    DECANT_IO,
    DECANT_FORMAT,
    DECANT_NOT_FOUND,
    DECANT_UNSUPPORTED,
    DECANT_STALE,
    DECANT_USAGE,
    DECANT_NUMERIC,
    DECANT_INTERRUPTED,
    DECANT_INTERNAL,
    DECANT_STATUS_COUNT
} decant_status;

/** The status in words a program can match: "OK", "INVALID_ARG", ...; "UNKNOWN" for a number that is no status. */
const char *decant_status_name(decant_status status);

/** What the status means, in one lower-case phrase: "a file is not what it claims to be". */
const char *decant_status_meaning(decant_status status);

/** The exit status that the decant program gives for it: 0 done, 1 failed, 2 wrong usage, recipe or input file,
 *  3 numbers went bad, 130 interrupted after a checkpoint. */
int decant_status_exit(decant_status status);

/** What went wrong and what to do about it, in one sentence. "" when nothing failed yet. */
const char *decant_error_message(void);

/** The place in the user's own file that the failure is about ("recipe.yaml:12:3"), or "" when there is none. */
const char *decant_error_place(void);

/** Where in decant's source the failure was noticed ("base/file.c:120"), for reports of defects. "" when nothing
 * failed. */
const char *decant_error_source(void);

/** How many "while ..." lines the record has (at most 8). */
int decant_error_while_count(void);

/** What was being done when it failed, innermost first: 0 <= index < decant_error_while_count(), else "". */
const char *decant_error_while(int index);

/** Frees a text that decant handed out; accepts NULL. */
void decant_text_free(char *text);

#ifdef __cplusplus
}
#endif
#endif
