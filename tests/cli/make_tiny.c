/* Writes the tiny data set for the scripts: make_tiny FOLDER. */
#include "run/tiny.h"

int main(int argc, char **argv)
{
    return argc == 2 && tiny_write(argv[1]) ? 0 : 1;
}
