/* Time: monotonic seconds for measuring, and the date that a result is signed with. */
#ifndef DCN_BASE_CLOCK_H
#define DCN_BASE_CLOCK_H

double dcn_clock_seconds(void); /* monotonic, arbitrary origin */

#define DCN_DATE_BYTES 24
/* The time of day in UTC, "2026-11-22T21:40:05Z"; "" where the machine's clock cannot be told. */
void dcn_clock_date(char ret_date[DCN_DATE_BYTES]);

#endif
