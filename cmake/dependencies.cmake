# Every outside library, in one place. Debian names are in tools/setup.sh.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS C)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
find_path(DNNL_INCLUDE_DIR dnnl.h REQUIRED)
find_library(DNNL_LIBRARY dnnl REQUIRED)
pkg_check_modules(ZIP REQUIRED IMPORTED_TARGET libzip)
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(JPEG REQUIRED IMPORTED_TARGET libturbojpeg)
pkg_check_modules(CURL REQUIRED libcurl) # its headers: the library is loaded when it is needed
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)

# Optional: the charts of report pages. Looked for where Debian's libjs-chart.js puts it.
find_file(DECANT_CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js NO_DEFAULT_PATH
  DOC "Chart.js 3 or later, one file")
if(NOT DECANT_CHART_JS)
  set(DECANT_CHART_JS "")
  message(STATUS "Chart.js was not found (Debian: libjs-chart.js): pages of `decant report` will have no charts")
endif()
