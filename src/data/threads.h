/* Threads of the data room: tasks side by side, and failures carried from one thread to another (the error record is a
 * thread's own). */
#ifndef DCN_DATA_THREADS_H
#define DCN_DATA_THREADS_H

#include <pthread.h>
#include <stdint.h>

#include "base/status.h"

#define DCN_MAX_WHILE_LINES 8

typedef struct dcn_failure {
    decant_status status; /* DECANT_OK: none kept */
    char message[1024];
    char place[256];
    char whiles[DCN_MAX_WHILE_LINES][256];
    int n_whiles;
} dcn_failure;

/* Copies this thread's error record; the status is the one that was returned with it. */
void dcn_failure_keep(dcn_failure *failure, decant_status status);
/* Writes it into this thread's record and returns its status. */
decant_status dcn_failure_raise(const dcn_failure *failure);

/* Starts a thread that never takes a signal: Ctrl-C belongs to the program's own threads. */
decant_status dcn_thread_start(pthread_t *thread, void *(*body)(void *), void *context);

typedef decant_status dcn_task(void *context, int32_t index);
/* Runs task(context, 0 .. count-1), each once, in any order, on as many threads as there are processors.
 * All run even when one fails; then the failure of the lowest index is the caller's. */
decant_status dcn_parallel(int32_t count, dcn_task *task, void *context);

#endif
