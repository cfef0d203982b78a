import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// What the model says of a proposal.
extension MOBSTER {
  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    let nearest = Self.neighbours(of: configuration, before: trial, state: state)
    var facts = [methodFact]
    let observations = observed(state)
    if let fact = designFact(observations, state) { return Explanation(facts + [fact], neighbours: nearest) }
    guard let known = model.observations, let fidelity = state.spec.fidelity, let process = model.process(),
      let points = known.features.point(configuration), let searched = observations.features.point(configuration)
    else {
      return Explanation(facts + [.noModel], neighbours: nearest)
    }
    let level = level(known, target)
    facts += Self.counts(known, fidelity)
    facts.append(Fact("improvement sought at", "\(fidelity.name) \(JSONValue.plainText(known.levels[level]))"))
    let prediction = process.predict(points.withoutResource(at: level))
    let scale = LossScale(model.rowsOfProcess.map { known.rows[$0].loss }, model.transform)
    let deviation = (prediction.variances[0] + process.parameters.noise).squareRoot()
    facts += scale.facts(
      mean: prediction.means[0], deviation: deviation, state.spec.objectives[0], at: " there")
    if let shares = rule == .ensemble ? trust.shares(&model, seed: state.spec.seed ?? 0)?.shares : nil {
      facts.append(Fact("shares of the levels", shares.map { Fact.rounded($0) }.joined(separator: ", ")))
    }
    let fresh = FreshDraw(purpose: Self.purpose, trial: trial, state: state)
    let function = function(process, known, level, leaders(process, known, level, state), fresh)
    facts.append(Fact("acquisition value", function.values(searched)[0]))
    if let probability = lessons.model(observations, state)?.probabilities(searched).first {
      facts.append(FailureLessons.fact(probability, state))
    }
    return Explanation(facts, neighbours: nearest)
  }

  private var methodFact: Fact {
    Fact("method", "Gaussian process over configuration and resource, kernel \(model.form.rawValue)")
  }

  private static func counts(_ known: LevelObservations, _ fidelity: Fidelity) -> [Fact] {
    known.levels.enumerated().map { place, resource in
      let count = known.rows.count { $0.level == place }
      return Fact("losses at \(fidelity.name) \(JSONValue.plainText(resource))", "\(count)")
    }
  }

  /// Each trial that has reached the level at which improvement is sought, as all other trials foretell it there.
  public mutating func modelReport(state: StudyState) -> ModelReport? {
    guard let known = model.observations, let fidelity = state.spec.fidelity,
      known.trialCount >= StartupDesign.count(startup, state.spec), let process = model.process()
    else { return nil }
    let level = level(known, nil)
    let rows = model.rowsOfProcess
    var places: [TrialNumber: [Int]] = [:]
    for (place, row) in rows.enumerated() { places[known.rows[row].trial, default: []].append(place) }
    let groups = places.values.filter { group in group.contains { known.rows[rows[$0]].level == level } }
      .sorted { $0[0] < $1[0] }
    guard let left = process.leavingOut(groups) else { return nil }
    let scale = LossScale(rows.map { known.rows[$0].loss }, model.transform)
    let sign = state.spec.objectives[0].sign
    var predictions: [ModelReport.Prediction] = []
    var inside = 0
    for (group, found) in zip(groups, left) {
      guard let i = group.firstIndex(where: { known.rows[rows[$0]].level == level }) else { continue }
      let (mean, deviation) = (found.means[i], found.variances[i].squareRoot())
      if abs(process.targets[group[i]] - mean) <= deviation { inside += 1 }
      let (low, high) = (scale.loss(-mean - deviation), scale.loss(-mean + deviation))
      predictions.append(
        .init(
          trial: known.rows[rows[group[i]]].trial, observed: sign * known.rows[rows[group[i]]].loss,
          predicted: sign * scale.loss(-mean), deviation: 0.5 * abs(high - low)))
    }
    var facts = [methodFact] + Self.counts(known, fidelity)
    facts.append(Fact("predicted at", "\(fidelity.name) \(JSONValue.plainText(known.levels[level]))"))
    facts.append(Fact("share within 68 % intervals", Double(inside) / Double(max(1, predictions.count))))
    if let share = model.concordance(state) { facts.append(Fact("share of pairs in order", share)) }
    return ModelReport(facts, predictions: predictions)
  }
}
