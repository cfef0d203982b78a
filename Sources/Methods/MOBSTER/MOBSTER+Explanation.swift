import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// What the model says of a proposal.
extension MOBSTER {
  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, state: StudyState
  ) -> Explanation {
    let nearest = Self.neighbours(of: configuration, before: trial, state: state)
    var facts = [Fact("method", "Gaussian process over configuration and resource, kernel \(model.form.rawValue)")]
    let needed = StartupDesign.count(startup, state.spec)
    guard let known = model.observations, let fidelity = state.spec.fidelity, known.trialCount >= needed else {
      facts.append(
        Fact(
          "step",
          "the design before the model: \(model.observations?.trialCount ?? 0) of \(needed) trials have a value"))
      return Explanation(facts, neighbours: nearest)
    }
    guard let process = model.process(), let points = known.features.point(configuration) else {
      facts.append(Fact("step", "random: the model cannot be made"))
      return Explanation(facts, neighbours: nearest)
    }
    let target = state.trials.indices.contains(trial) ? state.trials[trial].target : nil
    let level = level(known, target)
    for (place, resource) in known.levels.enumerated() {
      let count = known.rows.count { $0.level == place }
      facts.append(Fact("losses at \(fidelity.name) \(JSONValue.plainText(resource))", "\(count)"))
    }
    facts.append(Fact("improvement sought at", "\(fidelity.name) \(JSONValue.plainText(known.levels[level]))"))
    let prediction = process.predict(points.withoutResource(at: level))
    let scale = LossScale(model.rowsOfProcess.map { known.rows[$0].loss }, model.transform)
    let sign = state.spec.objectives[0].sign
    let deviation = (prediction.variances[0] + process.parameters.noise).squareRoot()
    facts.append(Fact("expected \(state.spec.objectives[0].metric) there", sign * scale.loss(-prediction.means[0])))
    let ends = [-deviation, deviation].map { sign * scale.loss(-prediction.means[0] + $0) }.sorted()
    facts.append(Fact("68 % interval", "\(Fact.rounded(ends[0])) to \(Fact.rounded(ends[1]))"))
    if let shares = rule == .ensemble ? trust.shares(&model, seed: state.spec.seed ?? 0) : nil {
      facts.append(Fact("shares of the levels", shares.map { Fact.rounded($0) }.joined(separator: ", ")))
    }
    return Explanation(facts, neighbours: nearest)
  }
}
