/* Linkers bind hypot and hypotf to the versions that glibc 2.35 brought, which differ from the older ones in errno only,
 * and nobody reads that here. With these in their place (ld --wrap=hypot), what is built runs with glibc 2.34 too. */
#include <math.h>

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
