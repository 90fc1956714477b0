# The library that programs link: libautoscale.so, with the names of include/autoscale alone, and libautoscale.a.
set(LIBRARY_OBJECTS)
foreach(room ${LIBRARY_ROOMS})
  list(APPEND LIBRARY_OBJECTS $<TARGET_OBJECTS:asc_${room}>)
endforeach()
set(LIBRARY_NEEDS ${JANSSON_LIBRARY} ${ZSTD_LIBRARY} ${Z_LIBRARY} ${ONIG_LIBRARY} Threads::Threads m ${CMAKE_DL_LIBS})

add_library(autoscale_static STATIC ${LIBRARY_OBJECTS})
set_target_properties(autoscale_static PROPERTIES OUTPUT_NAME autoscale LINKER_LANGUAGE C)
# By their plain names: the package may be used on another machine than this.
target_link_libraries(autoscale_static INTERFACE jansson zstd z onig m pthread ${CMAKE_DL_LIBS})

# Sanitizers want their runtime in the program, which a foreign one does not have: such a build makes and installs none.
if(ASC_SANITIZE OR ASC_TSAN OR ASC_FUZZ OR ASC_COVERAGE)
  return()
endif()
add_library(autoscale_shared SHARED ${LIBRARY_OBJECTS})
set_target_properties(autoscale_shared PROPERTIES OUTPUT_NAME autoscale LINKER_LANGUAGE C
  VERSION ${PROJECT_VERSION} SOVERSION 0)
target_link_libraries(autoscale_shared PRIVATE ${LIBRARY_NEEDS})
# Nothing is left open, and a static library that it takes in adds no names of its own.
target_link_options(autoscale_shared PRIVATE -Wl,-z,defs -Wl,--exclude-libs,ALL)

# ---- what `make install` installs for programs that link: headers, libraries, pkg-config, CMake ----

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/autoscale)
foreach(target autoscale_shared autoscale_static)
  target_include_directories(${target} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
set_target_properties(autoscale_shared PROPERTIES EXPORT_NAME autoscale)
set_target_properties(autoscale_static PROPERTIES EXPORT_NAME static)
install(TARGETS autoscale_shared autoscale_static EXPORT autoscale-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/autoscale DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT autoscale-targets NAMESPACE Autoscale:: DESTINATION ${PACKAGE_DIR})
configure_package_config_file(cmake/autoscale-config.cmake.in ${CMAKE_BINARY_DIR}/autoscale-config.cmake
  INSTALL_DESTINATION ${PACKAGE_DIR})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/autoscale-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/autoscale-config.cmake ${CMAKE_BINARY_DIR}/autoscale-config-version.cmake
  DESTINATION ${PACKAGE_DIR})
# The folder is found from the file's own place, so that an installed tree can be moved.
file(RELATIVE_PATH PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/autoscale.pc.in ${CMAKE_BINARY_DIR}/autoscale.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/autoscale.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
