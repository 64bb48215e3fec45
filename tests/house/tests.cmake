# Tests of the house itself: scripts that read the tree, and one that installs it and builds against it.
function(decant_house_test name)
  add_test(NAME house.${name} COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/house/${name}.sh ${PROJECT_SOURCE_DIR} ${ARGN})
  set_tests_properties(house.${name} PROPERTIES TIMEOUT 120)
endfunction()

decant_house_test(layering)
decant_house_test(banned)
decant_house_test(includes)
decant_house_test(public_docs)
decant_house_test(file_length)
decant_house_test(setup ${CMAKE_CURRENT_BINARY_DIR}/setup)
decant_house_test(manual $<TARGET_FILE:decant_cli>)
decant_house_test(install ${PROJECT_BINARY_DIR} ${CMAKE_C_COMPILER} "${DECANT_SANITIZE}")
