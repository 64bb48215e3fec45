/* Files: bounded reads, gzip that may be damaged, maps, and writes that appear whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/gzip.h"
#include "base/memory.h"
#include "base/text.h"

#define MEGABYTE (1024 * 1024)

static char folder[] = TEST_BINARY_DIR "/file-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[4][4096];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[4200];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void assert_content(const char *path, const char *expected)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    assert_int_equal(dcn_file_read(path, MEGABYTE, &data, &bytes), DECANT_OK);
    assert_int_equal(bytes, strlen(expected));
    assert_string_equal((const char *)data, expected); /* also: the NUL is there */
    dcn_free(data);
}

static int32_t count_files(void)
{
    char **names = NULL;
    int32_t count = -1;
    assert_int_equal(dcn_directory_list(folder, &names, &count), DECANT_OK);
    dcn_names_free(names, count);
    return count;
}

static void a_written_file_reads_back(void **state)
{
    (void)state;
    const char *path = in_folder("plain");
    assert_int_equal(dcn_file_write(path, "hello", 5), DECANT_OK);
    assert_content(path, "hello");
    assert_int_equal(dcn_file_write(path, "", 0), DECANT_OK);
    assert_content(path, "");
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0600, 0600);
    assert_int_equal(dcn_file_remove(path), DECANT_OK);
    assert_false(dcn_file_exists(path));
    assert_int_equal(dcn_file_remove(path), DECANT_OK); /* nothing to do is not a failure */
}

static void reads_are_bounded_and_explained(void **state)
{
    (void)state;
    uint8_t *data = (uint8_t *)1;
    size_t bytes = 7;
    const char *path = in_folder("ten");
    assert_int_equal(dcn_file_write(path, "0123456789", 10), DECANT_OK);
    assert_int_equal(dcn_file_read(path, 9, &data, &bytes), DECANT_FORMAT);
    assert_int_equal(dcn_file_read("/dev/zero", 100000, &data, &bytes), DECANT_FORMAT); /* no size to look at first */
    assert_int_equal(dcn_file_read(in_folder("missing"), 10, &data, &bytes), DECANT_NOT_FOUND);
    assert_non_null(strstr(decant_error_message(), "missing"));
    assert_int_equal(dcn_file_read(folder, 10, &data, &bytes), DECANT_IO);
    assert_non_null(strstr(decant_error_message(), "folder"));
    assert_ptr_equal(data, (uint8_t *)1);
    assert_int_equal(bytes, 7);
    assert_int_equal(dcn_file_read(path, 10, &data, &bytes), DECANT_OK);
    assert_int_equal(bytes, 10);
    dcn_free(data);
}

static void *write_into_pipe(void *path)
{
    FILE *pipe = fopen(path, "w");
    if (!pipe) return NULL;
    for (int i = 0; i < 30000; i++)
        fprintf(pipe, "%05d,", i);
    fclose(pipe);
    return path;
}

/* A pipe gives no size and short reads. */
static void a_pipe_is_read_to_its_end(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_into_pipe, path), 0);
    uint8_t *data = NULL;
    size_t bytes = 0;
    assert_int_equal(dcn_file_read(path, MEGABYTE, &data, &bytes), DECANT_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(bytes, 180000);
    assert_memory_equal(data + 179994, "29999,", 7);
    dcn_free(data);
    assert_int_equal(dcn_file_remove(path), DECANT_OK);
}

/* One gzip member of count bytes, as a fresh file's content; appended to what is at *packed. */
static void pack(const uint8_t *content, size_t count, uint8_t *packed, size_t capacity, size_t *packed_bytes)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)content, .avail_in = (uInt)count};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_out = packed + *packed_bytes;
    stream.avail_out = (uInt)(capacity - *packed_bytes);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *packed_bytes = capacity - stream.avail_out;
    deflateEnd(&stream);
}

/* Not through dcn_file_write: its fsync would make thousands of these slow. */
static const char *put_packed(const uint8_t *packed, size_t packed_bytes)
{
    const char *path = in_folder("packed.gz");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(packed, 1, packed_bytes, file), packed_bytes);
    assert_int_equal(fclose(file), 0);
    return path;
}

static decant_status read_gzip(const uint8_t *packed, size_t packed_bytes, size_t max_bytes, uint8_t **ret_data,
                               size_t *ret_bytes)
{
    return dcn_file_read_gzip(put_packed(packed, packed_bytes), max_bytes, ret_data, ret_bytes);
}

static void gzip_is_unpacked_and_plain_is_passed_through(void **state)
{
    (void)state;
    static uint8_t content[300000], packed[400000];
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * i >> 7);
    size_t packed_bytes = 0, bytes = 0;
    uint8_t *data = NULL;
    pack(content, sizeof content, packed, sizeof packed, &packed_bytes);
    assert_int_equal(read_gzip(packed, packed_bytes, sizeof content, &data, &bytes), DECANT_OK);
    assert_int_equal(bytes, sizeof content);
    assert_memory_equal(data, content, bytes);
    assert_int_equal(data[bytes], 0);
    dcn_free(data);
    /* Two members in one file are one content (pigz and cat make such files); the length at the end tells of one only.
     */
    pack(content, 1000, packed, sizeof packed, &packed_bytes);
    assert_int_equal(read_gzip(packed, packed_bytes, MEGABYTE, &data, &bytes), DECANT_OK);
    assert_int_equal(bytes, sizeof content + 1000);
    assert_memory_equal(data + sizeof content, content, 1000);
    dcn_free(data);
    assert_int_equal(read_gzip((const uint8_t *)"plain", 5, 100, &data, &bytes), DECANT_OK);
    assert_string_equal((const char *)data, "plain");
    dcn_free(data);
}

static void damaged_gzip_is_refused(void **state)
{
    (void)state;
    static uint8_t content[5000], packed[8000];
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * i >> 5);
    size_t whole = 0, bytes = 7;
    uint8_t *data = (uint8_t *)1;
    pack(content, sizeof content, packed, sizeof packed, &whole);
    for (size_t cut = 2; cut < whole; cut++) /* at every length that still looks like gzip */
        assert_int_equal(read_gzip(packed, cut, MEGABYTE, &data, &bytes), DECANT_FORMAT);
    assert_non_null(strstr(decant_error_message(), "cut short"));
    assert_int_equal(read_gzip(packed, whole, sizeof content - 1, &data, &bytes), DECANT_FORMAT); /* a bomb, in small */
    packed[whole] = 'x';
    assert_int_equal(read_gzip(packed, whole + 1, MEGABYTE, &data, &bytes), DECANT_FORMAT);
    packed[whole - 6] ^= 1; /* the checksum */
    assert_int_equal(read_gzip(packed, whole, MEGABYTE, &data, &bytes), DECANT_FORMAT);
    assert_ptr_equal(data, (uint8_t *)1);
    assert_int_equal(bytes, 7);
    packed[whole - 6] ^= 1;
    for (int64_t nth = 1; nth <= 3; nth++) { /* the file, its room, zlib's own state */
        dcn_memory_fail_nth(nth);
        assert_int_equal(read_gzip(packed, whole, MEGABYTE, &data, &bytes), DECANT_NO_MEMORY);
    }
}

static void maps_show_the_file(void **state)
{
    (void)state;
    const char *path = in_folder("mapped");
    dcn_map map = {NULL, 0};
    assert_int_equal(dcn_file_write(path, "0123456789", 10), DECANT_OK);
    assert_int_equal(dcn_map_open(path, &map), DECANT_OK);
    assert_int_equal(map.bytes, 10);
    assert_memory_equal(map.data, "0123456789", 10);
    dcn_map_close(&map);
    assert_null(map.data);
    assert_int_equal(dcn_file_write(path, "", 0), DECANT_OK);
    assert_int_equal(dcn_map_open(path, &map), DECANT_OK);
    assert_int_equal(map.bytes, 0);
    assert_non_null(map.data);
    dcn_map_close(&map);
    dcn_map_close(NULL);
    assert_int_equal(dcn_map_open(in_folder("missing"), &map), DECANT_NOT_FOUND);
}

/* Breaks when a link is replaced instead of what it leads to, or a pipe becomes a file. */
static void only_files_are_replaced(void **state)
{
    (void)state;
    struct stat about;
    assert_int_equal(dcn_file_write(in_folder("target"), "old", 3), DECANT_OK);
    assert_int_equal(symlink("target", in_folder("link")), 0);
    assert_int_equal(dcn_file_write(in_folder("link"), "new", 3), DECANT_OK);
    assert_content(in_folder("target"), "new");
    assert_int_equal(lstat(in_folder("link"), &about), 0);
    assert_true(S_ISLNK(about.st_mode));
    unlink(in_folder("target"));
    assert_int_equal(dcn_file_write(in_folder("link"), "anew", 4), DECANT_OK); /* which led nowhere */
    assert_content(in_folder("target"), "anew");
    assert_int_equal(lstat(in_folder("link"), &about), 0);
    assert_true(S_ISLNK(about.st_mode));
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    assert_int_equal(dcn_file_write(in_folder("pipe"), "x", 1), DECANT_USAGE);
    assert_non_null(strstr(decant_error_message(), "a device or a pipe"));
    assert_int_equal(stat(in_folder("pipe"), &about), 0);
    assert_true(S_ISFIFO(about.st_mode));
    unlink(in_folder("pipe"));
}

static void an_unfinished_write_changes_nothing(void **state)
{
    (void)state;
    const char *path = in_folder("kept");
    assert_int_equal(dcn_file_write(path, "old", 3), DECANT_OK);
    int32_t files = count_files();
    dcn_writer *writer = NULL;
    assert_int_equal(dcn_writer_open(path, &writer), DECANT_OK);
    assert_int_equal(dcn_writer_write(writer, "new and ", 8), DECANT_OK);
    assert_int_equal(dcn_writer_write(writer, "longer", 6), DECANT_OK);
    assert_content(path, "old"); /* before the commit nobody sees it */
    dcn_writer_destroy(writer);
    assert_content(path, "old");
    assert_int_equal(count_files(), files);
    dcn_writer_destroy(NULL);
}

static void a_full_disk_changes_nothing(void **state)
{
    (void)state;
    const char *path = in_folder("kept");
    assert_int_equal(dcn_file_write(path, "old", 3), DECANT_OK);
    int32_t files = count_files();
    dcn_writer *writer = NULL;
    dcn_file_fail_nth_write(2);
    assert_int_equal(dcn_writer_open(path, &writer), DECANT_OK);
    assert_int_equal(dcn_writer_write(writer, "first", 5), DECANT_OK);
    assert_int_equal(dcn_writer_write(writer, "second", 6), DECANT_IO);
    assert_non_null(strstr(decant_error_message(), "No space left"));
    assert_non_null(strstr(decant_error_message(), path));
    dcn_writer_destroy(writer);
    assert_content(path, "old");
    assert_int_equal(count_files(), files);
    dcn_file_fail_nth_write(1);
    assert_int_equal(dcn_file_write(path, "new", 3), DECANT_IO);
    assert_content(path, "old");
    assert_int_equal(count_files(), files);
    dcn_file_fail_nth_write(1);
    dcn_file_fail_nth_write(0);
    assert_int_equal(dcn_file_write(path, "new", 3), DECANT_OK);
    assert_content(path, "new");
}

static void a_commit_closes_the_writer(void **state)
{
    (void)state;
    dcn_writer *writer = NULL;
    assert_int_equal(dcn_writer_open(in_folder("once"), &writer), DECANT_OK);
    assert_int_equal(dcn_writer_commit(writer), DECANT_OK);
    assert_int_equal(dcn_writer_write(writer, "x", 1), DECANT_INTERNAL);
    assert_int_equal(dcn_writer_commit(writer), DECANT_INTERNAL);
    dcn_writer_destroy(writer);
    assert_content(in_folder("once"), "");
    assert_int_equal(dcn_writer_open(in_folder("missing/once"), &writer), DECANT_NOT_FOUND);
}

/* metrics.jsonl: a reader never sees half a line, even when the disk fills up in the middle of one. */
static void appended_lines_are_whole(void **state)
{
    (void)state;
    const char *path = in_folder("lines");
    assert_int_equal(dcn_file_append_line(path, "one"), DECANT_OK);
    assert_int_equal(dcn_file_append_line(path, "two"), DECANT_OK);
    dcn_file_fail_nth_write(1);
    assert_int_equal(dcn_file_append_line(path, "three"), DECANT_IO);
    assert_content(path, "one\ntwo\n");
    assert_int_equal(dcn_file_append_line(path, ""), DECANT_OK);
    assert_content(path, "one\ntwo\n\n");
}

static void folders_are_made_with_parents_and_listed_sorted(void **state)
{
    (void)state;
    assert_int_equal(dcn_directory_make(in_folder("deep/er/still/")), DECANT_OK);
    assert_int_equal(dcn_directory_make(in_folder("deep/er")), DECANT_OK);
    assert_int_equal(dcn_file_write(in_folder("deep/b"), "", 0), DECANT_OK);
    assert_int_equal(dcn_file_write(in_folder("deep/a"), "", 0), DECANT_OK);
    assert_int_equal(dcn_file_write(in_folder("deep/.hidden"), "", 0), DECANT_OK);
    char **names = NULL;
    int32_t count = 0;
    assert_int_equal(dcn_directory_list(in_folder("deep"), &names, &count), DECANT_OK);
    assert_int_equal(count, 3);
    assert_string_equal(names[0], "a");
    assert_string_equal(names[1], "b");
    assert_string_equal(names[2], "er");
    dcn_names_free(names, count);
    assert_int_equal(dcn_directory_make(in_folder("deep/also")), DECANT_OK);
    assert_int_equal(dcn_directory_list_folders(in_folder("deep"), &names, &count), DECANT_OK);
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "also");
    assert_string_equal(names[1], "er");
    dcn_names_free(names, count);
    assert_int_equal(dcn_directory_list(in_folder("deep/er/still"), &names, &count), DECANT_OK);
    assert_int_equal(count, 0);
    dcn_names_free(names, count);
    assert_int_equal(dcn_directory_list(in_folder("missing"), &names, &count), DECANT_NOT_FOUND);
    assert_int_equal(dcn_directory_make(in_folder("deep/a")), DECANT_IO);
    assert_non_null(strstr(decant_error_message(), "this is a file"));
    assert_int_not_equal(dcn_directory_make(in_folder("deep/a/below")), DECANT_OK);
}

static void paths_are_joined_by_one_slash(void **state)
{
    (void)state;
    static const char *const cases[][3] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "b"}};
    for (size_t i = 0; i < DCN_COUNT(cases); i++) {
        char *path = NULL;
        assert_int_equal(dcn_path_join(cases[i][0], cases[i][1], &path), DECANT_OK);
        assert_string_equal(path, cases[i][2]);
        dcn_free(path);
    }
}

static void the_clock_runs_forward_in_seconds(void **state)
{
    (void)state;
    double start = dcn_clock_seconds();
    usleep(20000);
    double passed = dcn_clock_seconds() - start;
    assert_true(passed >= 0.02 && passed < 10);
}

/* Breaks when a lock lets a second holder in, or outlives its release. */
static void test_folder_lock_has_one_holder(void **state)
{
    (void)state;
    const char *locked = TEST_BINARY_DIR "/locked/folder";
    int first = -1, second = -1;
    assert_int_equal(dcn_directory_lock(locked, &first), DECANT_OK);
    assert_int_equal(dcn_directory_lock(locked, &second), DECANT_STALE);
    assert_non_null(strstr(decant_error_message(), "in use"));
    assert_int_equal(second, -1);
    dcn_directory_unlock(first);
    assert_int_equal(dcn_directory_lock(locked, &second), DECANT_OK);
    dcn_directory_unlock(second);
    dcn_directory_unlock(-1);
    assert_int_equal(dcn_directory_lock("/proc/nowhere/folder", &second), DECANT_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folder_lock_has_one_holder),
        cmocka_unit_test(a_written_file_reads_back),
        cmocka_unit_test(reads_are_bounded_and_explained),
        cmocka_unit_test(a_pipe_is_read_to_its_end),
        cmocka_unit_test(gzip_is_unpacked_and_plain_is_passed_through),
        cmocka_unit_test(damaged_gzip_is_refused),
        cmocka_unit_test(maps_show_the_file),
        cmocka_unit_test(only_files_are_replaced),
        cmocka_unit_test(an_unfinished_write_changes_nothing),
        cmocka_unit_test(a_full_disk_changes_nothing),
        cmocka_unit_test(a_commit_closes_the_writer),
        cmocka_unit_test(appended_lines_are_whole),
        cmocka_unit_test(folders_are_made_with_parents_and_listed_sorted),
        cmocka_unit_test(paths_are_joined_by_one_slash),
        cmocka_unit_test(the_clock_runs_forward_in_seconds),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
