/* Welford's recurrence. */
#include "base/moments.h"

#include <math.h>

void dcn_moments_add(dcn_moments *moments, double value)
{
    const double distance = value - moments->mean;
    moments->count++;
    moments->mean += distance / (double)moments->count;
    moments->squares += distance * (value - moments->mean);
}

double dcn_moments_spread(const dcn_moments *moments)
{
    return moments->count > 1 ? sqrt(moments->squares / (double)(moments->count - 1)) : 0;
}
