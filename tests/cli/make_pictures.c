/* Writes the tiny data set's kind of pictures in the users' forms: make_pictures FOLDER makes
 * FOLDER/pictures/CLASS/N.png of 8x8 grey pixels, and the same as FOLDER/arrays/x_train.npy and y_train.npy; and one
 * coloured picture, FOLDER/colour.png. */
#include <png.h>
#include <string.h>

#include "run/tiny.h"

#define PER_CLASS 40
#define SIDE      TINY_SIDE

static const char *const classes[TINY_CLASSES] = {"bird", "cat", "dog", "fish"};

static void paint(int class, uint32_t *seed, uint8_t pixels[SIDE * SIDE])
{
    for (int i = 0; i < SIDE * SIDE; i++) {
        int corner = i / SIDE / (SIDE / 2) * 2 + i % SIDE / (SIDE / 2);
        pixels[i] = (uint8_t)((corner == class ? 70 : 0) + tiny_random(seed) % 160);
    }
}

static bool write_picture(const char *folder, int class, int number, const uint8_t *pixels)
{
    char path[512];
    png_image image = {.version = PNG_IMAGE_VERSION, .width = SIDE, .height = SIDE, .format = PNG_FORMAT_GRAY};
    snprintf(path, sizeof path, "%s/pictures/%s", folder, classes[class]);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/pictures/%s/%02d.png", folder, classes[class], number);
    return png_image_write_to_file(&image, path, 0, pixels, 0, NULL) != 0;
}

static bool write_colour(const char *folder)
{
    char path[512];
    uint8_t pixels[SIDE * SIDE * 3];
    png_image image = {.version = PNG_IMAGE_VERSION, .width = SIDE, .height = SIDE, .format = PNG_FORMAT_RGB};
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i % 3 * 80 + i);
    snprintf(path, sizeof path, "%s/colour.png", folder);
    return png_image_write_to_file(&image, path, 0, pixels, 0, NULL) != 0;
}

static FILE *start_array(const char *folder, const char *name, const char *type, const char *shape)
{
    char path[512], dict[160];
    snprintf(path, sizeof path, "%s/arrays/%s.npy", folder, name);
    snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    FILE *file = fopen(path, "wb");
    if (file != NULL) fprintf(file, "\x93NUMPY%c%c%c%c%-117s\n", 1, 0, 118, 0, dict);
    return file;
}

int main(int argc, char **argv)
{
    char path[512];
    uint32_t seed = 9;
    if (argc != 2) return 1;
    mkdir(argv[1], 0777);
    snprintf(path, sizeof path, "%s/pictures", argv[1]);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/arrays", argv[1]);
    mkdir(path, 0777);
    FILE *x = start_array(argv[1], "x_train", "|u1", "(160, 8, 8)"),
         *y = start_array(argv[1], "y_train", "|u1", "(160,)");
    if (x == NULL || y == NULL || !write_colour(argv[1])) return 1;
    for (int i = 0; i < PER_CLASS * TINY_CLASSES; i++) {
        uint8_t pixels[SIDE * SIDE];
        int class = i % TINY_CLASSES;
        paint(class, &seed, pixels);
        if (!write_picture(argv[1], class, i / TINY_CLASSES, pixels)) return 1;
        fwrite(pixels, 1, sizeof pixels, x);
        fputc(class, y);
    }
    return fclose(x) != 0 || fclose(y) != 0;
}
