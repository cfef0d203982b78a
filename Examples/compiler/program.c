// The forces between bodies: arithmetic in loops, which compilers treat in different ways.
#include <math.h>
#include <stdio.h>

enum { bodies = 256, steps = 20 };
static double x[bodies][3], v[bodies][3];

int main(void) {
  for (int i = 0; i < bodies; i++)
    for (int k = 0; k < 3; k++) x[i][k] = sin(i * 3 + k);
  for (int step = 0; step < steps; step++) {
    for (int i = 0; i < bodies; i++)
      for (int j = 0; j < bodies; j++) {
        double d[3], square = 1e-3;
        for (int k = 0; k < 3; k++) {
          d[k] = x[j][k] - x[i][k];
          square += d[k] * d[k];
        }
        double pull = 1e-6 / (square * sqrt(square));
        for (int k = 0; k < 3; k++) v[i][k] += pull * d[k];
      }
    for (int i = 0; i < bodies; i++)
      for (int k = 0; k < 3; k++) x[i][k] += v[i][k];
  }
  double sum = 0;
  for (int i = 0; i < bodies; i++) sum += x[i][0];
  printf("%.3f\n", sum);
  return 0;
}
