#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Pearson's chi-square statistic of counts against expected probabilities.
public func chiSquare(_ counts: [Int], probabilities: [Double]) -> Double {
  let total = Double(counts.reduce(0, +))
  return zip(counts, probabilities).reduce(0) { sum, pair in
    let expected = pair.1 * total
    return sum + (Double(pair.0) - expected) * (Double(pair.0) - expected) / expected
  }
}

/// The value that a chi-square statistic exceeds with probability about 3·10⁻⁵ when the probabilities are right.
///
/// Wilson & Hilferty's approximation ("The distribution of chi-square", PNAS 17(12), 1931) at 4 standard deviations.
public func chiSquareLimit(degrees: Int) -> Double {
  let k = Double(degrees)
  let root = 1 - 2 / (9 * k) + 4 * (2 / (9 * k)).squareRoot()
  return k * root * root * root
}
