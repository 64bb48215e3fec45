/* What the documents tell users to type: recipes, runs, keys and files of runs that exist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "decant/decant.h"

#define ROOT  TEST_SOURCE_DIR "/.."
#define WORDS 16
#define LINE  1024

static int n_commands, n_paths;

/* A command's words: parted by blanks, '...' being one, a comment, a backquote or the line ending it; a line that ends
 * in a backslash goes on. Returns how many. */
static int split(const char *text, char words[WORDS][LINE])
{
    int count = 0;
    while (count < WORDS) {
        text += strspn(text, " ");
        if (strncmp(text, "\\\n", 2) == 0) {
            text += 2;
            text += strspn(text, " #");
            continue;
        }
        if (text[0] == '#' || strcspn(text, "\n`),;") == 0) break;
        const bool quoted = text[0] == '\'';
        const size_t length = strcspn(text + quoted, quoted ? "'" : " \n`),;");
        snprintf(words[count++], LINE, "%.*s", (int)length, text + quoted);
        text += length + 2 * quoted;
    }
    return count;
}

static bool has_run(const decant_recipe *recipe, const char *name)
{
    for (int32_t i = 0; i < decant_recipe_run_count(recipe); i++)
        if (strcmp(decant_recipe_run_at(recipe, i).name, name) == 0) return true;
    return false;
}

/* recipes/NAME.yaml RUN... -o KEY=VALUE... */
static void check_command(const char *document, const char *text)
{
    char words[WORDS][LINE], path[2 * LINE];
    const char *overrides[WORDS];
    int n_overrides = 0;
    decant_recipe *recipe = NULL;
    const int count = split(text, words);
    assert_true(count < WORDS); /* none was cut off */
    if (strstr(words[0], "NAME") != NULL) return; /* a recipe of the reader's choice */
    for (int i = 1; i < count; i++)
        if (strcmp(words[i - 1], "-o") == 0) overrides[n_overrides++] = words[i];
    snprintf(path, sizeof path, ROOT "/%s", words[0]);
    if (decant_recipe_load(path, overrides, n_overrides, &recipe) != DECANT_OK)
        fail_msg("%s, decant run %s: %s", document, words[0], decant_error_message());
    for (int i = 1; i < count; i++) {
        const bool has_value = strcmp(words[i], "-o") == 0 || strcmp(words[i], "--dir") == 0;
        if (words[i][0] != '-' && !has_run(recipe, words[i]))
            fail_msg("%s: %s has no run '%s'", document, words[0], words[i]);
        i += has_value;
    }
    decant_recipe_destroy(recipe);
    n_commands++;
}

/* Whether `folder` is what a run's results are put into: its name, with -seedN where it has several seeds (* for N:
 * all of them). */
static bool is_folder_of(const decant_run_info *run, const char *folder)
{
    char name[2 * LINE];
    if (run->n_seeds == 1) return strcmp(folder, run->name) == 0;
    snprintf(name, sizeof name, "%s-seed*", run->name);
    bool is = strcmp(folder, name) == 0;
    for (int32_t s = 0; s < run->n_seeds; s++) {
        snprintf(name, sizeof name, "%s-seed%d", run->name, (int)run->seeds[s]);
        is = is || strcmp(folder, name) == 0;
    }
    return is;
}

/* RECIPE/FOLDER, of a recipe that is ours. */
static void check_path(const char *document, const char *text)
{
    char name[LINE], folder[LINE], path[2 * LINE];
    decant_recipe *recipe = NULL;
    const size_t length = strcspn(text, "/ \n`");
    if (text[length] != '/') return;
    snprintf(name, sizeof name, "%.*s", (int)length, text);
    snprintf(folder, sizeof folder, "%.*s", (int)strcspn(text + length + 1, "/ \n`),"), text + length + 1);
    snprintf(path, sizeof path, ROOT "/recipes/%s.yaml", name);
    if (folder[0] == '\0' || !dcn_file_exists(path)) return;
    bool found = false;
    assert_int_equal(decant_recipe_load(path, NULL, 0, &recipe), DECANT_OK);
    for (int32_t i = 0; i < decant_recipe_run_count(recipe); i++) {
        const decant_run_info run = decant_recipe_run_at(recipe, i);
        found = found || is_folder_of(&run, folder);
    }
    decant_recipe_destroy(recipe);
    const char *file = text + length + 1 + strlen(folder);
    if (file[0] == '/' && strncmp(file, "/model.safetensors", 18) != 0 && strncmp(file, "/result.json", 12) != 0)
        fail_msg("%s names runs/%s/%s%.24s, which no run writes", document, name, folder, file);
    if (!found) fail_msg("%s names runs/%s/%s, which no run makes", document, name, folder);
    n_paths++;
}

static void check_document(const char *name)
{
    static const char command[] = "decant run recipes/", place[] = "runs/";
    char path[2 * LINE];
    uint8_t *bytes = NULL;
    size_t length = 0;
    snprintf(path, sizeof path, ROOT "/%s", name);
    assert_int_equal(dcn_file_read(path, 1 << 20, &bytes, &length), DECANT_OK);
    const char *text = (const char *)bytes; /* ends in a 0 */
    for (const char *at = strstr(text, command); at != NULL; at = strstr(at + 1, command))
        check_command(name, at + sizeof command - sizeof "recipes/");
    for (const char *at = strstr(text, place); at != NULL; at = strstr(at + 1, place))
        check_path(name, at + sizeof place - 1);
    dcn_free(bytes);
}

static void check_folder(const char *folder)
{
    char path[2 * LINE], **names = NULL;
    int32_t count = 0;
    snprintf(path, sizeof path, ROOT "/%s", folder);
    assert_int_equal(dcn_directory_list(path, &names, &count), DECANT_OK);
    for (int32_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        check_document(path);
    }
    dcn_names_free(names, count);
}

/* Breaks when a recipe, a run or a key is renamed, or gets other seeds, and a document still has the old one. */
static void test_commands_can_be_typed(void **state)
{
    (void)state;
    check_document("README.md");
    check_document("man/decant.1");
    check_folder("docs");
    check_folder("recipes");
    assert_true(n_commands > 12);
    assert_true(n_paths > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_commands_can_be_typed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
