# The report page's style and script, and the chart library, become part of the library: a page is one file that asks the
# network for nothing, and an installed decant makes it by itself. Without the chart library pages have their tables only.
set(page_source "/* Made by the build from src/report/assets and Chart.js. */\n#include \"report/assets.h\"\n")
decant_embed(page_source style ${CMAKE_CURRENT_SOURCE_DIR}/report/assets/page.css)
decant_embed(page_source script ${CMAKE_CURRENT_SOURCE_DIR}/report/assets/page.js)
if(DECANT_CHART_JS)
  decant_embed(page_source charts ${DECANT_CHART_JS})
else()
  string(APPEND page_source "static const unsigned char charts[] = {0};\n")
endif()
string(APPEND page_source "const char *const dcn_page_style = (const char *)style;\nconst char *const dcn_page_script = (const char *)script;\n"
  "const char *const dcn_page_chart_library = (const char *)charts;\n")
file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/page_assets.c CONTENT "${page_source}")
target_sources(room_report PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/page_assets.c)

# `decant info` says which one it is.
if(DECANT_CHART_JS)
  file(STRINGS ${DECANT_CHART_JS} chart_version LIMIT_COUNT 2 REGEX "Chart.js v[0-9]")
  string(REGEX MATCH "[0-9]+[.][0-9.]*[0-9]" chart_version "${chart_version}")
  target_compile_definitions(room_report PRIVATE DCN_CHART_VERSION="${chart_version}")
endif()
