import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// What samplers see of the earlier studies that a study learns from.
struct EarlierPoints: Sendable {
  var name: String
  /// One point a trial that can be seen in the present space.
  var points: FeaturePoints
  var losses: [Double]
  var configurations: [Configuration]

  /// - Returns: a study for each that has trials in the present space.
  static func all(_ state: StudyState, _ features: SpaceFeatures) -> [EarlierPoints] {
    let sign = state.spec.objectives[0].sign
    var units = [Double](repeating: 0, count: state.spec.space.coordinates.count)
    return state.earlierStudies.compactMap { study in
      var found = EarlierPoints(name: study.name, points: features.empty, losses: [], configurations: [])
      for trial in study.trials where features.append(trial.configuration, to: &found.points, units: &units) {
        found.losses.append(sign * trial.value)
        found.configurations.append(trial.configuration)
      }
      return found.losses.isEmpty ? nil : found
    }
  }

  /// The best of them, and others spread over the rest.
  func limited(to limit: Int) -> EarlierPoints {
    let chosen = GPSelection.choose(losses, limit: limit)
    guard chosen.count < losses.count else { return self }
    return EarlierPoints(
      name: name, points: points.subset(chosen), losses: chosen.map { losses[$0] },
      configurations: chosen.map { configurations[$0] })
  }

  /// Why a sampler that is nothing without earlier studies cannot be used.
  static func problems(_ spec: StudySpec, _ sampler: String) -> [MethodProblem] {
    guard spec.transfer == nil else { return [] }
    return [
      MethodProblem(
        ["method", "sampler"], "\(sampler) learns from earlier studies, and the study names none",
        hint: "add transfer: {from: [earlier.trimtab]}")
    ]
  }
}
