import TrimtabSearchSpaces
import TrimtabStudies

/// How what trials reported on the way becomes a resource with its objective.
///
/// In Trimtab the objective of a study with a fidelity stands at a resource, and a trial's value is the one at its greatest
/// resource. Where final values differ from the last value reported, the two are different measures, and the values on the
/// way are kept as a metric of their own.
struct CurvePlan: Sendable {
  /// The name of the metric that keeps values on the way which are not the objective.
  static let intermediate = "intermediate"

  var fidelity: Fidelity?
  /// Added to each step: a resource is above 0.
  var shift = 0
  /// The resource of each step, where steps do not stand for themselves.
  var resources: [Double]?
  /// The name that the first objective has in reports on the way.
  var reportedName: String
  var remarks: [String] = []

  init(_ study: ForeignStudy, given: Fidelity?, hasSpecification: Bool) {
    let objective = study.objectives.first?.metric ?? ""
    reportedName = objective
    resources = study.resources
    func reported(_ trial: ForeignTrial) -> [ForeignTrial.Report] {
      trial.reports.filter { $0.metrics.contains { $0.name == objective } }
    }
    let steps = study.trials.flatMap { $0.reports.map(\.step) }
    guard let least = steps.min() else {
      fidelity = given
      return
    }
    if least < 1, resources == nil {
      shift = 1 - least
      remarks.append(
        "steps begin at \(least); a resource is above 0, so step \(least) is the resource 1, and so on")
    }
    if hasSpecification {
      fidelity = given
      return
    }
    guard study.trials.contains(where: { !reported($0).isEmpty }) else { return }
    let odd = study.trials.first { trial in
      guard trial.outcome == .completed || trial.outcome == .pruned, let last = reported(trial).last,
        let final = trial.values.first ?? nil
      else { return false }
      let value = last.metrics.first { $0.name == objective }?.value ?? .nan
      return value != final && !(value.isNaN && final.isNaN)
    }
    if let odd {
      var name = Self.intermediate
      while study.objectives.contains(where: { $0.metric == name }) { name += "_value" }
      reportedName = name
      remarks.append(
        "the values on the way are not the objective's (\(odd.label) ends with another value than it last reported): "
          + "they are kept as the metric '\(name)', and the study has no fidelity")
      return
    }
    let whole = study.trials.filter { $0.outcome == .completed && ($0.values.first ?? nil)?.isFinite == true }
      .compactMap { reported($0).last?.step }
    guard let greatest = whole.max() ?? steps.max() else { return }
    let maximum = Double(greatest + shift)
    var name = "step"
    while study.objectives.contains(where: { $0.metric == name }) { name += "s" }
    fidelity = Fidelity(name: name, maximum: maximum)
    remarks.append(
      "trials report '\(objective)' over steps: the fidelity '\(name)' goes up to \(JSONValue.plainText(maximum)), "
        + "the \(whole.isEmpty ? "greatest step" : "last step of complete trials")")
    let without = study.trials.count { $0.outcome == .completed && reported($0).isEmpty }
    if without > 0 {
      remarks.append(
        "\(without) complete \(without == 1 ? "trial" : "trials") reported nothing on the way; the value stands at the "
          + "full resource")
    }
  }

  func resource(_ step: Int) -> Double {
    if let resources, resources.indices.contains(step) { return resources[step] }
    return Double(step + shift)
  }
}
