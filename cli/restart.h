/* Starting this program again. */
#ifndef CLI_RESTART_H
#define CLI_RESTART_H

/* Becomes this program anew, with these arguments and the environment as it is now, on all the cores that OpenMP was
 * given. Returns only where the system does not let it. */
void restart(char *const *arguments);

#endif
