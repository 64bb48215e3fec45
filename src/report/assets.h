/* The parts of a report page that are files in src/report/assets, and the chart library; the build writes them into
 * the library. */
#ifndef DCN_REPORT_ASSETS_H
#define DCN_REPORT_ASSETS_H

extern const char *const dcn_page_style, *const dcn_page_script;
extern const char *const dcn_page_chart_library; /* Chart.js; "" where the build found none */

#endif
