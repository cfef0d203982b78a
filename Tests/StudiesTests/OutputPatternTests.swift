import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

final class OutputPatternTests: XCTestCase {
  private func match(_ pattern: String, _ line: String, objective: String = "loss") throws -> [String: Double]? {
    let pattern = try OutputPattern.compile(pattern, fidelity: nil, objectives: [objective])
    return pattern.match(line).map { Dictionary(uniqueKeysWithValues: $0.map { ($0.name, $0.value) }) }
  }

  func testLinesThatHoldThePatternGiveTheirNumbers() throws {
    let pattern = "epoch {epoch}: loss {loss}"
    XCTAssertEqual(try match(pattern, "epoch 3: loss 0.52"), ["epoch": 3, "loss": 0.52])
    XCTAssertEqual(try match(pattern, "[12:00] epoch 3: loss 0.52, accuracy 0.9"), ["epoch": 3, "loss": 0.52])
    XCTAssertEqual(try match(pattern, "epoch\t\t3:   loss 5e-3\r"), ["epoch": 3, "loss": 0.005])
    XCTAssertEqual(try match(pattern, "epoch 1: epoch 3: loss 2."), ["epoch": 3, "loss": 2])
    XCTAssertNil(try match(pattern, "epoch 3 : loss 0.52"))
    XCTAssertNil(try match(pattern, "epoch 3: loss"))
    XCTAssertNil(try match(pattern, "epoch three: loss 0.52"))
    XCTAssertNil(try match(pattern, "Epoch 3: loss 0.52"))
    XCTAssertNil(try match(pattern, ""))
  }

  func testEveryWayToWriteANumberIsRead() throws {
    let numbers: [(String, Double)] = [
      ("0", 0), ("-0.5", -0.5), ("+3", 3), (".5", 0.5), ("-.5e1", -5), ("1e-3", 0.001), ("1E+05", 1e5), ("12.", 12),
      ("inf", .infinity), ("-inf", -.infinity), ("Infinity", .infinity), ("1e400", .infinity), ("3e", 3),
      ("1.5.2", 1.5),
      ("9007199254740993", 9_007_199_254_740_992), ("0x10", 0), ("1_000", 1), ("5%", 5), ("5s", 5),
    ]
    for (text, value) in numbers { XCTAssertEqual(try match("loss={loss}", "loss=\(text)"), ["loss": value], text) }
    for text in ["nan", "NaN", "-nan", "NAN"] {
      XCTAssertEqual(try match("loss={loss}", "loss=\(text)")?["loss"]?.isNaN, true, text)
    }
    for text in ["", "x", "-", ".", "e5", "nano", "info", "--1", "infinite", " 1", String(repeating: "1", count: 65)] {
      XCTAssertNil(try match("loss={loss}", "loss=\(text)"), text)
    }
  }

  func testAPatternDoesNotBeginInsideAWordOrANumber() throws {
    XCTAssertNil(try match("loss {loss}", "val_loss 0.5"))
    XCTAssertEqual(try match("loss {loss}", "val_loss 0.5 loss 0.25"), ["loss": 0.25])
    XCTAssertEqual(try match("loss {loss}", "(loss 0.5)"), ["loss": 0.5])
    XCTAssertEqual(try match("{loss} is the loss", "x1.5 12.75 is the loss"), ["loss": 12.75])
    XCTAssertEqual(try match("{loss}", "-1"), ["loss": -1])
    XCTAssertEqual(try match("{loss} is", "a-3 b 4 is"), ["loss": 4])
    XCTAssertEqual(try match("{loss} is", "é5 is 6 is"), ["loss": 6])
    XCTAssertEqual(try match("größe: {loss}", "die größe: 3"), ["loss": 3])
    XCTAssertEqual(try match("--> {loss}", "x--> 3"), ["loss": 3])
  }

  func testBracesAndSpacesInPatterns() throws {
    XCTAssertEqual(try match("{{\"loss\": {loss}}}", "{\"loss\": 1.5}"), ["loss": 1.5])
    XCTAssertEqual(try match("a   b {loss}", "a b 1"), ["loss": 1])
    XCTAssertEqual(try match("a b {loss}", "a \t  b 1"), ["loss": 1])
    XCTAssertNil(try match("a b {loss}", "ab 1"))
    XCTAssertEqual(try match("{epoch} {loss}", "1  2"), ["epoch": 1, "loss": 2])
    XCTAssertEqual(try match("{epoch}/{total} {loss}", "1/20 0.3"), ["epoch": 1, "total": 20, "loss": 0.3])
  }

  func testThePatternNamesTheObjectiveAndTheFidelityOnce() throws {
    func failure(_ pattern: String, fidelity: String? = nil) -> String? {
      do {
        _ = try OutputPattern.compile(pattern, fidelity: fidelity, objectives: ["loss", "accuracy"])
        return nil
      } catch { return "\(error)" }
    }
    XCTAssertNil(failure("accuracy {accuracy}"))
    XCTAssertNil(failure("{epoch} {loss}", fidelity: "epoch"))
    XCTAssertEqual(
      failure("val {val}"), "output: the pattern does not contain {loss} or {accuracy} (for example loss {loss})")
    XCTAssertNotNil(failure("loss {loss}", fidelity: "epoch"))
    XCTAssertEqual(failure("{loss} {loss}"), "output: {loss} stands twice (keep one of them)")
    XCTAssertNotNil(failure("{loss}{accuracy}"))
    XCTAssertNotNil(failure("{loss} {}"))
    XCTAssertNotNil(failure("{loss} {fail}"))
    XCTAssertNotNil(failure("{loss"))
    XCTAssertNotNil(failure("loss} {loss}"))
  }

  /// Time in proportion to the square of the length would be hours.
  func testMatchingALongLineComesToAnEnd() throws {
    let lines: [(String, (Int) -> String)] = [
      ("1{a}2{loss}x", { String(repeating: "1", count: $0) }), (" {loss}", { String(repeating: " ", count: $0) }),
      ("aaaa{loss}", { String(repeating: "a", count: $0) }),
      ("{a} {loss} z", { String(repeating: "1 ", count: $0 / 2) }),
      ("{loss}", { String(repeating: "-", count: $0) }), ("-{a}-{loss}x", { String(repeating: "-1", count: $0 / 2) }),
    ]
    for (pattern, line) in lines {
      let compiled = try OutputPattern.compile(pattern, fidelity: nil, objectives: ["loss"])
      _ = compiled.match(line(1_000_000))
    }
  }
}
