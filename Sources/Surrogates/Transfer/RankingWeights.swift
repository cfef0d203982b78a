import TrimtabNumerics

/// How much models of earlier studies are worth to a new one: by how well they put its trials in order.
///
/// Source: Feurer, Letham, Hutter & Bakshy, "Practical transfer learning for Bayesian optimization", 2018, arXiv
/// 1802.02219 (RGPE). Of a number of draws from each model, the one with the fewest pairs of trials in the wrong order
/// wins; a model's weight is the share of draws that it wins. The new study's own model is drawn as it would predict each
/// trial from the others. A model whose median draw is worse than nearly all draws of the study's own gets no weight, so
/// that many useless studies cannot outweigh it together.
///
/// Deviation: of equally good models the study's own wins.
public enum RankingWeights {
  /// Draws from each model.
  static let draws = 256
  /// The most trials that are put in order.
  static let pointLimit = 128

  /// The ordered pairs in which predictions and targets disagree about which is less.
  public static func loss(_ predictions: [Double], _ targets: [Double]) -> Int {
    loss(predictions, beside: predictions, targets)
  }

  /// As ``loss(_:_:)``, where the first of a pair is predicted otherwise than the second.
  static func loss(_ predictions: [Double], beside others: [Double], _ targets: [Double]) -> Int {
    var sum = 0
    for j in targets.indices {
      for k in targets.indices where (predictions[j] < others[k]) != (targets[j] < targets[k]) { sum += 1 }
    }
    // A prediction that is drawn anew may be less than itself.
    for j in targets.indices where predictions[j] < others[j] { sum -= 1 }
    return sum
  }

  /// - Parameters:
  ///   - bases: models of earlier studies.
  ///   - target: the model of the new study, with its targets.
  ///   - seed: of the draws.
  /// - Returns: the weights of the bases, then that of the target; they sum to 1.
  public static func weights(bases: [GaussianProcess], target: GaussianProcess, seed: UInt64) -> [Double] {
    let alone = bases.map { _ in 0.0 } + [1]
    let count = target.points.count
    guard count > 0, let left = target.leaveOneOut() else { return alone }
    let chosen =
      count <= pointLimit ? Array(0..<count) : (0..<pointLimit).map { $0 * count / pointLimit }
    let points = target.points.subset(chosen)
    let targets = chosen.map { target.targets[$0] }
    guard let inSample = draw(target, points, mix(seed, 0)) else { return alone }
    var stream = RandomStream(seed: seed, purpose: stableHash("leave one out"), index: 0)
    let own = inSample.map { sample in
      let predictions = chosen.map { row in
        let variance = max(left.variances[row] - target.parameters.noise, 0)
        return left.means[row] + variance.squareRoot() * stream.normal()
      }
      return loss(predictions, beside: sample, targets)
    }
    let ranked = own.sorted()
    let worst = ranked[min(ranked.count - 1, (ranked.count * 95) / 100)]
    var losses = [own]
    var members = [bases.count]
    for (i, base) in bases.enumerated() {
      guard let samples = draw(base, points, mix(seed, UInt64(i + 1))) else { continue }
      let found = samples.map { loss($0, targets) }
      guard found.sorted()[found.count / 2] <= worst else { continue }
      losses.append(found)
      members.append(i)
    }
    var weights = [Double](repeating: 0, count: bases.count + 1)
    for s in 0..<draws {
      var best = 0
      for m in losses.indices where losses[m][s] < losses[best][s] { best = m }
      weights[members[best]] += 1 / Double(draws)
    }
    return weights
  }

  /// Joint draws of a model's function at some points.
  private static func draw(_ process: GaussianProcess, _ points: FeaturePoints, _ seed: UInt64) -> [[Double]]? {
    let batch = process.predict(points)
    guard let factor = CholeskyFactor(process.covariance(batch)) else { return nil }
    var stream = RandomStream(seed: seed, purpose: stableHash("ranking"), index: 0)
    return (0..<draws).map { _ in
      let normals = (0..<points.count).map { _ in stream.normal() }
      return (0..<points.count).map { i in
        var value = batch.means[i]
        for j in 0...i { value += factor[i, j] * normals[j] }
        return value
      }
    }
  }
}
