/* Tables as data sets: what is learnt comes from the training rows alone, parts are disjoint and stratified, and rows
 * read later are encoded as those were. */
#include "data/fixture.h"

#include "base/text.h"
#include "data/csv_dataset.h"
#include "data/encoder.h"
#include "data/split.h"

static void parse(const char *text, dcn_csv *csv)
{
    uint8_t *copy = NULL;
    assert_ok(dcn_new(strlen(text) + 1, (void **)&copy));
    memcpy(copy, text, strlen(text));
    assert_ok(dcn_csv_parse("t.csv", copy, strlen(text), csv));
}

static const int32_t all_rows[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

/* Learns from the first `count` rows. */
static decant_status fit(const dcn_csv *csv, int64_t count, const dcn_column_choice *choices, int32_t n_choices,
                         dcn_encoder **ret_encoder)
{
    dcn_encoder *encoder = NULL;
    assert_ok(dcn_encoder_classes(csv, "y", &encoder));
    decant_status status = dcn_encoder_fit(encoder, csv, all_rows, count, choices, n_choices);
    if (status == DECANT_OK)
        *ret_encoder = encoder;
    else
        dcn_encoder_destroy(encoder);
    return status;
}

static void assert_inputs(const dcn_encoder *encoder, const dcn_csv *csv, int64_t row, const float *expected)
{
    float inputs[16];
    const int32_t rows[] = {(int32_t)row};
    assert_in_range(encoder->n_inputs, 1, 16);
    assert_ok(dcn_encoder_rows(encoder, csv, rows, 1, inputs));
    for (int32_t i = 0; i < encoder->n_inputs; i++)
        if (inputs[i] != expected[i])
            fail_msg("row %d, input %d is %g, not %g", (int)row, i, (double)inputs[i], (double)expected[i]);
}

static const char mixed_table[] = "id,age,sex,class,y\n"
                                  "1,10,m,eco,no\n"
                                  "2,,f,business,yes\n"
                                  "3,30,m,,no\n"
                                  "4,20,,plus,yes\n"
                                  "5,50,m,eco,no\n"
                                  "6,1000,x,first,yes\n";

/* Breaks when types, categories or fill values are found otherwise, or from rows that are not to be learnt from: the
 * last row would change every one of them. */
static void test_learns_from_the_given_rows(void **state)
{
    (void)state;
    dcn_csv csv = {0};
    dcn_encoder *encoder = NULL;
    const dcn_column_choice drop[] = {{"id", DCN_COLUMN_DROPPED}};
    parse(mixed_table, &csv);
    assert_ok(fit(&csv, 5, drop, 1, &encoder));
    assert_int_equal(encoder->n_columns, 3);
    assert_int_equal(encoder->n_inputs, 1 + 1 + 3);
    assert_int_equal(encoder->n_filled, 3);
    assert_string_equal(encoder->classes[0], "no");
    assert_true(encoder->columns[0].fill == 25); /* of 10 20 30 50 */
    assert_int_equal(encoder->columns[1].n_categories, 2);
    assert_inputs(encoder, &csv, 0, (const float[]){10, 1, 0, 1, 0});
    assert_inputs(encoder, &csv, 1, (const float[]){25, 0, 1, 0, 0});
    assert_inputs(encoder, &csv, 2, (const float[]){30, 1, 0, 1, 0}); /* "eco" is the commonest */
    assert_inputs(encoder, &csv, 3, (const float[]){20, 1, 0, 0, 1});
    float inputs[8];
    assert_refused(dcn_encoder_rows(encoder, &csv, all_rows + 5, 1, inputs), DECANT_FORMAT,
                   "column 'sex': 'x' is none of the 2 categories");
    assert_string_equal(decant_error_place(), "t.csv:7:8");
    dcn_encoder_destroy(encoder);
    dcn_csv_finish(&csv);
}

/* Breaks when columns are found by position, a missing one passes, or an empty cell is refused where training had none.
 */
static void test_later_rows_are_read_by_name(void **state)
{
    (void)state;
    dcn_csv csv = {0}, later = {0};
    dcn_encoder *encoder = NULL;
    float inputs[8];
    parse("a,b,y\n1,u,p\n2,v,q\n3,v,p\n", &csv);
    assert_ok(fit(&csv, 3, NULL, 0, &encoder));
    parse("more,b,a\n9,u,7\n9,,\n9,v,seven\n", &later);
    assert_inputs(encoder, &later, 0, (const float[]){7, 0});
    assert_inputs(encoder, &later, 1, (const float[]){2, 1});
    assert_refused(dcn_encoder_rows(encoder, &later, NULL, 3, inputs), DECANT_FORMAT,
                   "column 'a': 'seven' is no number");
    assert_string_equal(decant_error_place(), "t.csv:4:5");
    dcn_csv_finish(&later);
    parse("A,b\n1,u\n", &later);
    assert_refused(dcn_encoder_rows(encoder, &later, NULL, 1, inputs), DECANT_USAGE,
                   "no column 'a'; did you mean 'A'?");
    dcn_csv_finish(&later);
    dcn_encoder_destroy(encoder);
    dcn_csv_finish(&csv);
}

/* Breaks when a declaration is not kept, or one that cannot be kept passes. */
static void test_declared_columns(void **state)
{
    (void)state;
    dcn_csv csv = {0};
    dcn_encoder *encoder = NULL;
    const dcn_column_choice category[] = {{"a", DCN_COLUMN_CATEGORY}}, numeric[] = {{"b", DCN_COLUMN_NUMERIC}},
                            unknown[] = {{"c", DCN_COLUMN_DROPPED}}, target[] = {{"y", DCN_COLUMN_NUMERIC}},
                            both[] = {{"a", DCN_COLUMN_DROPPED}, {"b", DCN_COLUMN_DROPPED}};
    parse("a,b,y\n1,u,p\n2,v,q\n3,w,p\n", &csv);
    assert_ok(fit(&csv, 3, category, 1, &encoder));
    assert_int_equal(encoder->n_inputs, 6);
    dcn_encoder_destroy(encoder);
    assert_refused(fit(&csv, 3, numeric, 1, &encoder), DECANT_FORMAT, "column 'b': 'u' is no number");
    assert_string_equal(decant_error_place(), "t.csv:2:3");
    assert_refused(fit(&csv, 3, unknown, 1, &encoder), DECANT_USAGE, "no column 'c'");
    assert_refused(fit(&csv, 3, target, 1, &encoder), DECANT_USAGE, "'y' is the target, which is no input");
    assert_refused(fit(&csv, 3, both, 2, &encoder), DECANT_FORMAT, "no column but the target");
    dcn_csv_finish(&csv);
}

static void assert_unlearnable(const char *text, const char *words, const char *place)
{
    dcn_csv csv = {0};
    dcn_encoder *encoder = NULL;
    parse(text, &csv);
    decant_status status = dcn_encoder_classes(&csv, "y", &encoder);
    if (status == DECANT_OK) status = dcn_encoder_fit(encoder, &csv, all_rows, csv.n_rows, NULL, 0);
    assert_refused(status, DECANT_FORMAT, words);
    assert_string_equal(decant_error_place(), place);
    dcn_encoder_destroy(encoder);
    dcn_csv_finish(&csv);
}

/* Breaks when a slip among numbers turns a column into categories, or there is nothing to learn and nobody says so. */
static void test_what_cannot_be_learnt(void **state)
{
    (void)state;
    assert_unlearnable("a,y\n1,p\n2,q\nO3,p\n", "'O3' is no number, but most of the column are", "t.csv:4:1");
    assert_unlearnable("a,y\n1,p\n2,q\n1e39,p\n", "'1e39' is larger than f32 holds (3.4e38); rescale", "t.csv:4:1");
    assert_unlearnable("0123456789012345678901234567890123456789012345678901234567890123456789,y\n1,p\nx,q\n2,p\n",
                       "column '012345678901234567890123456789012345678901234567890123456789...': 'x' is no number",
                       "t.csv:3:1");
    assert_unlearnable("a,b,y\n1,,p\n2,,q\n", "column 'b': no training row has a value", "t.csv:1:3");
    assert_unlearnable("a,y\n1,p\n2,\n", "the target is empty", "t.csv:3:3");
    assert_unlearnable("a,y\n1,p\n2,p\n", "every row has the class 'p'", "t.csv:2:3");
}

/* Breaks when a name or an account number becomes thousands of inputs. */
static void test_too_many_categories(void **state)
{
    (void)state;
    dcn_text text = {0};
    dcn_csv csv = {0};
    dcn_encoder *encoder = NULL;
    int32_t rows[1100];
    assert_ok(dcn_text_add(&text, "a,y\n"));
    for (int i = 0; i < 1100; i++) {
        assert_ok(dcn_text_add(&text, "n%d,%d\n", i, i % 2));
        rows[i] = i;
    }
    parse(text.data, &csv);
    assert_ok(dcn_encoder_classes(&csv, "y", &encoder));
    assert_refused(dcn_encoder_fit(encoder, &csv, rows, 1100, NULL, 0), DECANT_FORMAT, "more than 1024 categories");
    assert_string_equal(decant_error_place(), "t.csv:1026:1");
    dcn_encoder_destroy(encoder);
    encoder = NULL;
    assert_refused(dcn_encoder_classes(&csv, "a", &encoder), DECANT_FORMAT, "a target names classes");
    dcn_csv_finish(&csv);
    dcn_text_finish(&text);
}

/* Breaks when the model file does not bring back the same encoder, or a damaged one is believed. */
static void test_json_brings_it_back(void **state)
{
    (void)state;
    dcn_csv csv = {0};
    dcn_encoder *encoder = NULL, *back = NULL;
    char *text = NULL, *again = NULL;
    parse("a,b,y\n0.1,\"q\"\"\xC3\xA9\",p\n2,v,q\n1e-7,w,p\n", &csv);
    assert_ok(fit(&csv, 3, NULL, 0, &encoder));
    assert_ok(dcn_encoder_to_json(encoder, &text));
    assert_ok(dcn_encoder_from_json(text, &back));
    assert_ok(dcn_encoder_to_json(back, &again));
    assert_string_equal(text, again);
    assert_true(back->columns[0].fill == encoder->columns[0].fill);
    assert_inputs(back, &csv, 0, (const float[]){0.1f, 1, 0, 0});
    dcn_encoder_destroy(back);

    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"target\":\"y\",\"classes\":[\"b\",\"a\"],\"columns\":[],\"file\":{}}",
        "{\"target\":\"y\",\"classes\":[\"a\",\"b\"],\"columns\":[{\"name\":\"c\",\"type\":\"numeric\",\"fill\":\"x\"}]"
        "}",
        "{\"target\":\"y\",\"classes\":[\"a\",\"b\"],\"columns\":[{\"name\":\"c\",\"type\":\"category\",\"fill\":\"x\","
        "\"categories\":[\"y\"]}]}",
        "{\"target\":\"y\",\"classes\":[\"a\",\"b\"],\"columns\":[{\"name\":\"c\",\"type\":\"numeric\",\"fill\":1}],"
        "\"file\":{\"hash\":\"\",\"test\":2,\"unlabelled\":0,\"seed\":0}}"};
    for (size_t i = 0; i < DCN_COUNT(bad); i++)
        assert_refused(dcn_encoder_from_json(bad[i], &back), DECANT_FORMAT, "is damaged");
    for (size_t cut = strlen(text); cut-- > 0;) {
        text[cut] = '\0';
        assert_int_equal(dcn_encoder_from_json(text, &back), DECANT_FORMAT);
    }
    dcn_free(text);
    dcn_free(again);
    dcn_encoder_destroy(encoder);
    dcn_csv_finish(&csv);
}

/* --- data sets --- */

/* 100 rows, a quarter of class "yes"; column a is the row's number. Text of its own memory. */
static char *make_rows(void)
{
    dcn_text text = {0};
    char *taken = NULL;
    assert_ok(dcn_text_add(&text, "a,b,y\n"));
    for (int i = 0; i < 100; i++)
        assert_ok(dcn_text_add(&text, "%d,%s,%s\n", i, i % 2 ? "u" : "v", i % 4 ? "no" : "yes"));
    assert_ok(dcn_text_take(&text, &taken));
    return taken;
}

/* The first `count` samples of a part. */
static void assert_labelled(const dcn_samples *part, int64_t count, int64_t yes, int *seen)
{
    int64_t found = 0;
    const float *inputs = (const float *)(const void *)part->data; /* [count, 2] */
    for (int64_t i = 0; i < count; i++) {
        int row = (int)inputs[2 * i];
        found += part->labels[i];
        assert_int_equal(part->labels[i], row % 4 == 0);
        assert_true(inputs[2 * i + 1] == (row % 2 ? 0.0f : 1.0f));
        assert_int_equal(seen[row]++, 0);
    }
    assert_int_equal(found, yes);
}

/* The samples behind them: encoded, but without labels, and of both classes in proportion. */
static void assert_pool(const dcn_samples *part, int64_t first, int64_t count, int64_t yes, int *seen)
{
    int64_t found = 0;
    const float *inputs = (const float *)(const void *)part->data; /* [first + count, 2] */
    assert_int_equal(part->count, first + count);
    for (int64_t i = first; i < part->count; i++) {
        int row = (int)inputs[2 * i];
        found += row % 4 == 0;
        assert_int_equal(part->labels[i], DCN_NO_LABEL);
        assert_true(inputs[2 * i + 1] == (row % 2 ? 0.0f : 1.0f));
        assert_int_equal(seen[row]++, 0);
    }
    assert_int_equal(found, yes);
}

/* Breaks when parts share a row, a class gets another share, the seed changes nothing, or a fill value knows of rows
 * that validation will hold out. */
static void test_parts_are_disjoint_and_stratified(void **state)
{
    (void)state;
    char *text = make_rows();
    dcn_csv csv = {0};
    decant_dataset *dataset = NULL, *other = NULL;
    dcn_split split = {0};
    int seen[100] = {0};
    dcn_csv_options options = {
        .path = "t.csv", .target = "y", .test = 0.25, .unlabelled = 0.2, .validation = 20, .seed = 3};
    parse(text, &csv);
    assert_ok(dcn_csv_build(&options, &csv, NULL, NULL, &dataset));
    assert_int_equal(dataset->n_unlabelled, 20);
    assert_string_equal(dataset->class_names[1], "yes");
    assert_labelled(&dataset->train, 60, 15, seen);
    assert_pool(&dataset->train, 60, 20, 5, seen);
    assert_int_equal(dataset->test.count, 20);
    assert_labelled(&dataset->test, 20, 5, seen);

    assert_ok(dcn_split_make(dataset, 20, 3, &split));
    float fit_rows[40], middle = 0;
    for (int i = 0; i < 40; i++)
        fit_rows[i] = ((const float *)(const void *)dataset->train.data)[2 * split.train[i]]; /* rising, as rows are */
    middle = (fit_rows[19] + fit_rows[20]) / 2;
    assert_true(dataset->encoder->columns[0].fill == middle);
    assert_int_equal(split.n_train, 40);
    assert_int_equal(split.n_unlabelled, 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(split.unlabelled[i], 60 + i);
    dcn_split_finish(&split);

    options.seed = 4;
    assert_ok(dcn_csv_build(&options, &csv, NULL, NULL, &other));
    assert_false(dcn_hash_equal(other->hash, dataset->hash));
    dcn_dataset_destroy(other);
    dcn_dataset_destroy(dataset);
    dcn_csv_finish(&csv);
    dcn_free(text);
}

static void assert_unbuildable(const char *text, const dcn_csv_options *options, const char *words, const char *place)
{
    dcn_csv csv = {0};
    decant_dataset *dataset = NULL;
    parse(text, &csv);
    assert_refused(dcn_csv_build(options, &csv, NULL, NULL, &dataset), DECANT_FORMAT, words);
    if (place != NULL) assert_string_equal(decant_error_place(), place);
    dcn_csv_finish(&csv);
}

/* Breaks when a class that can be learnt or tested only, not both, passes. */
static void test_rare_classes(void **state)
{
    (void)state;
    const dcn_csv_options half = {.path = "t.csv", .target = "y", .test = 0.5};
    assert_unbuildable("a,y\n1,p\n2,p\n3,q\n4,p\n", &half, "this is the only row of the class 'q'", "t.csv:4:3");
    const dcn_csv_options most = {.path = "t.csv", .target = "y", .test = 0.8};
    assert_unbuildable("a,y\n1,p\n2,p\n3,q\n4,q\n5,p\n6,p\n7,p\n", &most, "of the class '", NULL);
    const dcn_csv_options all = {.path = "t.csv", .target = "y", .test = 0.6, .unlabelled = 0.5};
    assert_unbuildable("a,y\n1,p\n2,q\n", &all, "2 samples are too few", NULL);
}

/* Breaks when a second file is read by other categories, or its rows do not become the test part. */
static void test_second_file(void **state)
{
    (void)state;
    dcn_csv csv = {0}, test = {0};
    decant_dataset *dataset = NULL;
    const dcn_csv_options options = {.path = "t.csv", .target = "y", .test_path = "u.csv"};
    parse("a,b,y\n1,u,p\n2,v,q\n3,w,p\n", &csv);
    parse("y,b,a\nq,w,9\n", &test);
    assert_ok(dcn_csv_build(&options, &csv, &test, NULL, &dataset));
    assert_int_equal(dataset->train.count, 3);
    assert_int_equal(dataset->test.count, 1);
    assert_int_equal(dataset->test.labels[0], 1);
    const float expected[] = {9, 0, 0, 1};
    assert_memory_equal(dataset->test.data, expected, sizeof expected);
    dcn_dataset_destroy(dataset);
    dcn_csv_finish(&test);
    parse("y,b,a\nr,w,9\n", &test);
    assert_refused(dcn_csv_build(&options, &csv, &test, NULL, &dataset), DECANT_FORMAT, "'r' is none of the 2 classes");
    dcn_csv_finish(&test);
    dcn_csv_finish(&csv);
}

/* Breaks when a pool of its own file teaches the encoder, is not behind the training rows, or must have a target. */
static void test_unlabelled_file(void **state)
{
    (void)state;
    dcn_csv csv = {0}, pool = {0};
    decant_dataset *dataset = NULL;
    dcn_split split = {0};
    const dcn_csv_options options = {
        .path = "t.csv", .target = "y", .test = 0.3, .unlabelled_path = "u.csv", .validation = 1};
    parse("a,b,y\n1,u,p\n2,v,q\n3,u,p\n4,v,q\n5,u,p\n6,v,q\n", &csv);
    parse("b,a\nu,100\nv,\n", &pool);
    assert_ok(dcn_csv_build(&options, &csv, NULL, &pool, &dataset));
    assert_int_equal(dataset->train.count, 6);
    assert_int_equal(dataset->n_unlabelled, 2);
    assert_string_equal(dataset->encoder->parting.unlabelled_path, "u.csv");
    const float fill = dataset->encoder->columns[0].fill;
    assert_true(fill < 7); /* the 100 is not among what it was made from */
    const float expected[] = {100, 0, fill, 1};
    assert_memory_equal((const float *)(const void *)dataset->train.data + 8, expected, sizeof expected);
    assert_ok(dcn_split_make(dataset, 1, 0, &split));
    assert_int_equal(split.n_train, 3);
    assert_int_equal(split.n_unlabelled, 2);
    assert_int_equal(split.unlabelled[0], 4);
    dcn_split_finish(&split);
    dcn_dataset_destroy(dataset);
    dcn_csv_finish(&pool);
    parse("b,a\nw,1\n", &pool);
    assert_refused(dcn_csv_build(&options, &csv, NULL, &pool, &dataset), DECANT_FORMAT, "'w'");
    dcn_csv_finish(&pool);
    dcn_csv_finish(&csv);
}

/* Breaks when the training file is not parted again as it was, or another file is, or rows without a target get one. */
static void test_rows_for_a_finished_encoder(void **state)
{
    (void)state;
    char folder[256], path[512], other[512], *text = make_rows();
    decant_dataset *dataset = NULL, *again = NULL;
    make_folder(folder, "table");
    write_file(folder, "t.csv", text, strlen(text));
    write_file(folder, "u.csv", "b,a\nu,1\nv,2\n", 12);
    snprintf(path, sizeof path, "%s/t.csv", folder);
    snprintf(other, sizeof other, "%s/u.csv", folder);
    const dcn_csv_options options = {.path = path, .target = "y", .test = 0.25, .unlabelled = 0.2, .seed = 9};
    assert_ok(dcn_csv_open(&options, &dataset));
    assert_ok(dcn_csv_open_rows(dataset->encoder, path, false, &again));
    assert_true(dcn_hash_equal(dataset->hash, again->hash));
    dcn_dataset_destroy(again);
    assert_ok(dcn_csv_open_inputs(dataset->encoder, path, 0, 0, &again));
    assert_int_equal(again->test.count, 100);
    assert_int_equal(again->test.labels[4], 1);
    dcn_dataset_destroy(again);
    assert_ok(dcn_csv_open_inputs(dataset->encoder, other, 0, 0, &again));
    assert_int_equal(again->test.count, 2);
    assert_null(again->test.labels);
    dcn_dataset_destroy(again);
    assert_refused(dcn_csv_open_rows(dataset->encoder, other, false, &again), DECANT_USAGE, "no column 'y'");
    assert_refused(dcn_csv_open_rows(dataset->encoder, "no/such.csv", false, &again), DECANT_NOT_FOUND,
                   "there is no file no/such.csv");
    setenv("DECANT_DATA", "/d", 1); /* shorter than what is looked for */
    assert_refused(dcn_csv_open_rows(dataset->encoder, "no/such.csv", false, &again), DECANT_NOT_FOUND,
                   "there is no file no/such.csv, nor /d/no/such.csv");
    unsetenv("DECANT_DATA");
    dcn_dataset_destroy(dataset);
    remove_folder(folder);
    dcn_free(text);
}

/* Breaks when a copy of the training file is all test because its bytes are others: training rows would be tested. */
static void test_a_copy_is_no_test(void **state)
{
    (void)state;
    static const char table[] = "a,b,y\nu,1,p\nv,2,q\nu,3,p\nu,4,q\nu,5,p\nv,6,q\nv,7,p\nu,8,q\n";
    static const char turned[] =
        "y,b,a\r\nq,8,u\r\np,1,u\r\nq,2,\"v\"\r\nq,4,u\r\np,5,u\r\nq,6,v\r\np,7,v\r\np,3,u\r\n";
    static const char rewritten[] =
        "y,a,b,more\r\np,u,1,0\r\nq,v,2,0\r\np,u,3,0\r\nq,\"u\",4,0\r\np,u,5,0\r\nq,v,6,0\r\np,v,7,0\r\nq,u,8,0\r\n";
    static const char fewer[] = "a,b,y\nu,1,p\nv,2,q\n";
    char folder[256], path[512];
    char *json = NULL;
    decant_dataset *dataset = NULL, *again = NULL;
    dcn_encoder *encoder = NULL;
    make_folder(folder, "copies");
    write_file(folder, "t.csv", table, sizeof table - 1);
    write_file(folder, "turned.csv", turned, sizeof turned - 1);
    write_file(folder, "fewer.csv", fewer, sizeof fewer - 1);
    write_file(folder, "rewritten.csv", rewritten, sizeof rewritten - 1);
    snprintf(path, sizeof path, "%s/t.csv", folder);
    const dcn_csv_options options = {.path = path, .target = "y", .test = 0.25, .seed = 9};
    assert_ok(dcn_csv_open(&options, &dataset));
    assert_ok(dcn_encoder_to_json(dataset->encoder, &json));
    assert_ok(dcn_encoder_from_json(json, &encoder));
    snprintf(path, sizeof path, "%s/turned.csv", folder);
    assert_refused(dcn_csv_open_rows(encoder, path, false, &again), DECANT_STALE, "the very rows that the model was");
    snprintf(path, sizeof path, "%s/rewritten.csv", folder);
    assert_ok(dcn_csv_open_rows(encoder, path, false, &again));
    assert_true(dcn_hash_equal(dataset->hash, again->hash)); /* parted as it was */
    dcn_dataset_destroy(again);
    snprintf(path, sizeof path, "%s/fewer.csv", folder);
    assert_ok(dcn_csv_open_rows(encoder, path, false, &again));
    assert_int_equal(again->test.count, 2);
    dcn_dataset_destroy(again);
    dcn_dataset_destroy(dataset);
    dcn_encoder_destroy(encoder);
    dcn_free(json);
    remove_folder(folder);
}

/* Breaks when a failing allocation leaks, or is not told. */
static void test_allocations_fail(void **state)
{
    (void)state;
    dcn_csv csv = {0};
    const dcn_csv_options options = {.path = "t.csv", .target = "y", .test = 0.4};
    parse("a,b,y\n1,u,p\n2,v,q\n3,w,p\n4,u,q\n5,v,p\n6,w,q\n7,u,p\n8,v,q\n9,w,p\n", &csv);
    for (int64_t nth = 1;; nth++) {
        decant_dataset *dataset = NULL;
        dcn_memory_fail_nth(nth);
        decant_status status = dcn_csv_build(&options, &csv, NULL, NULL, &dataset);
        dcn_memory_fail_nth(0);
        dcn_dataset_destroy(dataset);
        if (status == DECANT_OK) break;
        assert_int_equal(status, DECANT_NO_MEMORY);
        assert_true(nth < 500);
    }
    dcn_csv_finish(&csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learns_from_the_given_rows),
        cmocka_unit_test(test_later_rows_are_read_by_name),
        cmocka_unit_test(test_declared_columns),
        cmocka_unit_test(test_what_cannot_be_learnt),
        cmocka_unit_test(test_too_many_categories),
        cmocka_unit_test(test_json_brings_it_back),
        cmocka_unit_test(test_parts_are_disjoint_and_stratified),
        cmocka_unit_test(test_rare_classes),
        cmocka_unit_test(test_second_file),
        cmocka_unit_test(test_unlabelled_file),
        cmocka_unit_test(test_rows_for_a_finished_encoder),
        cmocka_unit_test(test_a_copy_is_no_test),
        cmocka_unit_test(test_allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
