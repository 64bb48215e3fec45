/* The table of published data sets. The checksums are of the unpacked contents. */
#include "data/published.h"

#include <string.h>

#include "base/memory.h"

#define IDX_IMAGES(n) (16 + (int64_t)(n)*28 * 28)
#define IDX_LABELS(n) (8 + (int64_t)(n))
#define CIFAR_BATCH   ((int64_t)10000 * 3073)

static const char *const fashion_mirrors[] = {
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion", NULL};
static const dcn_published_file fashion_files[] = {
    {"train-images-idx3-ubyte.gz", IDX_IMAGES(60000),
     "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
    {"train-labels-idx1-ubyte.gz", IDX_LABELS(60000),
     "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
    {"t10k-images-idx3-ubyte.gz", IDX_IMAGES(10000),
     "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
    {"t10k-labels-idx1-ubyte.gz", IDX_LABELS(10000),
     "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"},
};

static const char *const mnist_mirrors[] = {"https://ossci-datasets.s3.amazonaws.com/mnist",
                                            "https://storage.googleapis.com/cvdf-datasets/mnist",
                                            "https://raw.githubusercontent.com/fgnt/mnist/master", NULL};
static const dcn_published_file mnist_files[] = {
    {"train-images-idx3-ubyte.gz", IDX_IMAGES(60000),
     "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
    {"train-labels-idx1-ubyte.gz", IDX_LABELS(60000),
     "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
    {"t10k-images-idx3-ubyte.gz", IDX_IMAGES(10000),
     "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
    {"t10k-labels-idx1-ubyte.gz", IDX_LABELS(10000),
     "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
};

static const char *const cifar_mirrors[] = {
    "https://www.cs.toronto.edu/~kriz", "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10", NULL};
static const dcn_published_file cifar_files[] = {
    {"data_batch_1.bin", CIFAR_BATCH, "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"},
    {"data_batch_2.bin", CIFAR_BATCH, "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"},
    {"data_batch_3.bin", CIFAR_BATCH, "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"},
    {"data_batch_4.bin", CIFAR_BATCH, "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"},
    {"data_batch_5.bin", CIFAR_BATCH, "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"},
    {"test_batch.bin", CIFAR_BATCH, "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"},
};

static const dcn_published sets[] = {
    {.name = "fashion-mnist", .mirrors = fashion_mirrors, .files = fashion_files, .n_files = 4},
    {.name = "mnist", .mirrors = mnist_mirrors, .files = mnist_files, .n_files = 4},
    {.name = "cifar10",
     .mirrors = cifar_mirrors,
     .files = cifar_files,
     .n_files = 6,
     .archive = "cifar-10-binary.tar.gz",
     .archive_folder = "cifar-10-batches-bin",
     .archive_bytes = 170052171,
     .archive_sha256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
};

const dcn_published *dcn_published_find(const char *name)
{
    for (size_t i = 0; i < DCN_COUNT(sets); i++)
        if (strcmp(sets[i].name, name) == 0) return &sets[i];
    return NULL;
}
