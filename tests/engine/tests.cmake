# What the engine's tests share: small networks, a naive executor and a device with odd layouts.
add_library(engine_test_parts STATIC engine/nets.c engine/naive.c engine/odd_device.c)
target_include_directories(engine_test_parts PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(engine_test_parts PUBLIC dcn_engine PkgConfig::CMOCKA)
foreach(name lower plan share train failures cpu precision)
  target_link_libraries(test_engine_${name} PRIVATE engine_test_parts)
endforeach()
