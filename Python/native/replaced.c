/* Functions that take the place of a library's (ld --wrap).
 *
 * What is built with newer system libraries asks for these functions in versions that older ones do not have, though older
 * versions would do. With the first three in their place, it runs with the C and C++ libraries of 2021 (glibc 2.34). */
#include <math.h>
#include <pthread.h>

/* Since glibc 2.35 another version, which differs in errno only; nobody reads that here. */
double __wrap_hypot(double x, double y) {
  double large = fmax(fabs(x), fabs(y));
  double small = fmin(fabs(x), fabs(y));
  if (isinf(x) || isinf(y)) return INFINITY;
  if (isnan(x) || isnan(y)) return NAN;
  if (large == 0) return 0;
  double ratio = small / large;
  return large * sqrt(1 + ratio * ratio);
}

float __wrap_hypotf(float x, float y) {
  if (isinf(x) || isinf(y)) return INFINITY;
  /* Squares of two floats neither overflow nor vanish as doubles. */
  return (float)sqrt((double)x * x + (double)y * y);
}

/* std::condition_variable::wait(std::unique_lock<std::mutex> &), which GCC 12 gave another version. Its ABI fixes that a
 * condition variable and a mutex are those of POSIX threads, and that a lock begins with the mutex's address. */
void __wrap__ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE(pthread_cond_t *variable, pthread_mutex_t **lock) {
  pthread_cond_wait(variable, *lock);
}

/* How many threads OpenBLAS starts when it is loaded. Trimtab calls it from its own threads, so that they would only sit
 * there, after some milliseconds of busy waiting at every start of the program. */
int __wrap_openblas_num_threads_env(void) { return 1; }
