/* The teacher cache: every answer computed once and the same bits each time, whatever lies, or goes wrong, on disk. */
#include "train/problem.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/folder.h"
#include "base/hash.h"
#include "distill/cache.h"
#include "distill/teacher.h"

#define FOLDER TEST_BINARY_DIR "/teacher_cache.d"
#define COUNT  150
#define BYTES  (COUNT * CLASSES * sizeof(float))
#define HEADER 64

static test_problem problem;
static int32_t n_notes;
static char last_note[512];

static void on_note(void *context, const char *text)
{
    (void)context;
    n_notes++;
    snprintf(last_note, sizeof last_note, "%s", text);
}

static int empty_folder(void **state)
{
    (void)state;
    n_notes = 0;
    last_note[0] = '\0';
    return system("rm -rf '" FOLDER "'");
}

static dcn_teacher_cache_options plain(void)
{
    return (dcn_teacher_cache_options){
        .device = problem.device,
        .teacher = problem.teacher,
        .dataset = problem.dataset,
        .indices = problem.split.train,
        .count = COUNT,
        .seed = 9,
        .limit = (int64_t)512 << 20,
        .folder = FOLDER,
        .on_note = on_note,
    };
}

static dcn_teacher_cache_options moving(void)
{
    dcn_teacher_cache_options options = plain();
    options.augment = (dcn_augment){.shift = 1, .flip = true};
    return options;
}

static dcn_teacher_cache *open_cache(const dcn_teacher_cache_options *options)
{
    dcn_teacher_cache *cache = NULL;
    assert_ok(dcn_teacher_cache_create(options, &cache));
    assert_non_null(cache);
    return cache;
}

/* Opens, fills one epoch, reads it, saves and closes; gives how many answers had to be computed. */
static int64_t visit(const dcn_teacher_cache_options *options, int64_t epoch, float ret_logits[COUNT * CLASSES])
{
    dcn_teacher_cache *cache = open_cache(options);
    assert_ok(dcn_teacher_cache_fill(cache, epoch));
    assert_ok(dcn_teacher_cache_save(cache));
    dcn_teacher_cache_read(cache, options->indices, options->count, ret_logits);
    dcn_teacher_cache_use use = dcn_teacher_cache_used(cache);
    dcn_teacher_cache_destroy(cache);
    assert_int_equal(use.asked, options->count);
    return use.computed;
}

/* What the cache must say, computed in memory alone. */
static void expect(dcn_teacher_cache_options options, int64_t epoch, float ret_logits[COUNT * CLASSES])
{
    options.folder = NULL;
    assert_int_equal(visit(&options, epoch, ret_logits), options.count);
}

static int32_t list_files(char (*paths)[512], int32_t most)
{
    char **names = NULL;
    int32_t count = 0, kept = 0;
    if (!dcn_file_exists(FOLDER)) return 0;
    assert_ok(dcn_directory_list(FOLDER, &names, &count));
    for (int32_t i = 0; i < count; i++) {
        assert_null(strstr(names[i], ".tmp-")); /* nothing half-written may stay */
        if (kept < most) snprintf(paths[kept++], sizeof *paths, FOLDER "/%s", names[i]);
    }
    dcn_names_free(names, count);
    return kept;
}

static void only_file(char path[512])
{
    char paths[2][512];
    assert_int_equal(list_files(paths, 2), 1);
    memcpy(path, paths[0], sizeof paths[0]);
}

/* Breaks when an answer is computed twice, or comes back from disk as another. */
static void test_answers_are_computed_once(void **state)
{
    (void)state;
    const dcn_teacher_cache_options options = plain();
    float expected[COUNT * CLASSES], logits[COUNT * CLASSES];
    expect(options, 0, expected);
    dcn_teacher_cache *cache = open_cache(&options);
    for (int64_t epoch = 0; epoch < 3; epoch++)
        assert_ok(dcn_teacher_cache_fill(cache, epoch));
    assert_int_equal(dcn_teacher_cache_used(cache).asked, 3 * COUNT);
    assert_int_equal(dcn_teacher_cache_used(cache).computed, COUNT);
    dcn_teacher_cache_read(cache, options.indices, COUNT, logits);
    assert_memory_equal(logits, expected, BYTES);
    dcn_teacher_cache_destroy(cache); /* the first fill was saved without being told */

    assert_int_equal(visit(&options, 7, logits), 0);
    assert_memory_equal(logits, expected, BYTES);
    assert_int_equal(n_notes, 0);
}

/* Breaks when variants are mixed up, or when an answer depends on what else was asked at the time: here the third epoch
 * is put together from what two others left, and once computed alone. */
static void test_variants(void **state)
{
    (void)state;
    const dcn_teacher_cache_options options = moving();
    float expected[COUNT * CLASSES], unmoved[COUNT * CLASSES], logits[COUNT * CLASSES];
    expect(options, 2, expected);
    expect(plain(), 2, unmoved);
    assert_memory_not_equal(expected, unmoved, BYTES);
    assert_int_equal(visit(&options, 0, logits), COUNT);
    int64_t second = visit(&options, 1, logits), third = visit(&options, 2, logits);
    assert_memory_equal(logits, expected, BYTES);
    assert_true(second < COUNT && second > COUNT / 2); /* 18 variants: few meet again */
    assert_true(third < second);
    assert_int_equal(visit(&options, 2, logits), 0);
    assert_memory_equal(logits, expected, BYTES);
    assert_int_equal(n_notes, 0);
}

/* Breaks when runs that train on different samples of one data set cannot share, or get each other's rows. */
static void test_parts_of_the_samples_share(void **state)
{
    (void)state;
    dcn_teacher_cache_options half = plain();
    half.indices += COUNT / 3;
    half.count = COUNT / 2;
    float expected[COUNT * CLASSES], logits[COUNT * CLASSES];
    const dcn_teacher_cache_options options = plain();
    expect(options, 0, expected);
    assert_int_equal(visit(&half, 0, logits), COUNT / 2);
    assert_memory_equal(logits, expected + COUNT / 3 * CLASSES, BYTES / 2);
    assert_int_equal(visit(&options, 0, logits), COUNT - COUNT / 2);
    assert_memory_equal(logits, expected, BYTES);
}

/* Breaks when the logits of another teacher, other data, another normalisation or augmentation are taken for ours. */
static void test_nothing_stale_is_used(void **state)
{
    (void)state;
    float logits[COUNT * CLASSES], expected[COUNT * CLASSES];
    dcn_teacher_cache_options options = plain();
    assert_int_equal(visit(&options, 0, logits), COUNT);

    decant_model *other = NULL;
    assert_ok(dcn_model_clone(problem.teacher, &other));
    int32_t last = other->graph->n_values - 1;
    while (other->data[last] == NULL)
        last--;
    other->data[last][0] += 0.5f;
    options.teacher = other;
    expect(options, 0, expected);
    assert_int_equal(visit(&options, 0, logits), COUNT);
    assert_memory_equal(logits, expected, BYTES);
    dcn_model_destroy(other);

    float mean[1] = {problem.mean[0] + 0.1f};
    assert_ok(dcn_model_clone(problem.teacher, &other));
    assert_ok(dcn_model_set_normalization(other, 1, mean, problem.std));
    options.teacher = other;
    expect(options, 0, expected);
    assert_int_equal(visit(&options, 0, logits), COUNT);
    assert_memory_equal(logits, expected, BYTES);
    dcn_model_destroy(other);

    decant_dataset *data = make_dataset(201, 3);
    options = plain();
    options.dataset = data;
    assert_int_equal(visit(&options, 0, logits), COUNT);
    dcn_dataset_destroy(data);

    /* The same device computing from bf16, or another one, sums otherwise. */
    dcn_device *device = problem.device;
    const decant_precision precision = device->precision;
    char summary[sizeof device->summary];
    snprintf(summary, sizeof summary, "%s", device->summary);
    options = plain();
    device->precision = precision == DECANT_PRECISION_BF16 ? DECANT_PRECISION_F32 : DECANT_PRECISION_BF16;
    assert_int_equal(visit(&options, 0, logits), COUNT);
    device->precision = precision;
    snprintf(device->summary, sizeof device->summary, "another device, 3 threads");
    assert_int_equal(visit(&options, 0, logits), COUNT);
    snprintf(device->summary, sizeof device->summary, "%s", summary);

    options = plain();
    options.augment.flip = true;
    assert_int_equal(visit(&options, 0, logits), COUNT);
    assert_int_equal(n_notes, 0); /* nothing was damaged; the old files serve whom they belong to */
    options = plain();
    assert_int_equal(visit(&options, 0, logits), 0);
}

/* What is in the only file once a cache was filled (dcn_free), and the logits that it must hold. */
static uint8_t *filled_file(float ret_logits[COUNT * CLASSES], size_t *ret_bytes)
{
    const dcn_teacher_cache_options options = plain();
    char path[512];
    uint8_t *data = NULL;
    assert_int_equal(visit(&options, 0, ret_logits), COUNT);
    only_file(path);
    assert_ok(dcn_file_read(path, 1 << 20, &data, ret_bytes));
    return data;
}

/* Puts `bytes` in place of the only file. */
static void replace(const uint8_t *data, size_t bytes)
{
    char path[512];
    only_file(path);
    assert_ok(dcn_file_write(path, data, bytes));
}

/* The cache must notice, say so, compute everything again to the same bits, and leave a sound file. */
static void assert_remade(const char *reason, const float *expected)
{
    float logits[COUNT * CLASSES];
    const dcn_teacher_cache_options options = plain();
    n_notes = 0;
    assert_int_equal(visit(&options, 0, logits), COUNT);
    assert_memory_equal(logits, expected, BYTES);
    assert_int_equal(n_notes, 1);
    if (strstr(last_note, reason) == NULL) fail_msg("'%s' does not say '%s'", last_note, reason);
    assert_int_equal(visit(&options, 0, logits), 0);
    assert_memory_equal(logits, expected, BYTES);
    assert_int_equal(n_notes, 1);
}

/* Breaks when a file damaged in any part is believed. */
static void test_damaged_files_are_made_again(void **state)
{
    (void)state;
    float expected[COUNT * CLASSES];
    size_t bytes = 0;
    uint8_t *sound = filled_file(expected, &bytes);
    assert_int_equal(bytes, HEADER + COUNT * 8 + BYTES);

    for (size_t at = 0; at < bytes; at += at < HEADER ? 3 : 397) { /* each field, the ids, the logits */
        sound[at] ^= 0x10;
        replace(sound, bytes);
        sound[at] ^= 0x10;
        assert_remade(at < 8        ? "is no teacher cache"
                      : at < HEADER ? "header is damaged"
                                    : "contents are damaged",
                      expected);
    }
    static const size_t lengths[] = {0, 1, HEADER - 1, HEADER, HEADER + 1, HEADER + 8 * COUNT, HEADER + 8 * COUNT + 5};
    for (size_t i = 0; i < DCN_COUNT(lengths); i++) {
        replace(sound, lengths[i]);
        assert_remade(lengths[i] < HEADER ? "cut short" : "length does not fit", expected);
    }
    replace(sound, bytes - 1);
    assert_remade("length does not fit", expected);
    dcn_free(sound);
}

/* Writes the header's hashes anew, as a program with bad intentions or an honest older version would. */
static void sign(uint8_t *data, size_t bytes)
{
    dcn_hash contents = dcn_hash_bytes(data + HEADER, bytes - HEADER);
    memcpy(data + 40, &contents, sizeof contents);
    uint64_t check = dcn_hash_bytes(data, HEADER - 8).low;
    memcpy(data + HEADER - 8, &check, sizeof check);
}

/* Breaks when a sound file that this teacher did not write, or does not write any more, is believed. */
static void test_other_answers_are_noticed(void **state)
{
    (void)state;
    float expected[COUNT * CLASSES], one;
    size_t bytes = 0;
    uint8_t *data = filled_file(expected, &bytes);

    data[8] ^= 1; /* another key under our name */
    sign(data, bytes);
    replace(data, bytes);
    assert_remade("belongs to another teacher", expected);
    data[8] ^= 1;

    for (size_t r = 0; r < COUNT * CLASSES; r++) { /* each logit by its last bit */
        uint8_t *logit = data + HEADER + COUNT * 8 + r * sizeof one;
        logit[0] ^= 1;
    }
    sign(data, bytes);
    replace(data, bytes);
    assert_remade("other answers than the teacher gives", expected);
    dcn_free(data);
}

/* Breaks when ids that lie outside the data set are written to. */
static void test_wild_ids_are_stepped_over(void **state)
{
    (void)state;
    const dcn_teacher_cache_options options = plain();
    float expected[COUNT * CLASSES], logits[COUNT * CLASSES];
    size_t bytes = 0;
    uint8_t *data = filled_file(expected, &bytes);
    const uint64_t wild[] = {UINT64_MAX, (uint64_t)1 << 40, 200};
    memcpy(data + HEADER, wild, sizeof wild);
    sign(data, bytes);
    replace(data, bytes);
    assert_int_equal(visit(&options, 0, logits), 3);
    assert_memory_equal(logits, expected, BYTES);
    dcn_free(data);
}

/* Breaks when a cache is made that could outgrow its limit, or where there is nothing to count. */
static void test_where_there_is_no_cache(void **state)
{
    (void)state;
    static const dcn_augment endless[] = {{.cutout = 2}, {.mixup = 0.2}, {.flip = true, .mixup = 1}};
    dcn_teacher_cache *cache = NULL;
    dcn_teacher_cache_options options = plain();
    for (size_t i = 0; i < DCN_COUNT(endless); i++) {
        options.augment = endless[i];
        assert_ok(dcn_teacher_cache_create(&options, &cache));
        assert_null(cache);
        assert_string_equal(last_note,
                            "the teacher is asked in every step: cutout and mixup make more of a sample than can be "
                            "remembered");
    }
    options = plain();
    options.limit = BYTES;
    assert_ok(dcn_teacher_cache_create(&options, &cache));
    assert_null(cache); /* the rows' names take room, too */
    assert_int_equal(n_notes, DCN_COUNT(endless) + 1);
    assert_non_null(strstr(last_note, "MiB, more than teacher_cache's 0.0"));
    options.augment.shift = 1;
    options.limit = 9 * (BYTES + 9 * COUNT);
    dcn_teacher_cache_destroy(open_cache(&options));
    options.limit--;
    assert_ok(dcn_teacher_cache_create(&options, &cache));
    assert_null(cache);
    assert_false(dcn_file_exists(FOLDER));
}

/* Breaks when the folder outgrows the limit, or when what is in use goes before what is not. */
static void test_the_folder_keeps_its_limit(void **state)
{
    (void)state;
    float logits[COUNT * CLASSES];
    char first[512], paths[4][512];
    dcn_teacher_cache_options options = plain(), flipped = plain();
    options.limit = 3 * (int64_t)(HEADER + COUNT * 8 + BYTES);
    flipped.limit = options.limit;
    flipped.augment.flip = true;
    assert_int_equal(visit(&options, 0, logits), COUNT);
    only_file(first);
    assert_int_equal(visit(&flipped, 0, logits), COUNT);
    const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    int32_t count = list_files(paths, 4);
    assert_int_equal(count, 2);
    for (int32_t i = 0; i < count; i++)
        assert_int_equal(utimensat(0, paths[i], long_ago, 0), 0);
    assert_int_equal(visit(&options, 0, logits), 0); /* used: young again */
    flipped.augment.shift = 1;
    flipped.limit = 18 * (int64_t)(9 * COUNT + BYTES); /* the least that lets it be */
    assert_int_equal(visit(&flipped, 0, logits), COUNT);
    assert_int_equal(list_files(paths, 4), 3);
    options.limit = 2 * (int64_t)(HEADER + COUNT * 8 + BYTES);
    options.seed = 1;
    decant_model *other = make_model(&problem, LINEAR, 5);
    options.teacher = other;
    for (int32_t i = 0; i < 3; i++)
        if (strcmp(paths[i], first) != 0) assert_int_equal(utimensat(0, paths[i], long_ago, 0), 0);
    assert_int_equal(visit(&options, 0, logits), COUNT);
    assert_int_equal(list_files(paths, 4), 2);
    assert_true(dcn_file_exists(first));
    assert_int_equal(n_notes, 0);
    dcn_model_destroy(other);
}

/* Breaks when something in the folder that is no file, though it is called like one, stands in the way for good. */
static void test_what_is_no_file_takes_no_room(void **state)
{
    (void)state;
    float logits[COUNT * CLASSES];
    char paths[4][512];
    dcn_teacher_cache_options options = plain();
    options.limit = 9 * COUNT + (int64_t)BYTES; /* a second file has no room beside the first */
    assert_int_equal(system("mkdir -p '" FOLDER "/odd.logits'"), 0);
    assert_int_equal(visit(&options, 0, logits), COUNT);
    decant_model *other = make_model(&problem, LINEAR, 5);
    options.teacher = other;
    assert_int_equal(visit(&options, 0, logits), COUNT);
    assert_int_equal(n_notes, 0);
    assert_int_equal(visit(&options, 0, logits), 0);
    assert_int_equal(list_files(paths, 4), 2); /* with the folder */
    dcn_model_destroy(other);
}

/* Breaks when a disk that is full, or a folder that is not ours, fails the run or leaves half a file. */
static void test_a_cache_that_cannot_be_written(void **state)
{
    (void)state;
    dcn_teacher_cache_options options = plain();
    float expected[COUNT * CLASSES], logits[COUNT * CLASSES];
    char path[1][512];
    expect(options, 0, expected);
    for (int64_t nth = 1; nth <= 2; nth++) { /* header, contents */
        n_notes = 0;
        dcn_file_fail_nth_write(nth);
        int64_t computed = visit(&options, 0, logits);
        dcn_file_fail_nth_write(0);
        assert_int_equal(computed, COUNT);
        assert_memory_equal(logits, expected, BYTES);
        assert_int_equal(n_notes, 1);
        assert_non_null(strstr(last_note, "cannot be written"));
        assert_int_equal(list_files(path, 1), 0);
    }
    assert_ok(dcn_file_write(FOLDER "/file", "x", 1));
    options.folder = FOLDER "/file/below";
    n_notes = 0;
    assert_int_equal(visit(&options, 0, logits), COUNT);
    assert_memory_equal(logits, expected, BYTES);
    assert_int_equal(n_notes, 1);
}

/* Breaks when a folder that can only be read (another user's, a snapshot) is of no use. Root may write anywhere, so it
 * sees only that reading works. */
static void test_a_folder_that_can_only_be_read(void **state)
{
    (void)state;
    const dcn_teacher_cache_options options = moving();
    float expected[COUNT * CLASSES], logits[COUNT * CLASSES];
    assert_int_equal(visit(&options, 0, expected), COUNT);
    assert_int_equal(chmod(FOLDER, 0555), 0);
    int64_t same = visit(&options, 0, logits);
    assert_memory_equal(logits, expected, BYTES);
    int64_t more = visit(&options, 1, logits);
    assert_int_equal(chmod(FOLDER, 0755), 0);
    assert_int_equal(same, 0);
    assert_true(more > 0);
    assert_int_equal(n_notes, geteuid() == 0 ? 0 : 1);
}

typedef struct worker {
    pthread_t thread;
    dcn_teacher_cache_options options;
    dcn_device *device;
    int64_t first_epoch;
    float logits[COUNT * CLASSES]; /* of epoch 3 */
    decant_status status;
} worker;

static void *work(void *context)
{
    worker *mine = context;
    dcn_teacher_cache *cache = NULL;
    mine->status = dcn_teacher_cache_create(&mine->options, &cache);
    for (int64_t i = 0; i < 4 && mine->status == DECANT_OK; i++) {
        mine->status = dcn_teacher_cache_fill(cache, (mine->first_epoch + i) % 4);
        if (mine->status == DECANT_OK) mine->status = dcn_teacher_cache_save(cache);
    }
    if (mine->status == DECANT_OK) mine->status = dcn_teacher_cache_fill(cache, 3);
    if (mine->status == DECANT_OK) dcn_teacher_cache_read(cache, mine->options.indices, COUNT, mine->logits);
    dcn_teacher_cache_destroy(cache);
    return NULL;
}

/* Breaks when those who write at the same time lose or spoil each other's files. */
static void test_many_writers(void **state)
{
    (void)state;
    worker workers[4] = {0};
    float expected[COUNT * CLASSES], logits[COUNT * CLASSES];
    for (size_t i = 0; i < DCN_COUNT(workers); i++) {
        const dcn_device_options device = {.threads = 1};
        assert_ok(dcn_device_open("ref", &device, &workers[i].device));
        workers[i].options = moving();
        workers[i].options.device = workers[i].device;
        workers[i].first_epoch = (int64_t)i;
    }
    for (size_t i = 0; i < DCN_COUNT(workers); i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    for (size_t i = 0; i < DCN_COUNT(workers); i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    expect(workers[0].options, 3, expected);
    for (size_t i = 0; i < DCN_COUNT(workers); i++) {
        assert_int_equal(workers[i].status, DECANT_OK);
        assert_memory_equal(workers[i].logits, expected, BYTES);
    }
    for (int64_t epoch = 0; epoch < 4; epoch++)
        assert_int_equal(visit(&workers[0].options, epoch, logits), 0);
    assert_memory_equal(logits, expected, BYTES);
    assert_int_equal(n_notes, 0);
    for (size_t i = 0; i < DCN_COUNT(workers); i++)
        dcn_device_close(workers[i].device);
}

static void on_asked(void *context, int64_t done, int64_t count)
{
    int64_t *last = context;
    assert_true(done > *last && done <= count);
    assert_int_equal(count, COUNT);
    *last = done;
}

/* Breaks when nobody hears how far the asking is, or it is told backwards. */
static void test_asking_is_told(void **state)
{
    (void)state;
    dcn_teacher_cache_options options = plain();
    float logits[COUNT * CLASSES];
    int64_t last = 0;
    options.context = &last;
    options.on_note = NULL;
    options.on_asked = on_asked;
    assert_int_equal(visit(&options, 0, logits), COUNT);
    assert_true(last >= DCN_TEACHER_BATCH); /* the first batch is told, later ones when a while has passed */
}

static bool stop_now(void *context)
{
    (void)context;
    return true;
}

/* Breaks when asking cannot be stopped, or what was computed by then is lost. */
static void test_stopping(void **state)
{
    (void)state;
    dcn_teacher_cache_options options = plain();
    float expected[COUNT * CLASSES], logits[COUNT * CLASSES];
    expect(options, 0, expected);
    options.stop_requested = stop_now;
    dcn_teacher_cache *cache = open_cache(&options);
    assert_int_equal(dcn_teacher_cache_fill(cache, 0), DECANT_INTERRUPTED);
    dcn_teacher_cache_destroy(cache);
    options.stop_requested = NULL;
    assert_int_equal(visit(&options, 0, logits), COUNT - DCN_TEACHER_BATCH);
    assert_memory_equal(logits, expected, BYTES);
}

/* Breaks when memory that runs out anywhere crashes, leaks, or passes for success. */
static void test_memory_failures(void **state)
{
    (void)state;
    const dcn_teacher_cache_options options = moving();
    int32_t failures = 0;
    for (int64_t nth = 1;; nth += 1 + nth / 8) {
        dcn_teacher_cache *cache = NULL;
        dcn_memory_fail_nth(nth);
        decant_status status = dcn_teacher_cache_create(&options, &cache);
        if (status == DECANT_OK) status = dcn_teacher_cache_fill(cache, nth % 3);
        dcn_memory_fail_nth(0);
        dcn_teacher_cache_destroy(cache);
        if (status == DECANT_OK) break;
        assert_int_equal(status, DECANT_NO_MEMORY);
        failures++;
    }
    assert_true(failures > 10);
    assert_int_equal(n_notes, 0);
}

/* Breaks when a teacher that overflowed is kept, or is noticed only as a bad loss. */
static void test_teachers_that_are_not_finite(void **state)
{
    (void)state;
    decant_model *broken = make_model(&problem, LINEAR, 1);
    char path[1][512];
    for (int32_t v = 0; v < broken->graph->n_values; v++)
        if (broken->data[v] != NULL) broken->data[v][0] = (float)INFINITY;
    dcn_teacher_cache_options options = plain();
    options.teacher = broken;
    dcn_teacher_cache *cache = open_cache(&options);
    assert_int_equal(dcn_teacher_cache_fill(cache, 0), DECANT_NUMERIC);
    assert_non_null(strstr(decant_error_message(), "not finite"));
    dcn_teacher_cache_destroy(cache);
    assert_int_equal(list_files(path, 1), 0);
    dcn_model_destroy(broken);
}

static int open_all(void **state)
{
    *state = &problem;
    open_problem(&problem, "cpu", COUNT, 50);
    problem.teacher = make_model(&problem, CONVOLUTIONAL, 77);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_answers_are_computed_once, empty_folder),
        cmocka_unit_test_setup(test_variants, empty_folder),
        cmocka_unit_test_setup(test_parts_of_the_samples_share, empty_folder),
        cmocka_unit_test_setup(test_nothing_stale_is_used, empty_folder),
        cmocka_unit_test_setup(test_damaged_files_are_made_again, empty_folder),
        cmocka_unit_test_setup(test_other_answers_are_noticed, empty_folder),
        cmocka_unit_test_setup(test_wild_ids_are_stepped_over, empty_folder),
        cmocka_unit_test_setup(test_where_there_is_no_cache, empty_folder),
        cmocka_unit_test_setup(test_the_folder_keeps_its_limit, empty_folder),
        cmocka_unit_test_setup(test_what_is_no_file_takes_no_room, empty_folder),
        cmocka_unit_test_setup(test_a_cache_that_cannot_be_written, empty_folder),
        cmocka_unit_test_setup(test_a_folder_that_can_only_be_read, empty_folder),
        cmocka_unit_test_setup(test_many_writers, empty_folder),
        cmocka_unit_test_setup(test_asking_is_told, empty_folder),
        cmocka_unit_test_setup(test_stopping, empty_folder),
        cmocka_unit_test_setup(test_memory_failures, empty_folder),
        cmocka_unit_test_setup(test_teachers_that_are_not_finite, empty_folder),
    };
    return cmocka_run_group_tests(tests, open_all, close_group);
}
