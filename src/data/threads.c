/* Tasks side by side on short-lived threads, for reading and hashing when a run starts. The loader's own thread is in
 * loader.c. */
#include "data/threads.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#define MAX_THREADS 16

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
            dcn_status_keep(status, &all->failure);
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
    return all.failure.status == DECANT_OK ? DECANT_OK : dcn_status_raise(&all.failure);
}
