import TrimtabSearchSpaces
import TrimtabStudies

/// What an optimiser wants done with a free worker.
public enum OptimiserAnswer: Sendable, Equatable {
  /// Train a trial, new or paused before, up to a resource; nil without fidelity.
  case run(TrialNumber, Configuration, target: Double?)
  /// Nothing until something is reported.
  case wait
  /// Nothing ever again; the text says why.
  case finished(String)
}

/// One study in the hands of an optimiser: Trimtab's own methods, or a peer in another process.
///
/// Values are the objectives' in the problem's order, in its own directions. An optimiser belongs to one thread.
public protocol Optimiser: AnyObject {
  func ask() throws -> OptimiserAnswer
  /// What becomes of a running trial that reports.
  func report(_ trial: TrialNumber, resource: Double?, _ values: [Double]) throws -> Verdict
  /// A running trial has come to its end; the values are those of its last report.
  func complete(_ trial: TrialNumber, resource: Double?, _ values: [Double], seconds: Double) throws
  func pause(_ trial: TrialNumber, seconds: Double) throws
  func stop(_ trial: TrialNumber, seconds: Double) throws
  func fail(_ trial: TrialNumber, _ kind: FailureKind, message: String, seconds: Double) throws
  /// Wall time spent within the optimiser so far.
  var thinking: Duration { get }
}
