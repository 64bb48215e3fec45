/* The ustar format (POSIX.1-1988) as GNU and BSD tar write it: headers of 512 bytes, each with a checksum, before
 * contents that are padded to 512. Extended headers describe the next file; what they say is not needed here. */
#include "data/tar.h"

#include <stdbool.h>
#include <string.h>

#define BLOCK           512
#define NAME_AT         0
#define NAME_BYTES      100
#define SIZE_AT         124
#define SIZE_BYTES      12
#define CHECKSUM_AT     148
#define CHECKSUM_BYTES  8
#define TYPE_AT         156
#define MAGIC_AT        257
#define PREFIX_AT       345
#define PREFIX_BYTES    155
#define MAX_OCTAL_BYTES 12

/* Octal digits between blanks; false for anything else, binary sizes of more than 8 GB included. */
static bool read_octal(const uint8_t *field, size_t bytes, uint64_t *ret_value)
{
    uint64_t value = 0;
    size_t i = 0;
    while (i < bytes && field[i] == ' ')
        i++;
    size_t first = i;
    for (; i < bytes && field[i] >= '0' && field[i] <= '7'; i++)
        value = value * 8 + (uint64_t)(field[i] - '0');
    if (i == first || i - first > MAX_OCTAL_BYTES) return false;
    for (; i < bytes; i++)
        if (field[i] != ' ' && field[i] != '\0') return false;
    *ret_value = value;
    return true;
}

/* The sum of all bytes of the header, its own field taken as blanks. */
static bool checks_out(const uint8_t *header)
{
    uint64_t claimed = 0, sum = 0;
    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= CHECKSUM_AT && i < CHECKSUM_AT + CHECKSUM_BYTES ? ' ' : header[i];
    return read_octal(header + CHECKSUM_AT, CHECKSUM_BYTES, &claimed) && claimed == sum;
}

static bool is_named(const uint8_t *header, const char *path)
{
    const char *name = (const char *)header + NAME_AT, *prefix = (const char *)header + PREFIX_AT;
    size_t name_length = strnlen(name, NAME_BYTES), prefix_length = 0;
    if (memcmp(header + MAGIC_AT, "ustar\0", 6) == 0) prefix_length = strnlen(prefix, PREFIX_BYTES); /* POSIX's only */
    if (strncmp(path, "./", 2) != 0 && name_length >= 2 && prefix_length == 0 && memcmp(name, "./", 2) == 0) {
        name += 2;
        name_length -= 2;
    }
    if (prefix_length > 0) {
        if (strncmp(path, prefix, prefix_length) != 0 || path[prefix_length] != '/') return false;
        path += prefix_length + 1;
    }
    return strlen(path) == name_length && memcmp(path, name, name_length) == 0;
}

static bool is_end(const uint8_t *header)
{
    for (size_t i = 0; i < BLOCK; i++)
        if (header[i] != 0) return false;
    return true;
}

decant_status dcn_tar_find(const uint8_t *archive, size_t bytes, const char *path, const uint8_t **ret_data,
                           size_t *ret_bytes)
{
    size_t at = 0;
    while (bytes - at >= BLOCK && !is_end(archive + at)) {
        const uint8_t *header = archive + at;
        uint64_t size = 0;
        if (!checks_out(header) || !read_octal(header + SIZE_AT, SIZE_BYTES, &size))
            return DCN_FAIL(FORMAT, "damaged tar header at byte %zu", at);
        at += BLOCK;
        if (size > bytes - at) return DCN_FAIL(FORMAT, "the tar archive was cut short");
        bool is_file = header[TYPE_AT] == '0' || header[TYPE_AT] == '\0';
        if (is_file && is_named(header, path)) {
            *ret_data = archive + at;
            *ret_bytes = (size_t)size;
            return DECANT_OK;
        }
        size_t padded = ((size_t)size + BLOCK - 1) / BLOCK * BLOCK;
        at = padded > bytes - at ? bytes : at + padded;
    }
    return DCN_FAIL(NOT_FOUND, "the tar archive holds no file %s", path);
}
