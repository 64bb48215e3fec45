/* Fetching: against a mirror of our own that serves wrong bytes, stops half-way, knows no ranges, redirects or has
 * nothing, whatever is kept under a file's name is what was published. */
#include "fixture.h"

#include <sys/wait.h>

#include "base/file.h"
#include "base/gzip.h"
#include "base/sha256.h"
#include "base/text.h"
#include "data/fetch.h"
#include "data/published.h"
#include "data/source.h"
#include "data/tar.h"

enum { N_FILES = 2, LARGE = 200000 };

static char served[256], kept[300]; /* folders: the mirror's, and ours */
static char base[64];               /* http://127.0.0.1:PORT */
static pid_t mirror;
static int mirror_input;
static uint8_t contents[N_FILES][LARGE];
static char sums[N_FILES][DCN_SHA256_HEX];
static dcn_published_file files[N_FILES];
static const char *mirrors[4];
static char mirror_urls[3][96];

/* --- the mirror --- */

static void start_mirror(void)
{
    int output[2], input[2];
    char port[16] = "";
    assert_int_equal(pipe(output), 0);
    assert_int_equal(pipe(input), 0);
    mirror = fork();
    assert_true(mirror >= 0);
    if (mirror == 0) {
        dup2(input[0], 0);
        dup2(output[1], 1);
        close(input[1]);
        close(output[0]);
        execlp("python3", "python3", TEST_SOURCE_DIR "/data/mirror.py", served, (char *)NULL);
        _exit(127);
    }
    close(input[0]);
    close(output[1]);
    mirror_input = input[1];
    FILE *said = fdopen(output[0], "r");
    assert_non_null(said);
    assert_non_null(fgets(port, sizeof port, said));
    fclose(said);
    port[strcspn(port, "\n")] = '\0';
    snprintf(base, sizeof base, "http://127.0.0.1:%s", port);
}

static int make(void **state)
{
    (void)state;
    setenv("no_proxy", "127.0.0.1", 1);
    make_folder(served, "get");
    snprintf(kept, sizeof kept, "%s/kept", served);
    for (int f = 0; f < N_FILES; f++) {
        static const char *const names[N_FILES] = {"large.gz", "small.bin"};
        for (int i = 0; i < LARGE; i++)
            contents[f][i] = (uint8_t)((uint32_t)(i + f) * 2654435761u >> 13);
        int64_t bytes = f == 0 ? LARGE : 100;
        assert_ok(dcn_sha256_hex(contents[f], (size_t)bytes, sums[f]));
        files[f] = (dcn_published_file){names[f], bytes, sums[f]};
    }
    write_gzip(served, "large.gz", contents[0], LARGE);
    write_file(served, "small.bin", contents[1], 100);
    start_mirror();
    return 0;
}

static int clean(void **state)
{
    (void)state;
    close(mirror_input);
    waitpid(mirror, NULL, 0);
    remove_folder(served);
    return 0;
}

/* A data set of these faults' mirrors, tried in this order. */
static dcn_published set_of(const char *first, const char *second)
{
    const char *const faults[] = {first, second};
    int count = 0;
    for (int i = 0; i < 2; i++) {
        if (faults[i] == NULL) continue;
        snprintf(mirror_urls[count], sizeof mirror_urls[count], "%s/%s%s", base, faults[i], i == 0 ? "" : "/");
        mirrors[count] = mirror_urls[count];
        count++;
    }
    mirrors[count] = NULL;
    return (dcn_published){.name = "tiny", .mirrors = mirrors, .files = files, .n_files = N_FILES};
}

static void forget(void)
{
    remove_folder(kept);
}

static void assert_kept(const char *name, bool is_kept)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", kept, name);
    if (dcn_file_exists(path) != is_kept) fail_msg("%s is %s", name, is_kept ? "not there" : "there");
}

static void assert_whole(void)
{
    char path[512];
    for (int f = 0; f < N_FILES; f++) {
        uint8_t *data = NULL;
        size_t bytes = 0;
        snprintf(path, sizeof path, "%s/%s", kept, files[f].name);
        assert_ok(dcn_file_read_gzip(path, LARGE + 1, &data, &bytes));
        assert_int_equal(bytes, files[f].bytes);
        assert_memory_equal(data, contents[f], bytes);
        dcn_free(data);
    }
    assert_kept("large.gz.part", false);
    assert_kept("small.bin.part", false);
}

static decant_status get(const char *first, const char *second)
{
    const decant_get_options options = {0};
    dcn_published set = set_of(first, second);
    return dcn_published_get(&set, kept, &options);
}

/* --- single files --- */

static void test_good_redirected_and_late(void **state)
{
    (void)state;
    assert_ok(get("good", NULL));
    assert_whole();
    assert_ok(get("missing", NULL)); /* nothing is asked for again */
    forget();
    assert_ok(get("redirect", NULL));
    assert_whole();
    forget();
    assert_ok(get("late", "good"));
    assert_whole();
    forget();
}

/* Breaks when what a mirror serves is believed, or one that fails ends the search. */
static void test_the_next_mirror(void **state)
{
    (void)state;
    static const char *const faults[] = {"wrong", "page", "more", "missing", "loop"};
    for (size_t i = 0; i < DCN_COUNT(faults); i++) {
        assert_ok(get(faults[i], "good"));
        assert_whole();
        forget();
    }
}

/* Breaks when wrong bytes get a file's name or are continued later, or the message does not say why. */
static void test_no_mirror(void **state)
{
    (void)state;
    assert_refused(get("wrong", NULL), DECANT_IO, "no mirror gave large.gz of tiny");
    assert_non_null(strstr(decant_error_message(), "is not what was published"));
    assert_kept("large.gz", false);
    assert_kept("large.gz.part", false);
    assert_refused(get("missing", "page"), DECANT_IO, "HTTP 404");
    assert_non_null(strstr(decant_error_message(), "/page/: what it serves as large.gz is not what was published"));
    assert_refused(get("more", NULL), DECANT_IO, "sends more than the");
    forget();
    const decant_get_options options = {.mirror = "http://127.0.0.1:1"};
    dcn_published set = set_of("good", NULL);
    assert_refused(dcn_published_get(&set, kept, &options), DECANT_IO, "http://127.0.0.1:1/large.gz: ");
    const decant_get_options local = {.mirror = "file:///etc"};
    assert_refused(dcn_published_get(&set, kept, &local), DECANT_IO, "file:///etc/large.gz: ");
    forget();
}

/* Half of the rest comes each time: breaks when a stop loses what has come, or ends it. */
static void test_a_mirror_that_stops_half_way(void **state)
{
    (void)state;
    assert_ok(get("stop", NULL));
    assert_whole();
    forget();
}

/* How often the mirror was asked for a path, this question not counted. */
static int count_of(const char *name)
{
    char url[128], path[300];
    uint8_t *text = NULL;
    size_t bytes = 0;
    snprintf(url, sizeof url, "%s/asked/%s", base, name);
    snprintf(path, sizeof path, "%s/asked", served);
    const dcn_fetch fetch = {.url = url, .path = path, .max_bytes = 100};
    assert_ok(dcn_file_remove(path));
    assert_ok(dcn_fetch_file(&fetch));
    assert_ok(dcn_file_read(path, 100, &text, &bytes));
    int count = (int)strtol((const char *)text, NULL, 10);
    dcn_free(text);
    return count;
}

static bool stop_at(void *context, const char *file, int64_t done, int64_t total)
{
    const int64_t *limit = context;
    (void)file;
    (void)total;
    return done < *limit;
}

static int64_t part_bytes(void)
{
    char path[512];
    struct stat about;
    snprintf(path, sizeof path, "%s/large.gz.part", kept);
    return stat(path, &about) == 0 ? about.st_size : -1;
}

/* Stopped by the user, and continued: by a mirror with ranges, by one without, by one that packs differently. */
static void test_interrupted_and_continued(void **state)
{
    (void)state;
    static const char *const continuing[] = {"good", "plain"};
    for (size_t i = 0; i < DCN_COUNT(continuing); i++) {
        int64_t limit = 1000;
        const decant_get_options options = {.progress = stop_at, .context = &limit};
        dcn_published set = set_of("good", NULL);
        assert_refused(dcn_published_get(&set, kept, &options), DECANT_INTERRUPTED, "goes on from here");
        assert_kept("large.gz", false);
        assert_true(part_bytes() >= 1000);
        assert_ok(get(continuing[i], NULL));
        assert_whole();
        forget();
    }
    /* What another mirror began fits nowhere: it is thrown away, and the mirror gets its chance. */
    char command[2048];
    snprintf(command, sizeof command, "mkdir -p '%s' && head -c 5000 /dev/zero >'%s/large.gz.part'", kept, kept);
    assert_int_equal(system(command), 0);
    assert_ok(get("good", NULL));
    assert_whole();
    forget();
    /* All had come, but the name was not given: nothing is asked for. */
    snprintf(command, sizeof command, "mkdir -p '%s' && cp '%s/large.gz' '%s/large.gz.part' && cp '%s/small.bin' '%s'",
             kept, served, kept, served, kept);
    assert_int_equal(system(command), 0);
    int before = count_of("large.gz");
    assert_ok(get("missing", NULL));
    assert_int_equal(count_of("large.gz"), before);
    assert_whole();
    forget();
}

/* Breaks when a file that was damaged on this disk is left so. */
static void test_a_damaged_file_is_fetched_again(void **state)
{
    (void)state;
    assert_ok(get("good", NULL));
    write_file(kept, "small.bin", "damaged", 7);
    assert_ok(get("good", NULL));
    assert_whole();
    forget();
}

/* Breaks when a set is called sound while its reader would take another file than was fetched. */
static void test_a_file_that_was_unpacked_by_hand(void **state)
{
    (void)state;
    assert_ok(get("good", NULL));
    write_file(kept, "large", "damaged", 7);
    assert_refused(get("good", NULL), DECANT_FORMAT, "/large is damaged and would be read instead");
    write_file(kept, "large", contents[0], LARGE);
    assert_ok(get("good", NULL));
    forget();
}

/* --- an archive --- */

static void put_header(uint8_t *header, const char *name, size_t bytes, char type)
{
    unsigned sum = 0;
    memset(header, 0, 512);
    snprintf((char *)header, 100, "%s", name);
    snprintf((char *)header + 124, 12, "%011zo", bytes);
    memset(header + 148, ' ', 8);
    header[156] = (uint8_t)type;
    memcpy(header + 257,
           "ustar\0"
           "00",
           8);
    for (int i = 0; i < 512; i++)
        sum += header[i];
    snprintf((char *)header + 148, 8, "%06o", sum);
}

static size_t add_member(uint8_t *archive, size_t at, const char *name, const uint8_t *data, size_t bytes)
{
    put_header(archive + at, name, bytes, '0');
    memcpy(archive + at + 512, data, bytes);
    return at + 512 + (bytes + 511) / 512 * 512;
}

/* An archive whose other members want to be written elsewhere. */
static size_t make_archive(uint8_t *archive, const uint8_t *second)
{
    size_t at = 0;
    at = add_member(archive, at, "../../escaped.bin", contents[1], 100);
    at = add_member(archive, at, "/tmp/decant_escaped.bin", contents[1], 100);
    put_header(archive + at, "set/", 0, '5');
    at += 512;
    at = add_member(archive, at, "set/a.bin", contents[0], 3000);
    at = add_member(archive, at, "set/b.bin", second, 100);
    memset(archive + at, 0, 1024);
    return at + 1024;
}

static void test_an_archive(void **state)
{
    (void)state;
    static uint8_t archive[16384];
    char sum[2][DCN_SHA256_HEX], archive_sum[DCN_SHA256_HEX], path[512];
    assert_ok(dcn_sha256_hex(contents[0], 3000, sum[0]));
    assert_ok(dcn_sha256_hex(contents[1], 100, sum[1]));
    const dcn_published_file members[] = {{"a.bin", 3000, sum[0]}, {"b.bin", 100, sum[1]}};
    for (int round = 0; round < 3;
         round++) { /* the second time a member is not what it should be, the third the archive */
        uint8_t *packed = NULL;
        size_t packed_bytes = 0, bytes = make_archive(archive, contents[round == 1 ? 0 : 1]);
        write_gzip(served, "set.tar.gz", archive, bytes);
        snprintf(path, sizeof path, "%s/set.tar.gz", served);
        assert_ok(dcn_file_read(path, 1 << 20, &packed, &packed_bytes));
        assert_ok(dcn_sha256_hex(packed, packed_bytes, archive_sum));
        dcn_free(packed);
        dcn_published set = set_of("stop", NULL);
        set.files = members;
        set.archive = "set.tar.gz";
        set.archive_folder = "set";
        set.archive_bytes = (int64_t)packed_bytes;
        set.archive_sha256 = archive_sum;
        const decant_get_options options = {0};
        if (round == 0) {
            assert_ok(dcn_published_get(&set, kept, &options));
            assert_kept("a.bin", true);
            assert_kept("b.bin", true);
            assert_kept("set.tar.gz.part", false);
            assert_kept("../escaped.bin", false);
            assert_kept("../../escaped.bin", false);
            assert_false(dcn_file_exists("/tmp/decant_escaped.bin"));
            int before = count_of("set.tar.gz");
            assert_ok(dcn_published_get(&set, kept, &options)); /* nothing is fetched again */
            assert_int_equal(count_of("set.tar.gz"), before);
            forget();
        } else if (round == 1) {
            assert_refused(dcn_published_get(&set, kept, &options), DECANT_FORMAT, "b.bin in the archive is not");
            forget();
        } else {
            archive_sum[0] = archive_sum[0] == '0' ? '1' : '0';
            assert_refused(dcn_published_get(&set, kept, &options), DECANT_IO, "no mirror gave set.tar.gz");
            assert_kept("a.bin", false);
            assert_kept("set.tar.gz.part", false);
            forget();
        }
    }
}

static void test_damaged_archives(void **state)
{
    (void)state;
    static uint8_t archive[16384];
    const uint8_t *data = NULL;
    size_t found = 0, bytes = make_archive(archive, contents[1]);
    assert_ok(dcn_tar_find(archive, bytes, "set/b.bin", &data, &found));
    assert_true(found == 100 && memcmp(data, contents[1], 100) == 0);
    assert_refused(dcn_tar_find(archive, bytes, "set/c.bin", &data, &found), DECANT_NOT_FOUND,
                   "holds no file set/c.bin");
    assert_refused(dcn_tar_find(archive, bytes, "set/", &data, &found), DECANT_NOT_FOUND, "holds no file");
    const size_t content = (size_t)(data - archive);
    for (size_t cut = 0; cut < content + 100; cut += 13) {
        uint8_t *exact = NULL;
        assert_ok(dcn_new(cut, (void **)&exact));
        memcpy(exact, archive, cut);
        assert_int_not_equal(dcn_tar_find(exact, cut, "set/b.bin", &data, &found), DECANT_OK);
        dcn_free(exact);
    }
    archive[4] ^= 1;
    assert_refused(dcn_tar_find(archive, bytes, "set/b.bin", &data, &found), DECANT_FORMAT,
                   "damaged tar header at byte 0");
    archive[4] ^= 1;
    put_header(archive, "x", 1 << 30, '0');
    assert_refused(dcn_tar_find(archive, bytes, "set/b.bin", &data, &found), DECANT_FORMAT, "cut short");
}

/* --- the known ones --- */

static void test_known_sets(void **state)
{
    (void)state;
    static const char *const names[] = {"fashion-mnist", "mnist", "cifar10"};
    for (size_t i = 0; i < DCN_COUNT(names); i++) {
        const dcn_published *set = dcn_published_find(names[i]);
        assert_non_null(set);
        assert_non_null(set->mirrors[0]);
        assert_non_null(set->mirrors[1]);
        for (int32_t f = 0; f < set->n_files; f++)
            assert_int_equal(strlen(set->files[f].sha256), 64);
    }
    char *path = NULL;
    const decant_get_options options = {.mirror = ""};
    assert_refused(dcn_source_get("fashion-mnits", &options, &path), DECANT_NOT_FOUND, "did you mean 'fashion-mnist'");
    assert_refused(dcn_source_get("mnist", &options, &path), DECANT_INVALID_ARG, "a mirror is a URL");
}

/* The Debian package packs the published contents in its own way: its checksums are the published ones all the same. */
static void test_debian_package(void **state)
{
    (void)state;
    const char *package = "/usr/share/datasets/fashion-mnist";
    if (access("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz", R_OK) != 0) {
        print_message("skipped: dataset-fashion-mnist is not installed\n");
        skip();
    }
    char command[2048], *path = NULL;
    snprintf(command, sizeof command, "mkdir -p '%s/fashion-mnist' && cp %s/* '%s/fashion-mnist'", kept, package, kept);
    assert_int_equal(system(command), 0);
    setenv("DECANT_DATA", kept, 1);
    const decant_get_options options = {.mirror = "http://127.0.0.1:1"}; /* nothing is asked for */
    assert_ok(dcn_source_get("fashion-mnist", &options, &path));
    assert_non_null(strstr(path, "kept/fashion-mnist"));
    dcn_free(path);
    forget();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_redirected_and_late),
        cmocka_unit_test(test_the_next_mirror),
        cmocka_unit_test(test_no_mirror),
        cmocka_unit_test(test_a_mirror_that_stops_half_way),
        cmocka_unit_test(test_interrupted_and_continued),
        cmocka_unit_test(test_a_damaged_file_is_fetched_again),
        cmocka_unit_test(test_a_file_that_was_unpacked_by_hand),
        cmocka_unit_test(test_an_archive),
        cmocka_unit_test(test_damaged_archives),
        cmocka_unit_test(test_known_sets),
        cmocka_unit_test(test_debian_package),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
