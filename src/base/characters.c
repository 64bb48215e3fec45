/* Reads UTF-8 as RFC 3629 has it, and shows what should not reach a terminal. */
#include "base/characters.h"

#include "base/memory.h"

size_t dcn_character_next(const char *text, uint32_t *ret_character)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000}; /* that needs so many bytes */
    const unsigned char *bytes = (const unsigned char *)text;
    size_t length = bytes[0] >= 0xF0 ? 4 : bytes[0] >= 0xE0 ? 3 : bytes[0] >= 0xC0 ? 2 : 1;
    if (bytes[0] == '\0' || (bytes[0] >= 0x80 && bytes[0] < 0xC0) || bytes[0] > 0xF4) return 0;
    uint32_t character = length == 1 ? bytes[0] : bytes[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xC0) != 0x80) return 0; /* the end of the text as well */
        character = character << 6 | (bytes[i] & 0x3Fu);
    }
    bool is_half = character >= 0xD800 && character <= 0xDFFF;
    if (character < smallest[length] || character > 0x10FFFF || is_half) return 0;
    *ret_character = character;
    return length;
}

bool dcn_text_is_utf8(const char *text)
{
    uint32_t character = 0;
    for (size_t length; (length = dcn_character_next(text, &character)) > 0;)
        text += length;
    return *text == '\0';
}

size_t dcn_text_cut(const char *text, size_t bytes, size_t most)
{
    if (bytes <= most) return bytes;
    while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80) /* the next byte goes on with a character */
        most--;
    return most;
}

bool dcn_character_is_control(uint32_t character)
{
    return character < 0x20 || (character >= 0x7F && character < 0xA0) || character == 0x61C ||
           (character >= 0x200E && character <= 0x200F) || (character >= 0x2028 && character <= 0x202E) ||
           (character >= 0x2066 && character <= 0x2069);
}

static decant_status add_escaped(dcn_text *text, uint32_t character)
{
    if (character == '\n') return dcn_text_add(text, "\\n");
    if (character == '\t') return dcn_text_add(text, "\\t");
    return dcn_text_add(text, character < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)character);
}

decant_status dcn_text_add_printable(dcn_text *text, const char *raw)
{
    while (*raw != '\0') {
        uint32_t character = 0;
        size_t length = dcn_character_next(raw, &character);
        if (length == 0) {
            TRY_RETURN(dcn_text_add(text, "\\x%02x", (unsigned)(unsigned char)*raw));
            length = 1;
        } else if (dcn_character_is_control(character)) {
            TRY_RETURN(add_escaped(text, character));
        } else {
            TRY_RETURN(dcn_text_add_bytes(text, raw, length));
        }
        raw += length;
    }
    return DECANT_OK;
}

/* --- width on a terminal --- */

static int64_t character_width(uint32_t character)
{
    static const struct {
        uint32_t first, last;
        int64_t width;
    } ranges[] = {
        {0x0300, 0x036F, 0}, {0x200B, 0x200F, 0}, {0xFE00, 0xFE0F, 0},   {0x1100, 0x115F, 2},
        {0x2E80, 0xA4CF, 2}, {0xAC00, 0xD7A3, 2}, {0xF900, 0xFAFF, 2},   {0xFE30, 0xFE6F, 2},
        {0xFF00, 0xFF60, 2}, {0xFFE0, 0xFFE6, 2}, {0x1F300, 0x1FAFF, 2}, {0x20000, 0x3FFFD, 2},
    };
    for (size_t i = 0; i < DCN_COUNT(ranges); i++) {
        if (character >= ranges[i].first && character <= ranges[i].last) return ranges[i].width;
    }
    return 1;
}

int64_t dcn_text_width(const char *text)
{
    int64_t width = 0;
    uint32_t character = 0;
    for (size_t length; (length = dcn_character_next(text, &character)) > 0; text += length)
        width += character_width(character);
    return width;
}

decant_status dcn_text_add_fitted(dcn_text *text, const char *added, int64_t columns)
{
    bool cut = dcn_text_width(added) > columns;
    int64_t room = cut ? columns - 1 : columns;
    uint32_t character = 0;
    for (size_t length; (length = dcn_character_next(added, &character)) > 0; added += length) {
        if (character_width(character) > room) break;
        room -= character_width(character);
        TRY_RETURN(dcn_text_add_bytes(text, added, length));
    }
    if (cut) TRY_RETURN(dcn_text_add(text, "…"));
    return dcn_text_add(text, "%*s", (int)room, "");
}
