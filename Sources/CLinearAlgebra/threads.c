#include "CLinearAlgebra.h"

#ifdef __APPLE__
// Accelerate decides for itself, by the environment at the program's start.
void linear_algebra_use_one_thread(void) {}
#else
void openblas_set_num_threads(int count);
void linear_algebra_use_one_thread(void) { openblas_set_num_threads(1); }
#endif
