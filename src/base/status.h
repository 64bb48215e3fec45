/* The error record behind decant_status: who failed, where, and what was being done ("while" lines).
 * One record a thread. Functions return a status, the first failure writes the record, callers add context. */
#ifndef DCN_BASE_STATUS_H
#define DCN_BASE_STATUS_H

#include <stddef.h>

#include "decant/status.h"

#define DCN_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))

/* Writes the thread's error record and returns the status. A new failure clears the old "while" lines. */
decant_status dcn_fail(decant_status status, const char *file, int line, const char *format, ...) DCN_PRINTF(4, 5);
/* Adds one "while ..." line after a failure, before returning it. Eight are kept: the outermost beyond them are not. */
void dcn_while(const char *format, ...) DCN_PRINTF(1, 2);
/* Names the place in the user's file that the failure is about: "recipe.yaml:12:3". */
void dcn_place(const char *format, ...) DCN_PRINTF(1, 2);

/* A failure carried from one thread to another: each has a record of its own. */
#define DCN_MESSAGE_BYTES 1024
#define DCN_CONTEXT_BYTES 256
#define DCN_MAX_WHILES    8
typedef struct dcn_failure {
    decant_status status; /* DECANT_OK: none kept */
    char message[DCN_MESSAGE_BYTES];
    char place[DCN_CONTEXT_BYTES];
    char file[DCN_CONTEXT_BYTES]; /* of the place */
    int line, column;             /* of the place; 0: not known */
    char source[DCN_CONTEXT_BYTES];
    char whiles[DCN_MAX_WHILES][DCN_CONTEXT_BYTES];
    int n_whiles;
} dcn_failure;
/* Copies this thread's record; the status is the one that was returned with it. */
void dcn_status_keep(decant_status status, dcn_failure *ret_failure);
/* Makes it this thread's record, as if it had failed here, and returns its status. */
decant_status dcn_status_raise(const dcn_failure *failure);

/* return DCN_FAIL(SHAPE, "linear wants %d inputs", n);
 * The value is the constant itself, so that the compiler sees that a failure is not DECANT_OK. */
#define DCN_FAIL(name, ...) (dcn_fail(DECANT_##name, __FILE__, __LINE__, __VA_ARGS__), DECANT_##name)

/* For functions with `decant_status status` and an `out:` ladder. */
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        status = (call);                                                                                               \
        if (status != DECANT_OK) goto out;                                                                             \
    } while (0)

/* For functions that own nothing yet. */
#define TRY_RETURN(call)                                                                                               \
    do {                                                                                                               \
        decant_status try_status = (call);                                                                             \
        if (try_status != DECANT_OK) return try_status;                                                                \
    } while (0)

/* At the public edge: INVALID_ARG for the first of these pointers that is NULL. DCN_REQUIRE(model, ret_summary); */
#define DCN_REQUIRE(...)                                                                                               \
    do {                                                                                                               \
        const void *const required_pointers[] = {__VA_ARGS__};                                                         \
        for (int required = 0; required < (int)(sizeof required_pointers / sizeof *required_pointers); required++)     \
            if (required_pointers[required] == NULL)                                                                   \
                return dcn_fail_null(__FILE__, __LINE__, __func__, #__VA_ARGS__, required);                            \
    } while (0)
/* names: with commas between them; the one at that index is NULL */
decant_status dcn_fail_null(const char *file, int line, const char *function, const char *names, int index);

#endif
