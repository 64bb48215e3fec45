# Which commit this is: looked up now, for targets that compile this room anew, and again at every build.
set(revision_header ${PROJECT_BINARY_DIR}/generated/base/revision.h)
set(write_revision ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DOUTPUT=${revision_header}
  -P ${PROJECT_SOURCE_DIR}/cmake/revision.cmake)
execute_process(COMMAND ${write_revision} COMMAND_ERROR_IS_FATAL ANY)
add_custom_target(decant_revision COMMAND ${write_revision} BYPRODUCTS ${revision_header} VERBATIM)
add_dependencies(room_base decant_revision)
