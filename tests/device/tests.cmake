# A primitive that fails is put in the place of oneDNN's.
target_link_options(test_device_primitive PRIVATE -Wl,--wrap=dnnl_primitive_execute)
