import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies

extension Session {
  // Parts of the state that are asked for with every trial, without a copy of the whole.

  /// How often the study was amended.
  public var revision: Int { fold.state.revision }

  public var objectives: [Objective] { fold.state.spec.objectives }

  public var hasFidelity: Bool { fold.state.spec.fidelity != nil }

  public func hasNotes(_ trial: TrialNumber) -> Bool { fold.state.notes[trial] != nil }

  /// Keeps a note with a trial or, with nil, with the study. An empty text removes it.
  /// - Parameter value: a JSON document.
  public func note(_ trial: TrialNumber?, _ key: String, _ value: String) throws {
    guard value.utf8.count <= Self.maximumNoteBytes else {
      throw SessionError(
        .invalidReport,
        "the note '\(key)' is larger than \(Self.maximumNoteBytes >> 10) KiB (keep a file's path instead)")
    }
    try append {
      if let trial, !state.trials.indices.contains(trial) {
        throw SessionError(.notFound, "there is no trial \(trial)")
      }
      let present = trial.map { state.notes[$0]?[key] } ?? state.studyNotes[key]
      guard present ?? "" != value else { return [] }
      return [Event(time: clock(), .noted(trial, key: key, value: value))]
    }
  }

  private static let maximumNoteBytes = 1 << 20

  /// Puts the values of a JSON object in the queue, with notes. In a growing space values of parameters that are not
  /// known yet may stand there: the trial is given them when it asks for parameters of those names.
  func enqueue(_ config: JSONValue, notes: [(key: String, value: String)]) throws -> TrialNumber {
    guard case .object(let members) = config else {
      throw SessionError(.conflict, "a configuration is a JSON object such as {\"x\": 0.5}")
    }
    let grows = state.spec.grows
    var notes = notes
    let configuration: Configuration
    if grows {
      configuration = Configuration(slots: [])
      if !members.isEmpty { notes.append((LibraryRequest.enqueuedKey, config.text)) }
    } else {
      let space = state.spec.space
      configuration = try space.configuration(try space.values(config))
    }
    return try log.withAskLock {
      var trial = 0
      try append {
        if grows { try checkKnown(members) }
        trial = state.trials.count
        let now = clock()
        let proposal = Event(
          time: now,
          .trialProposed(
            trial, .enqueued(configuration), target: state.spec.fidelity?.maximum, Annotation(origin: .user)))
        return [proposal] + notes.map { Event(time: now, .noted(trial, key: $0.key, value: $0.value)) }
      }
      return trial
    }
  }

  /// - Throws: `SpaceError` for a value that a parameter of the study cannot have.
  private func checkKnown(_ members: [JSONValue.Member]) throws {
    let space = state.spec.space
    for member in members {
      guard let index = space.index(of: member.key) else { continue }
      _ = try space.parameters[index].slots(of: try space.parameters[index].value(member.value))
    }
  }

  /// Takes over trials that were run elsewhere, in one transaction: all or none.
  ///
  /// Parameters that a growing space does not know yet are added to it.
  /// - Returns: the number of the first.
  public func add(_ trials: [ImportedTrial]) throws -> TrialNumber {
    try log.withAskLock {
      var first = 0
      try append {
        first = state.trials.count
        return try events(taking: trials, from: first)
      }
      return first
    }
  }

  private func events(taking trials: [ImportedTrial], from first: TrialNumber) throws -> [Event] {
    let now = clock()
    var (space, events) = (state.spec.space, [Event]())
    if state.spec.grows {
      (space, events) = try growth(trials.map(\.used), at: now)
    } else if let unknown = trials.lazy.flatMap(\.used).first(where: { space.index(of: $0.parameter.name) == nil }) {
      throw SessionError(
        .conflict, "the study has no parameter '\(unknown.parameter.name)', and its space is fixed")
    }
    for (offset, trial) in trials.enumerated() {
      events += try trial.events(first + offset, space: space, spec: state.spec, worker: worker, at: now)
    }
    return events
  }
}
