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
  /// - Returns: NaN without losses or draws, or when the draws may all be NaN.
  public static func best(ofLosses losses: [Double], draws: Int) -> Double {
    guard draws >= 1, !losses.isEmpty else { return .nan }
    let sorted = losses.map { $0.isNaN ? .infinity : $0 }.sorted()
    let total = sorted.count
    guard draws < total else { return sorted[0].isFinite ? sorted[0] : .nan }
    var expectation = 0.0
    var share = 1.0
    for k in 0...(total - draws) {
      let left = Double(total - k)
      let weight = share * Double(draws) / left
      share *= (left - Double(draws)) / left
      if weight == 0 { break }
      guard sorted[k].isFinite else { return .nan }
      expectation += weight * sorted[k]
    }
    return expectation
  }
}
