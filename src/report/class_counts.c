/* Counting in a confusion matrix. */
#include "report/class_counts.h"

#include <math.h>

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : (double)NAN;
}

dcn_class_counts dcn_count_class(const int64_t *confusion, int32_t n_classes, int32_t class)
{
    const int64_t *row = confusion + (int64_t) class * n_classes; /* [n_classes] */
    dcn_class_counts counts = {.right = row[class], .mistaken_for = -1};
    for (int32_t c = 0; c < n_classes; c++) {
        counts.samples += row[c];
        counts.answers += confusion[(int64_t)c * n_classes + class];
        if (c == class || row[c] <= counts.mistaken) continue;
        counts.mistaken = row[c];
        counts.mistaken_for = c;
    }
    counts.recall = share(counts.right, counts.samples);
    counts.precision = share(counts.right, counts.answers);
    counts.f1 = share(2 * counts.right, counts.samples + counts.answers);
    return counts;
}

int32_t dcn_largest_mistakes(const int64_t *confusion, int32_t n_classes, int32_t limit, dcn_mistake *ret_mistakes)
{
    int32_t count = 0;
    for (int32_t truth = 0; truth < n_classes; truth++) {
        for (int32_t answer = 0; answer < n_classes; answer++) {
            int64_t made = confusion[(int64_t)truth * n_classes + answer];
            if (truth == answer || made == 0) continue;
            if (count == limit && made <= ret_mistakes[count - 1].count) continue;
            int32_t at = count < limit ? count++ : count - 1;
            for (; at > 0 && ret_mistakes[at - 1].count < made; at--)
                ret_mistakes[at] = ret_mistakes[at - 1];
            ret_mistakes[at] = (dcn_mistake){truth, answer, made};
        }
    }
    return count;
}
