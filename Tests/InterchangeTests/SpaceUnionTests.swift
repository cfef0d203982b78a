import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

@testable import TrimtabInterchange

/// Spaces made of what trials drew, whatever a program did between them.
final class SpaceUnionTests: InterchangeTestCase {
  private func union(_ domains: [Domain]) throws -> (text: String, remarks: [String]) {
    var union = SpaceUnion()
    for (i, domain) in domains.enumerated() { try union.add("x", domain, label: "trial \(i)") }
    return (SpaceUnion.text(try XCTUnwrap(union.parameters.first).domain), union.remarks)
  }

  private func float(_ low: Double, _ high: Double, _ scale: Scale = .linear, _ step: Double? = nil) throws -> Domain {
    .float(try NumericDomain(low: low, high: high, scale: scale, step: step))
  }

  private func integer(_ low: Double, _ high: Double, _ step: Double = 1) throws -> Domain {
    .integer(try NumericDomain(low: low, high: high, step: step, isInteger: true))
  }

  func testRangesAreWidenedAndThatIsSaid() throws {
    let (text, remarks) = try union([float(0, 1), float(0.5, 2), float(-1, 0)])
    XCTAssertEqual(text, #"{"type":"float","low":-1,"high":2}"#)
    XCTAssertEqual(remarks.count, 1)
    XCTAssertTrue(remarks[0].contains(#""low":0,"high":1} in trial 0"#), remarks[0])
    XCTAssertEqual(try union([float(0, 1), float(0, 1)]).remarks, [])
  }

  func testGridsKeepWhatAllHaveInCommon() throws {
    XCTAssertEqual(
      try union([integer(0, 12, 6), integer(2, 18, 4)]).text, #"{"type":"integer","low":0,"high":18,"step":2}"#)
    XCTAssertEqual(
      try union([float(0, 1, .linear, 0.25), float(0.5, 2, .linear, 0.25)]).text,
      #"{"type":"float","low":0,"high":2,"step":0.25}"#)
    XCTAssertEqual(
      try union([float(0, 1, .linear, 0.25), float(0.1, 0.6, .linear, 0.25)]).text,
      #"{"type":"float","low":0,"high":1}"#)
    XCTAssertEqual(try union([float(1, 4), integer(2, 8)]).text, #"{"type":"float","low":1,"high":8}"#)
    XCTAssertEqual(try union([float(1, 4, .log), float(0, 4)]).text, #"{"type":"float","low":0,"high":4}"#)
  }

  func testChoicesAreAddedAtTheEnd() throws {
    XCTAssertEqual(
      try union([.categorical([.text("b"), .text("a")]), .categorical([.text("a"), .text("c")])]).text,
      #"{"type":"categorical","choices":["b","a","c"]}"#)
  }

  func testNumbersAndChoicesAreNotOneParameter() throws {
    XCTAssertThrowsError(try union([float(0, 1), .categorical([.text("a")])])) {
      XCTAssertTrue("\($0)".contains("float in trial 0, categorical in trial 1"), "\($0)")
    }
  }

  // MARK: Conditions

  private func condition(_ rows: [[String: ParameterValue]], incomplete: [[String: ParameterValue]] = []) throws
    -> String?
  {
    let parameters: [Parameter] = [
      .categorical("kind", ["a", "b", "c"]), try .integer("layers", 1...4), try .float("x", 0...1),
    ]
    let inference = ConditionInference(
      parameters: parameters,
      rows: rows.map { .init(values: $0, isWhole: true) } + incomplete.map { .init(values: $0, isWhole: false) })
    return inference.condition(of: 2)?.description
  }

  private func row(_ kind: String, _ layers: Int, has: Bool) -> [String: ParameterValue] {
    var row: [String: ParameterValue] = ["kind": .choice(.text(kind)), "layers": .integer(layers)]
    if has { row["x"] = .real(0.5) }
    return row
  }

  func testAChoiceOrACountThatTellsIsFound() throws {
    XCTAssertEqual(
      try condition([row("a", 1, has: true), row("b", 1, has: false), row("a", 2, has: true), row("b", 2, has: false)]),
      #"kind == "a""#)
    XCTAssertEqual(
      try condition([
        row("a", 3, has: true), row("b", 1, has: false), row("b", 4, has: true), row("a", 2, has: false),
      ]), "layers >= 3")
  }

  func testARuleWithAnExceptionOrTooFewWitnessesIsNone() throws {
    XCTAssertNil(
      try condition([
        row("a", 1, has: true), row("b", 1, has: false), row("a", 2, has: true), row("b", 2, has: false),
        row("a", 1, has: false),
      ]))
    XCTAssertNil(try condition([row("a", 1, has: true), row("b", 1, has: false)]))
    // A trial that failed early may lack what it would have had; one that has what the rule denies it breaks the rule.
    let rows = [row("a", 1, has: true), row("b", 1, has: false), row("a", 1, has: true), row("b", 1, has: false)]
    XCTAssertNotNil(try condition(rows, incomplete: [row("a", 1, has: false)]))
    XCTAssertNil(try condition(rows, incomplete: [row("b", 1, has: true)]))
  }

  // MARK: Values on the way

  private func study(_ trials: [(value: Double, reports: [Double])]) throws -> ForeignStudy {
    var study = ForeignStudy(name: "s", tool: "Other", source: "s", objectives: [Objective(metric: "loss")])
    for (i, (value, reports)) in trials.enumerated() {
      var trial = ForeignTrial(label: "trial \(i)", outcome: .completed)
      trial.parameters = [.init("x", try float(0, 1), .real(0.5))]
      trial.values = [value]
      trial.reports = reports.enumerated().map { .init(step: $0.offset, metrics: [MetricValue("loss", $0.element)]) }
      study.trials.append(trial)
    }
    return study
  }

  func testAFidelityNeedsFinalValuesThatWereReported() throws {
    let (curves, _) = try state(of: try study([(1, [3, 2, 1]), (2, [2]), (4, [])]))
    XCTAssertEqual(curves.spec.fidelity?.maximum, 3)
    XCTAssertEqual(curves.curves[2]?.resources, [3])
    XCTAssertEqual(curves.trials.map(\.value), [1, 2, 4])
    // A trial that ended with no finite value says nothing of how far a complete one goes.
    XCTAssertEqual(try state(of: try study([(1, [2, 1]), (.nan, [3, 2, .nan])])).state.spec.fidelity?.maximum, 2)
    let (plain, remarks) = try state(of: try study([(1, [3, 2, 1]), (2, [2.5])]))
    XCTAssertNil(plain.spec.fidelity)
    XCTAssertEqual(plain.trials.map(\.value), [1, 2])
    XCTAssertEqual(plain.otherMetrics[1]?.first?.value, 2.5)
    XCTAssertTrue(remarks.contains { $0.contains("trial 1 ends with another value") }, "\(remarks)")
  }

  func testTrialsThatOverlapKeepTheirOrder() throws {
    var study = try study([(1, []), (2, []), (3, [])])
    for (i, (start, end)) in [(1000, 9000), (500, 600), (2000, 3000)].enumerated() {
      study.trials[i].started = Timestamp(start)
      study.trials[i].ended = Timestamp(end)
    }
    let (state, _) = try state(of: study)
    XCTAssertEqual(state.trials.map(\.startedAt), [1000, 500, 2000])
    XCTAssertEqual(state.trials.map(\.endedAt), [9000, 600, 3000])
    XCTAssertEqual(state.trials.map(\.proposedAt), [500, 500, 2000])
    XCTAssertEqual(state.trials.map(\.seconds), [8, 0.1, 1])
    XCTAssertEqual(state.incumbent, 0)
  }

  func testTimesAreReadWithAndWithoutOffsets() {
    XCTAssertEqual(TimeReading.time("2026-11-21 17:18:28.873232", zone: .utc), 1_795_281_508_873)
    XCTAssertEqual(TimeReading.time("2026-11-21T17:18:28.873232+00:00", zone: .local), 1_795_281_508_873)
    XCTAssertEqual(TimeReading.time("2026-11-21T18:18:28+01:00", zone: .local), 1_795_281_508_000)
    XCTAssertEqual(TimeReading.time("1970-01-01 00:00:00", zone: .utc), 0)
    for text in ["", "2026-11-21", "2026-13-21 17:18:28", "2026-11-21 17:18:28 nonsense", "2026-11-21x17:18:28"] {
      XCTAssertNil(TimeReading.time(text, zone: .utc), text)
    }
    for time: Timestamp in [0, 951_782_400_000, 1_795_281_508_873] {
      XCTAssertEqual(TimeReading.time(TimeReading.text(time), zone: .utc), time)
    }
  }
}
