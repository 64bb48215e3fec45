/* Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011). A decision is a pure function of
 * (seed, purpose, epoch, sample, draw), so results never depend on thread timing or on where a run was resumed. */
#ifndef DCN_BASE_RANDOM_H
#define DCN_BASE_RANDOM_H

#include <stdint.h>

typedef enum dcn_purpose {
    DCN_PURPOSE_INIT = 1, /* parameter initialisation; a = parameter index */
    DCN_PURPOSE_SHUFFLE,  /* order of samples; a = epoch */
    DCN_PURPOSE_AUGMENT,  /* shift, flip, crop, cutout; a = epoch, b = sample index in the data set */
    DCN_PURPOSE_MIXUP,    /* a = epoch, b = batch */
    DCN_PURPOSE_DROPOUT,  /* a = step, b = dropout stream */
    DCN_PURPOSE_SPLIT,    /* validation and pool splits; a = class */
    DCN_PURPOSE_TEST,     /* tests and benches */
    DCN_PURPOSE_PRUNE,    /* random pruning; a = unit */
    DCN_PURPOSE_PROOF     /* samples on which two networks are compared */
} dcn_purpose;

/* One block: 128 random bits from a 64-bit key and a 128-bit counter. */
static inline void dcn_philox(uint64_t key, const uint32_t counter[4], uint32_t ret[4])
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    ret[0] = c0;
    ret[1] = c1;
    ret[2] = c2;
    ret[3] = c3;
}

/* A stream of draws for one decision. The key is the seed; the counter says which decision and how far into it:
 *   counter[0]  block of four draws within the decision: draw / 4
 *   counter[1]  purpose (low 8 bits) | bits 32 to 55 of a (high 24 bits)
 *   counter[2]  bits 0 to 31 of a
 *   counter[3]  b
 * so two decisions never share a block as long as a < 2^56 and neither draws more than 2^34 words. */
typedef struct dcn_random {
    uint64_t seed;
    uint32_t counter[4];
    uint32_t word[4];
    int used; /* words of the current block already handed out; 4 = none left */
} dcn_random;

dcn_random dcn_random_start(uint64_t seed, dcn_purpose purpose, uint64_t a, uint32_t b);
uint32_t dcn_random_u32(dcn_random *random);
uint32_t dcn_random_below(dcn_random *random, uint32_t bound); /* unbiased; bound >= 1 */
double dcn_random_uniform(dcn_random *random);                 /* [0,1), 53 bits */
double dcn_random_normal(dcn_random *random);                  /* Box-Muller, one of the pair */
double dcn_random_beta(dcn_random *random, double alpha);      /* Beta(alpha, alpha), alpha > 0 (mixup) */

#endif
