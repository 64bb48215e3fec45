/* Time: monotonic seconds for measuring, and nothing else. */
#ifndef DCN_BASE_CLOCK_H
#define DCN_BASE_CLOCK_H

double dcn_clock_seconds(void); /* monotonic, arbitrary origin */

#endif
