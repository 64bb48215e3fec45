# decant's safetensors files against Python's own package; skipped, and said so, where Python does not have it.
add_executable(safetensors_sample format/safetensors_sample.c)
target_link_libraries(safetensors_sample PRIVATE dcn_format)
if(DEFINED ENV{DECANT_PYTHON})
  set(safetensors_python $ENV{DECANT_PYTHON})
else()
  find_program(safetensors_python python3)
endif()
if(safetensors_python)
  add_test(NAME format.safetensors_python
    COMMAND ${safetensors_python} ${CMAKE_CURRENT_SOURCE_DIR}/format/safetensors_python.py
      $<TARGET_FILE:safetensors_sample> ${CMAKE_CURRENT_BINARY_DIR})
  set_tests_properties(format.safetensors_python PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 60)
endif()
