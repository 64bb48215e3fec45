# The comparison with a peer, as far as it goes without one.
add_test(NAME bench.compare COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/bench/compare.sh ${PROJECT_SOURCE_DIR}
  $<TARGET_FILE:decant_cli> ${CMAKE_CURRENT_BINARY_DIR}/bench_compare)
set_tests_properties(bench.compare PROPERTIES TIMEOUT 120)
