/* A locale with a decimal comma of our own making, for tests that nothing is written or read by it: few machines have
 * one installed. */
#ifndef TESTS_SUPPORT_COMMA_LOCALE_H
#define TESTS_SUPPORT_COMMA_LOCALE_H

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COMMA_LOCALE_FOLDER TEST_BINARY_DIR "/locale"
#define COMMA_LOCALE_PATH   COMMA_LOCALE_FOLDER "/de_DE.UTF-8"

/* It takes seconds to make, so all tests share one; whoever is first with the rename has made it. */
static inline int comma_locale_make(void)
{
    char command[4096];
    if (access(COMMA_LOCALE_PATH "/LC_NUMERIC", F_OK) == 0) return 0;
    snprintf(command, sizeof command,
             "mkdir -p '%s' && localedef -i de_DE -f UTF-8 '%s.%d/' 2>&1 && mv -T '%s.%d' '%s' || rm -rf '%s.%d'",
             COMMA_LOCALE_FOLDER, COMMA_LOCALE_PATH, (int)getpid(), COMMA_LOCALE_PATH, (int)getpid(), COMMA_LOCALE_PATH,
             COMMA_LOCALE_PATH, (int)getpid());
    return system(command);
}

/* Puts it in force for this process, or skips the test. After it: setlocale(LC_ALL, "C"). */
static inline void comma_locale_set(void)
{
    char text[8];
    assert_int_equal(setenv("LOCPATH", COMMA_LOCALE_FOLDER, 1), 0);
    if (comma_locale_make() != 0 || !setlocale(LC_ALL, "de_DE.UTF-8")) {
        print_message("skipped: no locale could be made (Debian package locales)\n");
        skip();
    }
    snprintf(text, sizeof text, "%.1f", 1.5);
    assert_string_equal(text, "1,5");
}

#endif
