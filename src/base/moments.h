/* Mean and spread of values that come one by one, without keeping them (Welford 1962). Equal values have a spread of
 * exactly 0, which a sum of squares around a rounded mean does not give. */
#ifndef DCN_BASE_MOMENTS_H
#define DCN_BASE_MOMENTS_H

#include <stdint.h>

/* All zeros: no values yet. */
typedef struct dcn_moments {
    int64_t count;
    double mean;    /* 0 without values */
    double squares; /* sum of the squared distances from the mean */
} dcn_moments;

void dcn_moments_add(dcn_moments *moments, double value); /* NAN makes both NAN */
/* Sample standard deviation (divisor count - 1); 0 for fewer than two values. */
double dcn_moments_spread(const dcn_moments *moments);

#endif
