/* What the machine's processor is called. */
#ifndef DCN_BASE_PROCESSOR_H
#define DCN_BASE_PROCESSOR_H

#include <stddef.h>

/* "unknown" where the system does not say. Cut to `bytes` with its NUL. */
void dcn_processor_name(char *ret_name, size_t bytes);

#endif
