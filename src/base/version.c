/* decant/version.h: which decant this is. */
#include "decant/version.h"

#include "base/revision.h" /* written by the build; cmake/revision.cmake */

#define STRINGIFY(text)                   #text
#define VERSION_TEXT(major, minor, patch) STRINGIFY(major) "." STRINGIFY(minor) "." STRINGIFY(patch)

const char *decant_version(void)
{
    return VERSION_TEXT(DECANT_VERSION_MAJOR, DECANT_VERSION_MINOR, DECANT_VERSION_PATCH);
}

const char *decant_revision(void)
{
    return DCN_REVISION;
}
