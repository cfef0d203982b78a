import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// A parameter that a running trial asked for, and the value that it got.
public struct UsedParameter: Sendable, Equatable {
  public var parameter: Parameter
  public var value: ParameterValue

  public init(_ parameter: Parameter, _ value: ParameterValue) {
    self.parameter = parameter
    self.value = value
  }
}

/// Studies whose space grows as trials ask for parameters ("define by run").
///
/// A trial is proposed a value for every parameter that is known by then. Its program asks for parameters one by one, uses
/// some of those values, and may ask for new parameters, whose values are drawn. What it used in the end is recorded
/// once, before its result: new parameters by an amendment, and its configuration where it is not the proposed one.
extension Session {
  private static let drawPurpose = stableHash("growing space")

  /// The value that a running trial gets for a parameter that it does not have: the one that was enqueued under its name, the
  /// one that it was proposed and did not use in an earlier run, or a draw from the parameter's scale or prior, the same in every run of the trial.
  /// - Throws: `SessionError` when the trial is not run here; `SpaceError` when the parameter is not possible, or the
  ///   enqueued value lies outside its domain.
  public func draw(_ parameter: Parameter, for trial: TrialNumber) throws -> ParameterValue {
    try requireOwn(trial)
    try requireGrowing()
    var free = parameter
    free.condition = nil
    let space = try Space([free])
    let configuration =
      if let enqueued = try enqueuedValue(free, for: trial) {
        try space.configuration([(free.name, enqueued)])
      } else if let proposed = proposedSlots(parameter, for: trial) {
        Configuration(slots: proposed)
      } else {
        try space.sample(seed: mix(state.spec.seed ?? 0, Self.drawPurpose), index: UInt64(trial))
      }
    guard let value = space.value(of: 0, in: configuration) else {
      throw SessionError(.conflict, "'\(parameter.name)' has no value")
    }
    return value
  }

  /// What the proposal had for a parameter.
  private func proposedSlots(_ parameter: Parameter, for trial: TrialNumber) -> [Double]? {
    let space = state.spec.space
    guard let proposal = state.history.proposals[trial], let index = space.index(of: parameter.name),
      space.parameters[index].domain == parameter.domain, space.slotRanges[index].upperBound <= proposal.slots.count
    else { return nil }
    let slots = Array(proposal.slots[space.slotRanges[index]])
    return slots.contains(where: \.isNaN) ? nil : slots
  }

  private func enqueuedValue(_ parameter: Parameter, for trial: TrialNumber) throws -> ParameterValue? {
    guard let note = state.notes[trial]?[LibraryRequest.enqueuedKey] else { return nil }
    return try JSONValue.parse(note)[parameter.name].map { try parameter.value($0) }
  }

  private func requireGrowing() throws(SessionError) {
    guard state.spec.grows else {
      throw SessionError(
        .conflict, "the space of the study '\(state.spec.name)' is fixed: declare the parameter in it, or let it grow")
    }
  }

  /// Records what a running trial used, where that is not what it was proposed. Everything not named is inactive.
  /// - Throws: `SessionError` when the trial is not run here, or a parameter of that name has another domain;
  ///   `SpaceError` for a value outside its domain.
  public func settle(_ trial: TrialNumber, used: [UsedParameter]) throws {
    try append {
      try requireOwn(trial)
      try requireGrowing()
      let now = clock()
      let (space, amendments) = try growth([used], at: now)
      var events = amendments
      let configuration = try space.configuration(using: used)
      if configuration != state.history.configuration(trial) {
        events.append(Event(time: now, .trialConfigured(trial, configuration)))
      }
      return events
    }
  }

  /// The space after trials have used these parameters, and the events that make it the study's.
  func growth(_ trials: [[UsedParameter]], at time: Timestamp) throws -> (Space, [Event]) {
    let present = state.spec.space
    let grown = try present.growing(by: trials)
    guard
      let spec = try conditioned(grown, with: trials) ?? (grown.parameters == present.parameters ? nil : with(grown))
    else {
      return (present, [])
    }
    var events = [Event(time: time, .studyAmended(specification: spec.json.text))]
    // What a trial looked at is no reason for a study that was stopped to go on.
    if let reason = state.stopReason { events.append(Event(time: time, .studyStopped(reason: reason))) }
    return (spec.space, events)
  }

  /// The specification with another space.
  /// - Throws: what the method says that cannot search it.
  private func with(_ space: Space) throws -> StudySpec {
    var spec = state.spec
    spec.space = space
    _ = try makeMethod(spec)
    return spec
  }

  /// The specification with the conditions that the trials so far tell of, looked for anew whenever there are about a quarter more; nil
  /// without any, or where the method cannot do with them.
  private func conditioned(_ space: Space, with trials: [[UsedParameter]]) -> StudySpec? {
    let settled = state.trials.count - state.count(.running) - state.count(.waiting)
    // Numbers with three significant bits: 4, 5, 6, 7, 8, 10, 12, 14, 16, 20 …
    guard settled >= 4, settled.trailingZeroBitCount >= Int.bitWidth - settled.leadingZeroBitCount - 3 else {
      return nil
    }
    var rows = trials.map { used in
      ConditionInference.Row(
        values: Dictionary(used.map { ($0.parameter.name, $0.value) }) { $1 }, isWhole: false)
    }
    for trial in state.trials.indices.suffix(Self.mostWitnesses) {
      let record = state.trials[trial]
      guard record.state != .running, record.state != .waiting else { continue }
      let values = state.spec.space.values(of: state.history.configuration(trial))
      rows.append(.init(values: Dictionary(uniqueKeysWithValues: values), isWhole: record.hasValue))
    }
    let inference = ConditionInference(parameters: space.parameters, rows: rows)
    var parameters = space.parameters
    for index in parameters.indices where parameters[index].condition == nil {
      parameters[index].condition = inference.condition(of: index)
    }
    guard parameters != space.parameters,
      let result = try? Space(parameters, constraints: space.constraints)
    else { return nil }
    return try? with(result)
  }

  /// How many of the last trials are asked for conditions.
  private static var mostWitnesses: Int { 1000 }
}

extension Space {
  /// The space with the parameters that trials used and it does not have at its end, and without conditions that
  /// do not hold where a trial used their parameter.
  fileprivate func growing(by trials: [[UsedParameter]]) throws -> Space {
    var parameters = parameters
    var names = Set(parameters.map(\.name))
    for used in trials {
      for item in used where names.insert(item.parameter.name).inserted { parameters.append(item.parameter) }
    }
    var space = parameters.count > self.parameters.count ? try Space(parameters, constraints: constraints) : self
    for used in trials {
      let slots = try space.configuration(using: used).slots
      let freed = parameters.indices.filter {
        !slots[space.slotRanges[$0].lowerBound].isNaN && !space.isActive($0, in: slots)
      }
      guard !freed.isEmpty else { continue }
      for index in freed { parameters[index].condition = nil }
      space = try Space(parameters, constraints: constraints)
    }
    return space
  }

  /// The configuration with exactly these parameters active.
  func configuration(using used: [UsedParameter]) throws -> Configuration {
    var slots = [Double](repeating: .nan, count: slotCount)
    for item in used {
      guard let index = index(of: item.parameter.name) else { continue }
      guard parameters[index].domain == item.parameter.domain else {
        throw SessionError(
          .conflict,
          "the parameter '\(item.parameter.name)' has another type or range in the study: "
            + "\(parameters[index].json.text), not \(item.parameter.json.text) (use another name for another range)")
      }
      slots.replaceSubrange(slotRanges[index], with: try parameters[index].slots(of: item.value))
    }
    return Configuration(slots: slots)
  }
}
