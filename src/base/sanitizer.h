/* Whether the thread sanitizer watches: it cannot see OpenMP's barriers and would report every parallel loop as a race,
 * so such loops stay on one thread under it. */
#ifndef DCN_BASE_SANITIZER_H
#define DCN_BASE_SANITIZER_H

#if defined(__SANITIZE_THREAD__)
#define DCN_THREAD_SANITIZER 1
#elif defined(__has_feature)
#define DCN_THREAD_SANITIZER __has_feature(thread_sanitizer)
#else
#define DCN_THREAD_SANITIZER 0
#endif

#endif
