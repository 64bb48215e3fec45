/* The recipes that come with decant, checked whole: with data of the right shape, though it shows nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/folder.h"
#include "decant/decant.h"
#include "tiny.h"

#define FOLDER    TEST_BINARY_DIR "/run_recipes"
#define RECIPES   TEST_SOURCE_DIR "/../recipes"
#define CLASSES   10
#define N_TEST    200
#define N_BATCHES 5
#define N_ROWS    40000

/* Pixels that no other image has. */
static void put_image(FILE *file, uint32_t number, int bytes)
{
    uint8_t pixels[3 * 32 * 32] = {0};
    memcpy(pixels, &number, sizeof number);
    assert_int_equal(fwrite(pixels, 1, (size_t)bytes, file), bytes);
}

static FILE *open_in(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, FOLDER "/%s", folder);
    assert_int_equal(dcn_directory_make(path), DECANT_OK);
    snprintf(path, sizeof path, FOLDER "/%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    return file;
}

static void write_idx(const char *prefix, uint32_t first, uint32_t count)
{
    char name[64];
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", prefix);
    FILE *images = open_in("mnist", name);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", prefix);
    FILE *labels = open_in("mnist", name);
    tiny_put_u32(images, 0x00000803);
    tiny_put_u32(images, count);
    tiny_put_u32(images, 28);
    tiny_put_u32(images, 28);
    tiny_put_u32(labels, 0x00000801);
    tiny_put_u32(labels, count);
    for (uint32_t i = 0; i < count; i++) {
        fputc((int)(i % CLASSES), labels);
        put_image(images, first + i, 28 * 28);
    }
    assert_int_equal(fclose(images), 0);
    assert_int_equal(fclose(labels), 0);
}

static void write_cifar(const char *name, uint32_t first, uint32_t count)
{
    FILE *file = open_in("cifar10", name);
    for (uint32_t i = 0; i < count; i++) {
        fputc((int)(i % CLASSES), file);
        put_image(file, first + i, 3 * 32 * 32);
    }
    assert_int_equal(fclose(file), 0);
}

/* The columns of the published table, which no row has alike twice. */
static void write_airline(void)
{
    static const char *const header =
        ",id,Gender,Customer Type,Age,Type of Travel,Class,Flight Distance,Inflight wifi service,Departure/Arrival "
        "time "
        "convenient,Ease of Online booking,Gate location,Food and drink,Online boarding,Seat comfort,Inflight "
        "entertainment,On-board service,Leg room service,Baggage handling,Checkin service,Inflight service,Cleanliness,"
        "Departure Delay in Minutes,Arrival Delay in Minutes,satisfaction\n";
    static const char *const classes[] = {"Eco", "Eco Plus", "Business"};
    FILE *file = open_in("airline", "train.csv");
    fputs(header, file);
    for (int i = 0; i < N_ROWS; i++)
        fprintf(file, "%d,%d,%s,%s,%d,%s,%s,%d,3,4,3,1,5,3,5,5,4,3,4,4,5,5,%d,%d.0,%s\n", i, i,
                i % 2 == 0 ? "Male" : "Female", i % 3 == 0 ? "Loyal Customer" : "disloyal Customer", 7 + i % 70,
                i % 5 == 0 ? "Personal Travel" : "Business travel", classes[i % 3], i, i % 90, i % 60,
                i % 7 < 4 ? "neutral or dissatisfied" : "satisfied");
    assert_int_equal(fclose(file), 0);
}

static int write_data(void **state)
{
    (void)state;
    write_idx("train", 0, 60000);
    write_idx("t10k", 100000, N_TEST);
    for (uint32_t i = 0; i < N_BATCHES; i++) {
        char name[64];
        snprintf(name, sizeof name, "data_batch_%u.bin", (unsigned)i + 1);
        write_cifar(name, 2000 * i, 2000);
    }
    write_cifar("test_batch.bin", 100000, N_TEST);
    write_airline();
    return setenv("DECANT_DATA", FOLDER, 1);
}

/* Where a recipe's data stands in for the real one, which is larger; NULL: it is found by itself. */
static const char *stand_in(const char *recipe)
{
    if (strncmp(recipe, "airline", 7) == 0) return NULL;
    if (strncmp(recipe, "cifar10", 7) == 0) return "data.source={format: cifar, path: " FOLDER "/cifar10}";
    return "data.source={format: idx, path: " FOLDER "/mnist}"; /* Fashion-MNIST's images are of the same shape */
}

/* Breaks when a recipe of ours names a layer that is not there, exceeds its own budget, or would be warned of. */
static void test_our_recipes_have_no_faults(void **state)
{
    (void)state;
    char **names = NULL;
    int32_t count = 0, n_recipes = 0;
    assert_int_equal(dcn_directory_list(RECIPES, &names, &count), DECANT_OK);
    for (int32_t i = 0; i < count; i++) {
        char path[512];
        decant_recipe *recipe = NULL;
        decant_finding_list *findings = NULL;
        if (strstr(names[i], ".yaml") == NULL) continue;
        snprintf(path, sizeof path, RECIPES "/%s", names[i]);
        const char *const override = stand_in(names[i]);
        assert_int_equal(decant_recipe_load(path, &override, override != NULL, &recipe), DECANT_OK);
        assert_int_equal(decant_recipe_lint(recipe, &findings), DECANT_OK);
        for (int32_t f = 0; f < findings->count; f++) {
            const decant_finding *finding = &findings->items[f];
            const bool meant = strstr(finding->text, "unequal budgets") != NULL; /* more samples are more steps */
            if (finding->severity != DECANT_SEVERITY_NOTE && !meant) fail_msg("%s", finding->text);
        }
        n_recipes++;
        decant_finding_list_destroy(findings);
        decant_recipe_destroy(recipe);
    }
    assert_true(n_recipes > 10);
    dcn_names_free(names, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_our_recipes_have_no_faults)};
    return cmocka_run_group_tests(tests, write_data, NULL);
}
