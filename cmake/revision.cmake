# Writes OUTPUT, a header with the commit that SOURCE stands at: run at every build, it touches the file only when that has
# changed. Nothing is said of sources that are no checkout of their own.
cmake_minimum_required(VERSION 3.25)
set(revision "")
if(EXISTS ${SOURCE}/.git)
  execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=9 --exclude=*
    OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    set(revision "")
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "/* Written by the build. */\n#define DCN_REVISION \"@revision@\"\n" @ONLY)
