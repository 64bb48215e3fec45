/* The table of this file's instruction set and element type. */
#include "device/cpu/loops/element.h"
#include "device/cpu/loops/loops.h"

#define TEXT_OF(word) #word
#define TEXT(word)    TEXT_OF(word)
#define TABLE         DCN_CPU_PASTE_EXPANDED(dcn_cpu_loops_, DCN_CPU_LOOPS_ISA)

#ifdef DCN_CPU_LOOPS_BF16
const dcn_cpu_loops DCN_CPU_PASTE_EXPANDED(TABLE, DCN_CPU_PASTE_EXPANDED(_, DCN_CPU_LOOPS_BF16)) = {
#else
const dcn_cpu_loops TABLE = {
#endif
#ifdef __AVX512BF16__
    .isa = "avx512_bf16",
#else
    .isa = TEXT(DCN_CPU_LOOPS_ISA),
#endif
    .element_bytes = sizeof(element),
#define LOOP(name, arguments)         .name = DCN_CPU_LOOP(name),
#define ELEMENT_LOOP(name, arguments) .name = DCN_CPU_ELEMENT_LOOP(name),
#ifdef __AVX512BF16__
#define DOT_LOOP(name, arguments) .name = DCN_CPU_ELEMENT_LOOP(name),
#else
#define DOT_LOOP(name, arguments) .name = NULL,
#endif
#include "device/cpu/loops/loops.def"
};
