// The few routines of BLAS and LAPACK that Trimtab uses, as every implementation exports them (OpenBLAS on Linux,
// Accelerate on macOS): column-major, 32-bit integers. Declared here, so that no implementation's header is needed.
#ifndef TRIMTAB_LINEAR_ALGEBRA_H
#define TRIMTAB_LINEAR_ALGEBRA_H

enum { TTColumnMajor = 102, TTNoTranspose = 111, TTTranspose = 112, TTLower = 122, TTNonUnit = 131,
       TTLeft = 141 };

void cblas_dgemm(int order, int transA, int transB, int m, int n, int k, double alpha, const double *a, int lda,
                 const double *b, int ldb, double beta, double *c, int ldc);
void cblas_dsymm(int order, int side, int uplo, int m, int n, double alpha, const double *a, int lda, const double *b,
                 int ldb, double beta, double *c, int ldc);
void cblas_dtrsm(int order, int side, int uplo, int trans, int diag, int m, int n, double alpha, const double *a,
                 int lda, double *b, int ldb);
void cblas_dtrsv(int order, int uplo, int trans, int diag, int n, const double *a, int lda, double *x, int incx);

void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);
void dpotri_(const char *uplo, const int *n, double *a, const int *lda, int *info);

/// One thread a call, for good: callers run several computations side by side, and threads under threads are slower.
void linear_algebra_use_one_thread(void);

#endif
