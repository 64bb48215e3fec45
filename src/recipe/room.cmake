# `decant info` says which chart library report pages are drawn by; what reads the file itself is src/report/room.cmake.
if(DECANT_CHART_JS)
  file(STRINGS ${DECANT_CHART_JS} chart_version LIMIT_COUNT 2 REGEX "Chart.js v[0-9]")
  string(REGEX MATCH "[0-9]+[.][0-9.]*[0-9]" chart_version "${chart_version}")
  target_compile_definitions(room_recipe PRIVATE DCN_CHART_VERSION="${chart_version}")
endif()
