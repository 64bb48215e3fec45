/* Ctrl-C: the first one asks for a stop after a checkpoint, the second one ends the program at once. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>

void interrupt_listen(void);             /* SIGINT and SIGTERM */
bool interrupt_requested(void *context); /* as decant_run_options.stop_requested wants it */

#endif
