# Files that become part of the library, so that it needs none at run time.

# Appends a C array of the file's bytes and a NUL to the text in the variable `source`.
function(decant_embed source array file)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REPLACE "0x0a," "0x0a,\n" bytes "${bytes}") # line by line
  set(${source} "${${source}}static const unsigned char ${array}[] = {${bytes}0};\n" PARENT_SCOPE)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
endfunction()
