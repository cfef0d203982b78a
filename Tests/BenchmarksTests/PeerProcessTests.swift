import Foundation
import Trimtab
import XCTest

@testable import TrimtabBenchmarks

/// Other optimisers as processes: a well-behaved one, and every way to misbehave.
final class PeerProcessTests: XCTestCase {
  private var folder = ""

  override func setUpWithError() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("trimtab-peers-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  override func tearDownWithError() throws { try FileManager.default.removeItem(atPath: folder) }

  private var trimtab: String {
    #if os(macOS)
      let products = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
        .deletingLastPathComponent()
      return (products ?? URL(fileURLWithPath: ".build/debug")).appendingPathComponent("trimtab").path
    #else
      return URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent(
        "trimtab"
      )
      .path
    #endif
  }

  private func spec(
    _ method: MethodSpec = MethodSpec(sampler: PartSpec("tpe"), scheduler: PartSpec("full")), fidelity: Fidelity? = nil,
    trials: Int = 30
  ) throws -> StudySpec {
    StudySpec(
      name: "s",
      space: try Space([
        .float("x", 0...1), .float("rate", 1e-5...1, scale: .log), .integer("n", 1...64, scale: .log),
        .categorical("kind", ["a", "b"]), .float("only_b", -1...1).when("kind == b"),
      ]), objectives: [Objective(metric: "loss")], fidelity: fidelity, method: method, budget: Budget(trials: trials),
      seed: 11)
  }

  /// A peer that is a shell script; every line of it sees the study, which `spec` gives.
  private func shell(
    _ script: String, _ spec: StudySpec? = nil, patience: Duration = .seconds(20)
  ) throws -> PeerProcess {
    try PeerProcess(
      command: ["/bin/sh", "-c", script], workingDirectory: folder, study: try spec ?? self.spec(),
      startPatience: patience, patience: patience)
  }

  private static let ready = #"read -r line; echo '{"ready":{"optimiser":"fake","version":"1"}}';"#

  private func error(_ body: () throws -> Void, line: UInt = #line) -> PeerError? {
    do {
      try body()
    } catch let error as PeerError {
      return error
    } catch {
      XCTFail("\(error)", line: line)
    }
    return nil
  }

  private func loss(_ configuration: Configuration, _ space: Space) -> Double {
    let values = configuration.slots
    return (values[0] - 0.3) * (values[0] - 0.3) + (values[3] == 0 ? 0.5 : values[4] * values[4])
  }

  // MARK: Trimtab behind a pipe

  func testTrimtabBehindAPipeProposesWhatItProposesInProcess() throws {
    let spec = try spec()
    let (session, _) = try Session.openOrCreate(spec, in: .memory)
    let peer = try PeerProcess(command: [trimtab, "ask-tell"], study: spec)
    XCTAssertEqual(peer.name, "trimtab")
    for trial in 0..<30 {
      guard case .run(let own) = try session.ask(), case .run(let other) = try peer.ask() else {
        return XCTFail("a trial to run")
      }
      XCTAssertEqual(own.trial, trial)
      XCTAssertEqual(other.trial, trial)
      XCTAssertEqual(own.configuration, other.configuration)
      if trial == 4 {
        XCTAssertEqual(try peer.fail(trial, .crash, message: "out\nof luck", seconds: 1), .failed)
        try session.fail(trial, .crash, message: "out\nof luck", seconds: 1)
        continue
      }
      let metrics = [MetricValue("loss", trial == 7 ? .nan : loss(own.configuration, spec.space))]
      XCTAssertEqual(try session.report(trial, metrics), try peer.report(trial, metrics))
      XCTAssertEqual(try session.complete(trial, seconds: 1), try peer.complete(trial, seconds: 1))
    }
    XCTAssertEqual(try peer.ask(), .finished("the budget of 30 trials is spent"))
    XCTAssertGreaterThan(peer.thinking, .zero)
    peer.close()
    peer.close()
    XCTAssertEqual(error { _ = try peer.ask() }?.kind, .closed)
  }

  func testVerdictsAndTargetsComeThroughThePipe() throws {
    let spec = try spec(
      MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("asha")),
      fidelity: Fidelity(name: "epoch", maximum: 9))
    let (session, _) = try Session.openOrCreate(spec, in: .memory)
    let peer = try PeerProcess(command: [trimtab, "ask-tell"], study: spec)
    var resumed = 0
    while case .run(let own) = try session.ask() {
      guard case .run(let other) = try peer.ask() else { return XCTFail("a trial to run") }
      XCTAssertEqual(own.trial, other.trial)
      XCTAssertEqual(own.configuration, other.configuration)
      XCTAssertEqual(own.target, other.target)
      XCTAssertEqual(own.reached, other.from)
      resumed += own.reached > 0 ? 1 : 0
      var resource = own.reached
      verdicts: while true {
        resource += 1
        let metrics = [MetricValue("loss", loss(own.configuration, spec.space) + 1 / resource)]
        let verdict = try session.report(own.trial, resource: resource, metrics)
        XCTAssertEqual(try peer.report(own.trial, resource: resource, metrics), verdict)
        switch verdict {
        case .proceed where resource < 9: continue
        case .proceed:
          XCTAssertEqual(try session.complete(own.trial, seconds: 1), try peer.complete(own.trial, seconds: 1))
        case .pause:
          try session.pause(own.trial, seconds: 1)
          XCTAssertEqual(try peer.pause(own.trial, seconds: 1), .paused)
        case .stop:
          try session.stop(own.trial, seconds: 1)
          XCTAssertEqual(try peer.stop(own.trial, seconds: 1), .stopped)
        }
        break verdicts
      }
    }
    XCTAssertGreaterThan(resumed, 0)
    guard case .finished = try peer.ask() else { return XCTFail("finished") }
  }

  func testAStudyThatAPeerCannotTakeIsRefusedInItsWords() throws {
    var spec = try spec()
    spec.method.sampler.name = "magic"
    let found = error { _ = try PeerProcess(command: [trimtab, "ask-tell"], study: spec) }
    XCTAssertEqual(found?.kind, .refused)
    XCTAssertTrue(found?.message.contains("there is no sampler 'magic'") == true, "\(String(describing: found))")
  }

  // MARK: The page about new optimisers

  func testTheOptimiserOfThePageWorks() throws {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "../../docs/adding-an-optimiser.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    let code = try XCTUnwrap(
      text.components(separatedBy: "```python\n").dropFirst().first?.components(separatedBy: "```"))
    try Data(code[0].utf8).write(to: URL(fileURLWithPath: folder + "/mine.py"))
    for fidelity in [nil, Fidelity(name: "epoch", maximum: 9)] {
      var spec = try spec(fidelity: fidelity)
      spec.space = try Space([
        .float("x", -2...1), .float("rate", 1e-5...1, scale: .log), .integer("n", 1...64, scale: .log),
        .categorical("kind", ["a", "b"]), .boolean("flag"),
      ])
      let peer = try PeerProcess(
        command: ["/usr/bin/env", "python3", "mine.py"], workingDirectory: folder, study: spec)
      XCTAssertEqual(peer.name, "my-random")
      for trial in 0..<200 {
        guard case .run(let run) = try peer.ask() else { return XCTFail("a trial to run") }
        XCTAssertEqual(run.trial, trial)
        XCTAssertEqual(run.target, fidelity?.maximum)
        XCTAssertEqual(try peer.report(trial, resource: run.target, [MetricValue("loss", 1)]), .proceed)
        XCTAssertEqual(try peer.complete(trial, seconds: 0), .completed)
      }
    }
  }

  // MARK: Misbehaviour

  func testAPeerThatHangsIsEndedInTime() throws {
    let start = ContinuousClock.now
    XCTAssertEqual(error { _ = try shell("sleep 60", patience: .milliseconds(300)) }?.kind, .timedOut)
    let peer = try shell(Self.ready + "echo thinking >&2; sleep 60", patience: .milliseconds(500))
    let found = error { _ = try peer.ask() }
    XCTAssertEqual(found?.kind, .timedOut)
    XCTAssertTrue(found?.message.contains("thinking") == true, "\(String(describing: found))")
    XCTAssertEqual(error { _ = try peer.ask() }?.kind, .closed)
    XCTAssertLessThan(ContinuousClock.now - start, .seconds(10))
  }

  func testAPeerThatNeverReadsCannotBlockALongRequest() throws {
    var spec = try spec()
    spec.environment["LONG"] = String(repeating: "x", count: 1 << 20)
    XCTAssertEqual(error { _ = try shell("sleep 60", spec, patience: .milliseconds(500)) }?.kind, .timedOut)
  }

  func testAPeerThatDiesTellsItsLastWords() throws {
    let peer = try shell(Self.ready + "read -r line; echo 'Traceback: no luck' >&2; exit 3")
    let found = error { _ = try peer.ask() }
    XCTAssertEqual(found?.kind, .died)
    XCTAssertEqual(found?.message, "the optimiser ended with status 3; it last wrote:\n  Traceback: no luck")
    XCTAssertEqual(error { _ = try shell("kill -9 $$") }?.message, "the optimiser was ended by signal 9")
    XCTAssertEqual(error { _ = try shell("exec >&-; sleep 60") }?.kind, .died)
  }

  func testWhatIsNotInstalledIsSaid() throws {
    let found = error { _ = try shell("echo 'no module named magic' >&2; exit 69") }
    XCTAssertEqual(found?.kind, .notInstalled)
    XCTAssertTrue(found?.message.contains("no module named magic") == true)
    XCTAssertEqual(
      error { _ = try PeerProcess(command: ["/absent/python"], study: try spec()) }?.kind, .notInstalled)
    XCTAssertEqual(error { _ = try PeerProcess(command: [folder], study: try spec()) }?.kind, .cannotStart)
    XCTAssertEqual(error { _ = try PeerProcess(command: [], study: try spec()) }?.kind, .cannotStart)
  }

  func testRubbishIsNoAnswer() throws {
    for rubbish in ["hello", "{}", #"{"ready":1}"#, #"{"verdict":"proceed"}"#, #"{"wait":true}"#, "{\\\"", "[1,"] {
      let found = error { _ = try shell("read -r line; echo '\(rubbish)'; sleep 60") }
      XCTAssertEqual(found?.kind, .misbehaved, rubbish)
    }
    let peer = try shell(Self.ready + "echo chatter; sleep 60")
    usleep(200_000)
    XCTAssertEqual(error { _ = try peer.ask() }?.kind, .misbehaved)
    XCTAssertEqual(error { _ = try shell("yes | head -c 3000000 | tr -d '\\n'; sleep 60") }?.kind, .misbehaved)
  }

  func testAFloodOfErrorsHoldsNothingUp() throws {
    let peer = try shell(
      Self.ready + "read -r line; yes error | head -c 1000000 >&2; echo '{\"wait\":true}'; cat >/dev/null")
    XCTAssertEqual(try peer.ask(), .wait)
  }

  func testConfigurationsOutsideOfTheSpaceAreErrors() throws {
    let plain = #""x":0.5,"rate":0.1,"n":3,"kind":"a""#
    let cases: [(run: String, part: String)] = [
      (#""trial":0,"config":{"x":2,"rate":0.1,"n":3,"kind":"a"}"#, "x: 2 is not a possible value"),
      (#""trial":0,"config":{"x":0.5,"rate":0.1,"n":3.5,"kind":"a"}"#, "n: 3.5 is not a possible value"),
      (#""trial":0,"config":{"x":0.5,"rate":0.1,"kind":"a"}"#, "n: the value is missing"),
      (#""trial":0,"config":{\#(plain),"only_b":0}"#, "only_b: has no meaning"),
      (#""trial":0,"config":{\#(plain)},"target":3"#, "a target without fidelity"),
    ]
    for (run, part) in cases {
      let peer = try shell(Self.ready + #"read -r line; echo '{"run":{\#(run)}}'; sleep 60"#)
      let found = error { _ = try peer.ask() }
      XCTAssertEqual(found?.kind, .misbehaved, run)
      XCTAssertTrue(found?.message.contains(part) == true, "\(run): \(String(describing: found))")
    }
  }

  func testATrialKeepsItsConfigurationAndItsTargetIsPossible() throws {
    let spec = try spec(fidelity: Fidelity(name: "epoch", maximum: 9))
    func answers(_ runs: [String]) -> String {
      Self.ready + runs.map { #"read -r line; echo '{"run":{"trial":0,\#($0)}}';"# }.joined() + "sleep 60"
    }
    let config = #""config":{"x":0.5,"rate":0.1,"n":3,"kind":"a"}"#
    for target in ["", #","target":0"#, #","target":10"#, #","target":1.5"#] {
      let peer = try shell(answers([config + target]), spec)
      XCTAssertEqual(error { _ = try peer.ask() }?.kind, .misbehaved, target)
    }
    let peer = try shell(
      answers([
        config + #","target":3"#, config + #","target":9"#,
        config.replacingOccurrences(of: "0.5", with: "0.6") + #","target":9"#,
      ]), spec)
    guard case .run = try peer.ask(), case .run = try peer.ask() else { return XCTFail("a trial to run") }
    let found = error { _ = try peer.ask() }
    XCTAssertTrue(found?.message.contains("another configuration before") == true)
  }

  func testNothingOfAPeerOutlivesIt() throws {
    func ended(_ name: String) throws -> Bool {
      let text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
      let number = try XCTUnwrap(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
      for _ in 0..<500 where kill(number, 0) == 0 { usleep(10_000) }
      return kill(number, 0) != 0
    }
    let stubborn = "trap '' TERM; sleep 300 & echo $! > child; echo $$ > self;" + Self.ready
    do {
      let peer = try shell(stubborn + "while true; do sleep 1; done")
      peer.close()
      XCTAssertTrue(try ended("self"))
      XCTAssertTrue(try ended("child"))
    }
    do {
      let peer = try shell(stubborn + "cat > /dev/null")
      _ = peer.name
    }
    XCTAssertTrue(try ended("self"), "the last reference has gone")
    XCTAssertTrue(try ended("child"))
  }

  // MARK: The catalogue

  func testTheCatalogueNamesEachPeerOnce() {
    XCTAssertEqual(Set(Peers.known.map(\.name)).count, Peers.known.count)
    XCTAssertEqual(error { _ = try Peers.command("optuna-tpee", folder: folder) }?.message.contains("optuna-tpe"), true)
    XCTAssertEqual(error { _ = try Peers.command("optuna-tpe", folder: folder) }?.kind, .notInstalled)
    XCTAssertEqual(error { _ = try Peers.command("optuna-tpe", folder: nil) }?.kind, .notInstalled)
  }

  func testEveryKnownPeerHasAnAdapter() throws {
    let adapter = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "../../Scripts/peers/adapter.py"
    ).path
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", adapter, "--list"]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let names = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    XCTAssertEqual(names.split(separator: "\n").map(String.init), Peers.known.map(\.name))
  }

  func testVersionsAreReadFromTheEnvironments() throws {
    let manager = FileManager.default
    let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "../../Scripts/peers"
    ).standardized.path
    try manager.createSymbolicLink(atPath: folder + "/adapters", withDestinationPath: scripts)
    XCTAssertEqual(try Peers.installedVersions(folder: folder), [:])
    try manager.createDirectory(atPath: folder + "/core/bin", withIntermediateDirectories: true)
    try Data("#!/bin/sh\nexec python3 \"$@\"\n".utf8).write(to: URL(fileURLWithPath: folder + "/core/bin/python"))
    try manager.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder + "/core/bin/python")
    // Whatever this machine has is listed by a known name, and with a version.
    let known = Set(Peers.known.map(\.package))
    for (package, version) in try Peers.installedVersions(folder: folder) {
      XCTAssertTrue(known.contains(package))
      XCTAssertFalse(version.isEmpty)
    }
    XCTAssertEqual(
      try Peers.command("optuna-tpe", folder: folder),
      [folder + "/core/bin/python", folder + "/adapters/adapter.py", "optuna-tpe"])
  }
}
