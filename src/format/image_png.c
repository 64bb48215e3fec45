/* PNG through libpng, which reports failures by a long jump: everything that must outlive one is in png_reader. */
#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "base/memory.h"
#include "format/image.h"

typedef struct png_reader {
    const uint8_t *data;
    size_t bytes, at;
    png_structp png;
    png_infop info;
    dcn_image image; /* 1 to 4 channels until alpha is dropped */
    uint8_t **rows;  /* [height] into image */
    decant_status status;
    char words[128]; /* libpng's reason, or "" when the record is written */
} png_reader;

/* --- libpng's calls back --- */

static png_voidp take_memory(png_structp png, png_alloc_size_t bytes)
{
    png_reader *reader = png_get_mem_ptr(png);
    void *memory = NULL;
    decant_status status = dcn_new(bytes, &memory);
    if (status == DECANT_OK) return memory;
    reader->status = status;
    return NULL;
}

static void give_memory_back(png_structp png, png_voidp memory)
{
    (void)png;
    dcn_free(memory);
}

static void read_bytes(png_structp png, png_bytep to, size_t count)
{
    png_reader *reader = png_get_io_ptr(png);
    if (count > reader->bytes - reader->at) png_error(png, "the file was cut short");
    memcpy(to, reader->data + reader->at, count);
    reader->at += count;
}

static void keep_error(png_structp png, png_const_charp words)
{
    png_reader *reader = png_get_error_ptr(png);
    size_t length = strnlen(words, sizeof reader->words - 1);
    memcpy(reader->words, words, length);
    reader->words[length] = '\0';
    longjmp(png_jmpbuf(png), 1);
}

static void ignore_warning(png_structp png, png_const_charp words)
{
    (void)png;
    (void)words;
}

/* --- decoding; libpng may jump out of each of these --- */

/* Asks for 8-bit grey, grey with alpha, RGB or RGB with alpha. */
static void set_form(png_reader *reader)
{
    png_structp png = reader->png;
    int colour = png_get_color_type(png, reader->info);
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (colour == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
    if (png_get_valid(png, reader->info, PNG_INFO_tRNS)) png_set_tRNS_to_alpha(png);
    png_set_scale_16(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, reader->info);
}

static decant_status make_rows(png_reader *reader)
{
    png_structp png = reader->png;
    int64_t height = png_get_image_height(png, reader->info), width = png_get_image_width(png, reader->info);
    TRY_RETURN(dcn_image_create(png_get_channels(png, reader->info), height, width, &reader->image));
    size_t row_bytes = (size_t)width * (size_t)reader->image.channels;
    if (row_bytes != png_get_rowbytes(png, reader->info))
        return DCN_FAIL(FORMAT, "a PNG file whose rows are not of 8-bit samples");
    TRY_RETURN(dcn_new_array((size_t)height, sizeof *reader->rows, (void **)&reader->rows));
    for (int64_t y = 0; y < height; y++)
        reader->rows[y] = reader->image.pixels + (size_t)y * row_bytes;
    return DECANT_OK;
}

static void decode(png_reader *reader)
{
    if (setjmp(png_jmpbuf(reader->png)) != 0) {
        if (reader->status == DECANT_OK) reader->status = DCN_FAIL(FORMAT, "damaged PNG data: %s", reader->words);
        return;
    }
    png_set_user_limits(reader->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* ours follow, with the size in words */
    png_set_crc_action(reader->png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
    png_set_keep_unknown_chunks(reader->png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
    png_read_info(reader->png, reader->info);
    reader->status = dcn_image_check_size(png_get_image_height(reader->png, reader->info),
                                          png_get_image_width(reader->png, reader->info));
    if (reader->status != DECANT_OK) return;
    set_form(reader);
    reader->status = make_rows(reader);
    if (reader->status != DECANT_OK) return;
    png_read_image(reader->png, reader->rows);
    png_read_end(reader->png, NULL);
}

/* --- alpha --- */

static decant_status drop_alpha(dcn_image *image)
{
    const int32_t with = image->channels, without = with - 1;
    const int64_t count = (int64_t)image->height * image->width;
    if (with != 2 && with != 4) return DECANT_OK;
    for (int64_t i = 0; i < count; i++) {
        if (image->pixels[i * with + without] != 255)
            return DCN_FAIL(FORMAT, "a PNG file with transparent pixels; lay it over a background first");
        memmove(image->pixels + i * without, image->pixels + i * with, (size_t)without);
    }
    image->channels = without;
    return DECANT_OK;
}

decant_status dcn_png_decode(const uint8_t *data, size_t bytes, dcn_image *ret_image)
{
    png_reader reader = {.data = data, .bytes = bytes, .status = DECANT_OK};
    reader.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &reader, keep_error, ignore_warning, &reader,
                                          take_memory, give_memory_back);
    if (reader.png != NULL) reader.info = png_create_info_struct(reader.png);
    if (reader.info == NULL) {
        reader.status = DCN_FAIL(NO_MEMORY, "no memory to decode a PNG file");
        goto out;
    }
    png_set_read_fn(reader.png, &reader, read_bytes);
    decode(&reader);
    if (reader.status == DECANT_OK) reader.status = drop_alpha(&reader.image);
    if (reader.status != DECANT_OK) goto out;
    *ret_image = reader.image;
    reader.image = (dcn_image){0};
out:
    if (reader.png != NULL) png_destroy_read_struct(&reader.png, &reader.info, NULL);
    dcn_free(reader.rows);
    dcn_image_finish(&reader.image);
    return reader.status;
}
