import Trimtab
import TrimtabBenchmarks

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How far a suite is: one line that is written over on a terminal, one line for every twentieth elsewhere.
final class BenchProgress {
  private let total: Int
  private var done: Int
  private let asJSON: Bool
  private let isLive: Bool
  private let start = ContinuousClock.now
  private let doneBefore: Int
  private var failures: [String: Int] = [:]

  init(total: Int, done: Int, asJSON: Bool) {
    self.total = total
    self.done = done
    doneBefore = done
    self.asJSON = asJSON
    isLive = !asJSON && Terminal.standardOutput().isLive
  }

  func begin(suite: String, results: String) {
    if asJSON {
      print(
        JSONValue.members([
          "event": .string("suite"), "suite": .string(suite), "results": .string(results), "runs": .integer(total),
          "done": .integer(done),
        ]).text)
    } else {
      let known = done == 0 ? "" : ", \(done) of them made before"
      print("suite \(suite): \(total) runs\(known); results in \(shownPath(results))")
    }
    fflush(nil)
  }

  func show(_ progress: SuiteRunner.Progress) {
    switch progress {
    case .done(let job, let trace):
      done += 1
      if asJSON { print(Self.json(job, trace).text) } else { showCount() }
    case .failed(let job, let message):
      if asJSON {
        print(
          JSONValue.members([
            "event": .string("failed"), "problem": .string(job.problem.label), "method": .string(job.method.name),
            "repetition": .integer(job.repetition), "message": .string(message),
          ]).text)
      } else if failures[job.method.name] == nil {
        // The same cause fails every run of a method; it is said once, and counted.
        if isLive { print("\r\u{1B}[K", terminator: "") }
        printError("error: \(job.method.name) on \(job.problem.label): \(message)")
      }
      failures[job.method.name, default: 0] += 1
    }
    fflush(nil)
  }

  private func showCount() {
    if isLive {
      print("\r\u{1B}[K\(done) of \(total) runs\(timeLeft)", terminator: "")
    } else if done * 20 / total != (done - 1) * 20 / total {
      print("\(done) of \(total) runs\(timeLeft)")
    }
  }

  private var timeLeft: String {
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    guard done > doneBefore, done < total else { return "" }
    let left = seconds / Double(done - doneBefore) * Double(total - done)
    return ", about \(Shown.duration(left)) left"
  }

  func end(left: Int, report: String) {
    guard !asJSON else { return }
    if isLive { print("\r\u{1B}[K", terminator: "") }
    for (method, count) in failures.sorted(by: { $0.key < $1.key }) { print("\(method): \(count) runs failed") }
    print(
      left == 0
        ? "all \(total) runs are made: \(report)"
        : "\(total - left) of \(total) runs are made; the same command makes the others")
  }

  private static func json(_ job: Suite.Job, _ trace: RunTrace) -> JSONValue {
    .members([
      "event": .string("run"), "problem": .string(job.problem.label), "method": .string(job.method.name),
      "repetition": .integer(job.repetition), "seed": .string(String(job.seed)),
      "trials": .integer(trace.trials), "failures": .integer(trace.failures),
      "evaluations": .number(trace.evaluations), "seconds": .number(trace.seconds), "cost": .number(trace.cost),
      "thinking": .number(trace.thinkingSeconds), "score": trace.points.last.map { .number($0.score) },
      "config": trace.incumbent.map { .string($0) }, "end": .string(trace.end),
      "log": trace.logChecksum.map { .string(String($0, radix: 16)) },
    ])
  }
}
