# One program, one CTest test a device and instruction set. oneDNN reads its limit from the environment, hence one process each.
add_executable(test_conformance
  conformance/conformance.c conformance/harness.c conformance/judge.c
  conformance/cases.c conformance/cases_layers.c conformance/cases_maps.c conformance/cases_step.c)
target_include_directories(test_conformance PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(test_conformance PRIVATE dcn_device dcn_graph PkgConfig::CMOCKA)

function(conformance_test name onednn_isa)
  add_test(NAME conformance.${name} COMMAND test_conformance ${ARGN})
  set_tests_properties(conformance.${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77
    ENVIRONMENT "OMP_WAIT_POLICY=passive;ONEDNN_MAX_CPU_ISA=${onednn_isa}")
endfunction()
conformance_test(ref ALL ref)
conformance_test(cpu_avx512 ALL cpu avx512)
conformance_test(cpu_avx2 AVX2 cpu avx2)
conformance_test(cpu_baseline SSE41 cpu baseline)
# The same on bf16: by the processor's own products and instruction that rounds, by our own rounding, by products that oneDNN emulates, and by
# f32 kernels between conversions.
conformance_test(cpu_bf16 ALL cpu avx512_bf16 bf16)
conformance_test(cpu_bf16_rounded ALL cpu avx512 bf16)
conformance_test(cpu_bf16_emulated AVX512_CORE cpu avx512 bf16)
conformance_test(cpu_bf16_avx2 AVX2 cpu avx2 bf16)
conformance_test(cpu_bf16_baseline SSE41 cpu baseline bf16)
