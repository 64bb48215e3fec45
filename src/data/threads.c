/* Tasks side by side on short-lived threads, for reading and hashing when a run starts. The loader's own thread is in
 * loader.c. */
#include "data/threads.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#define MAX_THREADS 16

void dcn_failure_keep(dcn_failure *failure, decant_status status)
{
    failure->status = status;
    snprintf(failure->message, sizeof failure->message, "%s", decant_error_message());
    snprintf(failure->place, sizeof failure->place, "%s", decant_error_place());
    failure->n_whiles = 0;
    for (int i = 0; i < decant_error_while_count() && i < DCN_MAX_WHILE_LINES; i++) {
        snprintf(failure->whiles[failure->n_whiles++], sizeof failure->whiles[0], "%s", decant_error_while(i));
    }
}

decant_status dcn_failure_raise(const dcn_failure *failure)
{
    dcn_fail(failure->status, __FILE__, __LINE__, "%s", failure->message);
    if (failure->place[0] != '\0') dcn_place("%s", failure->place);
    for (int i = 0; i < failure->n_whiles; i++) {
        dcn_while("%s", failure->whiles[i]);
    }
    return failure->status;
}

decant_status dcn_thread_start(pthread_t *thread, void *(*body)(void *), void *context)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, NULL, body, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed == 0) return DECANT_OK;
    return DCN_FAIL(NO_MEMORY, "the system allows no further thread");
}

typedef struct crew {
    dcn_task *task;
    void *context;
    int32_t count;
    atomic_int next;
    pthread_mutex_t mutex; /* guards what follows */
    int32_t failed_index;
    dcn_failure failure;
} crew;

static void *work(void *context)
{
    crew *all = context;
    for (int32_t i = atomic_fetch_add(&all->next, 1); i < all->count; i = atomic_fetch_add(&all->next, 1)) {
        decant_status status = all->task(all->context, i);
        if (status == DECANT_OK) continue;
        pthread_mutex_lock(&all->mutex);
        if (all->failure.status == DECANT_OK || i < all->failed_index) {
            all->failed_index = i;
            dcn_failure_keep(&all->failure, status);
        }
        pthread_mutex_unlock(&all->mutex);
    }
    return NULL;
}

static int32_t processors(void)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
    int count = CPU_COUNT(&allowed);
    return count < MAX_THREADS ? count : MAX_THREADS;
}

decant_status dcn_parallel(int32_t count, dcn_task *task, void *context)
{
    crew all = {.task = task, .context = context, .count = count, .mutex = PTHREAD_MUTEX_INITIALIZER};
    pthread_t helpers[MAX_THREADS];
    int32_t wanted = processors() < count ? processors() : count, n_helpers = 0;
    for (; n_helpers < wanted - 1; n_helpers++) {
        if (dcn_thread_start(&helpers[n_helpers], work, &all) != DECANT_OK) break; /* fewer threads do the same work */
    }
    work(&all);
    for (int32_t i = 0; i < n_helpers; i++) {
        pthread_join(helpers[i], NULL);
    }
    pthread_mutex_destroy(&all.mutex);
    return all.failure.status == DECANT_OK ? DECANT_OK : dcn_failure_raise(&all.failure);
}
