import Dispatch
import Synchronization
import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies

/// Makes the runs of a suite, several at a time, and keeps what comes out.
public struct SuiteRunner: Sendable {
  public var suite: Suite
  public var role: SeedRole
  /// Runs at a time.
  public var parallel: Int
  /// The problems of the suite's entries, by label.
  public var problems: [String: any Problem]
  /// Starts the optimiser of a peer or a program.
  public var startPeer: @Sendable (MethodEntry, StudySpec) throws -> any Optimiser

  public init(
    suite: Suite, role: SeedRole, parallel: Int, problems: [String: any Problem],
    startPeer: @escaping @Sendable (MethodEntry, StudySpec) throws -> any Optimiser
  ) {
    self.suite = suite
    self.role = role
    self.parallel = parallel
    self.problems = problems
    self.startPeer = startPeer
  }

  /// What happened to one job.
  public enum Progress: Sendable {
    case done(Suite.Job, RunTrace)
    case failed(Suite.Job, String)
  }

  /// Makes every run that the store has not.
  /// - Parameters:
  ///   - shouldStop: whether to begin no further run.
  ///   - progress: is told of every run as it ends, from one thread at a time.
  /// - Returns: the number of runs that are missing still.
  /// - Throws: `StoreError` when results cannot be read or written.
  public func run(
    into store: ResultStore, shouldStop: @escaping @Sendable () -> Bool, progress: (Progress) -> Void
  ) throws -> Int {
    let missing = try suite.jobs(role).filter { try store.trace($0.definition) == nil }
    // The thread that calls has the store; the others only compute.
    let finished = Mailbox<Progress>(producers: parallel)
    let next = Atomic(0)
    let queue = DispatchQueue(label: "trimtab.suite", attributes: .concurrent)
    for _ in 0..<parallel {
      queue.async {
        while !shouldStop() {
          let index = next.add(1, ordering: .relaxed).oldValue
          guard index < missing.count else { break }
          let job = missing[index]
          do {
            finished.put(.done(job, try trace(job)))
          } catch {
            finished.put(.failed(job, "\(error)"))
          }
        }
        finished.close()
      }
    }
    var left = missing.count
    var failure: (any Error)?
    while let item = finished.take() {
      if case .done(let job, let trace) = item, failure == nil {
        do {
          try store.insert(trace, definition: job.definition)
          left -= 1
        } catch {
          failure = error
          next.store(missing.count, ordering: .relaxed)
        }
      }
      progress(item)
    }
    if let failure { throw failure }
    return left
  }

  /// Makes one run.
  /// - Throws: what the optimiser throws.
  public func trace(_ job: Suite.Job) throws -> RunTrace {
    guard let problem = problems[job.problem.label] else {
      throw StoreError(.notFound, "the problem '\(job.problem.label)' was not opened")
    }
    let spec = suite.study(of: job, on: problem)
    let time = VirtualTime()
    let simulation = suite.simulation(of: job, on: problem)
    guard case .method = job.method.kind else {
      let peer = try startPeer(job.method, spec)
      return try simulation.run(peer, time: time, usesFidelity: spec.fidelity != nil)
    }
    let optimiser = try SessionOptimiser(spec, clock: { time.milliseconds })
    var trace = try simulation.run(optimiser, time: time, usesFidelity: spec.fidelity != nil)
    trace.logChecksum = try optimiser.logChecksum()
    return trace
  }
}

/// Hands values from several threads to one.
private final class Mailbox<Value: Sendable>: Sendable {
  private struct State {
    var values: [Value] = []
    var producers: Int
  }

  private let state: Mutex<State>
  private let news = DispatchSemaphore(value: 0)

  init(producers: Int) { state = Mutex(State(producers: producers)) }

  func put(_ value: Value) {
    state.withLock { $0.values.append(value) }
    news.signal()
  }

  /// One producer has nothing more.
  func close() {
    state.withLock { $0.producers -= 1 }
    news.signal()
  }

  /// The next value, waited for; nil when there will be none.
  func take() -> Value? {
    while true {
      news.wait()
      let (value, isOver) = state.withLock { state -> (Value?, Bool) in
        state.values.isEmpty ? (nil, state.producers == 0) : (state.values.removeFirst(), false)
      }
      if let value { return value }
      if isOver { return nil }
    }
  }
}
