/* Starts this program again. OMP_PROC_BIND, OMP_PLACES and their like have OpenMP bind the first thread to one core
 * before main; who is started in its place would be left with that core alone. */
#include "restart.h"

#include <omp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPIN_VARIABLE "GOMP_SPINCOUNT"
#define BRIEF_SPIN    "2000"

/* This thread may run on all the cores of OpenMP's places again. Without places nothing was bound. */
static void unbind(void)
{
    cpu_set_t cores;
    int ids[CPU_SETSIZE];
    CPU_ZERO(&cores);
    for (int place = 0; place < omp_get_num_places(); place++) {
        const int count = omp_get_place_num_procs(place);
        if (count > CPU_SETSIZE) return;
        omp_get_place_proc_ids(place, ids);
        for (int i = 0; i < count; i++)
            CPU_SET((size_t)ids[i], &cores);
    }
    if (CPU_COUNT(&cores) > 0) (void)sched_setaffinity(0, sizeof cores, &cores); /* or else on what there is */
}

void restart(char *const *arguments)
{
    unbind();
    execv("/proc/self/exe", arguments);
}

void spin_briefly(char *const *arguments)
{
    if (getenv(SPIN_VARIABLE) || getenv("OMP_WAIT_POLICY")) return;
    if (setenv(SPIN_VARIABLE, BRIEF_SPIN, 0) == 0) restart(arguments); /* where that fails, go on as we are */
}

void forget_brief_spin(void)
{
    const char *count = getenv(SPIN_VARIABLE);
    if (count && strcmp(count, BRIEF_SPIN) == 0) unsetenv(SPIN_VARIABLE);
}
