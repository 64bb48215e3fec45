/* The table of this file's instruction set. */
#include "device/cpu/loops.h"

#define TEXT_OF(word) #word
#define TEXT(word)    TEXT_OF(word)

const dcn_cpu_loops DCN_CPU_PASTE_EXPANDED(dcn_cpu_loops_, DCN_CPU_LOOPS_ISA) = {
    .isa = TEXT(DCN_CPU_LOOPS_ISA),
#define LOOP(name, arguments) .name = DCN_CPU_LOOP(name),
#include "device/cpu/loops.def"
};
