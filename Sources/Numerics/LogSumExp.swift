#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// ln(exp(a) + exp(b)) without overflow; −∞ stands for a sum of nothing.
@inlinable
public func logAddExp(_ a: Double, _ b: Double) -> Double {
  // Equal infinities would give NaN below.
  if a == b { return a + 0.693147180559945309 }
  let larger = a > b ? a : b
  let smaller = a > b ? b : a
  return larger + log1p(exp(smaller - larger))
}

/// ln(Σ exp(value)) without overflow, in two passes and without allocation; −∞ for no values.
@inlinable
public func logSumExp(_ values: some Collection<Double>) -> Double {
  var largest = -Double.infinity
  for value in values {
    if value.isNaN { return value }
    if value > largest { largest = value }
  }
  guard largest.isFinite else { return largest }
  var sum = 0.0
  for value in values { sum += exp(value - largest) }
  return largest + log(sum)
}
