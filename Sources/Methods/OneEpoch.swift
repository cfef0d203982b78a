import TrimtabSearchSpaces
import TrimtabStudies

/// The one-epoch baseline: a batch of trials gets the least resource, then the best of them all of it.
///
/// Source: Egele, Guyon, Sun & Balaprakash, "Is one epoch all you need for multi-fidelity hyperparameter optimization?",
/// ESANN 2023, arXiv 2307.15422: "1-Epoch" with the top K. What a scheduler that is cleverer than this gains, it gains by
/// being clever.
///
/// The paper has one batch, and its choice waits for all of it. Here batches follow one another as long as the budget
/// lasts: once all of a batch have reported, or failed, its best go on, and when each of them has a worker the next batch
/// begins. Workers wait while a full batch has trials without a report. A batch that cannot be filled, because the budget
/// allows no new trial or the sampler has no more, lets the same share of its trials go on, rounded up.
///
/// What fails or reports no finite number is never among the best; who fails after having gone on is not replaced. A trial is
/// judged by its first report at or beyond the least resource. Of equal losses the earlier trial is better. After a raised
/// maximum, trials that had gone on to the old one, the complete ones too, go on first.
public struct OneEpoch: Scheduler {
  /// A trial's loss at the end of its first run; smaller is better, and of equal losses the earlier trial.
  private struct Entry: Comparable, Sendable {
    var loss: Double
    var trial: TrialNumber

    static func < (a: Entry, b: Entry) -> Bool { a.loss != b.loss ? a.loss < b.loss : a.trial < b.trial }
  }

  private struct Batch: Sendable {
    var count = 0
    /// Trials without a report so far.
    var unknown = 0
    /// Trials that have gone on.
    var promoted = 0
    /// Trials that could.
    var paused = RankedList<Entry>()
  }

  /// Where a trial stands.
  private enum Phase: Sendable {
    /// It belongs to no batch, and is to run to the maximum from the start.
    case outside
    case unknown(batch: Int)
    case paused(batch: Int, Entry)
    case promoted
    /// It does not go on by itself: it has ended, or somebody asked for less than the maximum.
    case over
  }

  let first: Int
  let keep: Int
  private var batches: [Batch] = []
  /// Those of which trials may still go on.
  private var open: [Int] = []
  private var phases: ContiguousArray<Phase> = []
  /// Trials that paused, or are complete, though they were to run to the maximum, because it was raised.
  private var interrupted: [TrialNumber] = []

  /// - Parameter part: the scheduler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    first = Self.entry.integer("first", in: part)
    keep = Self.entry.integer("keep", in: part)
  }

  // MARK: Absorbing

  public mutating func absorb(_ event: Event, state: StudyState) {
    while phases.count < state.trials.count { phases.append(.outside) }
    switch event.body {
    case .studyAmended:
      guard let maximum = state.spec.fidelity?.maximum else { return }
      let known = Set(interrupted)
      interrupted += phases.indices.filter { trial in
        guard case .promoted = phases[trial], state.trials[trial].state == .completed else { return false }
        return state.trials[trial].canGoOn(to: maximum) && !known.contains(trial)
      }
    case .trialProposed(let trial, .new, let target?, _):
      if !Fidelity.reaches(target, state.spec.fidelity?.maximum ?? 0) { join(trial) }
    case .trialProposed(let trial, .enqueued, let target?, _), .trialProposed(let trial, .clone, let target?, _):
      if !Fidelity.reaches(target, state.spec.fidelity?.maximum ?? 0) { phases[trial] = .over }
    case .trialProposed(let trial, .resume, let target, _):
      if case .paused(let batch, let entry) = phases[trial] {
        // Another scheduler may have let it go on, to somewhere else.
        let isToTheEnd = Fidelity.reaches(target ?? .infinity, state.spec.fidelity?.maximum ?? 0)
        batches[batch].paused.remove(entry)
        batches[batch].promoted += isToTheEnd ? 1 : 0
        phases[trial] = isToTheEnd ? .promoted : .over
        close()
      }
      interrupted.removeAll { $0 == trial }
    case .trialPaused(let trial, _, _):
      switch phases[trial] {
      case .unknown(let batch):
        let loss = loss(trial, state)
        batches[batch].unknown -= 1
        let entry = Entry(loss: loss, trial: trial)
        phases[trial] = loss.isFinite ? .paused(batch: batch, entry) : .over
        if loss.isFinite { batches[batch].paused.insert(entry) }
        close()
      case .outside, .promoted: interrupted.append(trial)
      case .paused, .over: break
      }
    case .trialCompleted(let trial, _):
      if case .promoted = phases[trial] { interrupted.removeAll { $0 == trial } } else { leave(trial) }
    case .trialStopped(let trial, _, _): leave(trial)
    case .trialFailed(let trial, _, _, _), .trialLost(let trial):
      if state.trials[trial].state == .failed { leave(trial) }
    default: break
    }
  }

  /// The loss by which a trial is judged: that of the first report at or beyond the least resource; of one that ended by
  /// itself before it reported there, the last.
  private func loss(_ trial: TrialNumber, _ state: StudyState) -> Double {
    guard let least = state.spec.fidelity?.minimum, let curve = state.curves[trial] else {
      return state.judgedLoss(trial)
    }
    let point = curve.index(reaching: least)
    guard point < curve.values.count else { return state.judgedLoss(trial) }
    return state.judged(curve.values[point] * state.spec.objectives[0].sign, of: trial)
  }

  private mutating func join(_ trial: TrialNumber) {
    if batches.last.map({ $0.count >= first }) ?? true {
      open.append(batches.count)
      batches.append(Batch())
    }
    batches[batches.count - 1].count += 1
    batches[batches.count - 1].unknown += 1
    phases[trial] = .unknown(batch: batches.count - 1)
  }

  private mutating func leave(_ trial: TrialNumber) {
    switch phases[trial] {
    case .unknown(let batch): batches[batch].unknown -= 1
    case .paused(let batch, let entry): batches[batch].paused.remove(entry)
    case .outside, .promoted, .over: interrupted.removeAll { $0 == trial }
    }
    phases[trial] = .over
    close()
  }

  /// Forgets full batches of which nothing can go on any more.
  private mutating func close() {
    open.removeAll { index in
      let batch = batches[index]
      let isSpent = batch.promoted >= keep || (batch.unknown == 0 && batch.paused.count == 0)
      return batch.count >= first && isSpent
    }
  }

  // MARK: Deciding

  public func assignment(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    guard let fidelity = state.spec.fidelity else { return .new(target: nil, Annotation()) }
    if let resumed = resumption(state, fidelity, closesLast: false, canResume) { return resumed }
    if let batch = batches.last, batch.count >= first, batch.unknown > 0 { return .wait }
    return .new(target: fidelity.minimum, Annotation())
  }

  public func assignmentWithoutNew(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    guard let fidelity = state.spec.fidelity else { return .wait }
    return resumption(state, fidelity, closesLast: true, canResume) ?? .wait
  }

  /// The paused trial that goes on.
  /// - Parameter closesLast: whether the last batch will not grow.
  private func resumption(
    _ state: StudyState, _ fidelity: Fidelity, closesLast: Bool, _ canResume: (TrialNumber) -> Bool
  ) -> Assignment? {
    func canGoOn(_ trial: TrialNumber) -> Bool {
      state.trials[trial].canGoOn(to: fidelity.maximum) && canResume(trial)
    }
    if let trial = interrupted.first(where: canGoOn) {
      return .resume(trial, target: fidelity.maximum, Annotation())
    }
    for index in open {
      let batch = batches[index]
      let isClosed = batch.count >= first || (closesLast && index == batches.count - 1)
      guard isClosed, batch.unknown == 0 else { continue }
      let places = min(share(batch.count) - batch.promoted, batch.paused.count)
      guard places > 0 else { continue }
      if let found = batch.paused.first(upTo: batch.paused[places - 1], where: { canGoOn($0.trial) }) {
        var annotation = Annotation()
        annotation[.rung] = 1
        return .resume(found.trial, target: fidelity.maximum, annotation)
      }
    }
    return nil
  }

  /// How many of so many go on: `keep` of a full batch, and the same share of a smaller one, rounded up.
  private func share(_ count: Int) -> Int {
    count >= first ? keep : Int((Double(keep) * Double(count) / Double(first)).rounded(.up))
  }

  public func verdict(on trial: TrialNumber, state: StudyState) -> Verdict { state.verdictAtTarget(trial) }
}

extension OneEpoch {
  /// What the catalogue says of it.
  public static let entry: CatalogueEntry = CatalogueEntry(
    role: .scheduler, name: "one-epoch", title: "One epoch, then the best (1-Epoch, top K)",
    summary: "Gives a batch of trials the least resource, and the best of the batch all of it.",
    paper: .init(
      authors: "R. Egele, I. Guyon, Y. Sun, P. Balaprakash",
      title: "Is one epoch all you need for multi-fidelity hyperparameter optimization?", year: 2023,
      venue: "ESANN, arXiv 2307.15422"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: true,
    options: [
      MethodOption(
        name: "first", kind: .integer(1...1_000_000), defaultValue: .integer(100),
        meaning: "the number of trials in a batch"),
      MethodOption(
        name: "keep", kind: .integer(1...1_000_000), defaultValue: .integer(10),
        meaning: "how many of a batch go on to the full resource"),
    ], takesOutcomeConstraints: true,
    inspect: { spec in
      let part = spec.method.scheduler
      let (first, keep) = (entry.integer("first", in: part), entry.integer("keep", in: part))
      guard keep > first else { return [] }
      return [
        MethodProblem(
          ["method", "scheduler", part.options["keep"] == nil ? "first" : "keep"],
          "of \(first) trials \(keep) cannot go on", hint: "lower keep, or raise first")
      ]
    })
}
