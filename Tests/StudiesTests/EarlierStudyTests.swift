import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

final class EarlierStudyTests: XCTestCase {
  private func spec(_ space: Space, goal: Objective.Goal = .minimize, metric: String = "loss") -> StudySpec {
    StudySpec(
      name: "new", space: space, objectives: [Objective(metric: metric, goal: goal)],
      method: MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full")), seed: 1)
  }

  /// A study of completed trials with these raw values, and one that failed.
  private func earlier(_ space: Space, _ rows: [[Double]]) throws -> StudyState {
    let first = Event(time: 0, .studyCreated(specification: spec(space).json.text))
    var state = try StudyState(first: first)
    for (trial, slots) in rows.enumerated() {
      for body: Event.Body in [
        .trialProposed(trial, .new(Configuration(slots: slots)), target: nil, Annotation(origin: .design)),
        .trialStarted(trial, worker: 1), .reported(trial, resource: nil, [MetricValue("loss", Double(trial))]),
        .trialCompleted(trial, seconds: 1),
      ] { try state.absorb(Event(time: 1, body)) }
    }
    let failed = rows.count
    try state.absorb(
      Event(
        time: 2,
        .trialProposed(failed, .new(Configuration(slots: rows[0])), target: nil, Annotation(origin: .design))))
    try state.absorb(Event(time: 2, .trialStarted(failed, worker: 1)))
    try state.absorb(Event(time: 2, .trialFailed(failed, .crash, message: "", seconds: 1)))
    return state
  }

  func testTrialsBeyondAnOutcomeConstraintOfEitherStudyAreLeftOut() throws {
    let space = try Space([.float("x", 0...1)])
    var old = spec(space)
    old.outcomeConstraints = [OutcomeConstraint(metric: "latency", .atMost, 0.8)]
    var state = try StudyState(first: Event(time: 0, .studyCreated(specification: old.json.text)))
    for (trial, latency) in [0.3, 0.7, 0.9].enumerated() {
      for body: Event.Body in [
        .trialProposed(
          trial, .new(Configuration(slots: [latency])), target: nil, Annotation(origin: .design)),
        .trialStarted(trial, worker: 1),
        .reported(trial, resource: nil, [MetricValue("loss", Double(trial)), MetricValue("latency", latency)]),
        .trialCompleted(trial, seconds: 1),
      ] { try state.absorb(Event(time: 1, body)) }
    }
    var new = spec(space)
    new.outcomeConstraints = [
      OutcomeConstraint(metric: "latency", .atMost, 0.5), OutcomeConstraint(metric: "memory", .atMost, 1),
    ]
    let found = try EarlierStudyMapping.map(state, name: "old", into: new)
    XCTAssertEqual(found.trials.map(\.configuration.slots), [[0.3]])
    XCTAssertEqual(
      found.remarks,
      [
        "1 of 3 trials is left out: the outcome constraint 'latency <= 0.5' is violated",
        "1 of 3 trials is left out: an outcome constraint of that study is violated",
        "1 of 3 trials has no memory, and counts as keeping the bound on it",
      ])
  }

  func testParametersAreMatchedByNameAndWhatDoesNotFitIsCounted() throws {
    let old = try earlier(
      Space([.categorical("kind", ["b", "a", "c"]), .float("x", 0...10), .integer("gone", 1...4)]),
      [[0, 1, 1], [1, 9, 2], [2, 2, 3], [1, 3, 4]])
    let new = try Space([
      .float("x", 0...5), .categorical("kind", ["a", "b"]),
      Parameter("flag", .boolean, default: .choice(.boolean(true))),
    ])
    let found = try EarlierStudyMapping.map(old, name: "old", into: spec(new))
    XCTAssertEqual(found.trials.map(\.configuration.slots), [[1, 1, 1], [3, 0, 1]])
    XCTAssertEqual(found.trials.map(\.value), [0, 3])
    XCTAssertEqual(
      found.remarks,
      [
        "1 of 5 trials is left out: x has a value that it cannot have here",
        "1 of 5 trials is left out: kind has a value that it cannot have here",
        "1 of 5 trials is left out: failed, and not complete",
        "its trials count as having flag=true, the default",
        "its parameter 'gone' is unknown here, and was ignored",
      ])
  }

  func testConditionsAreThoseOfTheNewStudy() throws {
    let old = try earlier(
      Space([.categorical("kind", ["a", "b"]), .float("x", 0...1)]), [[0, 0.5], [1, 0.5]])
    let new = try Space([.categorical("kind", ["a", "b"]), .float("x", 0...1).when("kind == a")])
    let found = try EarlierStudyMapping.map(old, name: "old", into: spec(new))
    XCTAssertEqual(found.trials[0].configuration.slots, [0, 0.5])
    XCTAssertTrue(found.trials[1].configuration.slots[1].isNaN)
    XCTAssertTrue(found.trials.allSatisfy { new.contains($0.configuration) })
  }

  private func message(_ body: () throws -> EarlierStudy) -> String {
    do {
      _ = try body()
      return "nothing is wrong"
    } catch { return "\(error)" }
  }

  func testWhatCannotBeLearnedFromIsRefused() throws {
    let old = try earlier(Space([.float("x", 0...1)]), [[0.5]])
    let missing = try spec(Space([.float("x", 0...1), .float("y", 0...1)]))
    XCTAssertTrue(
      message { try EarlierStudyMapping.map(old, name: "old", into: missing) }
        .contains("the earlier study 'old' has no parameter 'y', and there is no default"))
    let other = try spec(Space([.float("x", 0...1)]), goal: .maximize)
    XCTAssertTrue(
      message { try EarlierStudyMapping.map(old, name: "old", into: other) }
        .contains("is to minimize loss, and this one to maximize loss"))
    let outside = try spec(Space([.float("x", 0.6...1)]))
    let text = message { try EarlierStudyMapping.map(old, name: "old", into: outside) }
    XCTAssertTrue(text.contains("no trial of the earlier study 'old' can be used"), text)
    XCTAssertTrue(text.contains("x has a value that it cannot have here"), text)
  }

  func testTheLogHoldsEarlierStudiesBeforeItsFirstTrialOnly() throws {
    let space = try Space([.float("x", 0...1)])
    let spec = spec(space)
    let study = EarlierStudy(name: "old", trials: [.init(Configuration(slots: [0.5]), value: 1)], remarks: ["one"])
    let codec = FrameCodec(objectives: ["loss"])
    let events = [
      Event(time: 5, .studyCreated(specification: spec.json.text)), Event(time: 5, .earlierStudy(study)),
    ]
    XCTAssertEqual(try codec.decode(codec.encode(events)), events)
    var state = try StudyState(first: events[0])
    let before = state
    try state.absorb(events[1])
    XCTAssertEqual(state.earlierStudies, [study])
    XCTAssertEqual(state.differences(from: before), ["eventCount", "earlierStudies"])
    XCTAssertEqual(before.differences(from: state), ["eventCount", "earlierStudies"])
    XCTAssertNotEqual(state.fingerprint, before.fingerprint)
    let wide = EarlierStudy(name: "old", trials: [.init(Configuration(slots: [0.5, 1]), value: 1)])
    XCTAssertThrowsError(try state.absorb(Event(time: 6, .earlierStudy(wide))))
    let infinite = EarlierStudy(name: "old", trials: [.init(Configuration(slots: [0.5]), value: .infinity)])
    XCTAssertThrowsError(try state.absorb(Event(time: 6, .earlierStudy(infinite))))
    let configuration = Configuration(slots: [0.1])
    try state.absorb(Event(time: 6, .trialProposed(0, .new(configuration), target: nil, Annotation(origin: .earlier))))
    XCTAssertEqual(state.trials[0].origin, .earlier)
    XCTAssertThrowsError(try state.absorb(Event(time: 7, .earlierStudy(study))))
  }

  func testAStudyThatWasStoppedGoesOnAfterAnAmendment() throws {
    let spec = try spec(Space([.float("x", 0...1)]))
    var state = try StudyState(first: Event(time: 0, .studyCreated(specification: spec.json.text)))
    XCTAssertThrowsError(try state.absorb(Event(time: 1, .studyStopped(reason: ""))))
    try state.absorb(Event(time: 1, .studyStopped(reason: "enough")))
    XCTAssertEqual(state.stopReason, "enough")
    XCTAssertThrowsError(try state.absorb(Event(time: 2, .studyStopped(reason: "again"))))
    try state.absorb(Event(time: 3, .studyAmended(specification: spec.json.text)))
    XCTAssertNil(state.stopReason)
    XCTAssertEqual(state.invariantViolations(), [])
  }

  func testTheConditionForStoppingMayChangeAndWhatIsLearnedFromMayNot() throws {
    let first = try spec(Space([.float("x", 0...1)]))
    var second = first
    second.stopping = Stopping(gain: .value(0.5))
    XCTAssertNoThrow(try second.checkSucceeds(first))
    second.transfer = Transfer(sources: [.init(path: "a.trimtab")])
    XCTAssertThrowsError(try second.checkSucceeds(first))
  }

  private func errors(_ keys: String) -> String {
    do {
      _ = try StudySpec.parse(
        "study: s\nobjective: {metric: loss, goal: minimize}\n\(keys)\nspace: {x: {type: float, low: 0, high: 1}}",
        name: "f")
      return ""
    } catch { return error.description }
  }

  func testMistakesInTheFileAreNamed() {
    XCTAssertEqual(errors("stop-when: {gain: 0.5}\ntransfer: {from: [a.trimtab]}"), "")
    XCTAssertTrue(errors("stop-when: {}").contains("stop-when is empty"))
    XCTAssertTrue(errors("stop-when: {gain: loud}").contains("gain must be a number above 0 or 'noise', not 'loud'"))
    XCTAssertTrue(errors("stop-when: {gain: -1}").contains("gain must be a number above 0"))
    XCTAssertTrue(errors("stop-when: {price: 0}").contains("price must be a number above 0"))
    XCTAssertTrue(errors("stop-when: {regret-gap: 1}").contains("regret-gap is a share below 1"))
    XCTAssertTrue(errors("stop-when: {regret-gap: 0}").contains("regret-gap must be a number above 0"))
    XCTAssertTrue(errors("stop-when: {stagnation: 0}").contains("stagnation must be a whole number"))
    XCTAssertTrue(errors("transfer: {start: 2}").contains("transfer has no from"))
    XCTAssertTrue(errors("transfer: {from: []}").contains("from must be a list of at least one"))
    XCTAssertTrue(errors("transfer: {from: [a.yaml]}").contains("neither a store (.trimtab) nor a table (.jsonl)"))
    XCTAssertTrue(errors("transfer: {from: [a.jsonl, a.jsonl]}").contains("stands in the list already"))
    XCTAssertTrue(errors("transfer: {from: [{store: 3}]}").contains("neither a store"))
    XCTAssertTrue(errors("grows: true\ntransfer: {from: [a.jsonl]}").contains("whose space grows"))
  }
}
