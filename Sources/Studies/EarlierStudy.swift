import TrimtabSearchSpaces

/// Which earlier studies a study learns from, and what it makes of them whatever its sampler is.
public struct Transfer: Sendable, Hashable {
  /// Where an earlier study lies.
  public struct Source: Sendable, Hashable {
    /// A store (`.trimtab`), or a table that `trimtab export --format jsonl` wrote (`.jsonl`); relative paths start where
    /// the study file lies.
    public var path: String
    /// The study's name, where a store holds several.
    public var study: String?

    public init(path: String, study: String? = nil) {
      self.path = path
      self.study = study
    }
  }

  public static let usualStart = 5
  public static let maximumStart = 1000

  public var sources: [Source]
  /// How many of the first trials take configurations that were good in the earlier studies.
  public var start: Int
  /// Whether ranges and choices are narrowed to where the best configuration of each earlier study lies.
  public var isBoxed: Bool

  public init(sources: [Source], start: Int = Self.usualStart, isBoxed: Bool = false) {
    self.sources = sources
    self.start = start
    self.isBoxed = isBoxed
  }
}

/// Trials of another study, in the space of the one that learns from them.
///
/// A study's log holds them from its beginning on, so that the earlier study need not be there any more.
public struct EarlierStudy: Sendable, Equatable {
  public struct Trial: Sendable, Equatable {
    public var configuration: Configuration
    /// The objective as it was reported, at the full resource.
    public var value: Double

    public init(_ configuration: Configuration, value: Double) {
      self.configuration = configuration
      self.value = value
    }
  }

  public var name: String
  /// In the order in which they were proposed.
  public var trials: [Trial]
  /// What was not taken over as it stood, a sentence each.
  public var remarks: [String]

  public init(name: String, trials: [Trial], remarks: [String] = []) {
    self.name = name
    self.trials = trials
    self.remarks = remarks
  }
}

/// Brings trials of another study into a study's space, parameter by parameter, by name.
///
/// A trial with a value that the present space does not have is left out, and so is one that violates a constraint. A
/// parameter that the earlier study does not know counts as having had its default there; without a default the
/// earlier study cannot be used. Whatever was left out or filled in is counted, and becomes a remark.
public struct EarlierStudyMapping {
  /// More trials than this are refused: they would be a part of every log that learns from them.
  public static let maximumTrials = 100_000

  private let space: Space
  private let name: String
  private let metric: String
  private let bounds: [OutcomeConstraint]
  private var trials: [EarlierStudy.Trial] = []
  private var seen = 0
  /// Trials left out, by the reason.
  private var omissions: [String: Int] = [:]
  private var omissionOrder: [String] = []
  private var unknown: Set<String> = []
  private var filled: [String: String] = [:]
  /// Trials of which it is not known whether they keep the study's bounds, by the metric.
  private var unjudged: [String: Int] = [:]

  /// - Parameters:
  ///   - name: what errors and remarks call the earlier study.
  ///   - spec: of the study that learns.
  public init(name: String, into spec: StudySpec) {
    space = spec.space
    metric = spec.objectives[0].metric
    bounds = spec.outcomeConstraints
    self.name = name
  }

  /// Counts a trial that cannot be used.
  /// - Parameter reason: as in "3 trials were left out: `reason`".
  public mutating func leaveOut(_ reason: String) {
    seen += 1
    omit(reason)
  }

  private mutating func omit(_ reason: String) {
    if omissions[reason] == nil { omissionOrder.append(reason) }
    omissions[reason, default: 0] += 1
  }

  /// Takes one trial that was completed.
  /// - Parameters:
  ///   - values: of its active parameters.
  ///   - known: the names of all parameters of the earlier study.
  ///   - outcome: what the trial reported of another metric; nil when it did not.
  /// - Throws: `SpaceError` for a parameter that the earlier study does not have and that has no default.
  public mutating func add(
    _ values: [String: ParameterValue], known: Set<String>, objective: Double,
    outcome: (String) -> Double? = { _ in nil }
  ) throws(SpaceError) {
    seen += 1
    guard objective.isFinite else { return omit("the objective is no finite number") }
    for bound in bounds {
      guard let value = bound.metric == metric ? objective : outcome(bound.metric) else {
        unjudged[bound.metric, default: 0] += 1
        continue
      }
      guard bound.excess(value) <= 0 else { return omit("the outcome constraint '\(bound.text)' is violated") }
    }
    for other in known where space.index(of: other) == nil { unknown.insert(other) }
    var slots = [Double](repeating: .nan, count: space.slotCount)
    for index in space.evaluationOrder where space.isActive(index, in: slots) {
      let parameter = space.parameters[index]
      var value = values[parameter.name]
      if value == nil, case .constant(let choice) = parameter.domain { value = .choice(choice) }
      if value == nil, !known.contains(parameter.name) {
        guard let usual = parameter.fixedValue ?? parameter.defaultValue else {
          throw SpaceError(
            "the earlier study '\(name)' has no parameter '\(parameter.name)', and there is no default", at: "transfer",
            hint: "give \(parameter.name) the default that the earlier trials had in effect")
        }
        value = usual
        filled[parameter.name] = usual.description
      }
      guard let value else { return omit("\(parameter.name) has no value, and is active here") }
      guard let raw = try? parameter.slots(of: value) else {
        return omit("\(parameter.name) has a value that it cannot have here")
      }
      if let fixed = parameter.fixedValue, let only = try? parameter.slots(of: fixed), only != raw {
        return omit("\(parameter.name) is fixed to \(fixed.description) here")
      }
      slots.replaceSubrange(space.slotRanges[index], with: raw)
    }
    let configuration = Configuration(slots: slots)
    if let violated = space.violatedConstraint(configuration) {
      return omit("the constraint '\(space.constraints[violated].description)' is violated")
    }
    trials.append(EarlierStudy.Trial(configuration, value: objective))
  }

  /// The study as it goes into the log.
  /// - Throws: `SpaceError` when nothing of it can be used, or too much.
  public func finish() throws(SpaceError) -> EarlierStudy {
    var remarks = omissionOrder.map { reason in
      let count = omissions[reason] ?? 0
      return "\(count) of \(seen) trials \(count == 1 ? "is" : "are") left out: \(reason)"
    }
    guard !trials.isEmpty else {
      throw SpaceError(
        seen == 0
          ? "the earlier study '\(name)' has no trials" : "no trial of the earlier study '\(name)' can be used",
        at: "transfer", hint: remarks.isEmpty ? nil : remarks.joined(separator: "; "))
    }
    guard trials.count <= Self.maximumTrials else {
      throw SpaceError(
        "the earlier study '\(name)' has \(trials.count) trials; at most \(Self.maximumTrials) can be learned from",
        at: "transfer", hint: "export some of them to a table, and name that")
    }
    remarks += filled.sorted { $0.key < $1.key }.map { "its trials count as having \($0.key)=\($0.value), the default" }
    remarks += unjudged.sorted { $0.key < $1.key }.map { metric, count in
      "\(count) of \(seen) trials \(count == 1 ? "has" : "have") no \(metric), and \(count == 1 ? "counts" : "count") "
        + "as keeping the bound on it"
    }
    remarks += unknown.sorted().map { "its parameter '\($0)' is unknown here, and was ignored" }
    return EarlierStudy(name: name, trials: trials, remarks: remarks)
  }
}

extension EarlierStudyMapping {
  /// Takes all trials of a study that is at hand.
  ///
  /// Completed trials count; others have no value at the full resource.
  /// - Throws: `SpaceError` when the study optimises something else, or lacks a parameter; see ``add(_:known:objective:)``.
  public static func map(
    _ state: StudyState, name: String, into spec: StudySpec
  ) throws(SpaceError) -> EarlierStudy {
    let (own, other) = (spec.objectives[0], state.spec.objectives[0])
    guard own == other else {
      throw SpaceError(
        "the earlier study '\(name)' is to \(other.goal.rawValue) \(other.metric), and this one to "
          + "\(own.goal.rawValue) \(own.metric)", at: "transfer",
        hint: "values of different objectives cannot be compared; leave the earlier study out")
    }
    var mapping = EarlierStudyMapping(name: name, into: spec)
    let known = Set(state.spec.space.parameters.map(\.name))
    for trial in state.trials.indices {
      guard state.trials[trial].wasCompleted else {
        mapping.leaveOut("\(state.trials[trial].state.name), and not complete")
        continue
      }
      guard state.violation(trial) == 0 else {
        mapping.leaveOut("an outcome constraint of that study is violated")
        continue
      }
      var values: [String: ParameterValue] = [:]
      for (name, value) in state.spec.space.values(of: state.history.configuration(trial)) { values[name] = value }
      try mapping.add(values, known: known, objective: state.trials[trial].value) { metric in
        state.otherMetrics[trial]?.first { $0.name == metric }?.value
      }
    }
    return try mapping.finish()
  }
}
