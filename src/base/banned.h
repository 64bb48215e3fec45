/* Functions that decant's own code may not call, each with a better one of ours. Put before every file of src/ and cli/
 * by the build. */
#ifndef DCN_BASE_BANNED_H
#define DCN_BASE_BANNED_H

/* Declared first, so that only calls are caught. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DCN_BANNED(name) use_of_##name##_is_banned_see_base_banned_h

#undef strcpy
#undef strcat
#undef sprintf
#undef vsprintf
#undef strtok
#undef atoi
#undef atol
#undef atof
#undef rand
#undef srand
#define strcpy(a, b)  DCN_BANNED(strcpy)
#define strcat(a, b)  DCN_BANNED(strcat)
#define sprintf(...)  DCN_BANNED(sprintf)
#define vsprintf(...) DCN_BANNED(vsprintf)
#define strtok(a, b)  DCN_BANNED(strtok)
#define atoi(a)       DCN_BANNED(atoi)
#define atol(a)       DCN_BANNED(atol)
#define atof(a)       DCN_BANNED(atof)
#define rand()        DCN_BANNED(rand)
#define srand(a)      DCN_BANNED(srand)
/* base/memory.c alone undoes these. */
#define malloc(a)     DCN_BANNED(malloc)
#define calloc(a, b)  DCN_BANNED(calloc)
#define realloc(a, b) DCN_BANNED(realloc)

#endif
