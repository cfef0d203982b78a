import TrimtabNumerics

/// The greatest of several lines aᵢ + bᵢ Z in a standard normal variable Z.
///
/// Source: Frazier, Powell & Dayanik, "The knowledge-gradient policy for correlated normal beliefs", INFORMS Journal on
/// Computing 21, 2009, algorithm 1.
public struct LinearEnvelope: Sendable {
  /// ln(E max(aᵢ + bᵢ Z) − max aᵢ); −∞ when no line overtakes the highest at 0.
  public private(set) var logGain = -Double.infinity
  /// The lines that are the greatest somewhere, from the least Z on, and where each gives way to the next.
  private var lines: [Int] = []
  private var breaks: [Double] = []

  public init(_ intercepts: [Double], _ slopes: [Double]) {
    let order = intercepts.indices.sorted {
      (slopes[$0], intercepts[$0], $0) < (slopes[$1], intercepts[$1], $1)
    }
    for line in order {
      // Of parallel lines the highest, which comes last, is left.
      if let last = lines.last, slopes[last] == slopes[line] { pop() }
      while let last = lines.last {
        let crossing = (intercepts[last] - intercepts[line]) / (slopes[line] - slopes[last])
        if let earlier = breaks.last, crossing <= earlier {
          pop()
        } else {
          breaks.append(crossing)
          break
        }
      }
      lines.append(line)
    }
    let terms = breaks.indices.map {
      _log(slopes[lines[$0 + 1]] - slopes[lines[$0]]) + Improvement.logExpected(-abs(breaks[$0]))
    }
    if !terms.isEmpty { logGain = logSumExp(terms) }
  }

  private mutating func pop() {
    lines.removeLast()
    if !breaks.isEmpty { breaks.removeLast() }
  }

  /// The derivatives of ``logGain`` with respect to the intercepts and slopes of the lines that are on the envelope.
  public var derivatives: [(line: Int, intercept: Double, slope: Double)] {
    guard logGain.isFinite else { return [] }
    return lines.indices.map { place in
      let low = place > 0 ? breaks[place - 1] : -Double.infinity
      let high = place < breaks.count ? breaks[place] : Double.infinity
      let slope =
        _exp(NormalDistribution.logPDF(low) - logGain) - _exp(NormalDistribution.logPDF(high) - logGain)
      let intercept: Double
      if low < 0, high >= 0 {
        // The highest at 0 gains only what it does not have already.
        intercept =
          -_exp(NormalDistribution.logCDF(low) - logGain) - _exp(NormalDistribution.logCDF(-high) - logGain)
      } else {
        intercept = _exp(NormalDistribution.logIntervalMass(low, high) - logGain)
      }
      return (lines[place], intercept, slope)
    }
  }
}
