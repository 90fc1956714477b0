# The library that programs link: libautoscale.so, with the names of include/autoscale alone, and libautoscale.a.
set(LIBRARY_OBJECTS)
foreach(room ${LIBRARY_ROOMS})
  list(APPEND LIBRARY_OBJECTS $<TARGET_OBJECTS:asc_${room}>)
endforeach()
set(LIBRARY_NEEDS ${JANSSON_LIBRARY} ${ZSTD_LIBRARY} ${Z_LIBRARY} ${ONIG_LIBRARY} Threads::Threads m ${CMAKE_DL_LIBS})

add_library(autoscale_static STATIC ${LIBRARY_OBJECTS})
set_target_properties(autoscale_static PROPERTIES OUTPUT_NAME autoscale EXPORT_NAME autoscale_static LINKER_LANGUAGE C)
target_link_libraries(autoscale_static PRIVATE ${LIBRARY_NEEDS})

# Sanitizers want their runtime in the program, which a foreign one does not have.
if(NOT ASC_SANITIZE AND NOT ASC_TSAN AND NOT ASC_FUZZ)
  add_library(autoscale_shared SHARED ${LIBRARY_OBJECTS})
  set_target_properties(autoscale_shared PROPERTIES OUTPUT_NAME autoscale EXPORT_NAME autoscale LINKER_LANGUAGE C
    VERSION ${PROJECT_VERSION} SOVERSION 0)
  target_link_libraries(autoscale_shared PRIVATE ${LIBRARY_NEEDS})
  # All of it is there, and a static library that it takes in adds no names of its own.
  target_link_options(autoscale_shared PRIVATE -Wl,-z,defs -Wl,--exclude-libs,ALL)
endif()
