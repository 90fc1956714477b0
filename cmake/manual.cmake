# Manual pages and shell completion: the command writes them from its own tables, so that they cannot fall behind.
if(CMAKE_CROSSCOMPILING OR ASC_SANITIZE OR ASC_TSAN OR ASC_FUZZ OR ASC_COVERAGE)
  return()
endif()
set(MANUAL ${CMAKE_BINARY_DIR}/manual)
add_custom_command(OUTPUT ${MANUAL}/autoscale.1 COMMAND ${CMAKE_COMMAND} -E rm -rf ${MANUAL}
  COMMAND autoscale manual ${MANUAL} DEPENDS autoscale COMMENT "Writing manual pages")
add_custom_target(autoscale_manual ALL DEPENDS ${MANUAL}/autoscale.1)
install(DIRECTORY ${MANUAL}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
install(DIRECTORY ${MANUAL}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 FILES_MATCHING PATTERN "*.5")
install(FILES ${MANUAL}/autoscale.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME autoscale)
install(FILES ${MANUAL}/_autoscale DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${MANUAL}/autoscale.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
