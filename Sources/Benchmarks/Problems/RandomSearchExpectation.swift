/// What random search is worth on a finite table, exactly.
public enum RandomSearchExpectation {
  /// The expected best of `draws` configurations drawn without replacement from a table with these losses.
  ///
  /// With the losses sorted, E = Σ yₖ [C(N−k, n) − C(N−k−1, n)] / C(N, n). The share of draws that hold none of the first k is
  /// qₖ = C(N−k, n) / C(N, n), with qₖ₊₁ = qₖ (N−k−n) / (N−k), so that no binomial coefficient is ever formed: the recurrence is
  /// exact where logarithms of the gamma function lose digits.
  /// - Parameters:
  ///   - losses: lower is better; NaN counts as worse than any number.
  ///   - draws: at least 1; more draws than losses find the best.
  /// - Returns: the expectation given that not all that is drawn is NaN; NaN without numbers or draws.
  public static func best(ofLosses losses: [Double], draws: Int) -> Double {
    let sorted = losses.filter { !$0.isNaN }.sorted()
    let total = losses.count
    guard draws >= 1, let best = sorted.first else { return .nan }
    guard draws < total else { return best }
    var expectation = 0.0
    var share = 1.0
    for k in 0...min(total - draws, sorted.count - 1) {
      let left = Double(total - k)
      expectation += share * Double(draws) / left * sorted[k]
      share *= (left - Double(draws)) / left
    }
    // What is left is the share of draws that hold nothing but NaN.
    return expectation / (1 - share)
  }
}
