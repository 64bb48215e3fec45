/* The cache of unpacked gzip files: used when it fits, made again when anything about it is odd, never needed. */
#include "fixture.h"

#include <dirent.h>
#include <sys/time.h>

#include "data/contents.h"

enum { SIZE = 3 << 20 };

static char folder[256], cache[300], source[300];
static uint8_t *plain;

/* Noise does not pack, so the packed file is over the size from which the cache is used. */
static void fill(uint64_t seed)
{
    for (size_t i = 0; i < SIZE; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        plain[i] = (uint8_t)(seed >> 56);
    }
}

static int make(void **state)
{
    (void)state;
    make_folder(folder, "contents");
    snprintf(cache, sizeof cache, "%s/cache", folder);
    snprintf(source, sizeof source, "%s/noise.gz", folder);
    setenv("XDG_CACHE_HOME", cache, 1);
    unsetenv("DECANT_CACHE");
    plain = malloc(SIZE);
    fill(1);
    write_gzip(folder, "noise.gz", plain, SIZE);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    free(plain);
    remove_folder(folder);
    return 0;
}

/* The single file in the cache, or false. */
static bool cached_file(char path[1024])
{
    char inner[400];
    snprintf(inner, sizeof inner, "%s/decant", cache);
    DIR *directory = opendir(inner);
    int found = 0;
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, 1024, "%s/%s", inner, entry->d_name);
        found++;
    }
    if (directory != NULL) closedir(directory);
    assert_true(found <= 1);
    return found == 1;
}

static void open_and_check(bool expect_mapped)
{
    dcn_contents contents = {0};
    assert_ok(dcn_contents_open(source, &contents));
    assert_int_equal(contents.bytes, SIZE);
    assert_memory_equal(contents.data, plain, SIZE);
    assert_true((contents.heap == NULL) == expect_mapped);
    dcn_contents_close(&contents);
    assert_null(contents.data);
}

static void test_second_opening_is_mapped(void **state)
{
    (void)state;
    char path[1024];
    open_and_check(false);
    assert_true(cached_file(path));
    open_and_check(true);
    open_and_check(true);
}

static void test_off_and_unwritable(void **state)
{
    (void)state;
    char path[1024];
    setenv("DECANT_CACHE", "off", 1);
    open_and_check(false);
    open_and_check(false);
    assert_false(cached_file(path));
    unsetenv("DECANT_CACHE");
    write_file(folder, "cache", "a file", 6); /* where the cache's folder would be */
    open_and_check(false);
    open_and_check(false);
    remove_file(folder, "cache");
    setenv("XDG_CACHE_HOME", "relative/is/ignored", 1);
    setenv("HOME", folder, 1);
    open_and_check(false);
    snprintf(path, sizeof path, "%s/.cache/decant", folder);
    assert_int_equal(access(path, F_OK), 0);
    open_and_check(true);
    unsetenv("HOME");
    open_and_check(false);
}

static void test_full_disk(void **state)
{
    (void)state;
    char path[1024];
    for (int nth = 1; nth <= 2; nth++) {
        dcn_file_fail_nth_write(nth);
        open_and_check(false);
        dcn_file_fail_nth_write(0);
        assert_false(cached_file(path));
    }
    open_and_check(false);
    assert_true(cached_file(path));
}

static void test_changed_source_is_unpacked_again(void **state)
{
    (void)state;
    open_and_check(false);
    fill(2);
    write_gzip(folder, "noise.gz", plain, SIZE);
    const struct timeval later[2] = {{2000000000, 0}, {2000000000, 5}};
    assert_int_equal(utimes(source, later), 0);
    open_and_check(false);
    open_and_check(true);
}

/* Whatever byte of the cache goes bad, and wherever it is cut, the contents stay right. */
static void test_damaged_cache(void **state)
{
    (void)state;
    char path[1024];
    static const size_t places[] = {0, 7, 8, 20, 31, 33, 40, 50, 57, 63, 64, 65, 100000, SIZE + 63};
    static const size_t lengths[] = {0, 10, 63, 64, 65, SIZE, SIZE + 63};
    open_and_check(false);
    assert_true(cached_file(path));
    for (size_t i = 0; i < DCN_COUNT(places); i++) {
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        fseek(file, (long)places[i], SEEK_SET);
        int byte = fgetc(file);
        fseek(file, (long)places[i], SEEK_SET);
        fputc(byte ^ 1, file);
        fclose(file);
        open_and_check(false); /* and writes it anew */
        open_and_check(true);
    }
    for (size_t i = 0; i < DCN_COUNT(lengths); i++) {
        assert_int_equal(truncate(path, (off_t)lengths[i]), 0);
        open_and_check(false);
        open_and_check(true);
    }
    assert_int_equal(truncate(path, SIZE + 65), 0);
    open_and_check(false);
}

static void test_small_and_plain_files_are_not_cached(void **state)
{
    (void)state;
    char path[1024];
    dcn_contents contents = {0};
    write_gzip(folder, "noise.gz", plain, 1000);
    assert_ok(dcn_contents_open(source, &contents));
    assert_int_equal(contents.bytes, 1000);
    dcn_contents_close(&contents);
    write_file(folder, "noise.gz", plain, SIZE); /* plain in spite of its name */
    assert_ok(dcn_contents_open(source, &contents));
    assert_int_equal(contents.bytes, SIZE);
    dcn_contents_close(&contents);
    assert_false(cached_file(path));
    assert_int_equal(dcn_contents_open("no/such/file", &contents), DECANT_NOT_FOUND);
    assert_int_equal(dcn_contents_open(folder, &contents), DECANT_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_second_opening_is_mapped, make, clean),
        cmocka_unit_test_setup_teardown(test_off_and_unwritable, make, clean),
        cmocka_unit_test_setup_teardown(test_full_disk, make, clean),
        cmocka_unit_test_setup_teardown(test_changed_source_is_unpacked_again, make, clean),
        cmocka_unit_test_setup_teardown(test_damaged_cache, make, clean),
        cmocka_unit_test_setup_teardown(test_small_and_plain_files_are_not_cached, make, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
