/* Time from the kernel. */
#include "base/clock.h"

#include <time.h>

double dcn_clock_seconds(void)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void dcn_clock_date(char ret_date[DCN_DATE_BYTES])
{
    const time_t now = time(NULL);
    struct tm parts;
    if (gmtime_r(&now, &parts) == NULL || strftime(ret_date, DCN_DATE_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        ret_date[0] = '\0';
}
