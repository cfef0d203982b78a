import TrimtabSearchSpaces

/// A condition on what trials report, such as `latency_ms <= 20`: a configuration that does not meet it is no solution, however
/// good its objective.
///
/// Conditions on the parameters themselves are the space's constraints.
public struct OutcomeConstraint: Sendable, Hashable {
  public enum Relation: String, Sendable, Hashable, CaseIterable {
    case atMost = "<="
    case atLeast = ">="
  }

  public var metric: String
  public var relation: Relation
  /// Finite, in the metric's units.
  public var bound: Double

  public init(metric: String, _ relation: Relation, _ bound: Double) {
    self.metric = metric
    self.relation = relation
    self.bound = bound
  }

  /// As a study file has it.
  public var text: String { "\(metric) \(relation.rawValue) \(JSONValue.plainText(bound))" }

  /// How far a value lies beyond the bound, in the metric's units: at most 0 when it meets the condition, ∞ when it is no
  /// finite number.
  public func excess(_ value: Double) -> Double {
    guard value.isFinite else { return .infinity }
    return relation == .atMost ? value - bound : bound - value
  }

  /// The excess as a share of the bound, so that conditions on different metrics can be added up; of a bound of 0 as it is.
  /// Never negative.
  func violation(_ value: Double) -> Double {
    let excess = excess(value)
    guard excess > 0 else { return 0 }
    return bound == 0 ? excess : excess / abs(bound)
  }
}

extension StudyState {
  /// The newest value of a metric that outcome constraints look at; nil while the trial has not reported it.
  private func outcome(_ metric: String, of trial: TrialNumber) -> Double? {
    if metric == spec.objectives[0].metric { return trials[trial].hasReportedObjective ? trials[trial].value : nil }
    return otherMetrics[trial]?.first { $0.name == metric }?.value
  }

  /// By how much a trial exceeds the bound of an outcome constraint, in the metric's units; at most 0 when it meets it, nil
  /// while the metric has not been reported.
  public func excess(_ trial: TrialNumber, over constraint: OutcomeConstraint) -> Double? {
    outcome(constraint.metric, of: trial).map(constraint.excess)
  }

  /// Whether a trial is known to meet every outcome constraint.
  public func meetsConstraints(_ trial: TrialNumber) -> Bool {
    spec.outcomeConstraints.allSatisfy { (excess(trial, over: $0) ?? .infinity) <= 0 }
  }

  /// By how much a trial is known to violate the outcome constraints: the sum of its excesses as shares of their bounds. What
  /// has not been reported yet counts nothing.
  public func violation(_ trial: TrialNumber) -> Double {
    spec.outcomeConstraints.reduce(0) { sum, constraint in
      sum + (outcome(constraint.metric, of: trial).map(constraint.violation) ?? 0)
    }
  }

  /// The loss by which schedulers compare a trial with others: one that is known to violate an outcome constraint comes after
  /// all that are not, the more it does.
  public func judgedLoss(_ trial: TrialNumber) -> Double { judged(loss(trial), of: trial) }

  /// As ``judgedLoss(_:)``, of a loss that the trial had before.
  public func judged(_ loss: Double, of trial: TrialNumber) -> Double {
    guard !spec.outcomeConstraints.isEmpty, loss.isFinite else { return loss }
    let violation = violation(trial)
    guard violation > 0 else { return loss }
    let share = violation.isFinite ? violation / (1 + violation) : 1
    return Double.greatestFiniteMagnitude * (0.5 + 0.5 * share)
  }

  /// Of the trials with a value, the one that is nearest to meeting the outcome constraints: what can be said while none does.
  public var leastViolating: TrialNumber? {
    trials.indices.filter { trials[$0].hasValue && trials[$0].state != .failed && isOutcomeKnown($0) }
      .min { (violation($0), loss($0), $0) < (violation($1), loss($1), $1) }
  }

  private func isOutcomeKnown(_ trial: TrialNumber) -> Bool {
    spec.outcomeConstraints.allSatisfy { outcome($0.metric, of: trial) != nil }
  }
}
