import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

final class ProvenanceTests: XCTestCase {
  func testModelsThatFailedInWholeOrInPartAreCounted() throws {
    let spec = StudySpec(
      name: "s", space: try Space([.float("x", 0...1)]), objectives: [Objective(metric: "loss")],
      method: MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full")), seed: 1)
    var state = try StudyState(first: Event(time: 0, .studyCreated(specification: spec.json.text)))
    let annotations = [
      Annotation(origin: .model), Annotation(origin: .fallback), Annotation(origin: .model, isWeakened: true),
      Annotation(origin: .model, isWeakened: false),
    ]
    let codec = FrameCodec(objectives: ["loss"])
    for (trial, annotation) in annotations.enumerated() {
      let event = Event(
        time: 1,
        .trialProposed(trial, .new(Configuration(slots: [Double(trial) / 4])), target: nil, annotation))
      try state.absorb(try XCTUnwrap(codec.decode(codec.encode([event])).first))
    }
    XCTAssertEqual(state.fallbackCount, 1)
    XCTAssertEqual(state.weakenedCount, 1)
    XCTAssertEqual(state.trials.map(\.isWeakened), [false, false, true, false])
    XCTAssertEqual(state.trials.map(\.origin), [.model, .fallback, .model, .model])
    XCTAssertEqual(state.invariantViolations(), [])
    XCTAssertTrue(state.fieldFingerprints.contains { $0.field == "weakenedCount" })
  }
}
