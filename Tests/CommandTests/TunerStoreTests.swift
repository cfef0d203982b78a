import Foundation
import Trimtab
import XCTest

/// A log whose disk is full for a while.
private final class FullLog: StudyLog {
  private let log = MemoryLog()
  var isFull = false

  func read(from position: Int, _ body: (Int, UnsafeRawBufferPointer) throws -> Void) throws {
    try log.read(from: position, body)
  }

  func append(
    from position: Int, catchUp: (Int, UnsafeRawBufferPointer) throws -> Void,
    decide: () throws -> (position: Int, frame: [UInt8])?
  ) throws {
    try log.append(from: position, catchUp: catchUp) {
      let made = try decide()
      if isFull, made != nil { throw StoreError(.full, "the disk is full") }
      return made
    }
  }

  func withAskLock<Result>(_ body: () throws -> Result) throws -> Result { try log.withAskLock(body) }
  func announce(_ worker: WorkerID) throws { log.announce(worker) }
  func isAlive(_ worker: WorkerID) throws -> Bool { log.isAlive(worker) }
  var livenessDescriptor: Int32? { nil }
}

/// The tuner on a store that fails and recovers.
final class TunerStoreTests: CommandTestCase {
  private func makeTuner(
    _ log: FullLog, onEvent: @escaping (TunerEvent) -> Void, onIdle: @escaping (Tuner) -> Void
  ) throws -> Tuner {
    let spec = StudySpec(
      name: "small", space: try Space([.float("x", 0...1)]), objectives: [Objective(metric: "loss")],
      method: MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full")), budget: Budget(trials: 3),
      command: ["/bin/sh", "-c", "echo '{\"loss\": 1}' > $TRIMTAB_REPORT"], seed: 1)
    // A brace would be a template.
    var escaped = spec
    escaped.command[2] = spec.command[2].replacingOccurrences(of: "{", with: "{{").replacingOccurrences(
      of: "}", with: "}}")
    let frame = Session.firstFrame(escaped, at: systemClock())
    try log.append(from: 0) { _, _ in
    } decide: {
      (0, frame)
    }
    return try Tuner(
      session: try Session.open(log),
      settings: TunerSettings(
        parallel: 1, workingDirectory: folder, trialsFolder: folder + "/trials", executable: Program.path,
        guardArguments: ["guard"], environment: [("PATH", "/usr/bin:/bin")]),
      onEvent: onEvent, onIdle: onIdle)
  }

  /// - Parameter event: begins the trouble, which lasts a second and a half.
  private func run(fullFrom event: @escaping (TunerEvent) -> Bool, fullAtOnce: Bool = false) throws -> [String] {
    let log = FullLog()
    var notices: [String] = []
    var since: Date?
    let tuner = try makeTuner(log) { happened in
      if case .notice(let text) = happened { notices.append(text) }
      if since == nil, event(happened) {
        since = Date()
        log.isFull = true
      }
    } onIdle: { _ in
      if let since, Date().timeIntervalSince(since) > 1.5 { log.isFull = false }
    }
    if fullAtOnce {
      since = Date()
      log.isFull = true
    }
    XCTAssertEqual(try tuner.run(), .finished("the budget of 3 trials is spent"))
    XCTAssertEqual(tuner.session.state.count(.completed), 3)
    return notices
  }

  private let expected = [
    "the disk is full; results are kept and written as soon as that is possible", "the store can be written again",
  ]

  func testResultsWaitUntilTheDiskHasRoomAgain() throws {
    XCTAssertEqual(try run { if case .started = $0 { true } else { false } }, expected)
  }

  func testAskingWaitsUntilTheDiskHasRoomAgain() throws {
    XCTAssertEqual(try run(fullFrom: { _ in false }, fullAtOnce: true), expected)
  }
}
