# The report page as a reader's browser shows it; skipped, and says so, where there is no Chromium.
add_test(NAME report.browser COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/report/browser.sh $<TARGET_FILE:decant_cli>
  $<TARGET_FILE:make_tiny> ${CMAKE_CURRENT_BINARY_DIR}/report_browser)
set_tests_properties(report.browser PROPERTIES TIMEOUT 240 SKIP_RETURN_CODE 77)
