# libcurl's headers; the library is loaded when something is fetched.
target_include_directories(room_data SYSTEM PRIVATE ${CURL_INCLUDE_DIRS})
