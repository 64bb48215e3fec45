# The program's tests: one script each, with the output it must give.
add_executable(make_tiny ${CMAKE_CURRENT_SOURCE_DIR}/cli/make_tiny.c)
target_include_directories(make_tiny PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
add_executable(make_pictures ${CMAKE_CURRENT_SOURCE_DIR}/cli/make_pictures.c)
target_include_directories(make_pictures PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(make_pictures PRIVATE PkgConfig::PNG)

file(GLOB cli_scripts CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cli/*.out)
foreach(file ${cli_scripts})
  get_filename_component(name ${file} NAME_WE)
  add_test(NAME cli.${name} COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/cli/run.sh $<TARGET_FILE:decant_cli>
    $<TARGET_FILE:make_tiny> ${name} ${CMAKE_CURRENT_BINARY_DIR}/cli_${name})
  set_tests_properties(cli.${name} PROPERTIES TIMEOUT 120)
endforeach()
