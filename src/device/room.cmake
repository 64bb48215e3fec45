# The cpu device's own loops are compiled once per instruction set; the device picks a table of them when it is opened.
file(GLOB cpu_loops CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/device/cpu/loops/*.c)
# Fused multiply-add where the instruction set has it, and no care for the flags of floating point traps: both keep IEEE results
# of every single operation, unlike -ffast-math.
set(cpu_loop_flags -O3 -ffp-contract=fast -fno-trapping-math -fno-signed-zeros)

set_source_files_properties(${cpu_loops} PROPERTIES COMPILE_OPTIONS "${cpu_loop_flags}")
# Those that walk activations once more with elements of bf16.
set(cpu_element_loops "")
foreach(name elementwise dropout norm norm_pool pool move table)
  list(APPEND cpu_element_loops ${CMAKE_CURRENT_SOURCE_DIR}/device/cpu/loops/${name}.c)
endforeach()

function(device_loops name isa sources)
  add_library(${name} OBJECT ${sources})
  target_compile_options(${name} PRIVATE -include ${CMAKE_CURRENT_SOURCE_DIR}/base/banned.h ${cpu_isa_flags_${isa}})
  target_compile_definitions(${name} PRIVATE DCN_CPU_LOOPS_ISA=${isa} ${ARGN})
  target_link_libraries(${name} PUBLIC decant_flags ${libs_device})
  target_sources(dcn_device PRIVATE $<TARGET_OBJECTS:${name}>)
endfunction()

device_loops(room_device_baseline_bf16 baseline "${cpu_element_loops}" DCN_CPU_LOOPS_BF16=bf16)
list(APPEND all_objects $<TARGET_OBJECTS:room_device_baseline_bf16>)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(cpu_isa_flags_avx2 -march=x86-64-v3)
  set(cpu_isa_flags_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
  target_compile_definitions(room_device PRIVATE DCN_CPU_X86)
  foreach(isa avx2 avx512)
    device_loops(room_device_${isa} ${isa} "${cpu_loops}")
    device_loops(room_device_${isa}_bf16 ${isa} "${cpu_element_loops}" DCN_CPU_LOOPS_BF16=bf16)
    list(APPEND all_objects $<TARGET_OBJECTS:room_device_${isa}> $<TARGET_OBJECTS:room_device_${isa}_bf16>)
  endforeach()
  # The loops on bf16 once more for processors that round to it and multiply it, each in one instruction.
  set(cpu_dot_loops "")
  foreach(name pairs dots narrow_winograd narrow_winograd_grad)
    list(APPEND cpu_dot_loops ${CMAKE_CURRENT_SOURCE_DIR}/device/cpu/loops/${name}.c)
  endforeach()
  device_loops(room_device_avx512_native_bf16 avx512 "${cpu_element_loops};${cpu_dot_loops}" DCN_CPU_LOOPS_BF16=native_bf16)
  target_compile_options(room_device_avx512_native_bf16 PRIVATE -mavx512bf16)
  list(APPEND all_objects $<TARGET_OBJECTS:room_device_avx512_native_bf16>)
endif()
