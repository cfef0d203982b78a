import Foundation
import XCTest

/// Trials whose weights a method looks at.
final class TuneWeightsTests: TuneTestCase {
  private func write(script: String) throws {
    try writeStudy("budget: {trials: 6}\nfidelity: {name: epoch, max: 4}", script: script)
    let text = try String(contentsOfFile: folder + "/study.yaml", encoding: .utf8)
    let method = "sampler: fms, scheduler: {name: fms, steps: 4, candidates: 16}"
    try write(
      text.replacingOccurrences(of: "sampler: random, scheduler: full", with: method), to: "study.yaml")
  }

  /// Reports each epoch, and ends where it is told to.
  private static let epochs = """
    e=$TRIMTAB_RESOURCE_FROM
    while [ "$e" -lt "$TRIMTAB_RESOURCE" ]; do
      e=$((e + 1))
      echo "{\\"epoch\\": $e, \\"loss\\": $TRIMTAB_PARAM_X}" > "$TRIMTAB_REPORT"
    done
    """

  func testASummaryOfTheWeightsIsKeptWithEachStep() throws {
    // One tensor of two numbers, 1 and 2.
    let header = "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"
    try write(
      script: """
        printf '\\066\\000\\000\\000\\000\\000\\000\\000%s\\000\\000\\200\\077\\000\\000\\000\\100' '\(header)' \
        > "$TRIMTAB_CHECKPOINT/model.safetensors"
        \(Self.epochs)
        """)
    XCTAssertEqual(header.utf8.count, 0o66)
    let events = try tune()
    XCTAssertEqual(events.named("notice").compactMap { $0.text("message") }, [])
    let notes = events.named("noted")
    XCTAssertGreaterThanOrEqual(notes.count, 6)
    XCTAssertTrue(notes.contains { $0.text("key") == "trimtab:weights:1" })
    XCTAssertTrue(notes.allSatisfy { $0.text("value")?.contains("\"w\":[1,1.1,") == true }, "\(notes)")
    let replay = try Program.run(["replay", "study.yaml"], in: folder)
    XCTAssertEqual(replay.status, 0, replay.output + replay.error)
  }

  func testWeightsThatCannotBeReadAreSaidAndTheStudyGoesOn() throws {
    try write(script: "echo rubbish > \"$TRIMTAB_CHECKPOINT/model.npz\"\n" + Self.epochs)
    let events = try tune()
    XCTAssertTrue(
      events.named("notice").contains { $0.text("message")?.contains("model.npz: it is no npz file") == true })
    XCTAssertEqual(events.named("noted").count, 0)
    XCTAssertGreaterThan(events.named("completed").count, 0)
  }
}
