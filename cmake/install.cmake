# What `make install` puts where: library, headers, program, pkg-config file, CMake package, man page, recipes.
include(CMakePackageConfigHelpers)

# The shared library carries its own dependencies and is what decant::decant means. The static one needs them all from
# its user, so it is exported apart: find_package(decant COMPONENTS static) -> decant::static.
set_target_properties(decant_shared PROPERTIES EXPORT_NAME decant)
set_target_properties(decant_static PROPERTIES EXPORT_NAME static)
install(TARGETS decant_shared EXPORT decant_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS decant_static EXPORT decant_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/decant DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS decant_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES man/decant.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(DIRECTORY recipes DESTINATION ${CMAKE_INSTALL_DATADIR}/decant FILES_MATCHING PATTERN "*.yaml")

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/decant)
install(EXPORT decant_shared NAMESPACE decant:: FILE decantShared.cmake DESTINATION ${package_dir})
install(EXPORT decant_static NAMESPACE decant:: FILE decantStatic.cmake DESTINATION ${package_dir})
configure_package_config_file(cmake/decantConfig.cmake.in decantConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(decantConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/decantConfig.cmake ${PROJECT_BINARY_DIR}/decantConfigVersion.cmake
  DESTINATION ${package_dir})

# The prefix is found from where the .pc file lies, so that the tree may be installed anywhere and moved.
file(RELATIVE_PATH prefix_from_pc /x/${CMAKE_INSTALL_LIBDIR}/pkgconfig /x)
string(REGEX REPLACE "/$" "" prefix_from_pc "${prefix_from_pc}")
configure_file(cmake/decant.pc.in decant.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/decant.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
