# Each fuzz target run over its corpus, as an ordinary test.
include(${CMAKE_CURRENT_LIST_DIR}/targets.cmake)
foreach(target ${fuzz_targets})
  add_executable(replay_${target} fuzz/fuzz_${target}.c fuzz/replay.c)
  target_include_directories(replay_${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(replay_${target} PRIVATE dcn_${fuzz_room_${target}})
  add_test(NAME fuzz.${target} COMMAND replay_${target} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${target})
  set_tests_properties(fuzz.${target} PROPERTIES TIMEOUT 60)
endforeach()
