/* Starting this program again. */
#ifndef CLI_RESTART_H
#define CLI_RESTART_H

/* Becomes this program anew, with these arguments and the environment as it is now, on all the cores that OpenMP was
 * given. Returns only where the system does not let it. */
void restart(char *const *arguments);

/* OpenMP's threads spin between two loops. By default they do so for milliseconds, and when another program holds a
 * core a training step takes ten times as long; a short spin costs nothing on a quiet machine. The runtime reads this
 * variable before main, so the program starts itself again with it set. */
void spin_briefly(char *const *arguments);

/* Unsets what spin_briefly() set: who is started next restarts itself too. */
void forget_brief_spin(void);

#endif
