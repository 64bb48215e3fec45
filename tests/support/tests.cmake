# What tests of several folders share.
add_library(test_support STATIC support/runner.c)
target_include_directories(test_support PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(test_support PUBLIC dcn_device dcn_graph PkgConfig::CMOCKA)
