/* The compiler's header of instructions, which brings an inline function that calls malloc; nothing here does. */
#ifndef DCN_DEVICE_CPU_INTRINSICS_H
#define DCN_DEVICE_CPU_INTRINSICS_H

#if defined(__x86_64__)
#pragma push_macro("malloc")
#undef malloc
#include <immintrin.h>
#pragma pop_macro("malloc")
#endif

#endif
