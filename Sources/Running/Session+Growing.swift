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
      let present = state.spec.space
      var parameters = present.parameters
      for item in used where present.index(of: item.parameter.name) == nil { parameters.append(item.parameter) }
      var events: [Event] = []
      var space = present
      if parameters.count > present.parameters.count {
        space = try Space(parameters, constraints: present.constraints)
        var spec = state.spec
        spec.space = space
        _ = try makeMethod(spec)
        events.append(Event(time: now, .studyAmended(specification: spec.json.text)))
      }
      let configuration = try space.configuration(using: used)
      if configuration != state.history.configuration(trial) {
        events.append(Event(time: now, .trialConfigured(trial, configuration)))
      }
      return events
    }
  }
}

extension Space {
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
