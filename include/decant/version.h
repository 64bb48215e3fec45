/* Which decant this is: what the headers say, and what the library that was linked says. */
#ifndef DECANT_VERSION_H
#define DECANT_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/** The version of these headers; decant_version() is the library's own. */
#define DECANT_VERSION_MAJOR 0
#define DECANT_VERSION_MINOR 1
#define DECANT_VERSION_PATCH 0

/** The version of the library, "MAJOR.MINOR.PATCH". Static storage. */
const char *decant_version(void);

/** The commit that the library was built from, as in "821038b12", with "-dirty" behind it where files had been changed;
 *  "" when it was not built in a checkout that git would tell of. Static storage. */
const char *decant_revision(void);

#ifdef __cplusplus
}
#endif
#endif
