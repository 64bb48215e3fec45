/* What every fallible call returns, and the record of the last failure.
 * Nothing here prints: the caller decides what to show. */
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

/** How a call ended. DECANT_OK is 0; every other value is a failure described by decant_error_message(). */
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

#ifdef __cplusplus
}
#endif
#endif
