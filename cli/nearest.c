/* Edit distance for "did you mean". */
#include "nearest.h"

#include <string.h>

#define LONGEST 32

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

int edit_distance(const char *a, const char *b)
{
    int table[LONGEST + 1][LONGEST + 1]; /* [i][j]: from the first i letters of a to the first j of b */
    int n = smaller((int)strlen(a), LONGEST), m = smaller((int)strlen(b), LONGEST);
    for (int i = 0; i <= n; i++) {
        for (int j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                table[i][j] = i + j;
                continue;
            }
            int best = smaller(table[i - 1][j], table[i][j - 1]) + 1;
            best = smaller(best, table[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = smaller(best, table[i - 2][j - 2] + 1);
            table[i][j] = best;
        }
    }
    return table[n][m];
}

int is_likely_slip(int distance, const char *word)
{
    return distance <= 1 + (int)strlen(word) / 4 && distance < (int)strlen(word);
}
