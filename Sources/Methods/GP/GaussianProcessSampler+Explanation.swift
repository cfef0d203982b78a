import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// What the model says of a proposal, and of itself.
extension GaussianProcessSampler {
  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    let nearest = Self.neighbours(of: configuration, before: trial, state: state)
    let observations = observed(state)
    if let fact = designFact(observations, state) {
      return Explanation([Fact("method", "Gaussian process"), fact], neighbours: nearest)
    }
    guard let models = models(observations, state), let function = wholeFunction(models, trial, state),
      let points = observations.features.point(configuration)
    else { return Explanation([Fact("method", "Gaussian process"), .noModel], neighbours: nearest) }
    let model = models[0]
    var facts = [
      Fact("method", "Gaussian process, \(Self.title(of: acquisition(of: model, state)))")
    ]
    facts += modelFacts(model, observations)
    let predictions = models.map { ($0.predict(points), $0.parameters.noise) }
    let share = 1 / Double(models.count)
    let mean = predictions.reduce(0) { $0 + share * $1.0.means[0] }
    let deviation = predictions.reduce(0) {
      $0 + share * ($1.0.variances[0] + $1.1 + ($1.0.means[0] - mean) * ($1.0.means[0] - mean))
    }.squareRoot()
    let scale = LossScale(observations.rows.map(\.loss), transform)
    facts += scale.facts(mean: mean, deviation: deviation, state.spec.objectives[0])
    facts.append(Fact("acquisition value", function.values(points)[0]))
    if let probability = feasibility(points, state)?.first { facts.append(FailureLessons.fact(probability, state)) }
    return Explanation(facts, neighbours: distances(points, model, observations))
  }

  private func modelFacts(_ model: GaussianProcess, _ observations: Observations) -> [Fact] {
    var scales: [(name: String, scale: Double)] = []
    scales += zip(observations.features.numberNames, model.parameters.numberScales).map { ($0, $1) }
    scales += zip(observations.features.choiceNames, model.parameters.choiceScales).map { ($0, $1) }
    let ranked = scales.indices.sorted { (scales[$0].scale, $0) < (scales[$1].scale, $1) }
    return (inferenceNote.map { [Fact("kernel's parameters", $0)] } ?? []) + [
      Fact("trials in the model", "\(model.points.count)"),
      Fact("deviation of the noise", model.parameters.noise.squareRoot()),
      Fact(
        "length scales",
        ranked.prefix(8).map { "\(scales[$0].name) \(Fact.rounded(scales[$0].scale))" }.joined(separator: ", ")
          + (ranked.count > 8 ? ", \(ranked.count - 8) longer ones" : "")),
    ]
  }

  /// The nearest trials by the length scales of the model.
  private func distances(
    _ point: FeaturePoints, _ model: GaussianProcess, _ observations: Observations
  ) -> [Explanation.Neighbour] {
    let all = observations.rows.indices.map { row in
      var sum = 0.0
      for (j, scale) in model.parameters.numberScales.enumerated() {
        let step = point.numbers[j] - observations.points.numbers[row * point.numberCount + j]
        sum += step * step / (scale * scale)
      }
      for (k, scale) in model.parameters.choiceScales.enumerated()
      where point.choices[k][0] != observations.points.choices[k][row] {
        sum += 1 / (scale * scale)
      }
      return Explanation.Neighbour(trial: observations.rows[row].trial, distance: sum.squareRoot())
    }
    return Array(
      all.sorted { ($0.distance, $0.trial) < ($1.distance, $1.trial) }.prefix(Explanation.neighbourLimit))
  }

  public mutating func modelReport(state: StudyState) -> ModelReport? {
    let observations = observed(state)
    guard isReady(observations, state), let model = models(observations, state)?.first, let left = model.leaveOneOut()
    else { return nil }
    let scale = LossScale(observations.rows.map(\.loss), transform)
    let sign = state.spec.objectives[0].sign
    var predictions: [ModelReport.Prediction] = []
    var inside = 0
    var squares = 0.0
    var density = 0.0
    for (i, row) in rowsOfModel.enumerated() where i < left.means.count {
      let deviation = left.variances[i].squareRoot()
      let z = (model.targets[i] - left.means[i]) / deviation
      if abs(z) <= 1 { inside += 1 }
      squares += (model.targets[i] - left.means[i]) * (model.targets[i] - left.means[i])
      density += left.logDensities[i]
      let (low, high) = (scale.loss(-left.means[i] - deviation), scale.loss(-left.means[i] + deviation))
      predictions.append(
        .init(
          trial: observations.rows[row].trial, observed: sign * observations.rows[row].loss,
          predicted: sign * scale.loss(-left.means[i]), deviation: 0.5 * abs(high - low)))
    }
    let count = Double(max(1, predictions.count))
    let mean = model.targets.reduce(0, +) / count
    let total = model.targets.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    var facts = [Fact("method", "Gaussian process")] + modelFacts(model, observations)
    facts.append(Fact("share of variance explained", total > 0 ? 1 - squares / total : 0))
    facts.append(Fact("share within 68 % intervals", Double(inside) / count))
    facts.append(Fact("mean log density", density / count))
    if let left = gainLeft(model, observations, state, scale) {
      facts.append(Fact("at most left to gain (90 %)", left))
    }
    return ModelReport(facts, predictions: predictions)
  }
}

extension GaussianProcessSampler {
  /// Below so many trials with a value the bound means nothing.
  static let leastForBound = 20
  static let boundPoints = 2048

  /// A bound, in the objective's units, on how far the best trial is from the best there is; nil while there are few trials.
  private func gainLeft(
    _ model: GaussianProcess, _ observations: Observations, _ state: StudyState, _ scale: LossScale
  ) -> Double? {
    guard observations.rows.count >= Self.leastForBound else { return nil }
    var pool = CandidatePool(
      observations.features, incumbents: observations.best(Self.incumbents, state), seed: state.spec.seed ?? 0)
    let points = observations.features.points(pool.scatter(Self.boundPoints, spray: 64).map(\.configuration)).points
    guard let bound = RegretBound(model, over: points) else { return nil }
    return scale.loss(-bound.certain) - scale.loss(-bound.possible)
  }
}

/// The way back from transformed losses to losses.
struct LossScale {
  private let inverse: (Double) -> Double

  init(_ losses: [Double], _ transform: OutputTransform) { inverse = transform.inverse(of: losses) }

  /// Of losses that were brought to 0…1.
  init(unit losses: [Double]) {
    let (least, most) = (losses.min() ?? .nan, losses.max() ?? .nan)
    inverse = { least * (1 - $0) + most * $0 }
  }

  func loss(_ z: Double) -> Double { inverse(z) }

  /// A prediction in the objective's units.
  /// - Parameters:
  ///   - mean: of the scores, which are transformed losses with the other sign.
  ///   - place: where it holds, if not for the objective as it is; follows the metric's name.
  func facts(mean: Double, deviation: Double, _ objective: Objective, at place: String = "") -> [Fact] {
    let ends = [-deviation, deviation].map { objective.sign * loss(-mean + $0) }.sorted()
    return [
      Fact("expected \(objective.metric)\(place)", objective.sign * loss(-mean)),
      Fact("68 % interval", "\(Fact.rounded(ends[0])) to \(Fact.rounded(ends[1]))"),
    ]
  }
}
