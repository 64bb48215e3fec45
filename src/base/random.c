/* Draws on top of the Philox block in the header. Integers and uniforms are exact on every machine; normal and beta
 * go through libm's log, cos and exp. */
#include "base/random.h"

#include <math.h>

#define TWO_PI 6.283185307179586476925286766559

dcn_random dcn_random_start(uint64_t seed, dcn_purpose purpose, uint64_t a, uint32_t b)
{
    return (dcn_random){
        .seed = seed,
        .counter = {0, (uint32_t)purpose | (uint32_t)(a >> 32) << 8, (uint32_t)a, b},
        .used = 4,
    };
}

uint32_t dcn_random_u32(dcn_random *random)
{
    if (random->used == 4) {
        dcn_philox(random->seed, random->counter, random->word);
        random->counter[0]++;
        random->used = 0;
    }
    return random->word[random->used++];
}

/* The high word of draw * bound is uniform once the draws whose low word falls into the uneven rest are refused.
 * Source: Lemire, "Fast random integer generation in an interval", 2019. */
uint32_t dcn_random_below(dcn_random *random, uint32_t bound)
{
    uint32_t refuse = (0u - bound) % bound;
    uint64_t product;
    do {
        product = (uint64_t)dcn_random_u32(random) * bound;
    } while ((uint32_t)product < refuse);
    return (uint32_t)(product >> 32);
}

double dcn_random_uniform(dcn_random *random)
{
    uint64_t high = dcn_random_u32(random) >> 5; /* 27 bits */
    uint64_t low = dcn_random_u32(random) >> 6;  /* 26 bits */
    return (double)(high << 26 | low) * 0x1p-53;
}

double dcn_random_normal(dcn_random *random)
{
    double radius = sqrt(-2.0 * log(1.0 - dcn_random_uniform(random))); /* 1 - u is never 0 */
    return radius * cos(TWO_PI * dcn_random_uniform(random));
}

/* log of a Gamma(shape) draw. The logarithm, because for a small shape the draw itself underflows to 0.
 * Source: Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; a shape below 1 is drawn at
 * shape + 1 and scaled by u^(1/shape), as they propose. */
static double log_gamma_draw(dcn_random *random, double shape)
{
    double boost = 0.0;
    if (shape < 1.0) {
        boost = log(1.0 - dcn_random_uniform(random)) / shape;
        shape += 1.0;
    }
    double d = shape - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        double x = dcn_random_normal(random);
        double root = 1.0 + c * x;
        if (root <= 0.0) continue;
        double v = root * root * root;
        double u = 1.0 - dcn_random_uniform(random);
        if (log(u) < 0.5 * x * x + d - d * v + d * log(v)) return log(d * v) + boost;
    }
}

double dcn_random_beta(dcn_random *random, double alpha)
{
    double first = log_gamma_draw(random, alpha);
    double second = log_gamma_draw(random, alpha);
    return 1.0 / (1.0 + exp(second - first)); /* x / (x + y) */
}
