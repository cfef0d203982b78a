extension GaussianProcess {
  /// A fit from nothing looks at so many observations at most, and a fit from there at twice as many.
  static let coarseLimit = 128

  /// A process whose parameters have the greatest posterior density given some scores, and which is conditioned on them:
  /// for models that are made once and kept.
  ///
  /// Of many observations the fit looks at an even spread.
  /// - Parameters:
  ///   - scores: one a point; of mean 0 and deviation 1 or thereabouts.
  ///   - spare: rows for which room is kept.
  /// - Returns: nil when there is no observation, or the covariance matrix cannot be factorised.
  public static func fitted(
    _ points: FeaturePoints, _ scores: [Double], options: GaussianProcessFit.Options = .init(),
    estimatesMean: Bool = true, spare: Int = 0
  ) -> GaussianProcess? {
    guard !scores.isEmpty else { return nil }
    var parameters = GaussianProcessFit(points, scores, options: options).modes
    // Equal scores say nothing of any parameter.
    if scores.contains(where: { $0 != scores[0] }) {
      var starts: [KernelParameters]?
      for limit in [coarseLimit, 2 * coarseLimit] where starts == nil || scores.count > coarseLimit {
        let chosen = spread(scores.count, limit)
        let fit = GaussianProcessFit(points.subset(chosen), chosen.map { scores[$0] }, options: options)
        parameters = fit.run(from: starts ?? fit.coldStarts).parameters
        starts = [parameters]
      }
    }
    guard var process = GaussianProcess(points, parameters, estimatesMean: estimatesMean, spare: spare) else {
      return nil
    }
    process.setTargets(scores)
    return process.weights.allSatisfy(\.isFinite) ? process : nil
  }

  private static func spread(_ count: Int, _ limit: Int) -> [Int] {
    count <= limit ? Array(0..<count) : (0..<limit).map { $0 * count / limit }
  }
}
