# The fuzz targets, and the room whose reader each of them feeds.
set(fuzz_targets idx csv safetensors document recipe)
set(fuzz_room_idx data)
set(fuzz_room_csv data)
set(fuzz_room_safetensors format)
set(fuzz_room_document format)
set(fuzz_room_recipe recipe)
