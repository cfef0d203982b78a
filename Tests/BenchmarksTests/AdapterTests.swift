import Foundation
import Trimtab
import TrimtabTestSupport
import XCTest

@testable import TrimtabBenchmarks

/// The adapters of Scripts/peers: what they share, with an optimiser that needs no package; and those that are installed.
final class AdapterTests: XCTestCase {
  private let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "../../Scripts/peers"
  ).standardized.path

  /// Draws uniformly on each axis, at its ends now and then. Every third trial is trained further after each pause.
  private static let drawing = """
    import random, sys
    sys.path.insert(0, sys.argv[1])
    from adapters.base import Peer, Server, Suggestion

    class Drawing(Peer):
        takes_conditions = takes_objectives = True

        def start(self, study):
            self.random = random.Random(study.seed)
            self.asked = 0

        def value(self, axis):
            if axis.kind == "category":
                return self.random.choice(axis.labels)
            end = self.random.random()
            if end < 0.1:
                return axis.low
            if end < 0.2:
                return axis.high
            if axis.kind == "float":
                return self.random.uniform(axis.low, axis.high)
            return self.random.randint(int(axis.low), int(axis.high))

        def suggest(self):
            self.asked += 1
            key = self.asked // 3 if self.study.fidelity else None
            target = self.study.maximum * (self.asked % 3 + 1) / 3 if key is not None else None
            if key is not None:
                self.random.seed(key)
            config = self.study.space.configuration(self.value)
            return Suggestion(config, None, target, key)

        def finish(self, trial, resource, losses, seconds):
            print("finish", trial.number, resource, losses, file=sys.stderr)

        def fail(self, trial):
            print("fail", trial.number, file=sys.stderr)

    Server().serve("drawing", "1", Drawing())
    """

  private func peer(_ spec: StudySpec) throws -> PeerProcess {
    try PeerProcess(
      command: ["/usr/bin/env", "python3", "-c", Self.drawing, scripts], environment: ["PYTHONDONTWRITEBYTECODE": "1"],
      study: spec)
  }

  private func spec(_ space: Space, goal: Objective.Goal = .minimize, fidelity: Fidelity? = nil, trials: Int = 20)
    -> StudySpec
  {
    StudySpec(
      name: "s", space: space, objectives: [Objective(metric: "score", goal: goal)], fidelity: fidelity,
      method: MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full")), budget: Budget(trials: trials),
      seed: 5)
  }

  /// Whether every parameter has a form that plain axes have.
  private func isPlain(_ space: Space) -> Bool {
    space.constraints.isEmpty
      && space.parameters.allSatisfy { parameter in
        switch parameter.domain {
        case .permutation, .simplex: false
        case .float(let domain), .integer(let domain):
          domain.prior == nil && (domain.scale != .logit || domain.step == nil)
        default: true
        }
      }
  }

  func testAxesGiveConfigurationsOfEverySpaceThatTheyCanTake() throws {
    let spaces = (UInt64(0)..<400).lazy.map { randomSpace(seed: $0) }
    for space in spaces.filter({ self.isPlain($0) && $0.parameters.count > 2 }).prefix(8) {
      let peer = try peer(spec(space))
      // Each is checked against the space.
      while case .run(let run) = try peer.ask() { try peer.complete(run.trial, [MetricValue("score", 1)], seconds: 0) }
    }
    for space in spaces.filter({ !self.isPlain($0) }).prefix(3) {
      XCTAssertThrowsError(try peer(spec(space))) {
        XCTAssertEqual(($0 as? PeerError)?.kind, .refused)
        XCTAssertTrue("\($0)".contains("cannot be taken"), "\($0)")
      }
    }
  }

  func testAxesHaveEveryScaleStepAndCondition() throws {
    let space = try Space([
      .float("x", -1...2), .float("log", 1e-6...1, scale: .log), .float("logit", 0.01...0.99, scale: .logit),
      .float("step", 0...1, step: 0.1), .float("log step", 2...10, scale: .log, step: 2), .integer("n", 1...9),
      .integer("log n", 1...1000, scale: .log), .integer("n step", 0...20, step: 5), .boolean("flag"),
      Parameter("kind", .categorical([.text("a"), .integer(2), .text("c c")])),
      Parameter("size", .ordinal([.text("s"), .text("m"), .text("l")])), Parameter("c", .constant(.text("k"))),
      .float("y", 0...1).when("kind == a or flag == true"), .float("z", 0...1).when("not (kind in [2, \"c c\"])"),
      .integer("deep", 1...3).when("y > 0.5 and `log n` * 2 <= 500"), .float("w", 0...1).when("size == m"),
    ])
    let peer = try peer(spec(space, trials: 300))
    var seen: Set<String> = []
    while case .run(let run) = try peer.ask() {
      for (name, _) in space.values(of: run.configuration) { seen.insert(name) }
      try peer.complete(run.trial, [MetricValue("score", 1)], seconds: 0)
    }
    XCTAssertEqual(seen.count, space.parameters.count, "\(seen)")
  }

  func testTrialsArePausedTrainedFurtherAndJudgedByTheGoal() throws {
    let space = try Space([.float("x", 0...1)])
    let peer = try peer(
      spec(space, goal: .maximize, fidelity: Fidelity(name: "epoch", maximum: 9), trials: 4))
    var targets: [TrialNumber: [Double]] = [:]
    while case .run(let run) = try peer.ask() {
      let target = try XCTUnwrap(run.target)
      XCTAssertEqual(run.from, targets[run.trial]?.last ?? 0)
      targets[run.trial, default: []].append(target)
      XCTAssertEqual(try peer.report(run.trial, resource: target - 1, [MetricValue("score", 1)]), .proceed)
      let verdict = try peer.report(run.trial, resource: target, [MetricValue("score", 2)])
      XCTAssertEqual(verdict, target < 9 ? .pause : .proceed)
      if verdict == .pause {
        XCTAssertEqual(try peer.pause(run.trial, seconds: 1), .paused)
      } else {
        XCTAssertEqual(try peer.complete(run.trial, seconds: 1), .completed)
      }
    }
    XCTAssertEqual(targets[1], [3, 6, 9])
    XCTAssertEqual(targets.count, 4)
  }

  func testATrialWithoutAFiniteValueHasFailed() throws {
    let peer = try peer(spec(try Space([.float("x", 0...1)])))
    for values in [[MetricValue("score", .nan)], [MetricValue("other", 1)], []] {
      guard case .run(let run) = try peer.ask() else { return XCTFail("a trial to run") }
      XCTAssertEqual(try peer.complete(run.trial, values, seconds: 0), .failed)
    }
    guard case .run(let run) = try peer.ask() else { return XCTFail("a trial to run") }
    XCTAssertEqual(try peer.fail(run.trial, .timeout, seconds: 1), .failed)
    XCTAssertThrowsError(try peer.complete(run.trial, seconds: 1)) {
      XCTAssertEqual(($0 as? PeerError)?.kind, .refused)
    }
  }

  /// Proposes the last loss, five times; the second coordinate lies outside the box.
  private static let driving = """
    import sys
    sys.path.insert(0, sys.argv[1])
    from adapters.base import Server
    from adapters.driven import DrivenPeer

    class Echo(DrivenPeer):
        def optimise(self, objective, dimension, budget):
            loss = 0.5
            for _ in range(5):
                loss = objective([loss] + [2.0] * (dimension - 1))

    Server().serve("echo", "1", Echo())
    """

  func testAnOptimiserThatCallsItsObjectiveGetsEachResultAndTheWorstForAFailure() throws {
    let command = ["/usr/bin/env", "python3", "-c", Self.driving, scripts]
    let space = try Space([.float("x", 0...1), .float("y", 1...100, scale: .log)])
    let peer = try PeerProcess(command: command, environment: ["PYTHONDONTWRITEBYTECODE": "1"], study: spec(space))
    var seen: [Double] = []
    for result in [0.25, 0.75, nil, 0.1, 0.2] as [Double?] {
      guard case .run(let run) = try peer.ask() else { return XCTFail("a trial to run") }
      seen.append(run.configuration.slots[0])
      XCTAssertEqual(run.configuration.slots[1], 100)
      if let result {
        XCTAssertEqual(try peer.ask(), .wait, "one point at a time")
        XCTAssertEqual(try peer.complete(run.trial, [MetricValue("score", result)], seconds: 1), .completed)
      } else {
        XCTAssertEqual(try peer.fail(run.trial, .crash, seconds: 1), .failed)
      }
    }
    XCTAssertEqual(seen, [0.5, 0.25, 0.75, 0.75, 0.1])
    guard case .finished(let reason) = try peer.ask() else { return XCTFail("the optimiser has ended") }
    XCTAssertEqual(reason, "the optimiser has ended")
    let choosing = try Space([.float("x", 0...1), .boolean("flag")])
    XCTAssertThrowsError(try PeerProcess(command: command, environment: [:], study: spec(choosing))) {
      XCTAssertEqual(($0 as? PeerError)?.kind, .refused)
    }
  }

  /// Stops a trial at three times the smallest share.
  private static let counting = """
    import sys
    sys.path.insert(0, sys.argv[1])
    from adapters.base import Peer, Server, Suggestion

    class Counting(Peer):
        needs_fidelity = True

        def start(self, study):
            self.ends = study.step(study.minimum), study.step(study.maximum)

        def suggest(self):
            return Suggestion(self.study.space.configuration(lambda axis: axis.low), None)

        def report(self, trial, resource, losses):
            assert self.ends == (1, 9), self.ends
            return "stop" if self.study.step(resource) == 3 else "proceed"

    Server().serve("counting", "1", Counting())
    """

  func testSharesAreCountedInTheSmallest() throws {
    let space = try Space([.float("x", 0...1)])
    func peer(_ fidelity: Fidelity) throws -> PeerProcess {
      try PeerProcess(
        command: ["/usr/bin/env", "python3", "-c", Self.counting, scripts],
        environment: ["PYTHONDONTWRITEBYTECODE": "1"], study: spec(space, fidelity: fidelity))
    }
    let ninths = try peer(Fidelity(name: "share", minimum: 1.0 / 9, maximum: 1, isInteger: false))
    guard case .run(let run) = try ninths.ask() else { return XCTFail("a trial to run") }
    for (share, verdict) in [(1.0 / 9, Verdict.proceed), (2.0 / 9, .proceed), (1.0 / 3, .stop)] {
      XCTAssertEqual(try ninths.report(run.trial, resource: share, [MetricValue("score", 1)]), verdict)
    }
    XCTAssertThrowsError(try peer(Fidelity(name: "share", minimum: 0.3, maximum: 1, isInteger: false))) {
      XCTAssertEqual(($0 as? PeerError)?.kind, .refused)
      XCTAssertTrue("\($0)".contains("1 is not 0.3 times one"), "\($0)")
    }
  }

  /// Every optimiser that is installed proposes what lies in the space, and takes results of every kind.
  func testInstalledPeersRunAStudy() throws {
    guard let folder = ProcessInfo.processInfo.environment["TRIMTAB_PEERS"] else {
      throw XCTSkip("Scripts/peers/setup.sh installs the peers; set TRIMTAB_PEERS to their folder")
    }
    let numbers: [Parameter] = [
      try .float("x", -5...5), try .float("rate", 1e-5...1, scale: .log), try .integer("n", 1...64, scale: .log),
      try .integer("k", 0...20, step: 5),
    ]
    let mixed =
      numbers + [
        Parameter("kind", .categorical([.text("a"), .text("b"), .integer(3)])), .boolean("flag"),
        Parameter("size", .ordinal([.text("s"), .text("m"), .text("l")])),
      ]
    let conditional = mixed + [try .float("momentum", 0...0.9).when("kind == a")]
    for known in Peers.known {
      let command: [String]
      do {
        command = try Peers.command(known.name, folder: folder)
      } catch {
        print("\(known.name): \(error)")
        continue
      }
      for parameters in [conditional, mixed, numbers] {
        var spec = spec(
          try Space(parameters), goal: .maximize, fidelity: Fidelity(name: "epoch", maximum: 9), trials: 8)
        if known.name == "optuna-nsga2" { spec.objectives.append(Objective(metric: "cost")) }
        do {
          let peer = try PeerProcess(command: command, study: spec)
          var runs = 0
          while case .run(let run) = try peer.ask() {
            runs += 1
            try drive(run, peer, failing: run.trial == 2)
          }
          XCTAssertGreaterThanOrEqual(runs, 8, known.name)
          print(
            "\(peer.name) \(peer.version): \(runs) runs of 8 trials, \(parameters.count) parameters, ready in "
              + "\(peer.starting), thought \(peer.thinking)")
          fflush(nil)
        } catch let error as PeerError where error.kind == .refused && parameters.count > numbers.count {
          continue
        } catch let error as PeerError where error.kind == .notInstalled {
          print("\(known.name): \(error)")
        }
        break
      }
    }
  }

  private func drive(_ run: PeerRun, _ peer: PeerProcess, failing: Bool) throws {
    if failing {
      XCTAssertEqual(try peer.fail(run.trial, .crash, message: "on purpose", seconds: 1), .failed)
      return
    }
    let target = run.target ?? 9
    let slots = run.configuration.slots
    for epoch in stride(from: run.from + 1, through: target, by: 1) {
      let metrics = [
        MetricValue("score", -(slots[0] - 1) * (slots[0] - 1) - 3 / epoch), MetricValue("cost", slots[2]),
      ]
      switch try peer.report(run.trial, resource: epoch, metrics) {
      case .proceed: continue
      case .pause: return XCTAssertEqual(try peer.pause(run.trial, seconds: 1), .paused)
      case .stop: return XCTAssertEqual(try peer.stop(run.trial, seconds: 1), .stopped)
      }
    }
    XCTAssertEqual(try peer.complete(run.trial, seconds: 1), .completed)
  }
}
