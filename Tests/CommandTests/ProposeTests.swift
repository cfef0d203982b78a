import Foundation
import XCTest

final class ProposeTests: TuneTestCase {
  private func writeTable() throws {
    var rows = ["x,y,loss"]
    for i in 0..<30 {
      let (x, y) = (Double(i % 6) / 5, Double(i / 6) / 4)
      rows.append("\(x),\(y),\((x - 0.3) * (x - 0.3) + (y - 0.6) * (y - 0.6))")
    }
    try write(rows.joined(separator: "\n") + "\n", to: "results.csv")
    let done = try Program.run(["import", "csv", "results.csv", "--objective", "loss:minimize"], in: folder)
    XCTAssertEqual(done.status, 0, done.error)
  }

  private func proposals(_ arguments: String...) throws -> [[String: Any]] {
    let result = try Program.run(["propose", "results.trimtab", "--json"] + arguments, in: folder)
    XCTAssertEqual(result.status, 0, result.error)
    let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
    return try XCTUnwrap(object?["proposals"] as? [[String: Any]])
  }

  func testATableIsProposedFromAndNothingChangesUnlessAskedFor() throws {
    try writeTable()
    let before = try Program.run(["status", "results.trimtab"], in: folder).output
    let found = try proposals("--sampler", "gp", "--count", "3")
    XCTAssertEqual(found.map { $0["origin"] as? String }, ["model", "model", "model"])
    let first = try XCTUnwrap(found[0]["config"] as? [String: Double])
    XCTAssertEqual(try XCTUnwrap(first["x"]), 0.3, accuracy: 0.1)
    XCTAssertEqual(try XCTUnwrap(first["y"]), 0.6, accuracy: 0.1)
    XCTAssertEqual(Set(found.map { "\($0["config"] ?? "")" }).count, 3)
    XCTAssertEqual(try proposals("--sampler", "ignite", "--count", "2").count, 2)
    XCTAssertEqual(try Program.run(["status", "results.trimtab"], in: folder).output, before)
    _ = try proposals("--sampler", "gp", "--count", "2", "--enqueue")
    let after = try Program.run(["status", "results.trimtab"], in: folder).output
    XCTAssertTrue(after.contains("2 waiting"), after)
  }

  func testAnUnknownSamplerIsRefused() throws {
    try writeTable()
    let result = try Program.run(["propose", "results.trimtab", "--sampler", "ignition"], in: folder)
    XCTAssertEqual(result.status, 2, result.error)
    XCTAssertTrue(result.error.contains("there is no sampler 'ignition'"), result.error)
    XCTAssertEqual(try Program.run(["propose", "results.trimtab", "--count", "0"], in: folder).status, 64)
  }
}
