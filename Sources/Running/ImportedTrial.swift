import TrimtabSearchSpaces
import TrimtabStudies

/// A trial that was run elsewhere, as it enters a study.
public struct ImportedTrial: Sendable {
  public var used: [UsedParameter]
  /// Completed, stopped or failed.
  public var state: TrialState
  /// All objectives by name; empty for a trial that failed.
  public var metrics: [MetricValue]
  /// The first objective on the way, by resource.
  public var curve: [(resource: Double, value: Double)]
  public var notes: [(key: String, value: String)]
  public var seconds: Double
  public var message: String

  /// Reads an object with `state`, `used`, `metrics`, `curve`, `notes`, `seconds` and `message`; all but the first may
  /// be left out.
  /// - Parameter space: that of the study; parameters that it knows may be given without their domains.
  init(_ json: JSONValue, _ space: Space) throws {
    let reader = RequestReader(json: json, verb: "add")
    let possible = ["state", "used", "metrics", "curve", "notes", "seconds", "message"]
    guard case .object(let members) = json else { throw ProtocolError("a trial to add is an object") }
    for member in members where !possible.contains(member.key) {
      throw ProtocolError(
        "a trial to add has no '\(member.key)' (\(suggestion(for: member.key, among: possible)))")
    }
    let word = try reader.text("state")
    guard let state = TrialState.allCases.first(where: { $0.name == word }), state.isFinal else {
      throw ProtocolError("the state of a trial to add is completed, stopped or failed, not '\(word)'")
    }
    self.state = state
    used = try json["used"].map { try Session.used($0, space) } ?? []
    metrics = try reader.metrics()
    notes = try Session.notes(json["notes"])
    seconds = try reader.seconds() ?? 0
    message = try reader.text("message")
    curve = []
    if let points = json["curve"] {
      guard case .array(let resources)? = points["resource"], case .array(let values)? = points["value"],
        resources.count == values.count
      else { throw ProtocolError("a curve is two lists of equal length, resource and value") }
      for (resource, value) in zip(resources, values) {
        guard let resource = resource.measuredNumber, let value = value.measuredNumber else {
          throw ProtocolError("a curve is made of numbers")
        }
        curve.append((resource, value))
      }
    }
  }

  /// The events of the trial's whole life.
  func events(
    _ number: TrialNumber, space: Space, spec: StudySpec, worker: WorkerID, at time: Timestamp
  ) throws -> [Event] {
    let configuration = try spec.grows ? space.configuration(using: used) : fixed(space)
    let target = spec.fidelity?.maximum
    var bodies: [Event.Body] = [
      .trialProposed(number, .enqueued(configuration), target: target, Annotation(origin: .user)),
      .trialStarted(number, worker: worker),
    ]
    let objective = spec.objectives[0].metric
    for point in curve {
      guard point.resource > 0, point.resource.isFinite else {
        throw SessionError(.invalidReport, "the resource \(JSONValue.plainText(point.resource)) is not above 0")
      }
      bodies.append(.reported(number, resource: point.resource, [MetricValue(objective, point.value)]))
    }
    if !metrics.isEmpty {
      let resource = spec.fidelity.map { fidelity in curve.last?.resource ?? fidelity.maximum }
      bodies.append(.reported(number, resource: resource, metrics))
    }
    for note in notes { bodies.append(.noted(number, key: note.key, value: note.value)) }
    switch state {
    case .completed:
      for objective in spec.objectives {
        guard let value = metrics.first(where: { $0.name == objective.metric })?.value, value.isFinite else {
          throw SessionError(
            .invalidReport, "a completed trial needs a finite number for '\(objective.metric)' (or add it as failed)")
        }
      }
      for constraint in spec.outcomeConstraints {
        guard let value = metrics.first(where: { $0.name == constraint.metric })?.value, value.isFinite else {
          throw SessionError(
            .invalidReport,
            "a completed trial needs a finite number for '\(constraint.metric)', since the study demands "
              + "\(constraint.text) (or add it as failed)")
        }
      }
      bodies.append(.trialCompleted(number, seconds: seconds))
    case .stopped: bodies.append(.trialStopped(number, .method, seconds: seconds))
    default: bodies.append(.trialFailed(number, .rejected, message: message, seconds: seconds))
    }
    return bodies.map { Event(time: time, $0) }
  }

  private func fixed(_ space: Space) throws -> Configuration {
    try space.configuration(used.map { ($0.parameter.name, $0.value) })
  }
}
