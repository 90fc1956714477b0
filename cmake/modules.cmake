# Modules that the command loads at run time and works without: built where their library is installed.
find_package(MPI QUIET COMPONENTS C)
if(MPI_C_FOUND AND NOT ASC_SANITIZE AND NOT ASC_TSAN AND NOT ASC_FUZZ)
  add_library(autoscale_mpi MODULE src/train/mpi_module.c)
  set_target_properties(autoscale_mpi PROPERTIES PREFIX "" OUTPUT_NAME autoscale_mpi)
  target_link_libraries(autoscale_mpi PRIVATE asc_flags MPI::MPI_C)
  install(TARGETS autoscale_mpi LIBRARY DESTINATION lib/autoscale)
endif()
