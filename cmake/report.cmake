# The report's style sheet, script and chart specs are embedded in the binary, and the chart library with its licence
# notice where Debian's libjs-vega stands on the building machine. Without it reports have tables only.
find_path(VEGA_DIR vega-parser.min.js PATHS /usr/share/javascript/vega NO_DEFAULT_PATH)
find_file(VEGA_LICENCE copyright PATHS /usr/share/doc/libjs-vega NO_DEFAULT_PATH)
file(GLOB REPORT_ASSETS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/report/page.css ${CMAKE_SOURCE_DIR}/src/report/*.js
     ${CMAKE_SOURCE_DIR}/src/report/charts/*.json)
if(TARGET asc_report)
  set_source_files_properties(src/report/assets.c PROPERTIES OBJECT_DEPENDS "${REPORT_ASSETS}")
  target_compile_definitions(asc_report PRIVATE ASC_REPORT_DIR="${CMAKE_SOURCE_DIR}/src/report")
  if(VEGA_DIR AND VEGA_LICENCE)
    target_compile_definitions(asc_report PRIVATE ASC_VEGA_DIR="${VEGA_DIR}" ASC_VEGA_LICENCE="${VEGA_LICENCE}")
  else()
    message(STATUS "libjs-vega not found: reports will have tables only")
  endif()
endif()
