import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies

/// A study as its log tells it, with what the folded state does not keep.
public struct StudyReading {
  public let state: StudyState
  /// The newest message of each failed trial.
  let messages: [TrialNumber: String]
  /// Values of the metric `intermediate` by resource, in the order of the log; the first at a resource counts.
  let intermediate: [TrialNumber: [(resource: Double, value: Double)]]

  /// Holds the state while it is folded; a captured variable would be copied with every event.
  private final class Fold {
    var state: StudyState?
  }

  /// - Throws: `StoreError`, `FrameError`, `EventError` or `Diagnostics` when the log cannot be read.
  public init(_ log: any StudyLog) throws {
    let fold = Fold()
    var messages: [TrialNumber: String] = [:]
    var intermediate: [TrialNumber: [(resource: Double, value: Double)]] = [:]
    var reader = LogReader()
    try reader.read(log) { _, event in
      if fold.state == nil { fold.state = try StudyState(first: event) } else { try fold.state?.absorb(event) }
      switch event.body {
      case .trialFailed(let trial, _, let message, _): messages[trial] = message
      case .reported(let trial, let resource?, let metrics):
        guard let value = metrics.first(where: { $0.name == CurvePlan.intermediate })?.value,
          intermediate[trial]?.contains(where: { $0.resource == resource }) != true
        else { return }
        intermediate[trial, default: []].append((resource, value))
      default: break
      }
    }
    guard let state = fold.state else { throw StoreError(.corrupt, "the study's log is empty") }
    self.state = state
    self.messages = messages
    self.intermediate = intermediate
  }
}
