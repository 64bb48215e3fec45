/* Threads of the data room: tasks side by side. */
#ifndef DCN_DATA_THREADS_H
#define DCN_DATA_THREADS_H

#include <pthread.h>
#include <stdint.h>

#include "base/status.h"

/* Starts a thread that never takes a signal: Ctrl-C belongs to the program's own threads. */
decant_status dcn_thread_start(pthread_t *thread, void *(*body)(void *), void *context);

typedef decant_status dcn_task(void *context, int32_t index);
/* Runs task(context, 0 .. count-1), each once, in any order, on as many threads as there are processors.
 * All run even when one fails; then the failure of the lowest index is the caller's. */
decant_status dcn_parallel(int32_t count, dcn_task *task, void *context);

#endif
